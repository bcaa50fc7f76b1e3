// What a struct looks like to this compiler, in words, so that Python can compare it with its own before the first call
// (kernels/structs.py): the size, then a line per field. At the end of a source file:
//
//   SIGMA_LAYOUT(Point, SIGMA_FIELD(x), SIGMA_FIELD(y))
//
// describes `struct sigma::Point`. A field that is left out shows there too, as the size then does not fit.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <string>
#include <type_traits>

namespace sigma {

struct Field {
  const char *name, *kind;
  size_t size, offset;
};

template <class T>
constexpr const char* kind_of() {
  using Element = std::remove_all_extents_t<T>;
  if (std::is_pointer_v<Element>) return "pointer";
  return std::is_floating_point_v<Element> ? "float" : "integer";
}

inline std::string layout(size_t size, std::initializer_list<Field> fields) {
  std::string text = std::to_string(size);
  for (const Field& f : fields)
    text += std::string("\n") + f.name + ": " + f.kind + ", " + std::to_string(f.size) + " bytes at " +
            std::to_string(f.offset);
  return text;
}

}  // namespace sigma

#define SIGMA_FIELD(NAME) \
  sigma::Field { #NAME, sigma::kind_of<decltype(Struct::NAME)>(), sizeof(Struct::NAME), offsetof(Struct, NAME) }
#define SIGMA_LAYOUT(NAME, ...)                                                       \
  extern "C" const char* sigma_layout_##NAME() {                                      \
    using Struct = sigma::NAME;                                                       \
    static const std::string text = sigma::layout(sizeof(Struct), {__VA_ARGS__});     \
    return text.c_str();                                                              \
  }

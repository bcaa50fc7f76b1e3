// Where memory runs out, the caller in Python is told: an exception that left a C function, or a parallel region, would end
// the whole process.
#pragma once
#include <atomic>
#include <new>

namespace sigma {

// Runs a call; 0, or 1 where its memory ran out: what it was to write is then not to be used.
template <class Call>
int told(const Call& call) {
  try {
    call();
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

// Around the work within a parallel region; `pass_on` behind the region. Work that is skipped leaves its part unwritten.
struct Caught {
  std::atomic<bool> any{false};
  template <class Work>
  void operator()(const Work& work) {
    try {
      if (!any) work();
    } catch (const std::bad_alloc&) {
      any = true;
    }
  }
  void pass_on() const {
    if (any) throw std::bad_alloc();
  }
};

}  // namespace sigma

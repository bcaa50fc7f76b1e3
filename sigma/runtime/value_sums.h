// The sums of V rows that a cache keeps for selective V's mean of what it does not fetch (DiffKVCache.value_sums).
#pragma once
#include "model.h"

namespace sigma {
namespace {

// The sums of the V rows before the new token as kernels/ takes them, [b][n_v][d].
const float* earlier_values(const Model& m, const Step& step, int64_t index) {
  static thread_local std::vector<float> sums;
  const int64_t n = step.b * m.n_v * m.d;
  sums.assign(step.v_sum + index * n, step.v_sum + (index + 1) * n);
  return sums.data();
}

inline float plain(float x) { return x; }
inline float plain(bf16 x) { return widen_bf16(x.bits); }

// The new token's V row joins the sums.
template <class E>
void sum_newest(const Model& m, const Step& step, int64_t index) {
  const E* values = static_cast<const E*>(step.cache[2 * index + 1]);
  double* to = step.v_sum + index * step.b * m.n_v * m.d;
  for (int64_t head = 0; head < step.b * m.n_v; head++)
    for (int64_t i = 0; i < m.d; i++) *to++ += plain(values[(head * step.capacity + step.past) * m.d + i]);
}

}  // namespace
}  // namespace sigma

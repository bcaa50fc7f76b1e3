// The sums of V rows that a cache keeps for selective V's mean of what it does not fetch (DiffKVCache.value_sums).
#pragma once
#include "model.h"

namespace sigma {
namespace {

// The sums of the V rows before a sequence's new token as kernels/ takes them, [n_v][d], in `to`.
inline const float* earlier_values(const Model& m, const Sequence& sequence, int64_t index, float* to) {
  const double* from = sequence.v_sum + index * sequence.v_sum_stride;
  for (int64_t i = 0; i < m.n_v * m.d; i++) to[i] = float(from[i]);
  return to;
}

inline float plain(float x) { return x; }
inline float plain(bf16 x) { return widen_bf16(x.bits); }

// The new token's V row joins the sums.
template <class E>
void sum_newest(const Model& m, const Sequence& sequence, int64_t index) {
  const E* values = static_cast<const E*>(sequence.cache[2 * index + 1]);
  double* to = sequence.v_sum + index * sequence.v_sum_stride;
  for (int64_t head = 0; head < m.n_v; head++)
    for (int64_t i = 0; i < m.d; i++)
      *to++ += plain(values[(head * sequence.capacity + sequence.past) * m.d + i]);
}

}  // namespace
}  // namespace sigma

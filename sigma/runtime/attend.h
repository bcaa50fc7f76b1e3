// Attention of the newest token of each sequence of a step, by kernels/, and what a probe and a count keep of it.
#pragma once
#include <vector>

#include "team.h"
#include "value_sums.h"

namespace sigma {
namespace {

// Distinct rows per V head among the positions [n_q][top_k + 1] of one layer.
int64_t distinct_rows(const Model& m, const Sequence& sequence) {
  static thread_local std::vector<uint64_t> seen;
  const int64_t group = m.n_q / m.n_v * (sequence.top_k + 1), size = (sequence.past + 1 + 63) / 64;
  int64_t total = 0;
  for (int64_t head = 0; head < m.n_v; head++) {
    seen.assign(size, 0);
    const int32_t* at = sequence.positions + head * group;
    for (int64_t i = 0; i < group; i++)
      if (at[i] >= 0) seen[at[i] / 64] |= 1ull << (at[i] % 64);
    for (uint64_t word : seen) total += __builtin_popcountll(word);
  }
  return total;
}

// What kernels/ is asked for sequence `i` at one layer.
Args question(const Model& m, const Step& step, int64_t i, int64_t index) {
  const Sequence& s = step.sequence[i];
  const int64_t size = m.half ? 2 : 4;
  Args a{};
  a.q = static_cast<const char*>(step.q) + i * m.n_q * m.d_k * size, a.out = static_cast<char*>(step.out) + i * wide_of(m) * size;
  a.k = s.cache[2 * index], a.v = s.cache[2 * index + 1];
  a.b = 1, a.n_q = m.n_q, a.n_k = key_heads_of(m, m.layer[index]), a.n_v = m.n_v, a.t = 1, a.rows = s.past + 1, a.d_k = m.d_k, a.d_v = m.d;
  const auto strides = [](int64_t (&to)[3], int64_t heads, int64_t rows, int64_t d) {
    to[0] = heads * rows * d, to[1] = rows * d, to[2] = d;
  };
  strides(a.q_stride, m.n_q, 1, m.d_k);
  strides(a.k_stride, a.n_k, s.capacity, m.d_k);
  strides(a.v_stride, m.n_v, s.capacity, m.d);
  a.threads = step.threads, a.scale = m.scale;
  a.top_k = s.top_k < 0 ? 0 : s.top_k, a.missing_mass = s.missing_mass, a.threshold = s.threshold;
  a.captured = s.captured, a.positions = s.positions;
  return a;
}

// What a picture of the probed layer needs.
void note_probe(const Model& m, const Step& step, int64_t i) {
  const Sequence& s = step.sequence[i];
  const int64_t bytes = m.n_q * m.d_k * (m.half ? 2 : 4);
  memcpy(s.probe_q, static_cast<const char*>(step.q) + i * bytes, bytes);
  if (s.top_k < 0) return;
  memcpy(s.probe_positions, s.positions, m.n_q * (s.top_k + 1) * 4);
  memcpy(s.probe_captured, s.captured, m.n_q * 4);
}

// Attention of the newest token of each sequence, by kernels/: all that read every V row, then all that select. Rows of
// drafted tokens are cached already when they are asked for: the sequence that stands for one is as long as the token needs.
void attend(const Model& m, const Step& step, int64_t index) {
  static thread_local std::vector<Args> all, selected;
  static thread_local std::vector<float> sums;
  all.clear(), selected.clear();
  grow(sums, step.b * m.n_v * m.d);
  for (int64_t i = 0; i < step.b; i++) {
    const Sequence& s = step.sequence[i];
    Args& a = (s.top_k < 0 ? all : selected).emplace_back(question(m, step, i, index));
    if (!s.v_sum) continue;
    a.v_sum = earlier_values(m, s, index, sums.data() + i * m.n_v * m.d);
    m.half ? sum_newest<bf16>(m, s, index) : sum_newest<float>(m, s, index);  // for a token drafted behind this one
  }
  const bool lacking = (!all.empty() && step.decode(all.data(), int64_t(all.size()))) ||
                       (!selected.empty() && step.selective(selected.data(), int64_t(selected.size())));
  if (lacking) throw std::bad_alloc();
  for (int64_t i = 0; i < step.b; i++) {
    Sequence& s = step.sequence[i];
    if (s.top_k >= 0) s.distinct += distinct_rows(m, s);
    for (int64_t j = 0; j < m.n_q * (s.top_k + 1); j++) s.requested += s.positions[j] >= 0;
    if (s.probe == index) note_probe(m, step, i);
  }
}

}  // namespace
}  // namespace sigma

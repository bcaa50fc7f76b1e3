// The top rows of one query.
//
// The exact k-th largest score is found by bisection over the bits of the score, first on the maxima of small groups
// of rows (their k-th largest is a proven lower bound on the k-th score; Dr. Top-k, arXiv 2109.08219), then on the few
// rows that reach that bound. Candidates stay in row order throughout, so nothing is sorted and equal scores go to
// the lowest index by themselves.
#pragma once
#include "../scores.h"

namespace sigma {
namespace {

// Scores as integers of the same order, so that a threshold can be found bit by bit.
inline vi ordered(vf x) {
  x += 0.0f;  // -0 becomes +0: they are equal scores
  vi i;
  memcpy(&i, &x, sizeof i);
  return i ^ ((i >> 31) & 0x7fffffff);
}

inline int64_t count_at_least(const int32_t* keys, int64_t n, int32_t threshold) {
  const vi limit = vi{} + threshold;
  vi hits = {};
  for (int64_t i = 0; i < n; i += W) {
    vi x;
    memcpy(&x, keys + i, sizeof x);
    hits -= x >= limit;  // a true lane is -1
  }
  int64_t total = 0;
  for (int i = 0; i < W; i++) total += hits[i];
  return total;
}

// The largest threshold that at least `k` keys reach, or an earlier one that exactly `k` reach: either way the keys
// above it are the top ones. n is a multiple of W, padded with INT32_MIN.
int32_t kth_largest(const int32_t* keys, int64_t n, int64_t k) {
  int64_t low = INT32_MIN, high = INT32_MAX;
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    const int64_t count = count_at_least(keys, n, int32_t(middle));
    if (count == k) return int32_t(middle);
    if (count > k) low = middle;
    else high = middle - 1;
  }
  return int32_t(low);
}

struct Scratch {
  std::vector<int32_t> maxima, keys, rows;
  std::vector<float> weights, acc;
};

// Append the rows of [0, n) whose key reaches the bound, in order.
int64_t gather_candidates(const float* scores, int64_t n, int32_t bound, int32_t* keys, int32_t* rows) {
  int64_t found = 0;
  const vi limit = vi{} + bound;
  int64_t i = 0;
  for (; i + W <= n; i += W) {
    const vi key = ordered(load(scores + i));
    const vi reach = key >= limit;
#if SIGMA_AVX512
    const __mmask16 mask = _mm512_movepi32_mask((__m512i)reach);
    if (!mask) continue;
    const __m512i index = _mm512_add_epi32(_mm512_set1_epi32(int(i)),
                                           _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    // Compress in a register, then store whole: storing through the mask is microcoded on some CPUs.
    _mm512_storeu_si512(keys + found, _mm512_maskz_compress_epi32(mask, (__m512i)key));
    _mm512_storeu_si512(rows + found, _mm512_maskz_compress_epi32(mask, index));
    found += __builtin_popcount(mask);
#else
    for (int lane = 0; lane < W; lane++) {
      keys[found] = key[lane];
      rows[found] = int32_t(i + lane);
      found -= reach[lane];
    }
#endif
  }
  for (; i < n; i++) {
    const vi key = ordered(splat(scores[i]));
    if (key[0] < bound) continue;
    keys[found] = key[0];
    rows[found++] = int32_t(i);
  }
  return found;
}

// The top `k` of the first n scores as ascending row numbers in scratch.rows.
void choose(const float* scores, int64_t n, int64_t k, Scratch& s) {
  s.keys.resize(n + 2 * W);
  s.rows.resize(n + 2 * W);
  int32_t bound = INT32_MIN;
  const int64_t vectors = n / W;
  const int64_t wanted = (4 * k + W - 1) / W;  // four groups per row to keep: the bound is then close
  const int64_t group = vectors / wanted;
  if (group > 1) {
    const int64_t groups = vectors / group;  // the rest of the rows has no group, which keeps the bound valid
    s.maxima.resize(groups * W);
    for (int64_t g = 0; g < groups; g++) {
      vf top = load(scores + g * group * W);
      for (int64_t i = 1; i < group; i++) top = vmax(top, load(scores + (g * group + i) * W));
      const vi key = ordered(top);
      memcpy(s.maxima.data() + g * W, &key, sizeof key);
    }
    bound = kth_largest(s.maxima.data(), groups * W, k);
  }
  const int64_t found = gather_candidates(scores, n, bound, s.keys.data(), s.rows.data());
  for (int64_t i = found; i < found + W; i++) s.keys[i] = INT32_MIN;
  const int32_t threshold = kth_largest(s.keys.data(), round_up(found, W), k);
  int64_t above = 0;
  for (int64_t i = 0; i < found; i++) above += s.keys[i] > threshold;
  int64_t equal = k - above, kept = 0;  // of those at the threshold, the first ones
  for (int64_t i = 0; i < found; i++) {
    const bool take = s.keys[i] > threshold || (s.keys[i] == threshold && equal-- > 0);
    s.rows[kept] = s.rows[i];
    kept += take;
  }
}

}  // namespace
}  // namespace sigma

// Scores of a few queries against a block of packed keys, in registers: the step that prefill and the maps share.
#pragma once
#include "pack.h"

namespace sigma {
namespace {

constexpr int64_t kQueries = 64;             // queries of one head that meet a block of rows while it is near the core
constexpr int64_t kRows = 256;               // rows per softmax step
constexpr int kTile = SIGMA_AVX512 ? 6 : 4;  // queries of a register tile

// A word of any meaning in every lane: no arithmetic touches it.
inline vf splat_bits(const float* p) {
#if SIGMA_AVX512
  return (vf)_mm512_set1_ps(*p);
#else
  vf v;
  for (int i = 0; i < W; i++) v[i] = *p;
  return v;
#endif
}

template <class E>
inline vf multiply(vf acc, vf a, vf b) {
#if SIGMA_DPBF16
  if constexpr (kPairs<E>) return (vf)_mm512_dpbf16_ps((__m512)acc, (__m512bh)a, (__m512bh)b);
#endif
  return acc + a * b;
}

// Base-2 logits (with `factor`) of R queries over kLane packed keys, at to[query * kRows].
template <class E, int R>
inline void scores_of(const float* kt, const float* q, int64_t words, float factor, float* to) {
  vf acc[R][kVectors] = {};
  for (int64_t w = 0; w < words; w++) {
    vf k[kVectors];
    for (int c = 0; c < kVectors; c++) k[c] = load(kt + w * kLane + c * W);
    for (int r = 0; r < R; r++) {
      const vf x = splat_bits(q + r * words + w);
      for (int c = 0; c < kVectors; c++) acc[r][c] = multiply<E>(acc[r][c], k[c], x);
    }
  }
  for (int r = 0; r < R; r++)
    for (int c = 0; c < kVectors; c++) store(to + r * kRows + c * W, acc[r][c] * factor);
}

// Queries of the next register tile where `rest` are left: even tiles, 9 go as 5 + 4.
inline int64_t tile_of(int64_t rest) { return rest <= kTile ? rest : rest < 2 * kTile ? (rest + 1) / 2 : kTile; }

// All rows that n queries see, kRows at a time, against every register tile of them: block.tile<R>(i, row, count, seen) for
// queries i .. i + R - 1 and rows [row, row + count), of which the first query sees `seen`. `before`: rows older than the
// first query's own.
template <class Block>
inline void walk(const Block& block, int64_t n, int64_t before) {
  for (int64_t row = 0; row < before + n; row += kRows) {
    for (int64_t i = 0; i < n;) {
      const int64_t r = tile_of(n - i), seen = before + i + 1 - row, most = seen + r - 1;
      const int64_t count = most < kRows ? most : kRows;
      if (count > 0) switch (r) {
          case 1: block.template tile<1>(i, row, count, seen); break;
          case 2: block.template tile<2>(i, row, count, seen); break;
          case 3: block.template tile<3>(i, row, count, seen); break;
          case 4: block.template tile<4>(i, row, count, seen); break;
          case 5: block.template tile<5>(i, row, count, seen); break;
          default: block.template tile<6>(i, row, count, seen); break;
        }
      i += r;
    }
  }
}

}  // namespace
}  // namespace sigma

// Many tokens: a panel of 16 or 32 rows is expanded to plain weights once and multiplied with all of them.
#pragma once
#include "matrix.h"

namespace sigma {

// One block as plain weights without the offsets: fp32 [cols][pitch] or bf16 pairs [cols / 2][pitch][2].
inline void expand_block(const Matrix& m, int64_t block, bool half, int64_t pitch, float* to) {
  const int64_t cols = m.cols;
  const auto pair = [&](int64_t c, int v, vf even, vf odd) {
    if (half) {
      store(to + c / 2 * pitch + v * W, as_float((bf16_bits(even) >> 16) | bf16_bits(odd)));
    } else {
      store(to + c * pitch + v * W, even);
      store(to + (c + 1) * pitch + v * W, odd);
    }
  };
  for (int v = 0; v < kVectors; v++) {
    if (m.kind == kFp32) {
      const float* w = reinterpret_cast<const float*>(m.data) + block * cols * kRows + v * W;
      for (int64_t c = 0; c < cols; c++) store(to + c * pitch + v * W, load(w + c * kRows));
    } else if (m.kind == kBf16) {
      const uint8_t* w = m.data + block * cols * kRows * 2 + v * W * 4;
      for (int64_t c = 0; c < cols; c += 2) {
        if (half) {
          store(to + c / 2 * pitch + v * W, load(w + c * 32));
          continue;
        }
        vf even, odd;
        widen(load(w + c * 32), even, odd);
        pair(c, v, even, odd);
      }
    } else if (m.kind == kInt8) {
      const int8_t* w = reinterpret_cast<const int8_t*>(m.data) + block * cols * kRows + v * W;
      for (int64_t c = 0; c < cols; c += 2) {
        const uint16_t* scale = m.scale + block * m.groups() * kRows + v * W;
        const vf s0 = widen_half(scale + c / m.group * kRows), s1 = widen_half(scale + (c + 1) / m.group * kRows);
        pair(c, v, int8_lanes(w + c * kRows) * s0, int8_lanes(w + (c + 1) * kRows) * s1);
      }
    } else {
      const uint8_t* w = m.data + block * cols * kRows / 2 + v * W * 4;
      for (int64_t g = 0; g < m.groups(); g++) {
        const int64_t at = (block * m.groups() + g) * kRows + v * W;
        const vf s = widen_half(m.scale + at), z = widen_half(m.zero + at) - s * 8.0f;
        for (int64_t c = g * m.group; c < (g + 1) * m.group; c += 8) {
          const vu n = words(w + c * 8);
          for (int j = 0; j < 4; j++) {
            const vu low = (n >> (4 * j)) & 15u, high = (n >> (16 + 4 * j)) & 15u;
            pair(c + 2 * j, v, __builtin_convertvector((vi)low, vf) * s + z, __builtin_convertvector((vi)high, vf) * s + z);
          }
        }
      }
    }
  }
}

// T tokens times one panel of B blocks; y[token * pitch + row] = or +=.
template <int T, int B>
inline void panel_tile(const float* panel, const Rows& x, int64_t token, int64_t cols, float* y, int64_t pitch, bool add) {
  constexpr int V = kVectors * B;
  vf acc[T][V] = {};
#if SIGMA_DPBF16
  if (x.half) {
    const uint16_t* from = x.half + token * x.width;
    for (int64_t c = 0; c < cols; c += 2) {
      __m512i w[V];
      for (int v = 0; v < V; v++) w[v] = _mm512_loadu_si512(panel + c / 2 * kRows * B + v * W);
      for (int t = 0; t < T; t++)
        for (int v = 0; v < V; v++) acc[t][v] = dot_pair(acc[t][v], w[v], from + t * x.width + c);
    }
  } else
#endif
  {
    const float* from = x.full + token * x.width;
    for (int64_t c = 0; c < cols; c++) {
      vf w[V];
      for (int v = 0; v < V; v++) w[v] = load(panel + c * kRows * B + v * W);
      for (int t = 0; t < T; t++)
        for (int v = 0; v < V; v++) acc[t][v] += w[v] * from[t * x.width + c];
    }
  }
  for (int t = 0; t < T; t++)
    for (int v = 0; v < V; v++) {
      float* to = y + (token + t) * pitch + v * W;
      store(to, add ? load(to) + acc[t][v] : acc[t][v]);
    }
}

// All tokens times one panel.
template <int B>
inline void tiles(const float* panel, const Rows& x, int64_t cols, float* y, int64_t pitch, bool add) {
  constexpr int kTokens = SIGMA_AVX512 ? 10 : 3;  // with two blocks the accumulators then fill the registers
  int64_t t = 0;
  for (; t + kTokens <= x.count; t += kTokens) panel_tile<kTokens, B>(panel, x, t, cols, y, pitch, add);
  if constexpr (kTokens > 4)
    for (; t + 4 <= x.count; t += 4) panel_tile<4, B>(panel, x, t, cols, y, pitch, add);
  for (; t < x.count; t++) panel_tile<1, B>(panel, x, t, cols, y, pitch, add);
}

}  // namespace sigma

// Packed matrices and y = x W^T for one token: reads every packed byte once and computes on it as it is.
//
// All kinds are stored in blocks of 16 rows with the row as the lane, so that sums never cross lanes and one broadcast
// of x serves 16 rows. Activations come as fp32 and, where the CPU multiplies bf16 pairs, also as bf16.
#pragma once
#include <vector>

#include "kernels/simd.h"

namespace sigma {

enum Kind : int64_t { kFp32, kBf16, kInt8, kInt4 };
constexpr int kRows = 16;         // rows of a block
constexpr int kVectors = 16 / W;  // float vectors that hold one value per row of a block

// `Matrix` in structs.py. data: fp32 [blocks][cols][16]; bf16 [blocks][cols / 2][16][2]; int8 [blocks][cols][16];
// int4 [blocks][cols / 8][16] words of 8 nibbles: columns 0 2 4 6 1 3 5 7 from the low end. Padding rows are zeros.
// w = q * scale (int8) or (q - 8) * scale + zero (int4), + identity * I + rows * cols^T.
struct Matrix {
  int64_t kind, rows, cols, group;
  const uint8_t* data;
  const uint16_t* scale;  // fp16 [blocks][cols / group][16]
  const uint16_t* zero;   // likewise, int4 only
  double identity;
  const float* rank_rows;  // null without a rank-one offset
  const float* rank_cols;

  int64_t blocks() const { return (rows + kRows - 1) / kRows; }
  int64_t groups() const { return group ? cols / group : 0; }
};

// Rows of activations: `half` holds the same values in bf16, and is null where the computation is in fp32.
struct Rows {
  const float* full;
  const uint16_t* half;
  int64_t count, width;
};

inline vu words(const void* p) {
  vu v;
  memcpy(&v, p, sizeof v);
  return v;
}
inline vf as_float(vu bits) {
  vf v;
  memcpy(&v, &bits, sizeof v);
  return v;
}
inline vf widen_half(const uint16_t* p) {  // W fp16 -> fp32
#if SIGMA_AVX512
  return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)p));
#elif defined(__F16C__)
  return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p));
#else
  typedef uint16_t halves __attribute__((vector_size(W * 2)));
  halves h;
  memcpy(&h, p, sizeof h);
  const vu bits = __builtin_convertvector(h, vu);
  // 2^112 moves the exponent's bias, and makes subnormals normal.
  const vf magnitude = as_float((bits & 0x7fffu) << 13) * 5.192296858534828e33f;
  return as_float(words(&magnitude) | ((bits & 0x8000u) << 16));
#endif
}
inline float widen_bf16(uint16_t bits) {
  const uint32_t u = uint32_t(bits) << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}
inline vu bf16_bits(vf x) {  // rounded, in the upper half of each word
  vu u;
  memcpy(&u, &x, sizeof u);
  return (u + 0x7fffu + ((u >> 16) & 1u)) & 0xffff0000u;
}
inline vf int8_lanes(const int8_t* p) {
#if SIGMA_AVX512
  return (vf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)));
#elif defined(__AVX2__)
  return (vf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)));
#else
  typedef int8_t octets __attribute__((vector_size(W)));
  octets o;
  memcpy(&o, p, sizeof o);
  return __builtin_convertvector(o, vf);
#endif
}

// Sums of x over each group, and the product with the rank-one columns: once per thread and matrix.
struct Prepared {
  std::vector<float> sums;
  float rank = 0;
  void fill(const Matrix& m, const float* x) {
    if (m.kind == kInt4) {
      sums.resize(m.groups());
      for (int64_t g = 0; g < m.groups(); g++) {
        float s[8] = {};
        for (int64_t i = 0; i < m.group; i += 8)
          for (int l = 0; l < 8; l++) s[l] += x[g * m.group + i + l];
        sums[g] = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
      }
    }
    rank = 0;
    if (m.rank_rows) {
      float s[8] = {};
      int64_t i = 0;
      for (; i + 8 <= m.cols; i += 8)
        for (int l = 0; l < 8; l++) s[l] += x[i + l] * m.rank_cols[i + l];
      for (; i < m.cols; i++) s[0] += x[i] * m.rank_cols[i];
      for (float part : s) rank += part;
    }
  }
};

inline void add_offsets(const Matrix& m, int64_t first, int64_t count, const float* x, float rank, float* y) {
  if (m.identity != 0)
    for (int64_t i = 0; i < count && first + i < m.cols; i++) y[i] += float(m.identity) * x[first + i];
  if (m.rank_rows)
    for (int64_t i = 0; i < count; i++) y[i] += m.rank_rows[first + i] * rank;
}

#if SIGMA_DPBF16
inline vf dot_pair(vf acc, __m512i w, const uint16_t* x) {
  int32_t pair;
  memcpy(&pair, x, 4);
  return (vf)_mm512_dpbf16_ps((__m512)acc, (__m512bh)w, (__m512bh)_mm512_set1_epi32(pair));
}
// bf16 of n - 8 for a nibble n, twice: the lookup takes five index bits, and the fifth belongs to the next nibble.
inline __m512i nibble_table() {
  alignas(64) uint16_t table[32];
  for (int i = 0; i < 32; i++) table[i] = round_bf16(float((i & 15) - 8));
  return _mm512_load_si512(table);
}
#endif

// One block of 16 rows times one token, without the offsets, by kind of matrix.
inline void dot_fp32(const Matrix& m, int64_t block, const Rows& x, float* y) {
  vf acc[kVectors] = {}, odd[kVectors] = {};
  const int64_t cols = m.cols;
  const float* w = reinterpret_cast<const float*>(m.data) + block * cols * kRows;
  int64_t c = 0;
  for (; c + 2 <= cols; c += 2)
    for (int v = 0; v < kVectors; v++) {
      acc[v] += load(w + c * kRows + v * W) * x.full[c];
      odd[v] += load(w + (c + 1) * kRows + v * W) * x.full[c + 1];
    }
  for (; c < cols; c++)
    for (int v = 0; v < kVectors; v++) acc[v] += load(w + c * kRows + v * W) * x.full[c];
  for (int v = 0; v < kVectors; v++) store(y + v * W, acc[v] + odd[v]);
}

inline void dot_bf16(const Matrix& m, int64_t block, const Rows& x, float* y) {
  vf acc[kVectors] = {};
  const int64_t cols = m.cols;
  const uint8_t* w = m.data + block * cols * kRows * 2;
  int64_t c = 0;
#if SIGMA_DPBF16
  if (x.half) {
    vf a[4] = {};
    for (; c + 8 <= cols; c += 8)
      for (int j = 0; j < 4; j++) a[j] = dot_pair(a[j], _mm512_loadu_si512(w + (c + 2 * j) * 32), x.half + c + 2 * j);
    acc[0] = (a[0] + a[1]) + (a[2] + a[3]);
    for (; c < cols; c += 2) acc[0] = dot_pair(acc[0], _mm512_loadu_si512(w + c * 32), x.half + c);
  }
#endif
  for (; c < cols; c += 2)
    for (int v = 0; v < kVectors; v++) {
      vf even, odd;
      widen(load(w + c * 32 + v * W * 4), even, odd);
      acc[v] += even * x.full[c] + odd * x.full[c + 1];
    }
  for (int v = 0; v < kVectors; v++) store(y + v * W, acc[v]);
}

inline void dot_int8(const Matrix& m, int64_t block, const Rows& x, float* y) {
  vf acc[kVectors] = {};
  const int8_t* w = reinterpret_cast<const int8_t*>(m.data) + block * m.cols * kRows;
  const uint16_t* scale = m.scale + block * m.groups() * kRows;
  for (int64_t g = 0; g < m.groups(); g++) {
    vf a[4][kVectors] = {};
    int64_t c = g * m.group;
    const int64_t end = c + m.group;
    for (; c + 4 <= end; c += 4)
      for (int j = 0; j < 4; j++)
        for (int v = 0; v < kVectors; v++) a[j][v] += int8_lanes(w + (c + j) * kRows + v * W) * x.full[c + j];
    for (; c < end; c++)
      for (int v = 0; v < kVectors; v++) a[0][v] += int8_lanes(w + c * kRows + v * W) * x.full[c];
    for (int v = 0; v < kVectors; v++)
      acc[v] += ((a[0][v] + a[1][v]) + (a[2][v] + a[3][v])) * widen_half(scale + g * kRows + v * W);
  }
  for (int v = 0; v < kVectors; v++) store(y + v * W, acc[v]);
}

// `sums` of x over each group.
inline void dot_int4(const Matrix& m, int64_t block, const Rows& x, const float* sums, float* y) {
  vf acc[kVectors] = {};
  const uint8_t* w = m.data + block * m.cols * kRows / 2;
  const uint16_t* scale = m.scale + block * m.groups() * kRows;
  const uint16_t* zero = m.zero + block * m.groups() * kRows;
#if SIGMA_DPBF16
  if (x.half) {
    const __m512i table = nibble_table();
    for (int64_t g = 0; g < m.groups(); g++) {
      vf a[4] = {};
      for (int64_t c = g * m.group; c < (g + 1) * m.group; c += 8) {
        const __m512i n = _mm512_loadu_si512(w + c * 8);
        a[0] = dot_pair(a[0], _mm512_permutexvar_epi16(n, table), x.half + c);
        a[1] = dot_pair(a[1], _mm512_permutexvar_epi16(_mm512_srli_epi16(n, 4), table), x.half + c + 2);
        a[2] = dot_pair(a[2], _mm512_permutexvar_epi16(_mm512_srli_epi16(n, 8), table), x.half + c + 4);
        a[3] = dot_pair(a[3], _mm512_permutexvar_epi16(_mm512_srli_epi16(n, 12), table), x.half + c + 6);
      }
      acc[0] += ((a[0] + a[1]) + (a[2] + a[3])) * widen_half(scale + g * kRows) + widen_half(zero + g * kRows) * sums[g];
    }
    store(y, acc[0]);
    return;
  }
#endif
  for (int64_t g = 0; g < m.groups(); g++) {
    vf a[kVectors] = {};
    for (int64_t c = g * m.group; c < (g + 1) * m.group; c += 8)
      for (int v = 0; v < kVectors; v++) {
        const vu n = words(w + c * 8 + v * W * 4);
        for (int j = 0; j < 8; j++) {
          const vu nibble = (n >> (4 * j)) & 15u;
          a[v] += __builtin_convertvector((vi)nibble, vf) * x.full[c + (j < 4 ? 2 * j : 2 * j - 7)];
        }
      }
    for (int v = 0; v < kVectors; v++) {
      const vf s = widen_half(scale + g * kRows + v * W);
      acc[v] += a[v] * s + (widen_half(zero + g * kRows + v * W) - s * 8.0f) * sums[g];
    }
  }
  for (int v = 0; v < kVectors; v++) store(y + v * W, acc[v]);
}

inline void dot_block(const Matrix& m, int64_t block, const Rows& x, const float* sums, float* y) {
  switch (m.kind) {
    case kFp32: return dot_fp32(m, block, x, y);
    case kBf16: return dot_bf16(m, block, x, y);
    case kInt8: return dot_int8(m, block, x, y);
    default: return dot_int4(m, block, x, sums, y);
  }
}

}  // namespace sigma

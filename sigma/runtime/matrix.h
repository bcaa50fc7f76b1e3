// Packed matrices and y = x W^T for one token, or for the newest tokens of a few sequences: reads every packed byte once
// and computes on it as it is. A token's sums do not depend on how many others there are.
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
constexpr int kFew = SIGMA_AVX512 ? 4 : 2;  // tokens times one block at once: their sums then stay in the registers

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

// Rows of activations: `half` holds the same values in bf16, and is null where the computation is in fp32. `apart`: the
// rows are of different sequences, and each is to have the bits that it would have alone.
struct Rows {
  const float* full;
  const uint16_t* half;
  int64_t count, width;
  bool apart;
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

// Of each row of x: its sums over the groups, and its product with the rank-one columns. Once per thread and matrix.
struct Prepared {
  std::vector<float> sums, ranks;  // [count][groups], [count]
  void fill(const Matrix& m, const Rows& x) {
    if (m.kind == kInt4) sums.resize(x.count * m.groups());
    ranks.assign(x.count, 0);
    for (int64_t t = 0; t < x.count; t++) {
      const float* row = x.full + t * x.width;
      if (m.kind == kInt4) sum_groups(m, row, sums.data() + t * m.groups());
      if (m.rank_rows) ranks[t] = rank(m, row);
    }
  }

 private:
  static void sum_groups(const Matrix& m, const float* x, float* to) {
    for (int64_t g = 0; g < m.groups(); g++) {
      float s[8] = {};
      for (int64_t i = 0; i < m.group; i += 8)
        for (int l = 0; l < 8; l++) s[l] += x[g * m.group + i + l];
      to[g] = ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
    }
  }
  static float rank(const Matrix& m, const float* x) {
    float s[8] = {}, total = 0;
    int64_t i = 0;
    for (; i + 8 <= m.cols; i += 8)
      for (int l = 0; l < 8; l++) s[l] += x[i + l] * m.rank_cols[i + l];
    for (; i < m.cols; i++) s[0] += x[i] * m.rank_cols[i];
    for (float part : s) total += part;
    return total;
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

// One block of 16 rows times R tokens from `token` on, without the offsets, by kind of matrix: y [R][16]. Whatever R is,
// a token's products are added in the same order, and every multiply-add is written so that it can be fused in one way
// only: the bits are those of the token alone.
template <int R>
inline void dot_fp32(const Matrix& m, int64_t block, const Rows& x, int64_t token, float* y) {
  vf acc[R][kVectors] = {}, odd[R][kVectors] = {};
  const int64_t cols = m.cols;
  const float* w = reinterpret_cast<const float*>(m.data) + block * cols * kRows;
  const float* from = x.full + token * x.width;
  int64_t c = 0;
  for (; c + 2 <= cols; c += 2)
    for (int v = 0; v < kVectors; v++) {
      const vf w0 = load(w + c * kRows + v * W), w1 = load(w + (c + 1) * kRows + v * W);
      for (int r = 0; r < R; r++) {
        acc[r][v] += w0 * from[r * x.width + c];
        odd[r][v] += w1 * from[r * x.width + c + 1];
      }
    }
  for (; c < cols; c++)
    for (int v = 0; v < kVectors; v++)
      for (int r = 0; r < R; r++) acc[r][v] += load(w + c * kRows + v * W) * from[r * x.width + c];
  for (int r = 0; r < R; r++)
    for (int v = 0; v < kVectors; v++) store(y + r * kRows + v * W, acc[r][v] + odd[r][v]);
}

template <int R>
inline void dot_bf16(const Matrix& m, int64_t block, const Rows& x, int64_t token, float* y) {
  vf acc[R][kVectors] = {};
  const int64_t cols = m.cols;
  const uint8_t* w = m.data + block * cols * kRows * 2;
  int64_t c = 0;
#if SIGMA_DPBF16
  if (x.half) {
    const uint16_t* half = x.half + token * x.width;
    vf a[R][4] = {};
    for (; c + 8 <= cols; c += 8)
      for (int j = 0; j < 4; j++) {
        const __m512i pairs = _mm512_loadu_si512(w + (c + 2 * j) * 32);
        for (int r = 0; r < R; r++) a[r][j] = dot_pair(a[r][j], pairs, half + r * x.width + c + 2 * j);
      }
    for (int r = 0; r < R; r++) acc[r][0] = (a[r][0] + a[r][1]) + (a[r][2] + a[r][3]);
    for (; c < cols; c += 2)
      for (int r = 0; r < R; r++)
        acc[r][0] = dot_pair(acc[r][0], _mm512_loadu_si512(w + c * 32), half + r * x.width + c);
  }
#endif
  const float* from = x.full + token * x.width;
  for (; c < cols; c += 2)
    for (int v = 0; v < kVectors; v++) {
      vf even, odd;
      widen(load(w + c * 32 + v * W * 4), even, odd);
      for (int r = 0; r < R; r++) {
        acc[r][v] += even * from[r * x.width + c];
        acc[r][v] += odd * from[r * x.width + c + 1];
      }
    }
  for (int r = 0; r < R; r++)
    for (int v = 0; v < kVectors; v++) store(y + r * kRows + v * W, acc[r][v]);
}

template <int R>
inline void dot_int8(const Matrix& m, int64_t block, const Rows& x, int64_t token, float* y) {
  vf acc[R][kVectors] = {};
  const int8_t* w = reinterpret_cast<const int8_t*>(m.data) + block * m.cols * kRows;
  const uint16_t* scale = m.scale + block * m.groups() * kRows;
  const float* from = x.full + token * x.width;
  for (int64_t g = 0; g < m.groups(); g++) {
    vf a[R][4][kVectors] = {};
    int64_t c = g * m.group;
    const int64_t end = c + m.group;
    for (; c + 4 <= end; c += 4)
      for (int j = 0; j < 4; j++)
        for (int v = 0; v < kVectors; v++) {
          const vf values = int8_lanes(w + (c + j) * kRows + v * W);
          for (int r = 0; r < R; r++) a[r][j][v] += values * from[r * x.width + c + j];
        }
    for (; c < end; c++)
      for (int v = 0; v < kVectors; v++)
        for (int r = 0; r < R; r++) a[r][0][v] += int8_lanes(w + c * kRows + v * W) * from[r * x.width + c];
    for (int r = 0; r < R; r++)
      for (int v = 0; v < kVectors; v++)
        acc[r][v] += ((a[r][0][v] + a[r][1][v]) + (a[r][2][v] + a[r][3][v])) * widen_half(scale + g * kRows + v * W);
  }
  for (int r = 0; r < R; r++)
    for (int v = 0; v < kVectors; v++) store(y + r * kRows + v * W, acc[r][v]);
}

// `sums` of each token over each group, [R][groups].
template <int R>
inline void dot_int4(const Matrix& m, int64_t block, const Rows& x, int64_t token, const float* sums, float* y) {
  vf acc[R][kVectors] = {};
  const int64_t groups = m.groups();
  const uint8_t* w = m.data + block * m.cols * kRows / 2;
  const uint16_t* scale = m.scale + block * groups * kRows;
  const uint16_t* zero = m.zero + block * groups * kRows;
#if SIGMA_DPBF16
  if (x.half) {
    const __m512i table = nibble_table();
    const uint16_t* half = x.half + token * x.width;
    for (int64_t g = 0; g < groups; g++) {
      vf a[R][4] = {};
      for (int64_t c = g * m.group; c < (g + 1) * m.group; c += 8) {
        const __m512i n = _mm512_loadu_si512(w + c * 8);
        const __m512i pairs[4] = {
            _mm512_permutexvar_epi16(n, table), _mm512_permutexvar_epi16(_mm512_srli_epi16(n, 4), table),
            _mm512_permutexvar_epi16(_mm512_srli_epi16(n, 8), table),
            _mm512_permutexvar_epi16(_mm512_srli_epi16(n, 12), table)};
        for (int r = 0; r < R; r++)
          for (int j = 0; j < 4; j++) a[r][j] = dot_pair(a[r][j], pairs[j], half + r * x.width + c + 2 * j);
      }
      const vf s = widen_half(scale + g * kRows), z = widen_half(zero + g * kRows);
      for (int r = 0; r < R; r++) {
        acc[r][0] += ((a[r][0] + a[r][1]) + (a[r][2] + a[r][3])) * s;
        acc[r][0] += z * sums[r * groups + g];
      }
    }
    for (int r = 0; r < R; r++) store(y + r * kRows, acc[r][0]);
    return;
  }
#endif
  const float* from = x.full + token * x.width;
  for (int64_t g = 0; g < groups; g++) {
    vf a[R][kVectors] = {};
    for (int64_t c = g * m.group; c < (g + 1) * m.group; c += 8)
      for (int v = 0; v < kVectors; v++) {
        const vu n = words(w + c * 8 + v * W * 4);
        for (int j = 0; j < 8; j++) {
          const vf nibble = __builtin_convertvector((vi)((n >> (4 * j)) & 15u), vf);
          for (int r = 0; r < R; r++) a[r][v] += nibble * from[r * x.width + c + (j < 4 ? 2 * j : 2 * j - 7)];
        }
      }
    for (int v = 0; v < kVectors; v++) {
      const vf s = widen_half(scale + g * kRows + v * W), z = widen_half(zero + g * kRows + v * W) - s * 8.0f;
      for (int r = 0; r < R; r++) {
        acc[r][v] += a[r][v] * s;
        acc[r][v] += z * sums[r * groups + g];
      }
    }
  }
  for (int r = 0; r < R; r++)
    for (int v = 0; v < kVectors; v++) store(y + r * kRows + v * W, acc[r][v]);
}

template <int R>
inline void dot_block(const Matrix& m, int64_t block, const Rows& x, int64_t token, const float* sums, float* y) {
  switch (m.kind) {
    case kFp32: return dot_fp32<R>(m, block, x, token, y);
    case kBf16: return dot_bf16<R>(m, block, x, token, y);
    case kInt8: return dot_int8<R>(m, block, x, token, y);
    default: return dot_int4<R>(m, block, x, token, sums + token * m.groups(), y);
  }
}

}  // namespace sigma

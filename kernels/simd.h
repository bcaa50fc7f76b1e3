// Vectors for the CPU kernels: one width per build (16 floats with AVX-512, else 8), written with the compiler's
// vector extensions so that the same source serves AVX2, NEON and plain builds; intrinsics only where they pay.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#define SIGMA_AVX512 1
#else
#define SIGMA_AVX512 0
#endif
#if SIGMA_AVX512 && defined(__AVX512BF16__)
#define SIGMA_DPBF16 1
#else
#define SIGMA_DPBF16 0
#endif

namespace sigma {

constexpr int W = SIGMA_AVX512 ? 16 : 8;  // floats (or 32-bit words) per vector
typedef float vf __attribute__((vector_size(W * 4)));
typedef int32_t vi __attribute__((vector_size(W * 4)));
typedef uint32_t vu __attribute__((vector_size(W * 4)));

struct bf16 {
  uint16_t bits;
};

// Dims of an element type that one 32-bit word holds.
template <class E>
constexpr int kPerWord = 4 / sizeof(E);

inline vf load(const void* p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
inline void store(void* p, vf v) { memcpy(p, &v, sizeof v); }
inline vf splat(float x) { return vf{} + x; }

// The first `bytes` bytes of a vector (a multiple of 2), zeros after them; memory past them is not touched.
inline vf load_part(const void* p, int64_t bytes) {
  if (bytes >= int64_t(sizeof(vf))) return load(p);
#if SIGMA_AVX512
  return (vf)_mm512_castsi512_ps(_mm512_maskz_loadu_epi16(__mmask32((1ull << (bytes / 2)) - 1), p));
#else
  vf v = {};
  memcpy(&v, p, bytes);
  return v;
#endif
}

// The larger of each lane; where one is NaN the second, on every processor.
inline vf vmax(vf a, vf b) {
#if SIGMA_AVX512
  return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#else
  return a > b ? a : b;
#endif
}

inline float sum(vf v) {
#if SIGMA_AVX512
  return _mm512_reduce_add_ps((__m512)v);
#else
  float total = 0;
  for (int i = 0; i < W; i++) total += v[i];
  return total;
#endif
}
inline float maximum(vf v) {
#if SIGMA_AVX512
  return _mm512_reduce_max_ps((__m512)v);
#else
  float best = v[0];
  for (int i = 1; i < W; i++) best = v[i] > best ? v[i] : best;
  return best;
#endif
}

// 2^x for x <= 0 to about 2e-7 relative; 0 from -126 down, minus infinity included; NaN for NaN.
inline vf exp2_negative(vf x) {
  const vf magic = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer held in the low mantissa bits
  const vf clamped = vmax(x, splat(-126.0f));
  const vf shifted = clamped + magic;
  const vf f = clamped - (shifted - magic);
  vf p = splat(1.540353039e-4f);
  p = p * f + 1.333355814e-3f;
  p = p * f + 9.618129107e-3f;
  p = p * f + 5.550410866e-2f;
  p = p * f + 2.402265069e-1f;
  p = p * f + 6.931471805e-1f;
  p = p * f + 1.0f;
  vi bits, exponent;
  memcpy(&bits, &p, sizeof bits);
  memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << 23;
  memcpy(&p, &bits, sizeof p);
  return x > splat(-126.0f) ? p : vmax(vf{}, x);  // x is below zero or NaN here, and vmax then gives its second
}

// The two bf16 of every word as floats: the even dims and the odd dims.
inline void widen(vf words, vf& even, vf& odd) {
  vu w;
  memcpy(&w, &words, sizeof w);
  const vu low = w << 16, high = w & 0xffff0000u;
  memcpy(&even, &low, sizeof even);
  memcpy(&odd, &high, sizeof odd);
}

// acc + a.b over each word: one dim for fp32, two for bf16.
template <class E>
inline vf dot_words(vf acc, vf a, const float* q) {
  if constexpr (std::is_same_v<E, float>) {
    return acc + a * splat(*q);
  } else {
#if SIGMA_DPBF16
    return (vf)_mm512_dpbf16_ps((__m512)acc, (__m512bh)a, (__m512bh)_mm512_set1_ps(*q));
#else
    vf even, odd;
    widen(a, even, odd);
    return acc + even * splat(q[0]) + odd * splat(q[1]);
#endif
  }
}

// In-place transpose of W rows of W words: log2(W) rounds of interleaving row i with row i + W/2.
inline void transpose(vf (&r)[W]) {
  for (int round = 1; round < W; round *= 2) {
    vf s[W];
    for (int i = 0; i < W / 2; i++) {
#if SIGMA_AVX512
      const __m512i lo = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const __m512i hi = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      s[2 * i] = (vf)_mm512_permutex2var_ps((__m512)r[i], lo, (__m512)r[i + W / 2]);
      s[2 * i + 1] = (vf)_mm512_permutex2var_ps((__m512)r[i], hi, (__m512)r[i + W / 2]);
#else
      s[2 * i] = __builtin_shufflevector(r[i], r[i + W / 2], 0, 8, 1, 9, 2, 10, 3, 11);
      s[2 * i + 1] = __builtin_shufflevector(r[i], r[i + W / 2], 4, 12, 5, 13, 6, 14, 7, 15);
#endif
    }
    for (int i = 0; i < W; i++) r[i] = s[i];
  }
}

inline uint16_t round_bf16(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  if ((u & 0x7fffffffu) > 0x7f800000u) return uint16_t((u >> 16) | 0x40);  // keep NaN a NaN
  return uint16_t((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}
inline void put(float* p, float x) { *p = x; }
inline void put(bf16* p, float x) { p->bits = round_bf16(x); }

// Value rows are taken in steps of 4 float vectors. `order` is where the step keeps dim i (bf16 splits even and odd).
constexpr int kStep = 4 * W;

template <class E, bool Full>
inline void load_step(const E* p, int64_t dims, vf (&v)[4]) {
  if constexpr (std::is_same_v<E, float>) {
    for (int c = 0; c < 4; c++) {
      if constexpr (Full) v[c] = load(p + c * W);
      else v[c] = dims > c * W ? load_part(p + c * W, (dims - c * W) * 4) : vf{};
    }
  } else {
    for (int c = 0; c < 2; c++) {
      vf words;
      if constexpr (Full) words = load(p + c * 2 * W);
      else words = dims > c * 2 * W ? load_part(p + c * 2 * W, (dims - c * 2 * W) * 2) : vf{};
      widen(words, v[2 * c], v[2 * c + 1]);
    }
  }
}

template <class E>
inline int order(int dim) {
  if constexpr (std::is_same_v<E, float>) return dim;
  else return dim / (2 * W) * (2 * W) + (dim & 1) * W + dim % (2 * W) / 2;
}

// What is taken off every score before its exponential: the largest, or nothing where no row is to be seen, as
// -inf - -inf would be NaN. A NaN among the scores may hide from a maximum but not from the exponentials, so it ends
// up in the sum and in every output, as in torch's softmax.
inline float shift_of(float best) { return best == -INFINITY ? 0.0f : best; }

// Ask for rows that will be read soon. The hardware's prefetcher stops at every 4 KiB page and loses several short
// streams: without this, one core read a cold cache at a third of the speed that it gets from one long stream.
inline void prefetch_rows(const void* base, int64_t stride_bytes, int64_t rows, int64_t bytes) {
  const char* p = static_cast<const char*>(base);
  for (int64_t row = 0; row < rows; row++, p += stride_bytes)
    for (int64_t byte = 0; byte < bytes; byte += 64) __builtin_prefetch(p + byte);
}

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace sigma

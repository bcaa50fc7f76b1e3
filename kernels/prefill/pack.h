// K, V and queries of prefill in the order in which the register tiles read them (cpu.cpp).
#pragma once
#include "../scores.h"

namespace sigma {
namespace {

constexpr int kVectors = SIGMA_AVX512 ? 4 : 2;  // vectors of a register tile: of rows for scores, of dims for sums
constexpr int64_t kLane = kVectors * W;

template <class E>
constexpr bool kPairs = SIGMA_DPBF16 && !std::is_same_v<E, float>;

inline float wide(float x) { return x; }
inline float wide(bf16 x) {
  const uint32_t u = uint32_t(x.bits) << 16;
  float f;
  memcpy(&f, &u, 4);
  return f;
}

// A vector that crosses a cache line takes two reads. The memory needs kSlack floats more than it is to hold.
constexpr int64_t kSlack = 64 / sizeof(float);
inline float* aligned(float* p) { return reinterpret_cast<float*>(round_up(reinterpret_cast<intptr_t>(p), 64)); }

struct Packed {
  int64_t words, k_pitch;  // words of a query; words of a K tile column, padded to whole vectors
  int64_t v_dims;          // words of a packed V row (or row pair), padded to whole tiles
  int64_t tiles, steps;    // K tiles per head; packed V rows per head
  template <class E>
  static Packed of(const Args& a) {
    const int64_t words = kPairs<E> ? (a.d_k + 1) / 2 : a.d_k;
    const int64_t rows = round_up(a.rows, kLane);
    return {words, round_up(words, W), round_up(a.d_v, kLane), rows / kLane, kPairs<E> ? rows / 2 : rows};
  }
  int64_t k_head() const { return tiles * k_pitch * kLane; }
  int64_t v_head() const { return steps * v_dims; }
};

// kLane rows of K, transposed to [words][kLane]; rows from `count` on are zeros and their memory is not read.
template <class E>
void pack_keys(const E* k, int64_t stride, int64_t count, int64_t d_k, const Packed& p, float* to) {
  if constexpr (kPairs<E> || std::is_same_v<E, float>) {
    for (int64_t w = 0; w < p.k_pitch; w += W) {
      const int64_t bytes = d_k * int64_t(sizeof(E)) - w * 4;
      for (int c = 0; c < kVectors; c++) {
        vf r[W];
        for (int i = 0; i < W; i++)
          r[i] = c * W + i < count ? load_part(reinterpret_cast<const char*>(k + (c * W + i) * stride) + w * 4, bytes)
                                   : vf{};
        transpose(r);
        for (int i = 0; i < W; i++) store(to + (w + i) * kLane + c * W, r[i]);
      }
    }
  } else {
    for (int64_t d = 0; d < d_k; d++)
      for (int64_t n = 0; n < kLane; n++) to[d * kLane + n] = n < count ? wide(k[n * stride + d]) : 0;
  }
}

// kLane rows of V; rows from `count` on are zeros.
template <class E>
void pack_values(const E* v, int64_t stride, int64_t count, int64_t d_v, const Packed& p, float* to) {
#if SIGMA_DPBF16
  if constexpr (kPairs<E>) {
    alignas(64) uint16_t low[32], high[32];
    for (int i = 0; i < 16; i++)
      low[2 * i] = uint16_t(i), low[2 * i + 1] = uint16_t(i + 32), high[2 * i] = uint16_t(i + 16),
              high[2 * i + 1] = uint16_t(i + 48);
    const __m512i first = _mm512_load_si512(low), second = _mm512_load_si512(high);
    for (int64_t n = 0; n < kLane; n += 2, to += p.v_dims)
      for (int64_t d = 0; d < p.v_dims; d += 2 * W) {
        const int64_t bytes = (d_v - d) * 2;
        const vf a = n < count && bytes > 0 ? load_part(v + n * stride + d, bytes) : vf{};
        const vf b = n + 1 < count && bytes > 0 ? load_part(v + (n + 1) * stride + d, bytes) : vf{};
        store(to + d, (vf)_mm512_permutex2var_epi16((__m512i)a, first, (__m512i)b));
        store(to + d + W, (vf)_mm512_permutex2var_epi16((__m512i)a, second, (__m512i)b));
      }
    return;
  }
#endif
  for (int64_t n = 0; n < kLane; n++, to += p.v_dims)
    for (int64_t d = 0; d < p.v_dims; d++) to[d] = n < count && d < d_v ? wide(v[n * stride + d]) : 0;
}

template <class E>
void pack_query(const E* q, int64_t d_k, const Packed& p, float* to) {
  if constexpr (kPairs<E>) {
    to[p.words - 1] = 0;
    memcpy(to, q, d_k * sizeof(E));
  } else {
    for (int64_t d = 0; d < d_k; d++) to[d] = wide(q[d]);
  }
}

}  // namespace
}  // namespace sigma

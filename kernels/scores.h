// What decode and selective share: the arguments, how heads group into units of work, and the score tile.
//
// A unit is the smallest set of query heads that shares no K or V head with the others: gcd(n_k, n_v) units per
// sequence. Inside it every K row and every V row is read once. 9/1/3 has one unit, 9/3/3 three, 40/8/20 four.
#pragma once
#include <numeric>
#include <vector>

#include "memory.h"
#include "simd.h"

namespace sigma {

// `Args` in kernels/native.py. Strides in elements, the last dim contiguous.
struct Args {
  const void *q, *k, *v;
  void* out;
  float* lse;              // decode: may be null
  const int64_t* lengths;  // may be null
  int64_t b, n_q, n_k, n_v, t, rows, d_k, d_v;
  int64_t q_stride[3], k_stride[3], v_stride[3];  // batch, head, row
  int64_t threads;
  double scale;
  // Selective only.
  int64_t top_k, missing_mass;  // missing_mass: place in MISSING_MASS (kernels/selective/missing_mass.py)
  double threshold;             // rows that weigh less are not read, the current one aside
  const float* v_sum;           // mean: [b][n_v][d_v], the V rows before the t newest
  float* captured;
  int32_t* positions;
};

constexpr int64_t kAhead = 32;  // rows between asking for a K or V row and reading it
constexpr int kLanes = 2 * W;   // K rows scored together: two vectors share every broadcast of the query

struct Heads {
  int64_t units, queries, keys, values;  // per unit: query heads, key heads, value heads
  explicit Heads(const Args& a)
      : units(std::gcd(a.n_k, a.n_v)), queries(a.n_q / units), keys(a.n_k / units), values(a.n_v / units) {}
};

inline int64_t length_of(const Args& a, int64_t batch) { return a.lengths ? a.lengths[batch] : a.rows; }

// Queries as the score tile wants them: 32-bit words, zero-padded to whole vectors of K words.
template <class E>
struct Queries {
  int64_t words;  // K words per row, padded
  int64_t pitch;  // floats per query
  static constexpr bool kWide = !std::is_same_v<E, float> && !SIGMA_DPBF16;  // bf16 words split into two floats

  explicit Queries(int64_t d_k)
      : words(round_up((d_k + kPerWord<E> - 1) / kPerWord<E>, W)), pitch(words * (kWide ? 2 : 1)) {}

  void pack(const E* q, int64_t d_k, float* to) const {
    memset(to, 0, pitch * sizeof(float));
    if constexpr (kWide) {
      for (int64_t i = 0; i < d_k; i++) {
        const uint32_t u = uint32_t(q[i].bits) << 16;
        memcpy(to + i, &u, 4);
      }
    } else {
      memcpy(to, q, d_k * sizeof(E));
    }
  }
};

// kLanes K rows, transposed to [words][kLanes]; rows from `count` on are zeros and their memory is not read.
template <class E>
inline void transpose_rows(const E* k, int64_t stride, int64_t count, int64_t d_k, int64_t words, float* to) {
  for (int64_t w = 0; w < words; w += W) {
    const int64_t bytes = (d_k - w * kPerWord<E>) * int64_t(sizeof(E));
    for (int half = 0; half < 2; half++) {
      vf r[W];
      const E* base = k + half * W * stride + w * kPerWord<E>;
      if (count >= kLanes && bytes >= int64_t(sizeof(vf))) {
        for (int i = 0; i < W; i++) r[i] = load(base + i * stride);
      } else {
        for (int i = 0; i < W; i++) r[i] = half * W + i < count ? load_part(base + i * stride, bytes) : vf{};
      }
      transpose(r);
      for (int i = 0; i < W; i++) store(to + (w + i) * kLanes + half * W, r[i]);
    }
  }
}

template <class E, int R>
inline void score_tile(const float* kt, const float* q, const Queries<E>& layout, float factor, float* to,
                       int64_t pitch) {
  constexpr int step = Queries<E>::kWide ? 2 : 1;
  vf acc[R][2] = {};
  for (int64_t w = 0; w < layout.words; w++) {
    const vf k0 = load(kt + w * kLanes), k1 = load(kt + w * kLanes + W);
    for (int r = 0; r < R; r++) {
      const float* word = q + r * layout.pitch + w * step;
      acc[r][0] = dot_words<E>(acc[r][0], k0, word);
      acc[r][1] = dot_words<E>(acc[r][1], k1, word);
    }
  }
  for (int r = 0; r < R; r++) {
    store(to + r * pitch, acc[r][0] * factor);
    store(to + r * pitch + W, acc[r][1] * factor);
  }
}

// Scores of `n` queries with one K head: query i, row j at to[i * pitch + j], written up to a multiple of kLanes.
// `readable` rows of K (count or more) will be read in the end: those a little ahead are asked for on the way.
template <class E>
inline void score_rows(const E* k, int64_t stride, int64_t count, int64_t readable, int64_t d_k, const float* q,
                       int64_t n, const Queries<E>& layout, float factor, float* kt, float* to, int64_t pitch) {
  constexpr int kTile = SIGMA_AVX512 ? 5 : 3;  // 10 (6) accumulators hide the latency of the multiply-add
  for (int64_t row = 0; row < count; row += kLanes) {
    const int64_t left = readable - row - kAhead;
    prefetch_rows(k + (row + kAhead) * stride, stride * sizeof(E), left < kLanes ? left : kLanes, d_k * sizeof(E));
    transpose_rows(k + row * stride, stride, count - row, d_k, layout.words, kt);
    for (int64_t i = 0; i < n;) {
      const float* qi = q + i * layout.pitch;
      float* out = to + i * pitch + row;
      const int64_t rest = n - i;
      // Even tiles: 9 queries go as 5 + 4, not 5 + 3 + 1.
      const int64_t tile = rest <= kTile ? rest : rest < 2 * kTile ? (rest + 1) / 2 : kTile;
      switch (tile) {
        case 1: score_tile<E, 1>(kt, qi, layout, factor, out, pitch); break;
        case 2: score_tile<E, 2>(kt, qi, layout, factor, out, pitch); break;
        case 3: score_tile<E, 3>(kt, qi, layout, factor, out, pitch); break;
        case 4: score_tile<E, 4>(kt, qi, layout, factor, out, pitch); break;
        default: score_tile<E, 5>(kt, qi, layout, factor, out, pitch); break;
      }
      i += tile;
    }
  }
}

// One thread's share of all rows of all K heads: base-2 logits of every query in scores[query * pitch + row]. `packed`
// holds the queries in the order [b][n_q][t]; rows past a sequence's length are not read.
template <class E>
inline void scan_keys(const Args& a, const Queries<E>& layout, const float* packed, float factor, float* scores,
                      int64_t pitch, int64_t thread, int64_t threads) {
  thread_local std::vector<float> kt;
  if (kt.size() < size_t(layout.words * kLanes)) kt.resize(layout.words * kLanes);
  const int64_t group = a.n_q / a.n_k * a.t;  // queries per K head
  const int64_t keys = a.b * a.n_k, tiles = pitch / kLanes;
  const int64_t from = keys * tiles * thread / threads, to = keys * tiles * (thread + 1) / threads;
  for (int64_t key = from / tiles; key * tiles < to; key++) {
    const int64_t begin = (from > key * tiles ? from - key * tiles : 0) * kLanes;
    int64_t end = (to - key * tiles) * kLanes;
    const int64_t length = length_of(a, key / a.n_k);
    if (end > length) end = length;
    if (begin >= end) continue;
    const E* k = static_cast<const E*>(a.k) + key / a.n_k * a.k_stride[0] + key % a.n_k * a.k_stride[1];
    score_rows(k + begin * a.k_stride[2], a.k_stride[2], end - begin, end - begin, a.d_k,
               packed + key * group * layout.pitch, group, layout, factor, kt.data(),
               scores + key * group * pitch + begin, pitch);
  }
}

}  // namespace sigma

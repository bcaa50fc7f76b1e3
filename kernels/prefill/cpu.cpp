// Causal attention of many queries, as blocks: K and V are repacked once per call into the order in which the register
// tiles read them, then every block of queries of a head walks the rows with an online softmax.
//
// Where the processor multiplies pairs of bf16 (SIGMA_DPBF16), 32-bit words hold two dims of K, and of V the same dim
// of two neighbouring rows, and the weights are rounded to bf16; elsewhere all words are floats. Key and value heads are
// found by index: none is repeated, their counts and widths are free.
#include <memory>

#include "tile.h"

namespace sigma {
namespace {

template <class E, int R>
inline void sums_of(const float* weights, const float* v, int64_t steps, int64_t v_dims, float* acc) {
  for (int64_t d = 0; d < v_dims; d += kLane) {
    vf a[R][kVectors];
    for (int r = 0; r < R; r++)
      for (int c = 0; c < kVectors; c++) a[r][c] = load(acc + r * v_dims + d + c * W);
    for (int64_t n = 0; n < steps; n++) {
      vf x[kVectors];
      for (int c = 0; c < kVectors; c++) x[c] = load(v + n * v_dims + d + c * W);
      for (int r = 0; r < R; r++) {
        const vf weight = splat_bits(weights + r * kRows + n);
        for (int c = 0; c < kVectors; c++) a[r][c] = multiply<E>(a[r][c], x[c], weight);
      }
    }
    for (int r = 0; r < R; r++)
      for (int c = 0; c < kVectors; c++) store(acc + r * v_dims + d + c * W, a[r][c]);
  }
}

// 2^x for x <= 0: for weights that are rounded to bf16, 1e-4 relative is enough and takes half the time.
template <class E>
inline vf weight_of(vf x) {
#if SIGMA_DPBF16
  if constexpr (kPairs<E>) {
    const vf f = (vf)_mm512_reduce_ps((__m512)x, 1);  // x - floor(x)
    const vf p = ((f * 0.0781455737f + 0.226173572f) * f + 0.695556856f) * f + 1.0f;
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)x);
  }
#endif
  return exp2_negative(x);
}

// One softmax step of one query: `count` scores to weights in place, as floats or as bf16 one after another; the
// first `seen` of them are visible.
template <class E>
inline void soften_block(float* s, int64_t count, int64_t seen, float& best, float& total, float* acc, int64_t v_dims) {
  const int64_t padded = round_up(count, W * 2);
  for (int64_t i = seen > 0 ? seen : 0; i < padded; i++) s[i] = -INFINITY;
  vf top = load(s), other = load(s + W);
  for (int64_t i = 2 * W; i < padded; i += 2 * W) top = vmax(top, load(s + i)), other = vmax(other, load(s + i + W));
  const float now = maximum(vmax(top, other));
  if (now > best) {
    const float shrink = std::exp2(best - now);  // 0 the first time: best starts at minus infinity
    for (int64_t d = 0; d < v_dims; d += W) store(acc + d, load(acc + d) * shrink);
    total *= shrink;
    best = now;
  }
  const vf shift = splat(shift_of(best));
  vf mass = {};
  for (int64_t i = 0; i < padded; i += W) {
    const vf weight = weight_of<E>(load(s + i) - shift);
    mass += weight;
#if SIGMA_DPBF16
    if constexpr (kPairs<E>) {
      const __m256bh half = _mm512_cvtneps_pbh((__m512)weight);
      memcpy(reinterpret_cast<char*>(s) + i * 2, &half, sizeof half);
      continue;
    }
#endif
    store(s + i, weight);
  }
  total += sum(mass);
}

template <class E>
struct Block {
  const Args& a;
  const Packed& p;
  const float *keys, *values;  // packed, of this query head
  float *queries, *scores, *acc, *best, *total;
  float factor;

  // Queries i .. i + R - 1 of the block against rows [row, row + count); the first of them sees `seen` of these rows.
  template <int R>
  void tile(int64_t i, int64_t row, int64_t count, int64_t seen) const {
    const float* kt = keys + row / kLane * p.k_pitch * kLane;
    for (int64_t n = 0; n < count; n += kLane, kt += p.k_pitch * kLane)
      scores_of<E, R>(kt, queries + i * p.words, p.words, factor, scores + n);
    for (int r = 0; r < R; r++)
      soften_block<E>(scores + r * kRows, count, seen + r < count ? seen + r : count, best[i + r], total[i + r],
                      acc + (i + r) * p.v_dims, p.v_dims);
    const int64_t steps = kPairs<E> ? (count + 1) / 2 : count;
    sums_of<E, R>(scores, values + (kPairs<E> ? row / 2 : row) * p.v_dims, steps, p.v_dims, acc + i * p.v_dims);
  }
};

// Queries [begin, end) of one head of one sequence.
template <class E>
void attend(const Args& a, const Packed& p, int64_t batch, int64_t head, int64_t begin, int64_t end, const float* keys,
            const float* values) {
  thread_local std::vector<float> scratch;
  const size_t need = kQueries * (p.words + p.v_dims + 2) + kTile * kRows + kSlack;
  if (scratch.size() < need) scratch.resize(need);
  float* queries = aligned(scratch.data());
  float* scores = queries + kQueries * p.words;
  float* acc = scores + kTile * kRows;
  float* best = acc + kQueries * p.v_dims;
  const Block<E> block{a,    p,       keys, values, queries, scores, acc, best, best + kQueries,
                       float(a.scale * 1.4426950408889634)};
  const int64_t n = end - begin, before = length_of(a, batch) - a.t + begin;  // rows older than the first query's own
  const E* q = static_cast<const E*>(a.q) + batch * a.q_stride[0] + head * a.q_stride[1] + begin * a.q_stride[2];
  for (int64_t i = 0; i < n; i++) pack_query(q + i * a.q_stride[2], a.d_k, p, queries + i * p.words);
  memset(acc, 0, n * p.v_dims * sizeof(float));
  for (int64_t i = 0; i < n; i++) block.best[i] = -INFINITY, block.total[i] = 0;
  walk(block, n, before);
  for (int64_t i = 0; i < n; i++) {
    E* out = static_cast<E*>(a.out) + ((batch * a.t + begin + i) * a.n_q + head) * a.d_v;
    const float share = 1.0f / block.total[i];
    for (int64_t d = 0; d < a.d_v; d++) put(out + d, acc[i * p.v_dims + d] * share);
    if (a.lse)
      a.lse[(batch * a.n_q + head) * a.t + begin + i] =
          (block.best[i] + std::log2(block.total[i])) * 0.6931471805599453f;
  }
}

template <class E>
void prefill(const Args& a) {
  const Packed p = Packed::of<E>(a);
  const int64_t k_heads = a.b * a.n_k, v_heads = a.b * a.n_v, blocks = (a.t + kQueries - 1) / kQueries;
  const std::unique_ptr<float[]> memory(new float[k_heads * p.k_head() + v_heads * p.v_head() + kSlack]);
  float* keys = aligned(memory.get());
  float* values = keys + k_heads * p.k_head();
  Caught caught;
#pragma omp parallel num_threads(int(a.threads))
  {
#pragma omp for schedule(dynamic, 16) nowait
    for (int64_t job = 0; job < k_heads * p.tiles; job++) {
      const int64_t head = job / p.tiles, row = job % p.tiles * kLane, left = length_of(a, head / a.n_k) - row;
      const E* k = static_cast<const E*>(a.k) + head / a.n_k * a.k_stride[0] + head % a.n_k * a.k_stride[1];
      if (left > 0)
        pack_keys(k + row * a.k_stride[2], a.k_stride[2], left, a.d_k, p, keys + job * p.k_pitch * kLane);
    }
#pragma omp for schedule(dynamic, 16)
    for (int64_t job = 0; job < v_heads * p.tiles; job++) {
      const int64_t head = job / p.tiles, row = job % p.tiles * kLane, left = length_of(a, head / a.n_v) - row;
      const E* v = static_cast<const E*>(a.v) + head / a.n_v * a.v_stride[0] + head % a.n_v * a.v_stride[1];
      if (left > 0)
        pack_values(v + row * a.v_stride[2], a.v_stride[2], left, a.d_v, p, values + job * (p.v_head() / p.tiles));
    }
#pragma omp for schedule(dynamic, 1)
    for (int64_t job = 0; job < a.b * a.n_q * blocks; job++) {
      const int64_t block = blocks - 1 - job % blocks, head = job / blocks % a.n_q, batch = job / blocks / a.n_q;
      const int64_t begin = block * kQueries, end = begin + kQueries < a.t ? begin + kQueries : a.t;
      caught([&] {
        attend<E>(a, p, batch, head, begin, end, keys + (batch * a.n_k + head * a.n_k / a.n_q) * p.k_head(),
                  values + (batch * a.n_v + head * a.n_v / a.n_q) * p.v_head());
      });
    }
  }
  caught.pass_on();
}

}  // namespace
}  // namespace sigma

extern "C" {
int sigma_prefill_bf16(const sigma::Args* a) {
  return sigma::told([&] { sigma::prefill<sigma::bf16>(*a); });
}
int sigma_prefill_fp32(const sigma::Args* a) {
  return sigma::told([&] { sigma::prefill<float>(*a); });
}
}

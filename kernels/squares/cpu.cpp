// Maps of attention: the largest softmax weight of every square of queries and keys, and the log-sum-exp of every query.
//
// What a softmax would hold, [n_q, t, rows], is never stored. A register tile of queries meets kRows keys at a time; of their
// scores the largest of each run of `width` keys goes to the query's bins, their exponentials to its running sum. At the end
// of a row its bins become weights, 2^(bin - log-sum), and each square keeps the largest of its queries.
//
// `out` is fp32 [b][n_q][ceil(t / width)][pitch], zeros when it comes, pitch being the bins rounded up to kBinPad.
#include <memory>

#include "../prefill/tile.h"

namespace sigma {
namespace {

constexpr int64_t kBinPad = 32;  // SQUARES_BIN_PAD in kernels/native.py; a multiple of W at either vector width

struct Window {
  int64_t width, first, last;  // keys [first, last)
  int64_t bins() const { return (last - first + width - 1) / width; }
  int64_t pitch() const { return round_up(bins(), kBinPad); }
};

inline float largest_of(const float* s, int64_t n) {
  if (n < W) {
    float best = s[0];
    for (int64_t i = 1; i < n; i++) best = s[i] > best ? s[i] : best;
    return best;
  }
  vf best = load(s + n - W);  // the last whole vector overlaps the one before: a maximum does not mind
  for (int64_t i = 0; i + W <= n; i += W) best = vmax(best, load(s + i));
  return maximum(best);
}

// Scores of keys [row, row + count) to the bins of their query.
inline void pool(const float* s, int64_t row, int64_t count, const Window& w, float* bins) {
  const int64_t from = row > w.first ? row : w.first, to = row + count < w.last ? row + count : w.last;
  if (from >= to) return;
  int64_t bin = (from - w.first) / w.width;
  for (int64_t key = from; key < to; bin++) {
    const int64_t end = w.first + (bin + 1) * w.width, next = end < to ? end : to;
    const float most = largest_of(s + key - row, next - key);
    if (most > bins[bin]) bins[bin] = most;
    key = next;
  }
}

// `count` visible scores of one query to its largest score and the sum of 2^(score - largest); the vector's rest is overwritten.
inline void add_block(float* s, int64_t count, float& best, float& total) {
  const int64_t padded = round_up(count, W);
  for (int64_t i = count; i < padded; i++) s[i] = -INFINITY;
  vf top = load(s);
  for (int64_t i = W; i < padded; i += W) top = vmax(top, load(s + i));
  const float now = maximum(top);
  if (now > best) {
    total *= std::exp2(best - now);  // 0 the first time: best starts at minus infinity
    best = now;
  }
  const vf shift = splat(shift_of(best));
  vf mass = {};
  for (int64_t i = 0; i < padded; i += W) mass += exp2_negative(load(s + i) - shift);
  total += sum(mass);
}

template <class E>
struct Look {
  const Packed& p;
  const Window& w;
  const float* keys;  // packed, of this query head
  float *queries, *scores, *bins, *best, *total;
  float factor;

  // Queries i .. i + R - 1 against rows [row, row + count); the first of them sees `seen` of these rows.
  template <int R>
  void tile(int64_t i, int64_t row, int64_t count, int64_t seen) const {
    const float* kt = keys + row / kLane * p.k_pitch * kLane;
    for (int64_t n = 0; n < count; n += kLane, kt += p.k_pitch * kLane)
      scores_of<E, R>(kt, queries + i * p.words, p.words, factor, scores + n);
    for (int r = 0; r < R; r++) {
      const int64_t own = seen + r < count ? seen + r : count;
      if (own <= 0) continue;
      pool(scores + r * kRows, row, own, w, bins + (i + r) * w.pitch());
      add_block(scores + r * kRows, own, best[i + r], total[i + r]);
    }
  }
};

// The larger of each lane; a NaN in either stays one. For weights, which are finite or NaN.
inline vf keep_nan(vf a, vf b) { return vmax(a, b) + (a + b) * 0.0f; }

// Queries [begin, end) of one head of one sequence: whole rows of squares.
template <class E>
void look(const Args& a, const Packed& p, const Window& w, int64_t batch, int64_t head, int64_t begin, int64_t end,
          const float* keys) {
  thread_local std::vector<float> scratch;
  const int64_t n = end - begin, pitch = w.pitch(), before = a.rows - a.t + begin;
  const size_t need = n * (p.words + pitch + 2) + kTile * kRows + kSlack;
  if (scratch.size() < need) scratch.resize(need);
  float* queries = aligned(scratch.data());
  float* scores = queries + n * p.words;
  float* bins = scores + kTile * kRows;
  float* best = bins + n * pitch;
  const Look<E> here{p, w, keys, queries, scores, bins, best, best + n, float(a.scale * 1.4426950408889634)};
  const E* q = static_cast<const E*>(a.q) + batch * a.q_stride[0] + head * a.q_stride[1] + begin * a.q_stride[2];
  for (int64_t i = 0; i < n; i++) pack_query(q + i * a.q_stride[2], a.d_k, p, queries + i * p.words);
  for (int64_t i = 0; i < n * pitch; i++) bins[i] = -INFINITY;
  for (int64_t i = 0; i < n; i++) here.best[i] = -INFINITY, here.total[i] = 0;
  walk(here, n, before);
  const int64_t of_head = batch * a.n_q + head, down = (a.t + w.width - 1) / w.width;
  float* out = static_cast<float*>(a.out) + (of_head * down + begin / w.width) * pitch;
  for (int64_t i = 0; i < n; i++) {
    const float sum = here.best[i] + std::log2(here.total[i]);
    a.lse[of_head * a.t + begin + i] = sum * 0.6931471805599453f;
    float* to = out + i / w.width * pitch;
    for (int64_t bin = 0; bin < pitch; bin += W)
      store(to + bin, keep_nan(load(to + bin), exp2_negative(load(bins + i * pitch + bin) - splat(sum))));
  }
}

template <class E>
void squares(const Args& a, const Window& w) {
  const Packed p = Packed::of<E>(a);
  // Whole rows of squares to a job: no two jobs write the same square.
  const int64_t queries = w.width >= kQueries ? w.width : kQueries / w.width * w.width;
  const int64_t heads = a.b * a.n_k, blocks = (a.t + queries - 1) / queries;
  const std::unique_ptr<float[]> memory(new float[heads * p.k_head() + kSlack]);
  float* keys = aligned(memory.get());
  Caught caught;
#pragma omp parallel num_threads(int(a.threads))
  {
#pragma omp for schedule(dynamic, 16)
    for (int64_t job = 0; job < heads * p.tiles; job++) {
      const int64_t head = job / p.tiles, row = job % p.tiles * kLane;
      const E* k = static_cast<const E*>(a.k) + head / a.n_k * a.k_stride[0] + head % a.n_k * a.k_stride[1];
      pack_keys(k + row * a.k_stride[2], a.k_stride[2], a.rows - row, a.d_k, p, keys + job * p.k_pitch * kLane);
    }
#pragma omp for schedule(dynamic, 1)
    for (int64_t job = 0; job < a.b * a.n_q * blocks; job++) {
      const int64_t block = blocks - 1 - job % blocks, head = job / blocks % a.n_q, batch = job / blocks / a.n_q;
      const int64_t begin = block * queries, end = begin + queries < a.t ? begin + queries : a.t;
      caught([&] {
        look<E>(a, p, w, batch, head, begin, end, keys + (batch * a.n_k + head * a.n_k / a.n_q) * p.k_head());
      });
    }
  }
  caught.pass_on();
}

}  // namespace
}  // namespace sigma

extern "C" {
int sigma_squares_bf16(const sigma::Args* a, int64_t width, int64_t first, int64_t last) {
  return sigma::told([&] { sigma::squares<sigma::bf16>(*a, {width, first, last}); });
}
int sigma_squares_fp32(const sigma::Args* a, int64_t width, int64_t first, int64_t last) {
  return sigma::told([&] { sigma::squares<float>(*a, {width, first, last}); });
}
}

// Split-KV decode attention with unequal key and value heads: every K row and every V row is read once.
//
// All rows of all units (see scores.h) of a call form one line, cut evenly among the threads, so the threads finish
// together whatever the head counts and lengths. Several calls at once are each cut that way. Each thread runs an online softmax over blocks of rows; a unit that was cut
// leaves partial results (maximum, sum, accumulator) that are combined at the end by their log-sum-exp.
#include <algorithm>

#include "../layout.h"
#include "../scores.h"

namespace sigma {
namespace {

constexpr int64_t kBlock = 256;             // rows per softmax step: a V block of one head stays near the core
constexpr int64_t kSerialBytes = 96 << 10;  // below this, waking the other threads costs more than it saves

struct Shape {
  Heads heads;
  int64_t queries = 0;  // rows of the softmax in a unit: query heads times t
  int64_t d_pad = 0;    // accumulator floats per query
  int64_t partial = 0;  // floats of one partial result
};

struct Partial {
  float *best, *total, *acc;  // in log2 units, relative to best
  Partial(float* at, const Shape& s) : best(at), total(at + s.queries), acc(at + 2 * s.queries) {}
};

template <class E, int R, bool Full>
inline void add_tile(const float* p, const E* v, int64_t stride, int64_t count, int64_t ahead, int64_t dims, float* acc,
                     int64_t d_pad) {
  vf a[R][4];
  for (int r = 0; r < R; r++)
    for (int c = 0; c < 4; c++) a[r][c] = load(acc + r * d_pad + c * W);
  for (int64_t n = 0; n < count; n++) {
    if (n < ahead) prefetch_rows(v + (n + kAhead) * stride, 0, 1, dims * sizeof(E));
    vf x[4];
    load_step<E, Full>(v + n * stride, dims, x);
    for (int r = 0; r < R; r++) {
      const vf weight = splat(p[r * kBlock + n]);
      for (int c = 0; c < 4; c++) a[r][c] += weight * x[c];
    }
  }
  for (int r = 0; r < R; r++)
    for (int c = 0; c < 4; c++) store(acc + r * d_pad + c * W, a[r][c]);
}

template <class E, bool Full>
inline void add_step(const float* p, int64_t n, const E* v, int64_t stride, int64_t count, int64_t ahead, int64_t dims,
                     float* acc, int64_t d_pad) {
  constexpr int kTile = SIGMA_AVX512 ? 4 : 2;
  for (int64_t i = 0; i < n; i += kTile) {
    const float* pi = p + i * kBlock;
    float* ai = acc + i * d_pad;
    if (i > 0) ahead = 0;  // the first tile has asked for the next rows already
    switch (n - i < kTile ? n - i : kTile) {
      case 1: add_tile<E, 1, Full>(pi, v, stride, count, ahead, dims, ai, d_pad); break;
      case 2: add_tile<E, 2, Full>(pi, v, stride, count, ahead, dims, ai, d_pad); break;
      case 3: add_tile<E, 3, Full>(pi, v, stride, count, ahead, dims, ai, d_pad); break;
      default: add_tile<E, 4, Full>(pi, v, stride, count, ahead, dims, ai, d_pad); break;
    }
  }
}

// One softmax step of one query: scores to weights in place; `seen` of the `count` rows are visible to it.
inline void soften(float* s, int64_t count, int64_t seen, float& best, float& total, float* acc, int64_t d_pad) {
  const int64_t padded = round_up(count, W);
  if (seen <= 0) {
    memset(s, 0, padded * sizeof(float));
    return;
  }
  for (int64_t i = seen; i < padded; i++) s[i] = -INFINITY;
  vf top = load(s);
  for (int64_t i = W; i < padded; i += W) top = vmax(top, load(s + i));
  const float now = maximum(top);
  if (now > best) {
    const float shrink = std::exp2(best - now);  // 0 the first time: best starts at minus infinity
    for (int64_t i = 0; i < d_pad; i += W) store(acc + i, load(acc + i) * shrink);
    total *= shrink;
    best = now;
  }
  const float shift = shift_of(best);
  vf mass = {};
  for (int64_t i = 0; i < padded; i += W) {
    const vf weight = exp2_negative(load(s + i) - shift);
    mass += weight;
    store(s + i, weight);
  }
  total += sum(mass);
}

// Rows [begin, end) of one unit, into a partial result.
template <class E>
void run(const Args& a, const Shape& shape, int64_t batch, int64_t unit, int64_t begin, int64_t end, Partial part) {
  const Heads& h = shape.heads;
  const Queries<E> layout(a.d_k);
  thread_local std::vector<float> scratch;
  const size_t need = shape.queries * layout.pitch + layout.words * kLanes + shape.queries * kBlock;
  if (scratch.size() < need) scratch.resize(need);
  float* queries = scratch.data();
  float* kt = queries + shape.queries * layout.pitch;
  float* scores = kt + layout.words * kLanes;
  const E* q = static_cast<const E*>(a.q) + batch * a.q_stride[0] + unit * h.queries * a.q_stride[1];
  for (int64_t i = 0; i < shape.queries; i++)
    layout.pack(q + i / a.t * a.q_stride[1] + i % a.t * a.q_stride[2], a.d_k, queries + i * layout.pitch);
  for (int64_t i = 0; i < shape.queries; i++) part.best[i] = -INFINITY, part.total[i] = 0;
  memset(part.acc, 0, shape.queries * shape.d_pad * sizeof(float));

  const float factor = float(a.scale * 1.4426950408889634);  // base-2 exponentials from here on
  const int64_t length = length_of(a, batch);
  const int64_t per_key = shape.queries / h.keys, per_value = shape.queries / h.values;
  const E* k = static_cast<const E*>(a.k) + batch * a.k_stride[0] + unit * h.keys * a.k_stride[1];
  const E* v = static_cast<const E*>(a.v) + batch * a.v_stride[0] + unit * h.values * a.v_stride[1];
  const int64_t first = end - begin < kAhead ? end - begin : kAhead;
  for (int64_t key = 0; key < h.keys; key++)
    prefetch_rows(k + key * a.k_stride[1] + begin * a.k_stride[2], a.k_stride[2] * sizeof(E), first, a.d_k * sizeof(E));
  for (int64_t value = 0; value < h.values; value++)
    prefetch_rows(v + value * a.v_stride[1] + begin * a.v_stride[2], a.v_stride[2] * sizeof(E), first,
                  a.d_v * sizeof(E));
  for (int64_t row = begin; row < end; row += kBlock) {
    const int64_t count = end - row < kBlock ? end - row : kBlock, ahead = end - row - kAhead;
    for (int64_t key = 0; key < h.keys; key++)
      score_rows(k + key * a.k_stride[1] + row * a.k_stride[2], a.k_stride[2], count, end - row, a.d_k,
                 queries + key * per_key * layout.pitch, per_key, layout, factor, kt,
                 scores + key * per_key * kBlock, kBlock);
    for (int64_t i = 0; i < shape.queries; i++) {
      const int64_t visible = length - a.t + i % a.t + 1 - row;
      soften(scores + i * kBlock, count, visible < count ? visible : count, part.best[i], part.total[i],
             part.acc + i * shape.d_pad, shape.d_pad);
    }
    for (int64_t value = 0; value < h.values; value++) {
      const E* rows = v + value * a.v_stride[1] + row * a.v_stride[2];
      const float* p = scores + value * per_value * kBlock;
      float* acc = part.acc + value * per_value * shape.d_pad;
      int64_t d = 0;
      for (; d + kStep <= a.d_v; d += kStep)
        add_step<E, true>(p, per_value, rows + d, a.v_stride[2], count, ahead, kStep, acc + d, shape.d_pad);
      if (d < a.d_v)
        add_step<E, false>(p, per_value, rows + d, a.v_stride[2], count, ahead, a.d_v - d, acc + d, shape.d_pad);
    }
  }
}

// Merge the partial results of one unit (the first takes them all) and write its output rows.
template <class E>
void finish(const Args& a, const Shape& shape, int64_t batch, int64_t unit, float* first, int64_t parts) {
  Partial to(first, shape);
  for (int64_t i = 0; i < shape.queries; i++) {
    float* acc = to.acc + i * shape.d_pad;
    for (int64_t s = 1; s < parts; s++) {
      Partial from(first + s * shape.partial, shape);
      const float best = to.best[i] > from.best[i] ? to.best[i] : from.best[i];
      const float shift = shift_of(best);
      const float mine = std::exp2(to.best[i] - shift), theirs = std::exp2(from.best[i] - shift);
      const float* other = from.acc + i * shape.d_pad;
      for (int64_t d = 0; d < shape.d_pad; d += W) store(acc + d, load(acc + d) * mine + load(other + d) * theirs);
      to.total[i] = to.total[i] * mine + from.total[i] * theirs;
      to.best[i] = best;
    }
    const int64_t row = (batch * a.n_q + unit * shape.heads.queries) * a.t + i;
    E* out = static_cast<E*>(a.out) + row * a.d_v;
    const float share = 1.0f / to.total[i];
    for (int64_t d = 0; d < a.d_v; d++) put(out + d, acc[order<E>(d)] * share);
    if (a.lse) a.lse[row] = (to.best[i] + std::log2(to.total[i])) * 0.6931471805599453f;
  }
}

// The rows of all units of one call as a line, in groups of kLanes rows: unit u covers [edge[u], edge[u + 1]). The cut
// depends on this call alone, so its sums have the same bits beside whatever other calls.
template <class E>
struct Line {
  const Args& a;
  Shape shape;
  int64_t units, bytes = 0, threads;
  std::vector<int64_t> edge{0};
  float* slots = nullptr;  // [units + threads] partial results: a thread and a unit that meet take slot thread + unit

  explicit Line(const Args& args) : a(args), shape{Heads(args)}, units(args.b * shape.heads.units) {
    const Heads& heads = shape.heads;
    shape.queries = heads.queries * a.t, shape.d_pad = round_up(a.d_v, kStep);
    shape.partial = shape.queries * (2 + shape.d_pad);
    for (int64_t u = 0; u < units; u++) {
      const int64_t length = length_of(a, u / heads.units);
      edge.push_back(edge.back() + (length + kLanes - 1) / kLanes);
      bytes += length * (heads.keys * a.d_k + heads.values * a.d_v) * int64_t(sizeof(E));
    }
    bytes *= a.t;
    threads = bytes < kSerialBytes ? 1 : a.threads;
    if (threads > edge.back()) threads = edge.back();
  }

  int64_t need() const { return (units + threads) * shape.partial; }

  // One thread's share; a unit that lies in it whole is finished.
  void work(int64_t thread) const {
    const int64_t from = edge[units] * thread / threads, to = edge[units] * (thread + 1) / threads;
    for (int64_t u = 0; u < units; u++) {
      const int64_t lo = from > edge[u] ? from : edge[u], hi = to < edge[u + 1] ? to : edge[u + 1];
      if (lo >= hi) continue;
      const int64_t batch = u / shape.heads.units, unit = u % shape.heads.units, length = length_of(a, batch);
      const int64_t begin = (lo - edge[u]) * kLanes, end = (hi - edge[u]) * kLanes;
      float* slot = slots + (thread + u) * shape.partial;
      run<E>(a, shape, batch, unit, begin, end < length ? end : length, Partial(slot, shape));
      if (lo == edge[u] && hi == edge[u + 1]) finish<E>(a, shape, batch, unit, slot, 1);
    }
  }

  // The units that several threads met.
  void merge() const {
    for (int64_t u = 0; u < units && threads > 1; u++) {
      int64_t first = 0, last = threads - 1;  // the first and the last thread that met this one
      while (edge[units] * (first + 1) / threads <= edge[u]) first++;
      while (edge[units] * last / threads >= edge[u + 1]) last--;
      float* slot = slots + (first + u) * shape.partial;
      if (last > first) finish<E>(a, shape, u / shape.heads.units, u % shape.heads.units, slot, last - first + 1);
    }
  }
};

// Each call as if it were alone, all of them at once: their shares are dealt out among the threads, the largest first.
template <class E>
void decode(const Args* calls, int64_t n) {
  struct Share {
    int64_t line, thread, bytes;
  };
  thread_local std::vector<float> memory;
  std::vector<Line<E>> lines;
  std::vector<Share> shares;
  lines.reserve(n);
  int64_t bytes = 0, need = 0;
  for (int64_t i = 0; i < n; i++) {
    const Line<E>& line = lines.emplace_back(calls[i]);
    for (int64_t thread = 0; thread < line.threads; thread++) shares.push_back({i, thread, line.bytes / line.threads});
    bytes += line.bytes, need += line.need();
  }
  if (int64_t(memory.size()) < need) memory.resize(need);
  float* slots = memory.data();
  for (Line<E>& line : lines) line.slots = slots, slots += line.need();
  const int64_t count = int64_t(shares.size());
  const auto work = [&](int64_t i) { lines[shares[i].line].work(shares[i].thread); };
  if (bytes < kSerialBytes) {
    // No parallel region: a team of one would make OpenMP dismiss the threads that torch keeps waiting.
    for (int64_t i = 0; i < count; i++) work(i);
    return;
  }
  std::stable_sort(shares.begin(), shares.end(), [](const Share& a, const Share& b) { return a.bytes > b.bytes; });
  Caught caught;
#pragma omp parallel for num_threads(int(calls->threads)) schedule(static, 1)
  for (int64_t i = 0; i < count; i++) caught([&] { work(i); });
  caught.pass_on();
  for (const Line<E>& line : lines) line.merge();
}

}  // namespace
}  // namespace sigma

extern "C" {
int sigma_decode_many_bf16(const sigma::Args* calls, int64_t n) {
  return sigma::told([&] { sigma::decode<sigma::bf16>(calls, n); });
}
int sigma_decode_many_fp32(const sigma::Args* calls, int64_t n) {
  return sigma::told([&] { sigma::decode<float>(calls, n); });
}
int sigma_decode_bf16(const sigma::Args* a) { return sigma_decode_many_bf16(a, 1); }
int sigma_decode_fp32(const sigma::Args* a) { return sigma_decode_many_fp32(a, 1); }
// What this build was compiled for, for a status line.
const char* sigma_simd() {
#if SIGMA_DPBF16
  return "avx512_bf16";
#elif SIGMA_AVX512
  return "avx512";
#elif defined(__AVX2__)
  return "avx2";
#elif defined(__ARM_NEON)
  return "neon";
#else
  return "generic";
#endif
}
}

SIGMA_LAYOUT(Args, SIGMA_FIELD(q), SIGMA_FIELD(k), SIGMA_FIELD(v), SIGMA_FIELD(out), SIGMA_FIELD(lse),
             SIGMA_FIELD(lengths), SIGMA_FIELD(b), SIGMA_FIELD(n_q), SIGMA_FIELD(n_k), SIGMA_FIELD(n_v), SIGMA_FIELD(t),
             SIGMA_FIELD(rows), SIGMA_FIELD(d_k), SIGMA_FIELD(d_v), SIGMA_FIELD(q_stride), SIGMA_FIELD(k_stride),
             SIGMA_FIELD(v_stride), SIGMA_FIELD(threads), SIGMA_FIELD(scale), SIGMA_FIELD(top_k),
             SIGMA_FIELD(missing_mass), SIGMA_FIELD(threshold), SIGMA_FIELD(v_sum), SIGMA_FIELD(captured), SIGMA_FIELD(positions))

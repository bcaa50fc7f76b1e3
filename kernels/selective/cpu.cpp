// Selective V fetching: one scan of K writes all scores, then each query chooses its top rows exactly and only those
// rows of V are read.
//
// The exact k-th largest score is found by bisection over the bits of the score, first on the maxima of small groups
// of rows (their k-th largest is a proven lower bound on the k-th score; Dr. Top-k, arXiv 2109.08219), then on the few
// rows that reach that bound. Candidates stay in row order throughout, so nothing is sorted and equal scores go to
// the lowest index by themselves.
#include "kernels/scores.h"

namespace sigma {
namespace {

constexpr int64_t kRenormalize = 1, kMean = 2;  // as in MISSING_MASS
constexpr int64_t kSerialBytes = 96 << 10;  // as in decode: below this one thread is faster

// Scores as integers of the same order, so that a threshold can be found bit by bit.
inline vi ordered(vf x) {
  x += 0.0f;  // -0 becomes +0: they are equal scores
  vi i;
  memcpy(&i, &x, sizeof i);
  return i ^ ((i >> 31) & 0x7fffffff);
}

inline int64_t count_at_least(const int32_t* keys, int64_t n, int32_t threshold) {
  const vi limit = vi{} + threshold;
  vi hits = {};
  for (int64_t i = 0; i < n; i += W) {
    vi x;
    memcpy(&x, keys + i, sizeof x);
    hits -= x >= limit;  // a true lane is -1
  }
  int64_t total = 0;
  for (int i = 0; i < W; i++) total += hits[i];
  return total;
}

// The largest threshold that at least `k` keys reach, or an earlier one that exactly `k` reach: either way the keys
// above it are the top ones. n is a multiple of W, padded with INT32_MIN.
int32_t kth_largest(const int32_t* keys, int64_t n, int64_t k) {
  int64_t low = INT32_MIN, high = INT32_MAX;
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    const int64_t count = count_at_least(keys, n, int32_t(middle));
    if (count == k) return int32_t(middle);
    if (count > k) low = middle;
    else high = middle - 1;
  }
  return int32_t(low);
}

struct Scratch {
  std::vector<int32_t> maxima, keys, rows;
  std::vector<float> weights, acc;
};

// Append the rows of [0, n) whose key reaches the bound, in order.
int64_t gather_candidates(const float* scores, int64_t n, int32_t bound, int32_t* keys, int32_t* rows) {
  int64_t found = 0;
  const vi limit = vi{} + bound;
  int64_t i = 0;
  for (; i + W <= n; i += W) {
    const vi key = ordered(load(scores + i));
    const vi reach = key >= limit;
#if SIGMA_AVX512
    const __mmask16 mask = _mm512_movepi32_mask((__m512i)reach);
    if (!mask) continue;
    const __m512i index = _mm512_add_epi32(_mm512_set1_epi32(int(i)),
                                           _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    // Compress in a register, then store whole: storing through the mask is microcoded on some CPUs.
    _mm512_storeu_si512(keys + found, _mm512_maskz_compress_epi32(mask, (__m512i)key));
    _mm512_storeu_si512(rows + found, _mm512_maskz_compress_epi32(mask, index));
    found += __builtin_popcount(mask);
#else
    for (int lane = 0; lane < W; lane++) {
      keys[found] = key[lane];
      rows[found] = int32_t(i + lane);
      found -= reach[lane];
    }
#endif
  }
  for (; i < n; i++) {
    const vi key = ordered(splat(scores[i]));
    if (key[0] < bound) continue;
    keys[found] = key[0];
    rows[found++] = int32_t(i);
  }
  return found;
}

// The top `k` of the first n scores as ascending row numbers in scratch.rows.
void choose(const float* scores, int64_t n, int64_t k, Scratch& s) {
  s.keys.resize(n + 2 * W);
  s.rows.resize(n + 2 * W);
  int32_t bound = INT32_MIN;
  const int64_t vectors = n / W;
  const int64_t wanted = (4 * k + W - 1) / W;  // four groups per row to keep: the bound is then close
  const int64_t group = vectors / wanted;
  if (group > 1) {
    const int64_t groups = vectors / group;  // the rest of the rows has no group, which keeps the bound valid
    s.maxima.resize(groups * W);
    for (int64_t g = 0; g < groups; g++) {
      vf top = load(scores + g * group * W);
      for (int64_t i = 1; i < group; i++) top = vmax(top, load(scores + (g * group + i) * W));
      const vi key = ordered(top);
      memcpy(s.maxima.data() + g * W, &key, sizeof key);
    }
    bound = kth_largest(s.maxima.data(), groups * W, k);
  }
  const int64_t found = gather_candidates(scores, n, bound, s.keys.data(), s.rows.data());
  for (int64_t i = found; i < found + W; i++) s.keys[i] = INT32_MIN;
  const int32_t threshold = kth_largest(s.keys.data(), round_up(found, W), k);
  int64_t above = 0;
  for (int64_t i = 0; i < found; i++) above += s.keys[i] > threshold;
  int64_t equal = k - above, kept = 0;  // of those at the threshold, the first ones
  for (int64_t i = 0; i < found; i++) {
    const bool take = s.keys[i] > threshold || (s.keys[i] == threshold && equal-- > 0);
    s.rows[kept] = s.rows[i];
    kept += take;
  }
}

template <class E, bool Full>
inline void add_rows(const E* v, int64_t stride, const Scratch& s, int64_t count, int64_t dims, float* acc) {
  vf a[4] = {};
  for (int64_t i = 0; i < count; i++) {
    vf x[4];
    load_step<E, Full>(v + s.rows[i] * stride, dims, x);
    for (int c = 0; c < 4; c++) a[c] += x[c] * s.weights[i];
  }
  for (int c = 0; c < 4; c++) store(acc + c * W, a[c]);
}

// The sum over the first n scores of 2^(score - shift), and that shift, the largest of them.
float softmax_total(const float* scores, int64_t n, float& shift) {
  float best = scores[0];
  int64_t i = 0;
  if (n >= W) {
    vf top = load(scores);
    for (i = W; i + W <= n; i += W) top = vmax(top, load(scores + i));
    best = maximum(top);
  }
  for (; i < n; i++) best = scores[i] > best ? scores[i] : best;
  shift = shift_of(best);
  vf mass = {};
  for (i = 0; i + W <= n; i += W) mass += exp2_negative(load(scores + i) - shift);
  float total = sum(mass);
  for (; i < n; i++) total += exp2_negative(splat(scores[i] - shift))[0];
  return total;
}

// Leave out, in order, the chosen rows that weigh less than `limit`; the last one, the query's own, stays. `held` is
// their weight. Returns how many are left.
int64_t drop_light(Scratch& s, int64_t count, float limit, float& held) {
  int64_t left = 0;
  held = 0;
  for (int64_t i = 0; i < count; i++) {
    if (i + 1 < count && s.weights[i] < limit) continue;
    s.rows[left] = s.rows[i];
    held += s.weights[left++] = s.weights[i];
  }
  return left;
}

// Mean of the other rows: each row before the query's own gets an equal share of the missing mass, as one sum over all
// of them (v_sum and the rows of the queries before this one), and the kept ones give it back. A kept row weighs more
// than the mean of the others, so nothing cancels. Returns how many rows there are to add up.
int64_t spread(Scratch& s, int64_t count, float each, int64_t current, int64_t earlier_queries) {
  for (int64_t i = 0; i + 1 < count; i++) s.weights[i] -= each;
  s.rows.resize(count + earlier_queries);
  for (int64_t row = current - earlier_queries; row < current; row++) {
    s.rows[count] = int32_t(row);
    s.weights[count++] = each;
  }
  return count;
}

// One query: its scores (base-2 logits) to its output row.
template <class E>
void attend(const Args& a, int64_t batch, int64_t head, int64_t j, const float* scores, Scratch& s) {
  const int64_t length = length_of(a, batch), current = length - a.t + j;
  const int64_t width = a.top_k + 1;
  const int64_t kept = a.top_k < current ? a.top_k : current;
  const E* v = static_cast<const E*>(a.v) + batch * a.v_stride[0] + head * a.n_v / a.n_q * a.v_stride[1];

  s.rows.resize(current + 2 * W);
  if (kept < current) choose(scores, current, kept, s);
  else std::iota(s.rows.begin(), s.rows.begin() + current, 0);
  s.rows[kept] = int32_t(current);
  int64_t count = kept + 1;
  const auto ask = [&] {
    for (int64_t i = 0; i < count; i++)
      for (int64_t byte = 0; byte < a.d_v * int64_t(sizeof(E)); byte += 64)
        __builtin_prefetch(reinterpret_cast<const char*>(v + s.rows[i] * a.v_stride[2]) + byte);
  };
  if (a.threshold <= 0) ask();  // under a threshold the weights decide first which rows travel

  float shift;
  const float total = softmax_total(scores, current + 1, shift);  // while the rows travel
  s.weights.resize(round_up(count + a.t, W));
  float held = 0;
  for (int64_t i = 0; i < count; i += W) {
    vf logits = splat(-INFINITY);
    for (int lane = 0; lane < W && i + lane < count; lane++) logits[lane] = scores[s.rows[i + lane]] - shift;
    const vf weight = exp2_negative(logits);
    store(s.weights.data() + i, weight);
    held += sum(weight);
  }
  if (a.threshold > 0) {
    count = drop_light(s, count, float(a.threshold * total), held);
    ask();
  }
  if (total != total) held = total;  // a NaN among the rows that are not kept spoils the softmax all the same
  const int64_t row = (batch * a.n_q + head) * a.t + j;
  int32_t* positions = a.positions + row * width;
  memcpy(positions, s.rows.data(), count * sizeof(int32_t));
  for (int64_t i = count; i < width; i++) positions[i] = -1;

  const int64_t outside = current + 1 - count;
  const bool mean = a.missing_mass == kMean && outside > 0;
  const float rest = total - held, each = mean && !(rest < 0) ? rest / float(outside) : 0;
  if (mean) count = spread(s, count, each, current, j);
  s.acc.resize(round_up(a.d_v, kStep));
  int64_t d = 0;
  for (; d + kStep <= a.d_v; d += kStep) add_rows<E, true>(v + d, a.v_stride[2], s, count, kStep, s.acc.data() + d);
  if (d < a.d_v) add_rows<E, false>(v + d, a.v_stride[2], s, count, a.d_v - d, s.acc.data() + d);

  const float share = 1.0f / (a.missing_mass == kRenormalize ? held : total);
  E* out = static_cast<E*>(a.out) + row * a.d_v;
  if (mean) {
    const float* sums = a.v_sum + (batch * a.n_v + head * a.n_v / a.n_q) * a.d_v;
    for (int64_t dim = 0; dim < a.d_v; dim++) put(out + dim, (s.acc[order<E>(dim)] + each * sums[dim]) * share);
  } else {
    for (int64_t dim = 0; dim < a.d_v; dim++) put(out + dim, s.acc[order<E>(dim)] * share);
  }
  a.captured[row] = held / total;
}

// One call: its queries packed, and its scores as one scan of K writes them.
template <class E>
struct Selection {
  const Args& a;
  Queries<E> layout;
  int64_t pitch, queries, bytes, threads;
  float* scores = nullptr;  // [queries][pitch], and behind them the packed queries [queries][layout.pitch]

  explicit Selection(const Args& args)
      : a(args), layout(a.d_k), pitch(round_up(a.rows, kLanes)), queries(a.b * a.n_q * a.t) {
    const int64_t fetched = a.n_q * a.t * (a.top_k + 1) * a.d_v;
    bytes = a.b * (a.rows * a.n_k * a.d_k * a.t + fetched) * int64_t(sizeof(E));
    threads = bytes < kSerialBytes ? 1 : a.threads;
  }

  int64_t need() const { return queries * (pitch + layout.pitch); }
  float* packed() const { return scores + queries * pitch; }

  void pack() const {
    for (int64_t i = 0; i < queries; i++)
      layout.pack(static_cast<const E*>(a.q) + i / (a.n_q * a.t) * a.q_stride[0] + i / a.t % a.n_q * a.q_stride[1] +
                      i % a.t * a.q_stride[2],
                  a.d_k, packed() + i * layout.pitch);
  }
  void scan(int64_t thread) const {
    scan_keys<E>(a, layout, packed(), float(a.scale * 1.4426950408889634), scores, pitch, thread, threads);
  }
  void answer(int64_t i) const {
    thread_local Scratch scratch;
    attend<E>(a, i / (a.n_q * a.t), i / a.t % a.n_q, i % a.t, scores + i * pitch, scratch);
  }
};

// Each call as if it were alone, all of them at once.
template <class E>
void selective(const Args* calls, int64_t n) {
  struct Part {
    int64_t call, item;
  };
  thread_local std::vector<float> memory;
  std::vector<Selection<E>> each;
  std::vector<Part> scans, answers;
  each.reserve(n);
  int64_t bytes = 0, need = 0;
  for (int64_t i = 0; i < n; i++) {
    const Selection<E>& one = each.emplace_back(calls[i]);
    for (int64_t thread = 0; thread < one.threads; thread++) scans.push_back({i, thread});
    for (int64_t query = 0; query < one.queries; query++) answers.push_back({i, query});
    bytes += one.bytes, need += one.need();
  }
  if (int64_t(memory.size()) < need) memory.resize(need);
  float* scores = memory.data();
  for (Selection<E>& one : each) one.scores = scores, scores += one.need(), one.pack();
  if (bytes < kSerialBytes) {
    for (const Part& part : scans) each[part.call].scan(part.item);
    for (const Part& part : answers) each[part.call].answer(part.item);
    return;
  }
#pragma omp parallel num_threads(int(calls->threads))
  {
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < scans.size(); i++) each[scans[i].call].scan(scans[i].item);
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < answers.size(); i++) each[answers[i].call].answer(answers[i].item);
  }
}

}  // namespace
}  // namespace sigma

extern "C" {
void sigma_selective_bf16(const sigma::Args* a) { sigma::selective<sigma::bf16>(a, 1); }
void sigma_selective_fp32(const sigma::Args* a) { sigma::selective<float>(a, 1); }
void sigma_selective_many_bf16(const sigma::Args* calls, int64_t n) { sigma::selective<sigma::bf16>(calls, n); }
void sigma_selective_many_fp32(const sigma::Args* calls, int64_t n) { sigma::selective<float>(calls, n); }
}

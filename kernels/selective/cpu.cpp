// Selective V fetching: one scan of K writes all scores, then each query chooses its top rows exactly and only those
// rows of V are read.
#include "choose.h"

namespace sigma {
namespace {

constexpr int64_t kRenormalize = 1, kMean = 2;  // as in MISSING_MASS
constexpr int64_t kSerialBytes = 96 << 10;  // as in decode: below this one thread is faster

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
  Caught caught;
#pragma omp parallel num_threads(int(calls->threads))
  {
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < scans.size(); i++) caught([&] { each[scans[i].call].scan(scans[i].item); });
#pragma omp for schedule(dynamic, 1)
    for (size_t i = 0; i < answers.size(); i++) caught([&] { each[answers[i].call].answer(answers[i].item); });
  }
  caught.pass_on();
}

}  // namespace
}  // namespace sigma

extern "C" {
int sigma_selective_many_bf16(const sigma::Args* calls, int64_t n) {
  return sigma::told([&] { sigma::selective<sigma::bf16>(calls, n); });
}
int sigma_selective_many_fp32(const sigma::Args* calls, int64_t n) {
  return sigma::told([&] { sigma::selective<float>(calls, n); });
}
int sigma_selective_bf16(const sigma::Args* a) { return sigma_selective_many_bf16(a, 1); }
int sigma_selective_fp32(const sigma::Args* a) { return sigma_selective_many_fp32(a, 1); }
}

// The softmax weights themselves, for the pictures: one scan of K in its own type, then a softmax per query in place.
//
// `out` is fp32 [b][n_q][t][pitch], pitch being the rows rounded up to kRowPad; rows that a query may not see are
// zeros.
#include "../scores.h"

namespace sigma {
namespace {

constexpr int64_t kRowPad = 32;  // WEIGHTS_ROW_PAD in kernels/native.py; a multiple of kLanes at either vector width
constexpr int64_t kSerialBytes = 96 << 10;  // as in decode: below this one thread is faster

void soften_row(float* s, int64_t seen, int64_t pitch) {
  const int64_t padded = round_up(seen, W);
  for (int64_t i = seen; i < padded; i++) s[i] = -INFINITY;
  vf top = load(s);
  for (int64_t i = W; i < padded; i += W) top = vmax(top, load(s + i));
  const float shift = shift_of(maximum(top));
  vf mass = {};
  for (int64_t i = 0; i < padded; i += W) {
    const vf weight = exp2_negative(load(s + i) - shift);
    mass += weight;
    store(s + i, weight);
  }
  const float share = 1.0f / sum(mass);
  for (int64_t i = 0; i < padded; i += W) store(s + i, load(s + i) * share);
  memset(s + seen, 0, (pitch - seen) * sizeof(float));
}

template <class E>
void weights(const Args& a) {
  const Queries<E> layout(a.d_k);
  const int64_t pitch = round_up(a.rows, kRowPad), queries = a.b * a.n_q * a.t;
  const float factor = float(a.scale * 1.4426950408889634);
  float* scores = static_cast<float*>(a.out);
  std::vector<float> packed(queries * layout.pitch);
  for (int64_t i = 0; i < queries; i++)
    layout.pack(static_cast<const E*>(a.q) + i / (a.n_q * a.t) * a.q_stride[0] + i / a.t % a.n_q * a.q_stride[1] +
                    i % a.t * a.q_stride[2],
                a.d_k, packed.data() + i * layout.pitch);
  const int64_t bytes = a.b * a.n_k * a.rows * a.d_k * int64_t(sizeof(E));
  const int64_t threads = bytes < kSerialBytes ? 1 : a.threads;
  const auto scan = [&](int64_t thread) {
    scan_keys<E>(a, layout, packed.data(), factor, scores, pitch, thread, threads);
  };
  const auto finish = [&](int64_t i) {
    soften_row(scores + i * pitch, length_of(a, i / (a.n_q * a.t)) - a.t + i % a.t + 1, pitch);
  };
  if (threads == 1) {
    scan(0);
    for (int64_t i = 0; i < queries; i++) finish(i);
    return;
  }
  Caught caught;
#pragma omp parallel num_threads(int(a.threads))
  {
#pragma omp for schedule(static, 1)
    for (int64_t thread = 0; thread < threads; thread++) caught([&] { scan(thread); });
#pragma omp for schedule(dynamic, 1)
    for (int64_t i = 0; i < queries; i++) finish(i);
  }
  caught.pass_on();
}

}  // namespace
}  // namespace sigma

extern "C" {
int sigma_weights_bf16(const sigma::Args* a) {
  return sigma::told([&] { sigma::weights<sigma::bf16>(*a); });
}
int sigma_weights_fp32(const sigma::Args* a) {
  return sigma::told([&] { sigma::weights<float>(*a); });
}
}

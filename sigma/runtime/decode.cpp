// The decoder's forward pass on packed weights: norms, projections, augmented query, rotary embedding, MLP and head in
// one parallel region per layer. Attention itself is kernels/'s: a step of one token per sequence calls its C functions
// through pointers; for more tokens the caller runs it between `before` and `after`.
#include "attend.h"
#include "kernels/layout.h"

namespace sigma {
namespace {

// Everything between two matrices; grows to the largest call and stays. Rows are padded to 16 by the matrices.
struct Scratch {
  Activations x, mid, inner;
  std::vector<float> q, k, v, gate, up;
};
Scratch& scratch() {
  static thread_local Scratch s;
  return s;
}

// Gate and up share the input; each member activates the rows it made: out = silu(gate) * up.
void gated(const Team& team, const Matrix& gate, const Matrix& up, const Rows& x, Scratch& s, Activations& out, bool half) {
  const int64_t blocks = gate.blocks(), rows = gate.rows;
  const int64_t from = team.from(blocks), to = team.to(blocks);
  multiply(gate, x, from, to, s.gate.data(), rows, false);
  multiply(up, x, from, to, s.up.data(), rows, false);
  const int64_t first = from * kRows, last = to * kRows < rows ? to * kRows : rows;
  for (int64_t t = 0; t < x.count; t++) {
    int64_t i = t * rows + first;
    const int64_t end = t * rows + last;
    for (; i < end; i += W) {
      vf g = load(s.gate.data() + i), u = load(s.up.data() + i);  // the buffers have a vector of slack
      const vf magnitude = g < vf{} ? g : -g;
      const vf e = exp2_negative(magnitude * 1.4426950408889634f);
      const vf y = g * u * (g < vf{} ? e : splat(1.0f)) / (e + 1.0f);
      if (i + W <= end) {
        store(out.full.data() + i, y);
        if (half)
          for (int l = 0; l < W; l++) out.half[i + l] = round_bf16(y[l]);
      } else {
        for (int64_t l = 0; i + l < end; l++) keep(out, i + l, y[l], half);
      }
    }
  }
}

void normalize(const float* from, const float* weight, int64_t n, double eps, Activations& to, int64_t at, bool half) {
  float s[16] = {};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int l = 0; l < 16; l++) s[l] += from[i + l] * from[i + l];
  for (; i < n; i++) s[0] += from[i] * from[i];
  float total = 0;
  for (float part : s) total += part;
  const float factor = 1.0f / std::sqrt(total / float(n) + float(eps));
  for (i = 0; i < n; i++) to.full[at + i] = from[i] * factor * weight[i];
  if (half)
    for (i = 0; i < n; i++) to.half[at + i] = round_bf16(to.full[at + i]);
}

// Normalised rows of the state for everyone. One row is normalised by every member for itself: no waiting.
Rows normalized(const Team& team, const Model& m, const Step& step, const float* weight, Scratch& shared) {
  const int64_t n = step.b * step.t;
  if (n == 1) {
    static thread_local Activations own;
    own.resize(m.hidden);
    normalize(step.state, weight, m.hidden, m.eps, own, 0, m.half);
    return rows_of(own, 1, m.hidden, m.half, apart(step));
  }
  for (int64_t i = team.from(n); i < team.to(n); i++)
    normalize(step.state + i * m.hidden, weight, m.hidden, m.eps, shared.x, i * m.hidden, m.half);
  team.wait();
  return rows_of(shared.x, n, m.hidden, m.half, apart(step));
}

template <class E>
void turn(const float* from, const float* cosine, const float* sine, int64_t half, E* to) {
  for (int64_t f = 0; f < half; f++) {
    put(to + f, from[f] * cosine[f] - from[f + half] * sine[f]);
    put(to + f + half, from[f + half] * cosine[f] + from[f] * sine[f]);
  }
}

// Queries, keys and values of one token: expand (half K dim), rotate, and append to the cache.
template <class E>
void place(const Model& m, const Layer& layer, const Step& step, int64_t index, int64_t token, const float* q,
           const Scratch& s) {
  const Sequence& sequence = step.sequence[token / step.t];
  const int64_t position = sequence.past + token % step.t, half = m.d_k / 2, n_k = key_heads_of(m, layer);
  const float *cosine = m.cosine + position * half, *sine = m.sine + position * half;
  float narrow[512];
  for (int64_t h = 0; h < m.n_q; h++) {
    const float* from = q + token * wide_of(m) + h * m.d;
    if (layer.expand) {
      const float* w = layer.expand + h * n_k / m.n_q * m.d * m.d_k;
      for (int64_t c = 0; c < m.d_k; c++) narrow[c] = 0;
      for (int64_t i = 0; i < m.d; i++)
        for (int64_t c = 0; c < m.d_k; c++) narrow[c] += from[i] * w[i * m.d_k + c];
      from = narrow;
    }
    turn(from, cosine, sine, half, static_cast<E*>(step.q) + (token * m.n_q + h) * m.d_k);
  }
  E* keys = static_cast<E*>(sequence.cache[2 * index]);
  E* values = static_cast<E*>(sequence.cache[2 * index + 1]);
  for (int64_t h = 0; h < n_k; h++)
    turn(s.k.data() + (token * n_k + h) * m.d_k, cosine, sine, half,
         keys + (h * sequence.capacity + position) * m.d_k);
  for (int64_t h = 0; h < m.n_v; h++) {
    E* to = values + (h * sequence.capacity + position) * m.d;
    for (int64_t i = 0; i < m.d; i++) put(to + i, s.v[(token * m.n_v + h) * m.d + i]);
  }
}

void project(const Team& team, const Model& m, const Step& step, int64_t index, Scratch& s) {
  const Layer& layer = m.layer[index];
  const int64_t n = step.b * step.t, width = wide_of(m);
  const Rows x = normalized(team, m, step, layer.input_norm, s);
  multiply_all<3>(team, {{layer.q, s.q.data(), width}, {layer.k, s.k.data(), layer.k->rows}, {layer.v, s.v.data(), m.n_v * m.d}}, x);
  team.wait();
  const float* q = s.q.data();
  if (layer.q_gate) {
    const float* plain = s.q.data();
    Rows input{plain, nullptr, n, width, apart(step)};
    if (m.half) {  // one row: everyone rounds it alone
      static thread_local std::vector<uint16_t> own;
      if (n == 1) grow(own, width);
      uint16_t* to = n == 1 ? own.data() : s.mid.half.data();
      const int64_t lo = n == 1 ? 0 : team.from(n) * width, hi = n == 1 ? width : team.to(n) * width;
      for (int64_t i = lo; i < hi; i++) to[i] = round_bf16(plain[i]);
      input.half = to;
      if (n > 1) team.wait();
    }
    gated(team, *layer.q_gate, *layer.q_up, input, s, s.inner, m.half);
    team.wait();
    multiply_all<1>(team, {{layer.q_down, s.mid.full.data(), width}}, rows_of(s.inner, n, layer.q_down->cols, m.half, apart(step)));
    team.wait();
    q = s.mid.full.data();
  }
  for (int64_t i = team.from(n); i < team.to(n); i++) {
    if (m.half) place<bf16>(m, layer, step, index, i, q, s);
    else place<float>(m, layer, step, index, i, q, s);
  }
}

void finish(const Team& team, const Model& m, const Step& step, int64_t index, Scratch& s) {
  const Layer& layer = m.layer[index];
  const int64_t n = step.b * step.t, width = wide_of(m);
  Rows attended{static_cast<const float*>(step.out), nullptr, n, width, apart(step)};
  if (m.half) {
    static thread_local std::vector<float> own;  // one row: everyone widens it alone
    if (n == 1) grow(own, width);
    const uint16_t* bits = static_cast<const uint16_t*>(step.out);
    float* to = n == 1 ? own.data() : s.mid.full.data();
    const int64_t hi = n == 1 ? width : team.to(n) * width;
    for (int64_t i = n == 1 ? 0 : team.from(n) * width; i < hi; i++) to[i] = widen_bf16(bits[i]);
    attended = {to, bits, n, width, apart(step)};
    if (n > 1) team.wait();
  }
  multiply_all<1>(team, {{layer.o, step.state, m.hidden}}, attended, true);
  team.wait();
  const Rows x = normalized(team, m, step, layer.post_norm, s);
  gated(team, *layer.gate, *layer.up, x, s, s.inner, m.half);
  team.wait();
  multiply_all<1>(team, {{layer.down, step.state, m.hidden}}, rows_of(s.inner, n, m.inner, m.half, apart(step)), true);
}

Scratch& prepare(const Model& m, const Step& step) {
  Scratch& s = scratch();
  const int64_t n = step.b * step.t, width = wide_of(m);
  const int64_t widest = m.inner > m.wide ? m.inner : m.wide;
  s.x.resize(n * m.hidden + W);
  s.mid.resize(n * width + W);
  s.inner.resize(n * widest + W);
  grow(s.q, n * width + W);
  grow(s.k, n * m.n_k * m.d_k + W);
  grow(s.v, n * m.n_v * m.d + W);
  grow(s.gate, n * widest + W);
  grow(s.up, n * widest + W);
  return s;
}

}  // namespace
}  // namespace sigma

using namespace sigma;

extern "C" {
// Rows `ids` of a matrix (the embedding) as fp32 [n][cols].
int sigma_embed(const Matrix* m, const int64_t* ids, int64_t n, float* to) {
  return told([&] {
    static thread_local std::vector<float> block;
    block.resize(m->cols * kRows + W);
    for (int64_t i = 0; i < n; i++) {
      expand_block(*m, ids[i] / kRows, false, kRows, block.data());
      for (int64_t c = 0; c < m->cols; c++) to[i * m->cols + c] = block[c * kRows + ids[i] % kRows];
    }
  });
}

// Layer `index` up to attention: rotated queries in step->q, new rows in the cache.
int sigma_before(const Model* m, const Step* step, int64_t index) {
  return told([&] {
    Scratch& s = prepare(*m, *step);
    parallel(step->threads, [&](const Team& team) { project(team, *m, *step, index, s); });
  });
}

// Layer `index` from the attention output on.
int sigma_after(const Model* m, const Step* step, int64_t index) {
  return told([&] {
    Scratch& s = prepare(*m, *step);
    parallel(step->threads, [&](const Team& team) { finish(team, *m, *step, index, s); });
  });
}

// All layers for one token per sequence: what it computes for each does not depend on the others.
int sigma_step(const Model* m, Step* step) {
  return told([&] {
    Scratch& s = prepare(*m, *step);
    parallel(step->threads, [&](const Team& team) { project(team, *m, *step, 0, s); });
    for (int64_t i = 0; i < m->layers; i++) {
      attend(*m, *step, i);
      parallel(step->threads, [&](const Team& team) {
        finish(team, *m, *step, i, s);
        if (i + 1 == m->layers) return;
        team.wait();
        project(team, *m, *step, i + 1, s);
      });
    }
  });
}

// Final norm and head: state [b * t][hidden] -> logits fp32 [b * t][vocab]; with t of 1 the rows are of b sequences.
int sigma_head(const Model* m, const Matrix* head, float* state, int64_t b, int64_t t, int64_t threads, float* logits) {
  return told([&] {
    Step step{};
    step.b = b, step.t = t, step.state = state;
    Scratch& s = prepare(*m, step);
    parallel(threads, [&](const Team& team) {
      const Rows x = normalized(team, *m, step, m->norm, s);
      multiply_all<1>(team, {{head, logits, head->rows}}, x);
    });
  });
}
}

// structs.py has the same fields.
SIGMA_LAYOUT(Matrix, SIGMA_FIELD(kind), SIGMA_FIELD(rows), SIGMA_FIELD(cols), SIGMA_FIELD(group), SIGMA_FIELD(data),
             SIGMA_FIELD(scale), SIGMA_FIELD(zero), SIGMA_FIELD(identity), SIGMA_FIELD(rank_rows),
             SIGMA_FIELD(rank_cols))
SIGMA_LAYOUT(Layer, SIGMA_FIELD(input_norm), SIGMA_FIELD(post_norm), SIGMA_FIELD(q), SIGMA_FIELD(k), SIGMA_FIELD(v),
             SIGMA_FIELD(o), SIGMA_FIELD(gate), SIGMA_FIELD(up), SIGMA_FIELD(down), SIGMA_FIELD(q_gate),
             SIGMA_FIELD(q_up), SIGMA_FIELD(q_down), SIGMA_FIELD(expand))
SIGMA_LAYOUT(Model, SIGMA_FIELD(hidden), SIGMA_FIELD(n_q), SIGMA_FIELD(n_k), SIGMA_FIELD(n_v), SIGMA_FIELD(d),
             SIGMA_FIELD(d_k), SIGMA_FIELD(inner), SIGMA_FIELD(wide), SIGMA_FIELD(layers), SIGMA_FIELD(half),
             SIGMA_FIELD(context), SIGMA_FIELD(eps), SIGMA_FIELD(scale),
             SIGMA_FIELD(cosine), SIGMA_FIELD(sine), SIGMA_FIELD(norm), SIGMA_FIELD(layer))
SIGMA_LAYOUT(Sequence, SIGMA_FIELD(past), SIGMA_FIELD(capacity), SIGMA_FIELD(top_k), SIGMA_FIELD(probe),
             SIGMA_FIELD(missing_mass), SIGMA_FIELD(threshold), SIGMA_FIELD(cache), SIGMA_FIELD(probe_q), SIGMA_FIELD(positions), SIGMA_FIELD(probe_positions),
             SIGMA_FIELD(captured), SIGMA_FIELD(probe_captured), SIGMA_FIELD(v_sum), SIGMA_FIELD(v_sum_stride),
             SIGMA_FIELD(requested), SIGMA_FIELD(distinct))
SIGMA_LAYOUT(Step, SIGMA_FIELD(b), SIGMA_FIELD(t), SIGMA_FIELD(threads), SIGMA_FIELD(state), SIGMA_FIELD(q),
             SIGMA_FIELD(out), SIGMA_FIELD(sequence), SIGMA_FIELD(decode), SIGMA_FIELD(selective))

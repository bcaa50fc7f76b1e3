// What the Python side hands over (structs.py): the model, its layers, and one call.
#pragma once
#include "kernels/scores.h"
#include "matrix.h"

namespace sigma {
namespace {

// The weights of one layer.
struct Layer {
  const float *input_norm, *post_norm;
  const Matrix *q, *k, *v, *o, *gate, *up, *down;
  const Matrix *q_gate, *q_up, *q_down;  // null where the query is plain
  const float* expand;                   // half K dim: [its K heads][head_dim][key_head_dim]; else null
};

// What does not change between two calls. n_k, wide: the most of any layer.
struct Model {
  int64_t hidden, n_q, n_k, n_v, d, d_k, inner, wide, layers, half, context;
  double eps, scale;
  const float *cosine, *sine;  // [context][d_k / 2]
  const float* norm;
  const Layer* layer;
};

// One sequence of a call: where its rows are, and how its newest token reads them.
struct Sequence {
  int64_t past, capacity, top_k, probe;  // rows cached and rows there is room for; top_k is negative without selective V
  int64_t missing_mass;                  // of selective V, as is the threshold: see kernels/scores.h
  double threshold;
  void* const* cache;                    // per layer: K [its K heads][capacity][d_k], V [n_v][capacity][d]
  void* probe_q;                         // [n_q][d_k]
  int32_t *positions, *probe_positions;  // [n_q][top_k + 1], of the layer that ran last and of the probed one
  float *captured, *probe_captured;      // [n_q]
  double* v_sum;         // mean: of each layer [n_v][d], the V rows before this token; it joins them. Else null
  int64_t v_sum_stride;  // from one layer to the next
  int64_t requested, distinct;  // result: V rows fetched by selective V, and the distinct ones, all layers
};

// One call. Widths in elements; buffers are the caller's.
struct Step {
  int64_t b, t, threads;
  float* state;        // residual stream [b * t][hidden]
  void *q, *out;       // [b * t][n_q * d_k] rotated queries, [b * t][n_q * d] attention output, cache type
  Sequence* sequence;  // [b]
  int (*decode)(const Args*, int64_t);  // attention of the newest tokens, by kernels/; used where t is 1
  int (*selective)(const Args*, int64_t);
};

// With one token per sequence each has the bits that it would have alone.
inline bool apart(const Step& step) { return step.t == 1; }
inline int64_t wide_of(const Model& m) { return m.n_q * m.d; }
inline int64_t key_heads_of(const Model& m, const Layer& layer) { return layer.k->rows / m.d_k; }

}  // namespace
}  // namespace sigma

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
  const Matrix *q_gate, *q_up, *q_down;  // null without an augmented query
  const float* expand;                   // half K dim: [n_k][head_dim][key_head_dim]; else null
};

// What does not change between two calls.
struct Model {
  int64_t hidden, n_q, n_k, n_v, d, d_k, inner, wide, layers, half, context, missing_mass;
  double eps, scale, threshold;  // missing_mass and threshold: of selective V, as in kernels/scores.h
  const float *cosine, *sine;  // [context][d_k / 2]
  const float* norm;
  const Layer* layer;
};

// One call. Widths in elements; buffers are the caller's.
struct Step {
  int64_t b, t, past, capacity, threads, top_k, probe;  // top_k is negative without selective V
  float* state;               // residual stream [b * t][hidden]
  void *q, *out;              // [b * t][n_q * d_k] rotated queries, [b * t][n_q * d] attention output, cache type
  void* const* cache;         // per layer: K [b][n_k][capacity][d_k], V [b][n_v][capacity][d]
  void* probe_q;              // [b][n_q][d_k]
  int32_t* positions;         // [b][n_q][top_k + 1], of the layer that ran last and then of the probed one
  int32_t* probe_positions;
  float *captured, *probe_captured;
  double* v_sum;              // mean: [layers][b][n_v][d], the V rows before this token; it joins them. Else null
  void (*attend)(const Args*);
  int64_t distinct;           // result: distinct V rows fetched by selective V, all layers
};

inline int64_t wide_of(const Model& m) { return m.n_q * m.d; }

}  // namespace
}  // namespace sigma

// Matrix products shared by a team of threads: rows of the result are cut among its members.
#pragma once
#include <atomic>
#include <thread>
#include <vector>

#include "panel.h"
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace sigma {
namespace {

template <class T>
void grow(std::vector<T>& v, int64_t n) {
  if (int64_t(v.size()) < n) v.resize(n);
}

struct Activations {  // fp32 and bf16 copies of one set of rows
  std::vector<float> full;
  std::vector<uint16_t> half;
  void resize(int64_t n) { grow(full, n), grow(half, n); }
};

inline void keep(Activations& a, int64_t at, float value, bool half) {
  a.full[at] = value;
  if (half) {
    const uint16_t bits = round_bf16(value);
    a.half[at] = bits;
  }
}
inline Rows rows_of(const Activations& a, int64_t n, int64_t width, bool half, bool apart) {
  return {a.full.data(), half ? a.half.data() : nullptr, n, width, apart};
}

// Where a team meets. OpenMP's own barrier sleeps at once when the process has more OpenMP threads than cores (each
// thread that ever called in brings its own team), and two hundred wake-ups a token cost more than the token: on two
// cores 8.3 ms instead of 4.7. So: look for a while, then let others run between looks.
class Barrier {
 public:
  void wait(int64_t size) {
    const int64_t round = round_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (int looks = 0; round_.load(std::memory_order_acquire) == round; looks++) {
      if (looks < kLooks) relax();
      else std::this_thread::yield();
    }
  }

 private:
  static constexpr int kLooks = 2000;  // some 20 to 80 microseconds: longer than a layer's step is out of balance
  static void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
  alignas(64) std::atomic<int64_t> arrived_{0};
  alignas(64) std::atomic<int64_t> round_{0};
};

struct Team {
  int64_t index, size;
  Barrier* barrier;
  void wait() const {
    if (size > 1) barrier->wait(size);
  }
  // This member's part of n items.
  int64_t from(int64_t n) const { return n * index / size; }
  int64_t to(int64_t n) const { return n * (index + 1) / size; }
};

template <class Work>
void parallel(int64_t threads, const Work& work) {
  if (threads <= 1) {
    work(Team{0, 1, nullptr});
    return;
  }
  Barrier barrier;
#pragma omp parallel num_threads(int(threads))
  {
#if defined(_OPENMP)
    work(Team{omp_get_thread_num(), omp_get_num_threads(), &barrier});
#else
    work(Team{0, 1, nullptr});
#endif
  }
}

// Rows of a block that are there: the last one may be partial.
inline int64_t rows_in(const Matrix& m, int64_t block) {
  return m.rows - block * kRows < kRows ? m.rows - block * kRows : kRows;
}

// R tokens times one block of rows, each token with the bits that it has alone.
template <int R>
void multiply_few(const Matrix& m, const Rows& x, int64_t block, int64_t token, const Prepared& prepared, float* y,
                  int64_t pitch, bool add) {
  alignas(64) float part[R * kRows];
  dot_block<R>(m, block, x, token, prepared.sums.data(), part);
  const int64_t n = rows_in(m, block);
  for (int r = 0; r < R; r++) {
    float *from = part + r * kRows, *out = y + (token + r) * pitch + block * kRows;
    add_offsets(m, block * kRows, n, x.full + (token + r) * x.width, prepared.ranks[token + r], from);
    if (add) for (int64_t i = 0; i < n; i++) out[i] += from[i];
    else for (int64_t i = 0; i < n; i++) out[i] = from[i];
  }
}

// Tokens of different sequences: a block is read from memory for the first few and from the core's cache for the others.
void multiply_apart(const Matrix& m, const Rows& x, int64_t from, int64_t to, float* y, int64_t pitch, bool add) {
  static thread_local Prepared prepared;
  prepared.fill(m, x);
  for (int64_t block = from; block < to; block++) {
    int64_t t = 0;
    for (; t + kFew <= x.count; t += kFew) multiply_few<kFew>(m, x, block, t, prepared, y, pitch, add);
    if constexpr (kFew > 2)
      for (; t + 2 <= x.count; t += 2) multiply_few<2>(m, x, block, t, prepared, y, pitch, add);
    for (; t < x.count; t++) multiply_few<1>(m, x, block, t, prepared, y, pitch, add);
  }
}

// y (+)= x W^T for the row blocks [from, to) of one matrix.
void multiply(const Matrix& m, const Rows& x, int64_t from, int64_t to, float* y, int64_t pitch, bool add) {
  if (from >= to) return;
  if (x.apart || x.count == 1) return multiply_apart(m, x, from, to, y, pitch, add);
  static thread_local std::vector<float> panel;
  const auto count = [&](int64_t block) { return rows_in(m, block); };
  grow(panel, m.cols * kRows * 2);
  static thread_local std::vector<float> ranks;
  if (m.rank_rows) {
    grow(ranks, x.count);
    for (int64_t t = 0; t < x.count; t++) {
      float dot = 0;
      for (int64_t c = 0; c < m.cols; c++) dot += x.full[t * x.width + c] * m.rank_cols[c];
      ranks[t] = dot;
    }
  }
  for (int64_t block = from; block < to;) {
    const bool two = block + 2 <= to && (block + 2) * kRows <= m.rows;
    const int64_t size = two ? 2 : 1;
    for (int64_t i = 0; i < size; i++) expand_block(m, block + i, SIGMA_DPBF16 && x.half, size * kRows, panel.data() + i * kRows);
    float* out = y + block * kRows;
    if (two) {
      tiles<2>(panel.data(), x, m.cols, out, pitch, add);
    } else if (count(block) == kRows) {
      tiles<1>(panel.data(), x, m.cols, out, pitch, add);
    } else {  // the last, partial block goes through a buffer: what follows its rows is not its own
      alignas(64) float edge[kRows];
      for (int64_t t = 0; t < x.count; t++) {
        const Rows one{x.full + t * x.width, x.half ? x.half + t * x.width : nullptr, 1, x.width, false};
        panel_tile<1, 1>(panel.data(), one, 0, m.cols, edge, kRows, false);
        for (int64_t i = 0; i < count(block); i++) out[t * pitch + i] = (add ? out[t * pitch + i] : 0) + edge[i];
      }
    }
    if (m.identity != 0 || m.rank_rows)
      for (int64_t t = 0; t < x.count; t++)
        add_offsets(m, block * kRows, two ? 2 * kRows : count(block), x.full + t * x.width,
                    m.rank_rows ? ranks[t] : 0, out + t * pitch);
    block += size;
  }
}

struct Task {
  const Matrix* m;
  float* y;
  int64_t pitch;
};
// Several matrices of the same input as one line of row blocks, cut evenly among the team.
template <int N>
void multiply_all(const Team& team, const Task (&tasks)[N], const Rows& x, bool add = false) {
  int64_t total = 0;
  for (const Task& task : tasks) total += task.m->blocks();
  int64_t from = team.from(total), to = team.to(total), start = 0;
  for (const Task& task : tasks) {
    const int64_t n = task.m->blocks();
    const int64_t lo = from > start ? from - start : 0, hi = to - start < n ? to - start : n;
    multiply(*task.m, x, lo, hi, task.y, task.pitch, add);
    start += n;
  }
}

}  // namespace
}  // namespace sigma

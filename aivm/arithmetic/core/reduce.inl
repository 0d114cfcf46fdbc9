// Reductions of binary32, compiled once per instruction set. See reduce.hpp.
#pragma once

#include "extremes.inl"
#include "reduce.hpp"

namespace aivm {
namespace AIVM_ISA {

constexpr int lane_vectors = reduction_lanes / lanes;  // that hold the lanes of one reduction

struct Sum {
  static F32 combine(F32 a, F32 b) { return a + b; }
  static F32 start() { return broadcast(0.0F); }
};
struct Prod {
  static F32 combine(F32 a, F32 b) { return a * b; }
  static F32 start() { return broadcast(1.0F); }
};
struct Max {
  static F32 combine(F32 a, F32 b) { return maximum(a, b); }
  static F32 start() { return broadcast(-__builtin_inff()); }
};
struct Min {
  static F32 combine(F32 a, F32 b) { return minimum(a, b); }
  static F32 start() { return broadcast(__builtin_inff()); }
};

constexpr std::int32_t lane_numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// The last n < lanes terms of a run, others being what the lanes start from, which changes none.
template <typename Op>
static inline F32 load_rest(const float* x, std::int64_t n) {
  return select(broadcast(static_cast<std::int32_t>(n)) > load(lane_numbers), load_partial(x, n), Op::start());
}

template <typename Op>
struct Lanes16 {
  F32 v[lane_vectors];

  void start() {
    for (int i = 0; i < lane_vectors; ++i) v[i] = Op::start();
  }
  // Sixteen terms, or at the end fewer.
  void take(const float* x) {
    for (int i = 0; i < lane_vectors; ++i) v[i] = Op::combine(v[i], load(x + i * lanes));
  }
  void take_rest(const float* x, std::int64_t n) {
    for (int i = 0; i < lane_vectors && n > 0; ++i, x += lanes, n -= lanes) {
      v[i] = Op::combine(v[i], n >= lanes ? load(x) : load_rest<Op>(x, n));
    }
  }
  void save(float* to) const {
    for (int i = 0; i < lane_vectors; ++i) store(to + i * lanes, v[i]);
  }
};

// Folds the lanes of `lanes` reductions, 16 apart, at once: row l then holds lane l of each.
template <typename Op>
static inline F32 fold_together(const float* saved) {
  F32 row[reduction_lanes];
  for (int part = 0; part < lane_vectors; ++part) {
    F32 square[lanes];
    for (int i = 0; i < lanes; ++i) square[i] = load(saved + i * reduction_lanes + part * lanes);
    transpose(square);
    for (int i = 0; i < lanes; ++i) row[part * lanes + i] = square[i];
  }
  for (int half = reduction_lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) row[i] = Op::combine(row[i], row[i + half]);
  }
  return row[0];
}

// Several rows at once, so that one need not wait for another's additions.
constexpr int rows_at_once = lanes == 16 ? 8 : 4;

template <typename Op, int count>
static inline void reduce_some_rows(const float* x, std::int64_t stride, std::int64_t n, float* saved) {
  Lanes16<Op> acc[count];
  for (int r = 0; r < count; ++r) acc[r].start();
  std::int64_t i = 0;
  for (; i + reduction_lanes <= n; i += reduction_lanes) {
    for (int r = 0; r < count; ++r) acc[r].take(x + r * stride + i);
  }
  if (i < n) {
    for (int r = 0; r < count; ++r) acc[r].take_rest(x + r * stride + i, n - i);
  }
  for (int r = 0; r < count; ++r) acc[r].save(saved + r * reduction_lanes);
}

template <typename Op>
static void reduce_rows(const void* x_bytes, std::int64_t stride, std::int64_t rows, std::int64_t n, void* y_bytes) {
  const float* x = static_cast<const float*>(x_bytes);
  float* y = static_cast<float*>(y_bytes);
  float saved[lanes * reduction_lanes];
  for (std::int64_t row = 0; row < rows; row += lanes) {
    const int here = rows - row < lanes ? static_cast<int>(rows - row) : lanes;
    int r = 0;
    for (; r + rows_at_once <= here; r += rows_at_once) {
      reduce_some_rows<Op, rows_at_once>(x + (row + r) * stride, stride, n, saved + r * reduction_lanes);
    }
    for (; r < here; ++r) reduce_some_rows<Op, 1>(x + (row + r) * stride, stride, n, saved + r * reduction_lanes);
    for (; r < lanes; ++r) {
      for (int i = 0; i < lane_vectors; ++i) store(saved + r * reduction_lanes + i * lanes, Op::start());
    }
    store_partial(y + row, canonical(fold_together<Op>(saved)), here);
  }
}

template <typename Op>
static void reduce_start(void* lanes_bytes, std::int64_t count) {
  float* const to = static_cast<float*>(lanes_bytes);
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(to + i, Op::start());
  if (i < count) store_partial(to + i, Op::start(), count - i);
}

template <typename Op>
static void reduce_run(void* lanes_bytes, const void* x_bytes, std::int64_t n, int lane) {
  float* const saved = static_cast<float*>(lanes_bytes);
  const float* x = static_cast<const float*>(x_bytes);
  if (lane != 0) {  // up to where a round of the lanes begins
    float head[reduction_lanes];
    reduce_start<Op>(head, reduction_lanes);
    for (; lane < reduction_lanes && n > 0; ++lane, ++x, --n) head[lane] = *x;
    for (int i = 0; i < reduction_lanes; i += lanes) store(saved + i, Op::combine(load(saved + i), load(head + i)));
  }
  Lanes16<Op> acc;
  for (int i = 0; i < lane_vectors; ++i) acc.v[i] = load(saved + i * lanes);
  std::int64_t i = 0;
  for (; i + reduction_lanes <= n; i += reduction_lanes) acc.take(x + i);
  acc.take_rest(x + i, n - i);
  acc.save(saved);
}

template <typename Op>
static void reduce_take(void* lanes_bytes, const void* x_bytes, std::int64_t width) {
  float* const to = static_cast<float*>(lanes_bytes);
  const float* const x = static_cast<const float*>(x_bytes);
  std::int64_t j = 0;
  for (; j + lanes <= width; j += lanes) store(to + j, Op::combine(load(to + j), load(x + j)));
  if (j < width) {
    store_partial(to + j, Op::combine(load_partial(to + j, width - j), load_partial(x + j, width - j)), width - j);
  }
}

template <typename Op>
static void reduce_fold(void* lanes_bytes, std::int64_t row, int used, std::int64_t width, void* y_bytes) {
  float* const rows = static_cast<float*>(lanes_bytes);
  float* const y = static_cast<float*>(y_bytes);
  for (int half = reduction_lanes / 2; half > 0; half /= 2) {
    // A lane that took nothing changes nothing: no sum of ours is -0, and the others' start is neutral.
    for (int i = 0; i < half && i + half < used; ++i) reduce_take<Op>(rows + i * row, rows + (i + half) * row, width);
  }
  std::int64_t j = 0;
  for (; j + lanes <= width; j += lanes) store(y + j, canonical(load(rows + j)));
  if (j < width) store_partial(y + j, canonical(load_partial(rows + j, width - j)), width - j);
}

template <typename Op>
constexpr ReduceLoops reduce_loops{reduce_rows<Op>, reduce_start<Op>, reduce_run<Op>, reduce_take<Op>, reduce_fold<Op>};

constexpr ReduceKernels reduce_kernels{{reduce_loops<Sum>, reduce_loops<Prod>, reduce_loops<Max>, reduce_loops<Min>}};

}  // namespace AIVM_ISA
}  // namespace aivm

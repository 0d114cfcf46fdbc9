// Softmax and layer normalisation, compiled once per instruction set. See normalise.hpp.
#pragma once

#include "functions.inl"
#include "normalise.hpp"
#include "reduce.inl"

namespace aivm {
namespace AIVM_ISA {

// The lanes of one sum, folded.
static inline float fold_lanes(const Lanes16<Sum>& acc) {
  float s[reduction_lanes];
  acc.save(s);
  for (int half = reduction_lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) s[i] = s[i] + s[i + half];
  }
  return s[0];
}

static inline float maximum_of(const float* x, std::int64_t n) {
  F32 best[4];
  for (F32& b : best) b = Max::start();
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    for (int k = 0; k < 4; ++k) best[k] = maximum(best[k], load(x + i + k * lanes));
  }
  for (; i + lanes <= n; i += lanes) best[0] = maximum(best[0], load(x + i));
  if (i < n) best[1] = maximum(best[1], load_rest<Max>(x + i, n - i));
  float all[lanes];
  store(all, maximum(maximum(best[0], best[1]), maximum(best[2], best[3])));
  float result = all[0];
  for (int l = 1; l < lanes; ++l) {
    if (all[l] > result || all[l] != all[l] || (all[l] == result && __builtin_signbit(result))) result = all[l];
    if (result != result) break;
  }
  return result;
}

// y = x - by, elementwise or by one number.
static inline void subtract_all(const float* x, F32 by, float* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, load(x + i) - by);
  if (i < n) store_partial(y + i, load_partial(x + i, n - i) - by, n - i);
}

constexpr std::int64_t softmax_block = 512;  // whole rounds of the lanes, which stay in the first cache

static void softmax_row(const float* x, std::int64_t n, bool logarithm, float* y) {
  const F32 top = broadcast(maximum_of(x, n));
  Lanes16<Sum> sum;
  sum.start();
  float beside[softmax_block];
  for (std::int64_t from = 0; from < n; from += softmax_block) {
    const std::int64_t here = n - from < softmax_block ? n - from : softmax_block;
    float* const e = logarithm ? beside : y + from;
    subtract_all(x + from, top, y + from, here);
    function_kernels.unary(Function::exp, y + from, e, here);
    std::int64_t i = 0;
    for (; i + reduction_lanes <= here; i += reduction_lanes) sum.take(e + i);
    sum.take_rest(e + i, here - i);
  }
  const float total = fold_lanes(sum);
  if (logarithm) {
    float log_total;
    function_kernels.unary(Function::log, &total, &log_total, 1);
    const F32 by = broadcast(log_total);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) store(y + i, canonical(load(y + i) - by));
    if (i < n) store_partial(y + i, canonical(load_partial(y + i, n - i) - by), n - i);
  } else {
    const F32 by = broadcast(total);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) store(y + i, canonical(load(y + i) / by));
    if (i < n) store_partial(y + i, canonical(load_partial(y + i, n - i) / by), n - i);
  }
}

static void softmax_rows(const float* x, std::int64_t rows, std::int64_t n, bool logarithm, float* y) {
  for (std::int64_t row = 0; row < rows; ++row) softmax_row(x + row * n, n, logarithm, y + row * n);
}

static void softmax_columns(const float* x, std::int64_t n, std::int64_t stride, std::int64_t width, bool logarithm,
                            float* y, float* scratch) {
  float* const top = scratch;
  float* const sums = scratch + width;
  float* const total = sums + reduction_lanes * width;
  reduce_start<Max>(top, width);
  for (std::int64_t i = 0; i < n; ++i) reduce_take<Max>(top, x + i * stride, width);
  reduce_start<Sum>(sums, reduction_lanes * width);
  for (std::int64_t i = 0; i < n; ++i) {
    float* const t = y + i * stride;
    for (std::int64_t j = 0; j < width; j += lanes) {
      const std::int64_t left = width - j < lanes ? width - j : lanes;
      store_partial(t + j, load_partial(x + i * stride + j, left) - load_partial(top + j, left), left);
    }
    float* const e = logarithm ? total : t;
    function_kernels.unary(Function::exp, t, e, width);
    reduce_take<Sum>(sums + i % reduction_lanes * width, e, width);
  }
  const int used = n < reduction_lanes ? static_cast<int>(n) : reduction_lanes;
  reduce_fold<Sum>(sums, width, used, width, total);
  if (logarithm) function_kernels.unary(Function::log, total, total, width);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < width; j += lanes) {
      const std::int64_t left = width - j < lanes ? width - j : lanes;
      const F32 t = load_partial(y + i * stride + j, left), by = load_partial(total + j, left);
      store_partial(y + i * stride + j, canonical(logarithm ? t - by : t / by), left);
    }
  }
}

static void layer_norm(const LayerNormRow& row) {
  const float* const x = row.x;
  const std::int64_t n = row.n;
  Lanes16<Sum> sum, squares;
  sum.start();
  squares.start();
  std::int64_t i = 0;
  for (; i + reduction_lanes <= n; i += reduction_lanes) {
    for (int k = 0; k < lane_vectors; ++k) {
      const F32 v = load(x + i + k * lanes);
      sum.v[k] = sum.v[k] + v;
      squares.v[k] = squares.v[k] + v * v;
    }
  }
  for (int k = 0; k < lane_vectors && i < n; ++k, i += lanes) {
    const F32 v = load_partial(x + i, n - i < lanes ? n - i : lanes);  // zeros beyond the end change no sum
    sum.v[k] = sum.v[k] + v;
    squares.v[k] = squares.v[k] + v * v;
  }
  const float count = static_cast<float>(n);
  const F32 mean = broadcast(fold_lanes(sum) / count);
  const F32 mean_of_squares = broadcast(fold_lanes(squares) / count);
  const F32 variance = mean_of_squares - mean * mean;
  const F32 deviation = sqrt(variance + broadcast(row.epsilon));
  if (row.mean != nullptr) store_partial(row.mean, canonical(mean), 1);
  if (row.inverse_deviation != nullptr) {
    store_partial(row.inverse_deviation, canonical(broadcast(1.0F) / deviation), 1);
  }
  for (i = 0; i < n; i += lanes) {
    const std::int64_t left = n - i < lanes ? n - i : lanes;
    const bool full = left == lanes;
    const auto operand = [&](const float* p, std::int64_t step) {
      return step == 0 ? broadcast(*p) : full ? load(p + i) : load_partial(p + i, left);
    };
    F32 v = (operand(x, 1) - mean) / deviation * operand(row.scale, row.scale_step);
    if (row.bias != nullptr) v = v + operand(row.bias, row.bias_step);
    v = canonical(v);
    if (full) {
      store(row.y + i, v);
    } else {
      store_partial(row.y + i, v, left);
    }
  }
}

constexpr NormaliseKernels normalise_kernels{softmax_rows, softmax_columns, layer_norm};

}  // namespace AIVM_ISA
}  // namespace aivm

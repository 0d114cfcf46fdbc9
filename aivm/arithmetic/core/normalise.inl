// Softmax and layer normalisation, compiled once per instruction set. See normalise.hpp.
#pragma once

#include <cstring>

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

// The greatest element of a row, in one lane or another.
static inline F32 greatest_lanes(const float* x, std::int64_t n) {
  F32 best[4];
  for (F32& b : best) b = Max::start();
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    for (int k = 0; k < 4; ++k) best[k] = maximum(best[k], load(x + i + k * lanes));
  }
  for (; i + lanes <= n; i += lanes) best[0] = maximum(best[0], load(x + i));
  if (i < n) best[1] = maximum(best[1], load_rest<Max>(x + i, n - i));
  return maximum(maximum(best[0], best[1]), maximum(best[2], best[3]));
}

// The greatest elements of at most `lanes` rows, each folded beside the others.
static inline F32 greatest_of_rows(const float* x, std::int64_t rows, std::int64_t n) {
  F32 row[lanes];
  for (int r = 0; r < lanes; ++r) row[r] = r < rows ? greatest_lanes(x + r * n, n) : Max::start();
  transpose(row);
  for (int half = lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) row[i] = maximum(row[i], row[i + half]);
  }
  return row[0];
}

// y = x - by, elementwise or by one number.
static inline void subtract_all(const float* x, F32 by, float* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, load(x + i) - by);
  if (i < n) store_partial(y + i, load_partial(x + i, n - i) - by, n - i);
}

// max(x, -256), but NaN for NaN: nothing below that has a power above zero, and nothing here lies above zero.
AIVM_INLINE F32 least_exponent(F32 x) {
#if defined(__AVX512F__)
  return {_mm512_max_ps(broadcast(-256.0F).v, x.v)};  // the second operand if one is a NaN
#elif defined(__AVX2__)
  return {_mm256_max_ps(broadcast(-256.0F).v, x.v)};
#else
  return select(x < broadcast(-256.0F), broadcast(-256.0F), x);
#endif
}

// e^(x - top) of a row, to y, or x - top if logarithms are wanted; and the lanes of its sum, saved. NaNs are not yet
// canonical.
static inline void exponentials(const float* x, F32 top, std::int64_t n, bool logarithm, float* y, float* saved) {
  constexpr int at_once = reduction_lanes > group * lanes ? reduction_lanes : group * lanes;
  Lanes16<Sum> sum;
  sum.start();
  std::int64_t i = 0;
  for (; i + at_once <= n; i += at_once) {
#pragma GCC unroll 8
    for (int part = 0; part < at_once; part += group * lanes) {
      F32 t[group];
      Wide<2 * group> wide;
      for (int k = 0; k < group; ++k) {
        t[k] = load(x + i + part + k * lanes) - top;
        const F32 bounded = least_exponent(t[k]);
        wide.v[2 * k] = widen_low(bounded);
        wide.v[2 * k + 1] = widen_high(bounded);
      }
      const Wide<2 * group> powers = exp_of_ordinary(wide);
      for (int k = 0; k < group; ++k) {
        const F32 e = narrow(powers.v[2 * k], powers.v[2 * k + 1]);
        store(y + i + part + k * lanes, logarithm ? t[k] : e);
        F32& lane = sum.v[(part / lanes + k) % lane_vectors];
        lane = lane + e;
      }
    }
  }
  if (i < n) {
    float rest[at_once];
    subtract_all(x + i, top, y + i, n - i);
    function_kernels.unary(Function::exp, y + i, rest, n - i);
    std::int64_t j = 0;
    for (; j + reduction_lanes <= n - i; j += reduction_lanes) sum.take(rest + j);
    sum.take_rest(rest + j, n - i - j);
    if (!logarithm) std::memcpy(y + i, rest, static_cast<std::size_t>(n - i) * sizeof(float));
  }
  sum.save(saved);
}

template <typename Function>
static inline void finish_row(float* y, std::int64_t n, Function function) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, canonical(function(load(y + i))));
  if (i < n) store_partial(y + i, canonical(function(load_partial(y + i, n - i))), n - i);
}

static void softmax_rows(const float* x, std::int64_t rows, std::int64_t n, bool logarithm, float* y) {
  for (std::int64_t first = 0; first < rows; first += lanes) {
    const std::int64_t here = rows - first < lanes ? rows - first : lanes;
    const float* const from = x + first * n;
    float* const to = y + first * n;
    float top[lanes], total[lanes], saved[lanes * reduction_lanes] = {};
    store(top, greatest_of_rows(from, here, n));
    for (std::int64_t r = 0; r < here; ++r) {
      exponentials(from + r * n, broadcast(top[r]), n, logarithm, to + r * n, saved + r * reduction_lanes);
    }
    store(total, fold_together<Sum>(saved));
    if (logarithm) function_kernels.unary(Function::log, total, total, here);
    for (std::int64_t r = 0; r < here; ++r) {
      const F32 by = broadcast(total[r]);
      if (logarithm) {
        finish_row(to + r * n, n, [=](F32 v) { return v - by; });
      } else {
        finish_row(to + r * n, n, [=](F32 v) { return v / by; });
      }
    }
  }
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

// Pooling: what the windows of pool.cpp come down to.
#pragma once

#include <cstdint>

namespace aivm {

template <typename T>
struct PoolLoops {
  // y[i] = the greatest of sources[0 … count) [i]; minus infinity, or the least integer, if there is none. y may be the
  // last source.
  void (*greatest)(const T* const* sources, std::int64_t count, T* y, std::int64_t n);
  // y[i] = (+0 + sources[0][i] + sources[1][i] + …) / divisors[i]; a step of 0 repeats the first divisor.
  void (*mean)(const T* const* sources, std::int64_t count, const T* divisors, std::int64_t divisor_step, T* y,
               std::int64_t n);
  // Of rows of n elements, *_row apart: y[i] = x[i], and what is at even and at odd places of x, apart. No two of the arrays
  // overlap.
  void (*copy)(const T* x, std::int64_t x_row, T* y, std::int64_t y_row, std::int64_t rows, std::int64_t n);
  void (*split)(const T* x, std::int64_t x_row, T* even, T* odd, std::int64_t y_row, std::int64_t rows, std::int64_t n);
};

struct PoolKernels {
  PoolLoops<float> loops;
};

}  // namespace aivm

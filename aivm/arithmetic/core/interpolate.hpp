// Weighted sums of a few elements along an axis.
#pragma once

#include <cstdint>

namespace aivm {

struct InterpolateKernels {
  // y[j] = from +0, for t ascending: fma(weights[t], sources[t][j], …)
  void (*rows)(const float* const* sources, const float* weights, std::int64_t taps, float* y, std::int64_t n);
  // y[o] = from +0, for t ascending: fma(weights[t * n + o], x[indices[t * n + o]], …)
  void (*line)(const float* x, const std::int32_t* indices, const float* weights, std::int64_t taps, float* y,
               std::int64_t n);
};

}  // namespace aivm

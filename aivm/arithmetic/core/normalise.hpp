// Fused kernels of softmax and layer normalisation: the same operations as their ONNX function bodies, in fewer passes.
#pragma once

#include <cstdint>

namespace aivm {

struct LayerNormRow {
  const float* x;
  const float* scale;      // n elements, or one if scale_step is 0
  std::int64_t scale_step;
  const float* bias;       // as scale, or nullptr
  std::int64_t bias_step;
  float epsilon;
  std::int64_t n;
  float* y;
  float* mean;               // one element each
  float* inverse_deviation;
};

struct NormaliseKernels {
  // y = softmax(x), or its logarithm, of `rows` rows of n elements, one behind the other. y may be x.
  void (*softmax_rows)(const float* x, std::int64_t rows, std::int64_t n, bool logarithm, float* y);
  // The same for `width` columns side by side, whose elements are `stride` apart. Scratch: 18 * width floats.
  void (*softmax_columns)(const float* x, std::int64_t n, std::int64_t stride, std::int64_t width, bool logarithm,
                          float* y, float* scratch);
  void (*layer_norm)(const LayerNormRow& row);
};

}  // namespace aivm

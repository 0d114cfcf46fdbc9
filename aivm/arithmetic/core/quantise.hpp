// Between real numbers and small integers.
#pragma once

#include <cstdint>

namespace aivm {

// Numbers that share a scale and a zero point, or have one each where a step is 1.
template <typename X, typename Y>
struct QuantiseRow {
  const X* x;
  const float* scale;
  std::int64_t scale_step;
  const Y* zero;  // nullptr: 0
  std::int64_t zero_step;
  Y* y;
  std::int64_t n;
};

template <typename X>
struct DequantiseRow {
  const X* x;
  const float* scale;
  std::int64_t scale_step;
  const X* zero;  // nullptr: 0
  std::int64_t zero_step;
  float* y;
  std::int64_t n;
};

struct QuantiseKernels {
  // y = saturate(round(x / scale) + zero), ties to even; NaN counts as 0.
  void (*quantise_int8)(const QuantiseRow<float, std::int8_t>& row);
  void (*quantise_uint8)(const QuantiseRow<float, std::uint8_t>& row);
  void (*quantise_int16)(const QuantiseRow<float, std::int16_t>& row);
  void (*quantise_uint16)(const QuantiseRow<float, std::uint16_t>& row);
  // y = saturate(round(float(x) scale) + zero)
  void (*rescale_int8)(const QuantiseRow<std::int32_t, std::int8_t>& row);
  void (*rescale_uint8)(const QuantiseRow<std::int32_t, std::uint8_t>& row);
  // y = float(x - zero) scale; zero is of x's kind.
  void (*dequantise_int8)(const DequantiseRow<std::int8_t>& row);
  void (*dequantise_uint8)(const DequantiseRow<std::uint8_t>& row);
  void (*dequantise_int16)(const DequantiseRow<std::int16_t>& row);
  void (*dequantise_uint16)(const DequantiseRow<std::uint16_t>& row);
  void (*dequantise_int32)(const DequantiseRow<std::int32_t>& row);
};

}  // namespace aivm

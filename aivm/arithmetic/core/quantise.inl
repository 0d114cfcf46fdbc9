// Quantisation, compiled once per instruction set. See quantise.hpp. Each step of the loops is exact or rounded once, so
// that the compiler may make vectors of them as it likes.
#pragma once

#include "quantise.hpp"

namespace aivm {
namespace AIVM_ISA {

template <typename Y> struct Limits;
template <> struct Limits<std::int8_t> { static constexpr int least = -128, most = 127; };
template <> struct Limits<std::uint8_t> { static constexpr int least = 0, most = 255; };
template <> struct Limits<std::int16_t> { static constexpr int least = -32768, most = 32767; };
template <> struct Limits<std::uint16_t> { static constexpr int least = 0, most = 65535; };

// Bounded before it is rounded: the bounds are whole numbers, so it makes no difference. What is left is so small that
// adding and taking away 1.5 * 2^23 rounds it to a whole number, ties to even.
template <typename Y>
AIVM_INLINE Y to_integer(float q, int zero) {
  const float low = static_cast<float>(Limits<Y>::least - zero), high = static_cast<float>(Limits<Y>::most - zero);
  const float magic = 12582912.0F;
  const float number = q == q ? q : 0.0F;
  const float raised = number < low ? low : number;
  const float bounded = raised > high ? high : raised;
  return static_cast<Y>(static_cast<int>((bounded + magic) - magic) + zero);
}

template <bool divide, typename X>
AIVM_INLINE float scaled(X x, float scale) {
  return divide ? static_cast<float>(x) / scale : static_cast<float>(x) * scale;
}

template <bool divide, typename X, typename Y>
static void quantise_row(const QuantiseRow<X, Y>& row) {
  const X* const x = row.x;
  Y* const y = row.y;
  const std::int64_t n = row.n;
  if (row.scale_step == 0 && row.zero_step == 0) {
    const float scale = *row.scale;
    const int zero = row.zero == nullptr ? 0 : *row.zero;
    for (std::int64_t i = 0; i < n; ++i) y[i] = to_integer<Y>(scaled<divide>(x[i], scale), zero);
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      const int zero = row.zero == nullptr ? 0 : row.zero[i * row.zero_step];
      y[i] = to_integer<Y>(scaled<divide>(x[i], row.scale[i * row.scale_step]), zero);
    }
  }
}

// The difference of two small integers is exact in int32, that of two int32 in int64.
template <typename X> struct Exact { using type = std::int32_t; };
template <> struct Exact<std::int32_t> { using type = std::int64_t; };

template <typename X>
static void dequantise_row(const DequantiseRow<X>& row) {
  using Wide = typename Exact<X>::type;
  const X* const x = row.x;
  float* const y = row.y;
  const std::int64_t n = row.n;
  if (row.scale_step == 0 && row.zero_step == 0) {
    const float scale = *row.scale;
    const Wide zero = row.zero == nullptr ? 0 : *row.zero;
    for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(static_cast<Wide>(x[i]) - zero) * scale;
  } else if (row.zero == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i]) * row.scale[i * row.scale_step];
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      const Wide difference = static_cast<Wide>(x[i]) - static_cast<Wide>(row.zero[i * row.zero_step]);
      y[i] = static_cast<float>(difference) * row.scale[i * row.scale_step];
    }
  }
  for (std::int64_t i = 0; i < n; ++i) y[i] = canonical(y[i]);
}

constexpr QuantiseKernels quantise_kernels{
    quantise_row<true, float, std::int8_t>,          quantise_row<true, float, std::uint8_t>,
    quantise_row<true, float, std::int16_t>,         quantise_row<true, float, std::uint16_t>,
    quantise_row<false, std::int32_t, std::int8_t>,  quantise_row<false, std::int32_t, std::uint8_t>,
    dequantise_row<std::int8_t>,                     dequantise_row<std::uint8_t>,
    dequantise_row<std::int16_t>,                    dequantise_row<std::uint16_t>,
    dequantise_row<std::int32_t>,
};

}  // namespace AIVM_ISA
}  // namespace aivm

// Casts for which a processor may have an instruction.
#pragma once

#include <cstdint>

namespace aivm {

struct CastKernels {
  // Rounded to nearest even; nullptr where plain C++ is all there is.
  void (*to_half)(const float* x, std::uint16_t* y, std::int64_t n);
  void (*from_half)(const std::uint16_t* x, float* y, std::int64_t n);
  // Rounded to zero, the nearest end of the range beyond it, 0 for NaN.
  void (*to_int8)(const float* x, std::int8_t* y, std::int64_t n);
  void (*to_uint8)(const float* x, std::uint8_t* y, std::int64_t n);
  void (*to_int32)(const float* x, std::int32_t* y, std::int64_t n);
  void (*to_int64)(const float* x, std::int64_t* y, std::int64_t n);
  // 1 for any byte but 0.
  void (*from_truth)(const std::uint8_t* x, float* y, std::int64_t n);
};

}  // namespace aivm

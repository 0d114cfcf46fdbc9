// Between binary32 and binary16, where a processor may have an instruction for it.
#pragma once

#include <cstdint>

namespace aivm {

struct CastKernels {
  // Rounded to nearest even; nullptr where plain C++ is all there is.
  void (*to_half)(const float* x, std::uint16_t* y, std::int64_t n);
  void (*from_half)(const std::uint16_t* x, float* y, std::int64_t n);
};

}  // namespace aivm

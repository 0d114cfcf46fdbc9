// The inverse hyperbolic tangent: log(1 + 2 |x| / (1 - |x|)) / 2, with the sign of x.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> atanh(Wide<n> x) {
  const Wide<n> magnitude = abs(x);
  Wide<n> y = log1p((magnitude + magnitude) / (1.0 - magnitude), magnitude * 0.0) * 0.5;
  y = select(magnitude == 1.0, infinity, y);
  y = select(magnitude > 1.0, not_a_number, y);
  return copysign(y, x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

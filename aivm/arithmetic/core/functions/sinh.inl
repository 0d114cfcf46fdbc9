// The hyperbolic sine.
#pragma once

#include "hyperbolic.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> sinh_of_ordinary(Wide<n> x) {
  const HyperbolicParts<n> part = hyperbolic_parts(x);
  return copysign(fma(part.c, part.difference, part.s * part.sum), x);
}

AIVM_TEMPLATE Wide<n> sinh(Wide<n> x) { return sinh_of_ordinary(ordinary_exponent(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

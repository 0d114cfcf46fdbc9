// The hyperbolic sine.
#pragma once

#include "hyperbolic.inl"
#include "round_to_odd.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> sinh_of_ordinary(Wide<n> x) {
  const HyperbolicParts<n> part = hyperbolic_parts(x);
  const Wide<n> other = fma(part.c, part.difference, part.s * part.sum);
  return copysign(select(part.difference == 0.0, add_to_odd(part.r, part.rest), other), x);  // k = 0: s itself
}

AIVM_TEMPLATE Wide<n> sinh(Wide<n> x) { return sinh_of_ordinary(ordinary_exponent(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

// The hyperbolic cosine.
#pragma once

#include "hyperbolic.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> cosh_of_ordinary(Wide<n> x) {
  const HyperbolicParts<n> part = hyperbolic_parts(x);
  return fma(part.c, part.sum, part.s * part.difference);
}

AIVM_TEMPLATE Wide<n> cosh(Wide<n> x) { return cosh_of_ordinary(ordinary_exponent(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

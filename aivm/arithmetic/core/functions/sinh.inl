// The hyperbolic sine.
#pragma once

#include "hyperbolic.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 sinh(F64 x) {
  const HyperbolicParts part = hyperbolic_parts(x);
  return copysign(fma(part.c, part.difference, part.s * part.sum), x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

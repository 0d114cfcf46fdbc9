// The hyperbolic cosine.
#pragma once

#include "hyperbolic.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 cosh(F64 x) {
  const HyperbolicParts part = hyperbolic_parts(x);
  return fma(part.c, part.sum, part.s * part.difference);
}

}  // namespace AIVM_ISA
}  // namespace aivm

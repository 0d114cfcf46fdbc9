// The arc sine.
#pragma once

#include "arcsine.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 asin(F64 x) {
  const ArcSine part = reduce_arcsine(abs(x));
  const F64 minus_two = broadcast(-2.0);
  const F64 large = fma(minus_two, part.s, broadcast(half_pi_0)) + fma(minus_two, part.rest, broadcast(half_pi_1));
  return copysign(select(part.small, part.s + part.rest, large), x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

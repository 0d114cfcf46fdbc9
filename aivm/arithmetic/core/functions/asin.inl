// The arc sine.
#pragma once

#include "arcsine.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> asin(Wide<n> x) {
  const ArcSine<n> part = reduce_arcsine(abs(x));
  const Wide<n> large = fma(part.s, -2.0, half_pi_0) + fma(part.rest, -2.0, half_pi_1);
  return copysign(select(part.small, part.s + part.rest, large), x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

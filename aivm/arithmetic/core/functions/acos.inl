// The arc cosine.
#pragma once

#include "arcsine.inl"

namespace aivm {
namespace AIVM_ISA {

// angle + factor asin s: pi/2 - asin s or pi/2 + asin s for small |x|, 2 asin s or pi - 2 asin s for large.
AIVM_TEMPLATE Wide<n> acos(Wide<n> x) {
  const ArcSine<n> part = reduce_arcsine(abs(x));
  const WideMask<n> negative = x < 0.0;
  const Wide<n> size = select(part.small, 1.0, 2.0);
  const Wide<n> turns = select(negative | part.small, size, 0.0);
  const Wide<n> factor = select(negative ^ part.small, -size, size);
  return fma(factor, part.s, turns * half_pi_0) + fma(factor, part.rest, turns * half_pi_1);
}

}  // namespace AIVM_ISA
}  // namespace aivm

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
  const Wide<n> angle = turns * half_pi_0, other = factor * part.s;
  const Wide<n> sum = angle + other;
  const Wide<n> lost = other - (sum - angle);
  return add_to_odd(sum, fma(factor, part.rest, turns * half_pi_1) + lost);
}

}  // namespace AIVM_ISA
}  // namespace aivm

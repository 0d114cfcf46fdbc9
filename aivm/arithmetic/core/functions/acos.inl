// The arc cosine.
#pragma once

#include "arcsine.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 acos(F64 x) {
  const ArcSine part = reduce_arcsine(abs(x));
  const F64 zero = broadcast(0.0);
  const M64 negative = x < zero;
  // angle + factor * (s + rest): pi/2 ∓ asin for small, 2 asin or pi - 2 asin for large.
  const F64 size = select(part.small, broadcast(1.0), broadcast(2.0));
  const F64 factor = select(negative ^ part.small, -size, size);
  const M64 none = !(negative | part.small);
  const F64 quarter_turns = select(part.small, broadcast(1.0), broadcast(2.0));
  const F64 angle = select(none, zero, quarter_turns * broadcast(half_pi_0));
  const F64 angle_rest = select(none, zero, quarter_turns * broadcast(half_pi_1));
  return fma(factor, part.s, angle) + fma(factor, part.rest, angle_rest);
}

}  // namespace AIVM_ISA
}  // namespace aivm

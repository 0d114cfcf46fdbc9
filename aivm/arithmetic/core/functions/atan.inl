// The arc tangent.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

// By |x|: atan |x| up to tan(pi/8), pi/4 + atan((|x| - 1) / (|x| + 1)) up to tan(3 pi/8), pi/2 + atan(-1 / |x|) beyond.
AIVM_INLINE F64 atan(F64 x) {
  const F64 magnitude = abs(x);
  const F64 zero = broadcast(0.0), one = broadcast(1.0);
  const M64 middle = magnitude > broadcast(0.4140625);
  const M64 large = magnitude > broadcast(2.4140625);
  F64 numerator = select(middle, magnitude - one, magnitude);
  F64 denominator = select(middle, magnitude + one, one);
  F64 angle = select(middle, broadcast(quarter_pi_0), zero);
  F64 angle_rest = select(middle, broadcast(quarter_pi_1), zero);
  numerator = select(large, -one, numerator);
  denominator = select(large, magnitude, denominator);
  angle = select(large, broadcast(half_pi_0), angle);
  angle_rest = select(large, broadcast(half_pi_1), angle_rest);
  const F64 t = numerator / denominator;
  const F64 square = t * t;
  const F64 tail = fma(t * square, polynomial_halves(square, square * square, atan_tail), angle_rest);
  return copysign(angle + (t + tail), x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

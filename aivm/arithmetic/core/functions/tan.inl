// The tangent of radians.
#pragma once

#include "trigonometric.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 tan(F64 x) {
  const ReducedAngle angle = reduce_angle(x);
  const F64 square = angle.r * angle.r;
  const F64 sine = sin_of_reduced(angle.r, square), cosine = cos_of_reduced(square);
  const I64 one = broadcast(std::int64_t{1});
  const M64 odd = (angle.quadrant & one) == one;
  return select(odd, -cosine, sine) / select(odd, sine, cosine);
}

}  // namespace AIVM_ISA
}  // namespace aivm

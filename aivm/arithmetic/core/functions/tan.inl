// The tangent of radians.
#pragma once

#include "trigonometric.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> tan_of_angle(ReducedAngle<n> angle) {
  const Wide<n> square = angle.r * angle.r;
  const Wide<n> sine = sin_of_reduced(angle.r, square), cosine = cos_of_reduced(square);
  const WideMask<n> odd = (angle.quadrant & 1) == 1;
  return select(odd, -cosine, sine) / select(odd, sine, cosine);
}

AIVM_TEMPLATE Wide<n> tan_of_ordinary(Wide<n> x) { return tan_of_angle(reduce_ordinary_angle(x)); }

AIVM_TEMPLATE Wide<n> tan(Wide<n> x) { return tan_of_angle(reduce_angle(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

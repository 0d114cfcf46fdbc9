// The tangent of radians.
#pragma once

#include "trigonometric.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> tan_of_angle(ReducedAngle<n> angle) {
  const Wide<n> square = angle.r * angle.r;
  const Terms<n> sine = sin_terms(angle.r, angle.rest, square), cosine = cos_terms(angle.r, angle.rest, square);
  const WideMask<n> odd = (angle.quadrant & 1) == 1;
  const Wide<n> s = copysign(sine.first + sine.second, angle.r), c = cosine.first + cosine.second;
  return select(odd, -c, s) / select(odd, s, c);
}

AIVM_TEMPLATE Wide<n> tan_of_ordinary(Wide<n> x) { return tan_of_angle(reduce_ordinary_angle(x)); }

AIVM_TEMPLATE Wide<n> tan(Wide<n> x) { return tan_of_angle(reduce_angle(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

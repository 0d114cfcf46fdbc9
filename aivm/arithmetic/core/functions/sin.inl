// The sine of radians.
#pragma once

#include "trigonometric.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 sin(F64 x) {
  const ReducedAngle angle = reduce_angle(x);
  return sin_of_parts(angle.r, angle.quadrant);
}

}  // namespace AIVM_ISA
}  // namespace aivm

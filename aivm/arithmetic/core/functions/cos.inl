// The cosine of radians.
#pragma once

#include "trigonometric.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 cos(F64 x) {
  const ReducedAngle angle = reduce_angle(x);
  return sin_of_parts(angle.r, angle.quadrant + broadcast(std::int64_t{1}));
}

}  // namespace AIVM_ISA
}  // namespace aivm

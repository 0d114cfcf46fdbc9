// The inverse hyperbolic sine: log(1 + |x| + x^2 / (1 + sqrt(x^2 + 1))), with the sign of x.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 asinh(F64 x) {
  const F64 one = broadcast(1.0);
  const F64 magnitude = abs(x);
  const F64 square = magnitude * magnitude;
  const F64 u = magnitude + square / (one + sqrt(square + one));
  return copysign(select(magnitude < broadcast(__builtin_inf()), log1p(u), magnitude), x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

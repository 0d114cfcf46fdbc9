// The inverse hyperbolic tangent: log(1 + 2 |x| / (1 - |x|)) / 2, with the sign of x.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 atanh(F64 x) {
  const F64 one = broadcast(1.0);
  const F64 magnitude = abs(x);
  F64 y = log1p((magnitude + magnitude) / (one - magnitude)) * broadcast(0.5);
  y = select(magnitude == one, broadcast(__builtin_inf()), y);
  y = select(magnitude > one, broadcast(__builtin_nan("")), y);
  return copysign(y, x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

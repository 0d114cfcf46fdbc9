// The inverse hyperbolic cosine: log(1 + t + sqrt(t (t + 2))), t = x - 1.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 acosh(F64 x) {
  const F64 infinity = broadcast(__builtin_inf());
  const F64 t = x - broadcast(1.0);
  const F64 u = t + sqrt(fma(t, t, t + t));
  const F64 y = select(x < infinity, log1p(u), x);
  return select(t < broadcast(0.0), broadcast(__builtin_nan("")), y);
}

}  // namespace AIVM_ISA
}  // namespace aivm

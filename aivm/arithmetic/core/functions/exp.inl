// e^x.
#pragma once

#include "exponential.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 exp(F64 x) {
  // Beyond these bounds the result rounds to infinity or to zero, as it does at them.
  const ReducedExponent reduced = reduce_exponent(at_least(at_most(x, 90.0), -110.0));
  const F64 r = reduced.r;
  const F64 square = r * r;
  const F64 tail = polynomial_halves(r, square, exp_tail);
  const F64 mantissa = fma(square, tail, r) + broadcast(1.0);
  return scale(mantissa, reduced.k);
}

}  // namespace AIVM_ISA
}  // namespace aivm

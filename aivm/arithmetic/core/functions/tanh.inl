// tanh x = (1 - e^-2|x|) / (1 + e^-2|x|), with the sign of x.
#pragma once

#include "exponential.inl"
#include "reciprocal.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 tanh(F64 x) {
  const F64 magnitude = at_most(abs(x), 10.0);  // tanh 10 rounds to 1
  const ReducedExponent reduced = reduce_exponent(magnitude * broadcast(-2.0));
  const F64 r = reduced.r;
  const F64 square = r * r;
  const F64 less = fma(square, polynomial_halves(r, square, expm1_tail), r);  // e^r - 1
  const F64 power = power_of_two(reduced.k);
  // 1 - e^-2|x|; accurate for small x too, where k = 0.
  const F64 n = fma(-power, less, broadcast(1.0) - power);
  return copysign(divide_by_small(n, broadcast(2.0) - n), x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

// 1 / (1 + e^-x), as one function of x.
#pragma once

#include "exponential.inl"
#include "reciprocal.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 sigmoid(F64 x) {
  const F64 magnitude = abs(x);
  const ReducedExponent reduced = reduce_exponent(-at_most(magnitude, 110.0));
  const F64 r = reduced.r;
  const F64 square = r * r;
  const F64 tail = polynomial_halves(r, square, exp_tail);
  const F64 e = scale(fma(square, tail, r) + broadcast(1.0), reduced.k);  // e^-|x|
  const F64 one = broadcast(1.0);
  const F64 numerator = select(x < broadcast(0.0), e, one);
  const F64 quotient = divide_by_small(numerator, one + e);
  // 1/2 + x/4 - x^3/48 + …: close to zero the first two terms can lie midway between two binary32, and binary64 loses
  // the third. There it is enough to err to its side: by 2^-28 of x/4, less than the distance of x/4 from any midpoint
  // that it is not at.
  const F64 near_half = fma(x, broadcast(0.25 * (1.0 - 0x1p-28)), broadcast(0.5));
  return select(magnitude < broadcast(0x1p-11), near_half, quotient);
}

}  // namespace AIVM_ISA
}  // namespace aivm

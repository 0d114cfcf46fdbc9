// Quotients without the division instruction, which costs ten times as much as a multiplication.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

// n / d for 1 <= d <= 2, to about the last bit of binary64.
AIVM_INLINE F64 divide_by_small(F64 n, F64 d) {
  const F64 start = polynomial(d, reciprocal_start);                   // 2^-9
  const F64 error = fma(-d, start, broadcast(1.0));
  const F64 inverse = fma(start, fma(error, error, error), start);    // 2^-27
  const F64 quotient = n * inverse;
  return fma(fma(-d, quotient, n), inverse, quotient);                // 2^-54 before rounding
}

}  // namespace AIVM_ISA
}  // namespace aivm

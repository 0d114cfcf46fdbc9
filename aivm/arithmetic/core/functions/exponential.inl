// The common part of exp, sigmoid, tanh, sinh and cosh: x = k log 2 + r with |r| <= log(2) / 2.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

struct ReducedExponent {
  I64 k;  // in the low bits
  F64 r;
};

// |x| < 2^20, a binary32 value or twice one. x - k log 2 is exact for the first part of log 2: both are multiples of
// 2^-53 and the difference is less than one.
AIVM_INLINE ReducedExponent reduce_exponent(F64 x) {
  const Nearest k = nearest_multiple(x, inverse_ln2);
  const F64 r = fma(k.number, broadcast(-ln2_0), x);
  return {k.integer, fma(k.number, broadcast(-ln2_1), r)};
}

// x * 2^k, for results within binary64's normal range.
AIVM_INLINE F64 scale(F64 x, I64 k) { return from_bits(bits(x) + shl<52>(k)); }

}  // namespace AIVM_ISA
}  // namespace aivm

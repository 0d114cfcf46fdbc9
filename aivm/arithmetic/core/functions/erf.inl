// The error function.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 erf(F64 x) {
  const F64 magnitude = at_most(abs(x), 3.9990234375);  // erf of this rounds to 1
  // |x| = i + 1/2 + t, |t| <= 1/2.
  const F64 half_less = magnitude - broadcast(0.5);
  const Nearest i = nearest_multiple(half_less, 1.0);
  const F64 t = half_less - i.number;
  constexpr std::size_t top = sizeof erf_rows / sizeof erf_rows[0] - 1;
  F64 sum = lookup(erf_rows[top], i.integer);
  for (std::size_t power = top; power-- > 0;) sum = fma(sum, t, lookup(erf_rows[power], i.integer));
  return copysign(magnitude * sum, x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

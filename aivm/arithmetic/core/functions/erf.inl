// The error function.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> erf(Wide<n> x) {
  const Wide<n> magnitude = at_most(abs(x), 3.9990234375);  // erf of this rounds to 1
  // |x| = i + 1/2 + t, |t| <= 1/2.
  const Wide<n> half_less = magnitude - 0.5;
  const Nearest<n> i = nearest_multiple(half_less, 1.0);
  const Wide<n> t = half_less - i.number;
  constexpr std::size_t top = sizeof erf_rows / sizeof erf_rows[0] - 1;
  Wide<n> sum = lookup(erf_rows[top], i.integer);
  _Pragma("GCC unroll 32")
  for (std::size_t j = 1; j <= top; ++j) sum = fma(sum, t, lookup(erf_rows[top - j], i.integer));
  return copysign(magnitude * sum, x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

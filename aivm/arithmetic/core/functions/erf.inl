// The error function.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> erf(Wide<n> x) {
  const Wide<n> magnitude = at_most(abs(x), 3.9990234375);  // erf of this rounds to 1
#if defined(__AVX512F__)
  constexpr double length = 0.25;
  const auto& rows = erf_quarter_rows;
#else
  constexpr double length = 1;
  const auto& rows = erf_rows;
#endif
  // |x| = (i + 1/2) length + t, |t| <= length / 2.
  const Wide<n> half_less = magnitude - length / 2;
  const Nearest<n> i = nearest_multiple(half_less, 1 / length);
  const Wide<n> t = fma(i.number, -length, half_less);
  constexpr std::size_t top = sizeof rows / sizeof rows[0] - 1;
  Wide<n> sum = lookup(rows[top], i.integer);
  _Pragma("GCC unroll 32")
  for (std::size_t j = 1; j <= top; ++j) sum = fma(sum, t, lookup(rows[top - j], i.integer));
  return copysign(magnitude * sum, x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

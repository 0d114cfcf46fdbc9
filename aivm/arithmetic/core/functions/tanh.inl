// tanh x = (1 - e^-2|x|) / (1 + e^-2|x|), with the sign of x.
#pragma once

#include "exponential.inl"

namespace aivm {
namespace AIVM_ISA {

// 1 - e^x for -512 <= x <= 0; accurate for small x too, where k = 0.
AIVM_TEMPLATE Wide<n> one_less_exponential(Wide<n> x) {
#if defined(__AVX512F__)
  const Eighths<n> reduced = reduce_to_eighths(x);
  const Wide<n> r = reduced.r;
  const Wide<n> square = r * r;
  // e^r - 1, times what makes the table exact: next to 1 its roundings would show.
  const Wide<n> rest = lookup(eighths_rest, reduced.k);
  const Wide<n> less = fma(square, polynomial_halves(r, square, expm1_eighth_tail), r + rest);
  const Wide<n> power = from_bits(bits(lookup(eighths, reduced.k)) + reduced.exponent);
#else
  const ReducedExponent<n> reduced = reduce_exponent(x);
  const Wide<n> r = reduced.r;
  const Wide<n> square = r * r;
  const Wide<n> less = fma(square, polynomial_halves(r, square, expm1_tail), r);  // e^r - 1
  const Wide<n> power = power_of_two(reduced.k);
#endif
  return fma(-power, less, 1.0 - power);
}

AIVM_TEMPLATE Wide<n> tanh_of_ordinary(Wide<n> x) {
  const Wide<n> numerator = one_less_exponential(abs(x) * -2.0);
  return copysign(numerator / (2.0 - numerator), x);
}

AIVM_TEMPLATE Wide<n> tanh(Wide<n> x) { return tanh_of_ordinary(ordinary_exponent(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

// tanh x = (1 - e^-2|x|) / (1 + e^-2|x|), with the sign of x.
#pragma once

#include "exponential.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> tanh_of_ordinary(Wide<n> x) {
  const ReducedExponent<n> reduced = reduce_exponent(abs(x) * -2.0);
  const Wide<n> r = reduced.r;
  const Wide<n> square = r * r;
  const Wide<n> less = fma(square, polynomial_halves(r, square, expm1_tail), r);  // e^r - 1
  const Wide<n> power = power_of_two(reduced.k);
  // 1 - e^-2|x|; accurate for small x too, where k = 0.
  const Wide<n> numerator = fma(-power, less, 1.0 - power);
  return copysign(numerator / (2.0 - numerator), x);
}

AIVM_TEMPLATE Wide<n> tanh(Wide<n> x) { return tanh_of_ordinary(ordinary_exponent(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

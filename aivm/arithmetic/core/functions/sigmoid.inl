// 1 / (1 + e^-x), as one function of x.
#pragma once

#include "exponential.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> sigmoid_of_ordinary(Wide<n> x) {
  const Wide<n> magnitude = abs(x);
  const Wide<n> e = exponential(-magnitude);
  const Wide<n> quotient = select(x < 0.0, e, 1.0) / (e + 1.0);
  // 1/2 + x/4 - x^3/48 + …: close to zero the first two terms can lie midway between two binary32, and binary64 loses
  // the third. There it is enough to err to its side: by 2^-28 of x/4, less than the distance of x/4 from any midpoint
  // that it is not at.
  const Wide<n> near_half = fma(x, 0.25 * (1.0 - 0x1p-28), 0.5);
  return select(magnitude < 0x1p-11, near_half, quotient);
}

AIVM_TEMPLATE Wide<n> sigmoid(Wide<n> x) { return sigmoid_of_ordinary(ordinary_exponent(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

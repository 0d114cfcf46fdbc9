// The arc tangent.
#pragma once

#include "coefficients.inl"
#include "round_to_odd.inl"

namespace aivm {
namespace AIVM_ISA {

// By |x|: atan |x| up to tan(pi/8), pi/4 + atan((|x| - 1) / (|x| + 1)) up to tan(3 pi/8), pi/2 + atan(-1 / |x|) beyond.
AIVM_TEMPLATE Wide<n> atan(Wide<n> x) {
  const Wide<n> magnitude = abs(x);
  const WideMask<n> middle = magnitude > 0.4140625, large = magnitude > 2.4140625;
  const Wide<n> numerator = select(large, -1.0, select(middle, magnitude - 1.0, magnitude));
  const Wide<n> denominator = select(large, magnitude, select(middle, magnitude + 1.0, 1.0));
  const Wide<n> angle = select(large, half_pi_0, select(middle, quarter_pi_0, 0.0));
  const Wide<n> angle_rest = select(large, half_pi_1, select(middle, quarter_pi_1, 0.0));
  const Wide<n> t = numerator / denominator;
  const Wide<n> square = t * t;
  const Wide<n> tail = fma(t * square, polynomial_halves(square, square * square, atan_tail), angle_rest);
  const Wide<n> sum = angle + t;
  const Wide<n> lost = t - (sum - angle);
  return copysign(add_to_odd(sum, lost + tail), x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

// The inverse hyperbolic cosine: log(1 + t + sqrt(t (t + 2))), t = x - 1.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> acosh(Wide<n> x) {
  const Wide<n> t = x - 1.0;
  const Wide<n> square = t * t, twice = t + t;
  const Wide<n> sum = square + twice;
  const Wide<n> twice_part = sum - square;
  const Wide<n> sum_lost = (square - (sum - twice_part)) + (twice - twice_part) + fma(t, t, -square);
  const Wide<n> root = sqrt(sum);
  const Wide<n> root_lost = (fma(-root, root, sum) + sum_lost) / at_least(root + root, 0x1p-100);
  const Wide<n> u = root + t;
  const Wide<n> y = select(x < infinity, log1p(u, (t - (u - root)) + root_lost), x);
  return select(t < 0.0, not_a_number, y);
}

}  // namespace AIVM_ISA
}  // namespace aivm

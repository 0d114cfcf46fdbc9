// The inverse hyperbolic cosine: log(1 + t + sqrt(t (t + 2))), t = x - 1.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> acosh(Wide<n> x) {
  const Wide<n> t = x - 1.0;
  const Wide<n> u = t + sqrt(fma(t, t, t + t));
  const Wide<n> y = select(x < infinity, log1p(u), x);
  return select(t < 0.0, not_a_number, y);
}

}  // namespace AIVM_ISA
}  // namespace aivm

// The inverse hyperbolic sine: log(1 + |x| + x^2 / (1 + sqrt(x^2 + 1))), with the sign of x.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> asinh(Wide<n> x) {
  const Wide<n> magnitude = abs(x);
  const Wide<n> square = magnitude * magnitude;
  const Wide<n> u = magnitude + square / (sqrt(square + 1.0) + 1.0);
  return copysign(select(magnitude < infinity, log1p(u, u * 0.0), magnitude), x);
}

}  // namespace AIVM_ISA
}  // namespace aivm

// The common part of asin and acos.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

// Up to 1/2, s = |x|; beyond, where asin |x| = pi/2 - 2 asin s, s = sqrt((1 - |x|) / 2), which is NaN for |x| > 1.
struct ArcSine {
  M64 small;
  F64 s;
  F64 rest;  // asin s - s
};
AIVM_INLINE ArcSine reduce_arcsine(F64 magnitude) {
  const M64 small = magnitude <= broadcast(0.5);
  const F64 half = broadcast(0.5);
  const F64 other_square = fma(magnitude, -half, half);  // exact
  const F64 square = select(small, magnitude * magnitude, other_square);
  const F64 s = select(small, magnitude, sqrt(other_square));
  return {small, s, (s * square) * polynomial_halves(square, square * square, asin_tail)};
}

}  // namespace AIVM_ISA
}  // namespace aivm

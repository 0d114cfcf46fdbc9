// The common part of asin and acos.
#pragma once

#include "coefficients.inl"
#include "round_to_odd.inl"

namespace aivm {
namespace AIVM_ISA {

// Up to 1/2, s = |x|; beyond, where asin |x| = pi/2 - 2 asin s, s = sqrt((1 - |x|) / 2), which is NaN for |x| > 1.
template <int n> struct ArcSine {
  WideMask<n> small;
  Wide<n> s;
  Wide<n> rest;  // asin s - s
};
AIVM_TEMPLATE ArcSine<n> reduce_arcsine(Wide<n> magnitude) {
  const WideMask<n> small = magnitude <= 0.5;
  const Wide<n> other_square = fma(magnitude, -0.5, 0.5);  // exact where it is used
  const Wide<n> square = select(small, magnitude * magnitude, other_square);
  const Wide<n> s = select(small, magnitude, sqrt(other_square));
  return {small, s, (s * square) * polynomial_halves(square, square * square, asin_tail)};
}

}  // namespace AIVM_ISA
}  // namespace aivm

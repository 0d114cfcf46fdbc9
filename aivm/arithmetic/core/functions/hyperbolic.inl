// The common part of sinh and cosh: |x| = k log 2 + r.
#pragma once

#include "exponential.inl"

namespace aivm {
namespace AIVM_ISA {

// (2^k e^r + 2^-k e^-r) / 2 = c (h + l) + s (h - l) and (2^k e^r - 2^-k e^-r) / 2 = s (h + l) + c (h - l)
// with h = 2^(k-1), l = 2^(-k-1), s = sinh r, c = cosh r; no division, no cancellation, and s itself where k = 0.
template <int n> struct HyperbolicParts {
  Wide<n> r, rest;  // s = r + rest
  Wide<n> s, c, sum, difference;
};
AIVM_TEMPLATE HyperbolicParts<n> hyperbolic_parts(Wide<n> x) {
  const ReducedExponent<n> reduced = reduce_exponent(abs(x));
  const Wide<n> r = reduced.r;
  const Wide<n> square = r * r;
  const Wide<n> cube = r * square, series = polynomial(square, sinh_tail);
  const Wide<n> c = fma(square * square, polynomial(square, cosh_tail), square * 0.5) + 1.0;
  constexpr std::int64_t half = one_bits - (std::int64_t{1} << 52);
  const WideInteger<n> power = shl<52>(reduced.k);
  const Wide<n> h = from_bits(power + half), l = from_bits(half - power);
  return {r, cube * series, fma(cube, series, r), c, h + l, h - l};
}

}  // namespace AIVM_ISA
}  // namespace aivm

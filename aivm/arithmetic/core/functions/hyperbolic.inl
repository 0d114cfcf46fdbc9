// The common part of sinh and cosh: |x| = k log 2 + r.
#pragma once

#include "exponential.inl"

namespace aivm {
namespace AIVM_ISA {

// (2^k e^r + 2^-k e^-r) / 2 = c (h + l) + s (h - l) and (2^k e^r - 2^-k e^-r) / 2 = s (h + l) + c (h - l)
// with h = 2^(k-1), l = 2^(-k-1), s = sinh r, c = cosh r; no division, no cancellation, and s itself where k = 0.
struct HyperbolicParts {
  F64 s, c, sum, difference;
};
AIVM_INLINE HyperbolicParts hyperbolic_parts(F64 x) {
  const ReducedExponent reduced = reduce_exponent(at_most(abs(x), 90.0));  // at 90 both round to infinity
  const F64 r = reduced.r;
  const F64 square = r * r;
  const F64 s = fma(r * square, polynomial(square, sinh_tail), r);
  const F64 c = broadcast(1.0) + fma(square * square, polynomial(square, cosh_tail), square * broadcast(0.5));
  const I64 half = broadcast(one_bits - (std::int64_t{1} << 52));
  const I64 power = shl<52>(reduced.k);
  const F64 h = from_bits(half + power), l = from_bits(half - power);
  return {s, c, h + l, h - l};
}

}  // namespace AIVM_ISA
}  // namespace aivm

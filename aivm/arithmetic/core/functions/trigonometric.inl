// The common part of sin, cos and tan: x = k pi/2 + r, |r| <= pi/4, for every binary32.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

struct ReducedAngle {
  I64 quadrant;  // k in the low bits
  F64 r;
};

// |x| >= 2^22, finite. x = m 2^(e-23) with an integer m < 2^24, and 2^(e-23) / (pi/2) modulo 4 is tabulated: the product
// with m is the number of right angles modulo 4. Other lanes give some number.
static inline ReducedAngle reduce_big_angle(F64 x) {
  const F64 magnitude = abs(x);
  const I64 biased = shr<52>(bits(magnitude)) - broadcast(std::int64_t{1023 + first_big_exponent});
  const I64 last = broadcast(std::int64_t{sizeof inverse_half_pi_parts / sizeof(double) / 3 - 1});
  const I64 zero = broadcast(std::int64_t{0});
  const I64 index = select(biased > last, zero, select(zero > biased, zero, biased));
  const I64 row = index + shl<1>(index);
  const I64 mantissa_mask = broadcast(std::int64_t{0xfffffffffffff});
  const F64 m = from_bits((bits(magnitude) & mantissa_mask) | broadcast(std::int64_t{0x4160000000000000}));  // 2^23
  const F64 first = m * gather(inverse_half_pi_parts, row);       // exact: 24 + 27 bits
  const F64 second = m * gather(inverse_half_pi_parts + 1, row);  // exact: 24 + 26 bits
  const F64 third = gather(inverse_half_pi_parts + 2, row);
  const Nearest turns = nearest_multiple(first, 0.25);
  const F64 within = fma(turns.number, broadcast(-4.0), first) + second;  // exact: multiples of 2^-51, less than 4
  const Nearest k = nearest_multiple(within, 1.0);
  const F64 fraction = fma(m, third, within - k.number);
  const F64 r = fma(fraction, broadcast(half_pi_0), fraction * broadcast(half_pi_1));
  const M64 negative = x < broadcast(0.0);
  return {select(negative, zero - k.integer, k.integer), select(negative, -r, r)};
}

AIVM_INLINE ReducedAngle reduce_angle(F64 x) {
  const Nearest k = nearest_multiple(x, inverse_half_pi);
  // The first difference is exact: multiples of 2^-52 that are less than 1 (or k = 0).
  const F64 r = fma(k.number, broadcast(-half_pi_1), fma(k.number, broadcast(-half_pi_0), x));
  const M64 big = abs(x) >= broadcast(static_cast<double>(1 << first_big_exponent));
  if (!any(big)) return {k.integer, r};
  const ReducedAngle other = reduce_big_angle(x);
  const F64 infinity = broadcast(__builtin_inf());
  const F64 big_r = select(abs(x) == infinity, broadcast(__builtin_nan("")), other.r);
  return {select(big, other.quadrant, k.integer), select(big, big_r, r)};
}

AIVM_INLINE F64 sin_of_reduced(F64 r, F64 square) {
  return fma(r * square, polynomial(square, sin_tail), r);
}
AIVM_INLINE F64 cos_of_reduced(F64 square) {
  const F64 one = broadcast(1.0);
  const F64 half_square = square * broadcast(0.5);
  const F64 first = one - half_square;
  // What 1 - r^2/2 lost is added with the rest.
  return first + fma(square * square, polynomial(square, cos_tail), (one - first) - half_square);
}

// sin(r + quadrant pi/2).
AIVM_INLINE F64 sin_of_parts(F64 r, I64 quadrant) {
  const F64 square = r * r;
  const I64 one = broadcast(std::int64_t{1});
  const M64 odd = (quadrant & one) == one;
  const F64 y = select(odd, cos_of_reduced(square), sin_of_reduced(r, square));
  return from_bits(bits(y) ^ shl<63>(shr<1>(quadrant)));
}

}  // namespace AIVM_ISA
}  // namespace aivm

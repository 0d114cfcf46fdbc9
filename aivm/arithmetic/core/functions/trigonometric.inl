// The common part of sin, cos and tan: x = k pi/2 + r, |r| <= pi/4, for every binary32.
#pragma once

#include "coefficients.inl"
#include "round_to_odd.inl"

namespace aivm {
namespace AIVM_ISA {

constexpr float first_big_angle = static_cast<float>(1 << first_big_exponent);
AIVM_INLINE M32 is_ordinary_angle(F32 x) { return abs(x) < broadcast(first_big_angle); }

template <int n> struct ReducedAngle {
  WideInteger<n> quadrant;  // k in the low bits
  Wide<n> r, rest;          // what r lost
};

// |x| < 2^22. The first difference is exact: multiples of 2^-52 that are less than 1 (or k = 0).
AIVM_TEMPLATE ReducedAngle<n> reduce_ordinary_angle(Wide<n> x) {
  const Nearest<n> k = nearest_multiple(x, inverse_half_pi);
  const Wide<n> first = fma(k.number, -half_pi_0, x);
  const Wide<n> r = fma(k.number, -half_pi_1, first);
  return {k.integer, r, fma(k.number, -half_pi_1, first - r)};
}

// 2^22 <= |x|, finite. x = m 2^(e-23) with an integer m < 2^24, and 2^(e-23) / (pi/2) modulo 4 is tabulated: the product
// with m is the number of right angles modulo 4. Other lanes give some number.
AIVM_TEMPLATE ReducedAngle<n> reduce_big_angle(Wide<n> x) {
  const Wide<n> magnitude = abs(x);
  constexpr std::int64_t rows = sizeof inverse_half_pi_parts / sizeof(double) / 3;
  WideInteger<n> row = shr<52>(bits(magnitude)) - (1023 + first_big_exponent);
  const WideInteger<n> zero = row & 0;
  row = select((row > rows - 1) | !(row > -1), zero, row);
  const WideInteger<n> at = row + shl<1>(row);
  const Wide<n> m = from_bits((bits(magnitude) & 0xfffffffffffff) + 0x4160000000000000);  // 1023 + 23 in the exponent
  const Wide<n> first = m * gather(inverse_half_pi_parts, at);       // exact: 24 + 27 bits
  const Wide<n> second = m * gather(inverse_half_pi_parts + 1, at);  // exact: 24 + 26 bits
  const Wide<n> third = gather(inverse_half_pi_parts + 2, at);
  const Nearest<n> turns = nearest_multiple(first, 0.25);
  const Wide<n> within = fma(turns.number, -4.0, first) + second;  // exact: multiples of 2^-51, less than 4
  const Nearest<n> k = nearest_multiple(within, 1.0);
  const Wide<n> most = within - k.number;
  const Wide<n> fraction = fma(m, third, most);
  const Wide<n> lost = fma(m, third, most - fraction);
  const Wide<n> r = fraction * half_pi_0;
  const Wide<n> rest = fma(lost, half_pi_0, fma(fraction, half_pi_1, fma(fraction, half_pi_0, -r)));
  const WideMask<n> negative = x < 0.0;
  return {select(negative, zero - k.integer, k.integer), select(negative, -r, r), select(negative, -rest, rest)};
}

// r is a NaN for infinities and NaNs.
AIVM_TEMPLATE ReducedAngle<n> reduce_angle(Wide<n> x) {
  const ReducedAngle<n> ordinary = reduce_ordinary_angle(x);
  const WideMask<n> big = abs(x) >= first_big_angle;
  if (!any(big)) return ordinary;
  const ReducedAngle<n> other = reduce_big_angle(x);
  const Wide<n> r = select(abs(x) == infinity, not_a_number, other.r);
  return {select(big, other.quadrant, ordinary.quadrant), select(big, r, ordinary.r),
          select(big, other.rest, ordinary.rest)};
}

// sin(r + rest) and cos(r + rest), as a sum of which the first term is greater.
template <int n> struct Terms {
  Wide<n> first, second;
};
AIVM_TEMPLATE Terms<n> sin_terms(Wide<n> r, Wide<n> rest, Wide<n> square) {
  return {r, fma(r * square, polynomial(square, sin_tail), rest)};
}
AIVM_TEMPLATE Terms<n> cos_terms(Wide<n> r, Wide<n> rest, Wide<n> square) {
  const Wide<n> half_square = square * 0.5;
  const Wide<n> first = 1.0 - half_square;
  // What 1 - r^2/2 lost is added to the others.
  return {first, fma(square * square, polynomial(square, cos_tail), fma(-r, rest, (1.0 - first) - half_square))};
}

// sin(r + rest + quadrant pi/2); the sign of r where r is zero.
AIVM_TEMPLATE Wide<n> sin_of_angle(ReducedAngle<n> angle) {
  const Wide<n> square = angle.r * angle.r;
  const WideMask<n> odd = (angle.quadrant & 1) == 1;
  const Terms<n> sine = sin_terms(angle.r, angle.rest, square), cosine = cos_terms(angle.r, angle.rest, square);
  const Wide<n> first = select(odd, cosine.first, sine.first), second = select(odd, cosine.second, sine.second);
  const Wide<n> sum = copysign(add_to_odd(first, second), first);
  return from_bits(bits(sum) ^ shl<63>(shr<1>(angle.quadrant)));
}
AIVM_TEMPLATE Wide<n> cos_of_angle(ReducedAngle<n> angle) {
  return sin_of_angle(ReducedAngle<n>{angle.quadrant + 1, angle.r, angle.rest});
}

}  // namespace AIVM_ISA
}  // namespace aivm

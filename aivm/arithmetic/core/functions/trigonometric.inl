// The common part of sin, cos and tan: x = k pi/2 + r, |r| <= pi/4, for every binary32.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

constexpr float first_big_angle = static_cast<float>(1 << first_big_exponent);
AIVM_INLINE M32 is_ordinary_angle(F32 x) { return abs(x) < broadcast(first_big_angle); }

template <int n> struct ReducedAngle {
  WideInteger<n> quadrant;  // k in the low bits
  Wide<n> r;
};

// |x| < 2^22. The first difference is exact: multiples of 2^-52 that are less than 1 (or k = 0).
AIVM_TEMPLATE ReducedAngle<n> reduce_ordinary_angle(Wide<n> x) {
  const Nearest<n> k = nearest_multiple(x, inverse_half_pi);
  return {k.integer, fma(k.number, -half_pi_1, fma(k.number, -half_pi_0, x))};
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
  const Wide<n> fraction = fma(m, third, within - k.number);
  const Wide<n> r = fma(fraction, half_pi_0, fraction * half_pi_1);
  const WideMask<n> negative = x < 0.0;
  return {select(negative, zero - k.integer, k.integer), select(negative, -r, r)};
}

// r is a NaN for infinities and NaNs.
AIVM_TEMPLATE ReducedAngle<n> reduce_angle(Wide<n> x) {
  const ReducedAngle<n> ordinary = reduce_ordinary_angle(x);
  const WideMask<n> big = abs(x) >= first_big_angle;
  if (!any(big)) return ordinary;
  const ReducedAngle<n> other = reduce_big_angle(x);
  const Wide<n> r = select(abs(x) == infinity, not_a_number, other.r);
  return {select(big, other.quadrant, ordinary.quadrant), select(big, r, ordinary.r)};
}

// With the sign of r also where r is zero.
AIVM_TEMPLATE Wide<n> sin_of_reduced(Wide<n> r, Wide<n> square) {
  const Wide<n> y = fma(r * square, polynomial(square, sin_tail), r);
  return from_bits(bits(y) | (bits(r) & static_cast<std::int64_t>(1ULL << 63)));
}
AIVM_TEMPLATE Wide<n> cos_of_reduced(Wide<n> square) {
  const Wide<n> half_square = square * 0.5;
  const Wide<n> first = 1.0 - half_square;
  // What 1 - r^2/2 lost is added with the rest.
  return first + fma(square * square, polynomial(square, cos_tail), (1.0 - first) - half_square);
}

// sin(r + quadrant pi/2).
AIVM_TEMPLATE Wide<n> sin_of_angle(Wide<n> r, WideInteger<n> quadrant) {
  const Wide<n> square = r * r;
  const Wide<n> y = select((quadrant & 1) == 1, cos_of_reduced(square), sin_of_reduced(r, square));
  return from_bits(bits(y) ^ shl<63>(shr<1>(quadrant)));
}
AIVM_TEMPLATE Wide<n> sin_of_angle(ReducedAngle<n> angle) { return sin_of_angle(angle.r, angle.quadrant); }
AIVM_TEMPLATE Wide<n> cos_of_angle(ReducedAngle<n> angle) { return sin_of_angle(angle.r, angle.quadrant + 1); }

}  // namespace AIVM_ISA
}  // namespace aivm

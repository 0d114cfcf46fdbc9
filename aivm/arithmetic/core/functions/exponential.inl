// The common part of exp, sigmoid, tanh, sinh and cosh: x = k log 2 + r with |r| <= log(2) / 2.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

// What needs no restriction of x first, and gives no NaN.
AIVM_INLINE M32 is_ordinary_exponent(F32 x) { return abs(x) <= broadcast(256.0F); }
AIVM_TEMPLATE Wide<n> ordinary_exponent(Wide<n> x) { return at_least(at_most(x, 256.0), -256.0); }

template <int n> struct ReducedExponent {
  WideInteger<n> k;  // in the low bits
  Wide<n> r;
};

// |x| <= 512, a binary32 value or twice one. x - k log 2 is exact for the first part of log 2: both are multiples of
// 2^-53 and the difference is less than one.
AIVM_TEMPLATE ReducedExponent<n> reduce_exponent(Wide<n> x) {
  const Nearest<n> k = nearest_multiple(x, inverse_ln2);
  return {k.integer, fma(k.number, -ln2_1, fma(k.number, -ln2_0, x))};
}

// 2^k
AIVM_TEMPLATE Wide<n> power_of_two(WideInteger<n> k) { return from_bits(shl<52>(k) + one_bits); }

#if defined(__AVX512F__)
// x = k log(2)/8 + r with |r| <= log(2)/16: tables in registers and shorter polynomials.
template <int n> struct Eighths {
  WideInteger<n> k;         // in the low bits
  WideInteger<n> exponent;  // k / 8 rounded down, as what has to be added to the bits of a number
  Wide<n> r;
};

// The part of log 2 beyond binary64 is left out; coefficients take account of that.
AIVM_TEMPLATE Eighths<n> reduce_to_eighths(Wide<n> x) {
  const Nearest<n> k = nearest_multiple(x, 8 * inverse_ln2);
  return {k.integer, shl<49>(k.integer & ~std::int64_t{7}), fma(k.number, -ln2_0 / 8, x)};
}
#endif

// e^x for |x| <= 512. If x is a NaN its low bits are zero, so that it stays one.
AIVM_TEMPLATE Wide<n> exponential(Wide<n> x) {
#if defined(__AVX512F__)
  // Tuned to what is left out (scripts/arithmetic/tune_exponential.py).
  const Eighths<n> reduced = reduce_to_eighths(x);
  const Wide<n> r = reduced.r;
  const Wide<n> square = r * r;
  const Wide<n> less = fma(square, polynomial_halves(r, square, exp_eighth_tail), r);
  const Wide<n> power = lookup(eighths, reduced.k);
  return from_bits(bits(fma(power, less, power)) + reduced.exponent);
#else
  const ReducedExponent<n> reduced = reduce_exponent(x);
  const Wide<n> r = reduced.r;
  const Wide<n> square = r * r;
  const Wide<n> tail = polynomial_halves(r, square, exp_tail);
  return from_bits(bits(fma(square, tail, r) + 1.0) + shl<52>(reduced.k));
#endif
}

}  // namespace AIVM_ISA
}  // namespace aivm

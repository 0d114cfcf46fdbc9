// x to the power of y.
//
// In binary64 lanes with a bound on the error; where the bound leaves the rounding open, and for zeros, infinities and
// NaNs, pow_exactly (pow.cpp) decides, which is correct whatever happens here.
//
// The bound. With m = |x| / 2^k and c of the table, f = m / c - 1 is exact (24 + 11 bits), as is
// head + f with head = k log 2 + log c to 2^-40. log |x| = high + low then has the rounding errors of low alone: of
// f^3 p(f), less than 2^-52 * 2^-20; of terms below 2^-33, 2^-86. Where head = 0, that is less than 2^-64 of log |x| ~ f;
// elsewhere log |x| > 2^-7.1. So log |x| is known to 2^-62 relatively, y log |x| < 112 to 2^-55, and e^(y log |x|) as
// well. e^r adds: its polynomial 2^-56, the sums 1 + p and (1 + p)(1 + rest) 2^-53 each, p's own roundings 2^-54. The
// sum is below 2^-51.5; 2^-50 is allowed for.
#pragma once

#include "functions.hpp"

#include "exponential.inl"
#include "logarithm.inl"
#include "loops.inl"

namespace aivm {
namespace AIVM_ISA {

template <int n> struct Bounds {
  Wide<n> low, high;
};

// |x|^y for finite x != 0 and finite y, as two numbers that surround it.
AIVM_TEMPLATE Bounds<n> pow_bounds(Wide<n> x, Wide<n> y) {
  const Wide<n> magnitude = abs(x);
  const Decomposed<n> parts = decompose(magnitude);
  constexpr std::int64_t sqrt_half_bits = 0x3fe6a09e667f3bcd;
  const WideInteger<n> index = shr<46>(bits(parts.m) - sqrt_half_bits) & 63;
  const WideInteger<n> row = index + shl<1>(index);
  const Wide<n> f = fma(parts.m, gather(pow_table, row), -1.0);
  const Wide<n> head = fma(parts.k, ln2_short, gather(pow_table + 1, row));
  const Wide<n> head_rest = fma(parts.k, ln2_rest, gather(pow_table + 2, row));
  const Wide<n> half = f * 0.5;
  const Wide<n> square = f * half, square_rest = fma(f, half, -square);
  const Wide<n> sum = head + f;  // exact
  const Wide<n> first = sum - square;
  const Wide<n> lost = (sum - first) - square;
  const Wide<n> tail = fma(f * f * f, polynomial(f, pow_log_tail), head_rest) + (lost - square_rest);
  const Wide<n> high = first + tail;
  const Wide<n> low = (first - high) + tail;

  const Wide<n> z = y * high;
  // Beyond these all powers are infinite or zero; what is lost there does not matter.
  const WideMask<n> beyond = abs(z) > 160.0;
  const Wide<n> z_rest = select(beyond, 0.0, fma(y, low, fma(y, high, -z)));
  const Wide<n> bounded = at_least(at_most(z, 160.0), -160.0);
  const Nearest<n> k = nearest_multiple(bounded, inverse_ln2);
  const Wide<n> r = fma(k.number, -ln2_0, bounded);  // exact
  const Wide<n> rest = fma(k.number, -ln2_1, z_rest);
  const Wide<n> r_square = r * r;
  const Wide<n> mantissa = fma(r_square, polynomial_halves(r, r_square, expm1_tail), r) + 1.0;
  const Wide<n> power = from_bits(bits(fma(mantissa, rest, mantissa)) + shl<52>(k.integer));
  return {power * (1.0 - 0x1p-50), power * (1.0 + 0x1p-50)};
}

AIVM_INLINE F32 pow(F32 x, F32 y) {
  const Bounds<2> bounds = pow_bounds(Wide<2>{{widen_low(x), widen_high(x)}}, Wide<2>{{widen_low(y), widen_high(y)}});
  const F32 low = narrow(bounds.low.v[0], bounds.low.v[1]), high = narrow(bounds.high.v[0], bounds.high.v[1]);
  const F32 zero = broadcast(0.0F), infinite = broadcast(__builtin_inff()), magnitude = abs(x);
  const M32 decided = (low == high) & (magnitude > zero) & (magnitude < infinite) & (abs(y) < infinite);
  // A negative number has a power if the exponent is an integer, and a negative one if that is odd.
  const F32 half = y * broadcast(0.5F);  // a whole number if y is even; inexact only for an exponent that is no integer
  const M32 negative = x < zero, whole = trunc(y) == y, odd = whole & !(trunc(half) == half);
  F32 result = select(negative & odd, -low, low);
  result = select(negative & !whole, from_bits(broadcast(std::int32_t{0x7fc00000})), result);
  if (__builtin_expect(all(decided), true)) return result;
  float each_x[lanes], each_y[lanes], each[lanes];
  std::int32_t each_decided[lanes];
  store(each_x, x);
  store(each_y, y);
  store(each, result);
  store(each_decided, select(decided, broadcast(std::int32_t{1}), broadcast(std::int32_t{0})));
  for (int i = 0; i < lanes; ++i) {
    if (each_decided[i] == 0) each[i] = pow_exactly(each_x[i], static_cast<double>(each_y[i]));
  }
  return load(each);
}

// x^3: the square of a binary32 is exact in binary64, and what the second product loses is exact too.
AIVM_TEMPLATE Wide<n> cube(Wide<n> x) {
  const Wide<n> square = x * x, product = square * x, lost = fma(square, x, -product);
  const WideInteger<n> inward = bits(product) - shr<63>(bits(product) ^ bits(lost));
  // An infinity or a NaN loses something that is no number: it stays.
  return select((lost == 0.0) | !(abs(lost) < infinity), product, from_bits(inward | 1));
}

// Zeros, and what has a cube that is a normal binary32.
AIVM_INLINE M32 is_ordinary_for_cube(F32 x) {
  const F32 zero = broadcast(0.0F), magnitude = abs(x);
  return ((magnitude >= broadcast(0x1p-42F)) | (magnitude == zero)) & (magnitude <= broadcast(0x1p42F));
}

// The cubes of ordinary numbers by two products, if what was lost cannot matter: no product is midway between two binary32.
template <int n> struct NearCube {
  Wide<n> product;
  bool certain;
};
AIVM_TEMPLATE NearCube<n> near_cube(Wide<n> x) {
  const Wide<n> product = x * x * x;
  constexpr std::int64_t beyond = (std::int64_t{1} << 29) - 1, midway = std::int64_t{1} << 28;
  return {product, !any((bits(product) & beyond) == midway)};
}

[[gnu::noinline]] static void cube_array(const float* x, float* y, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + group * lanes <= n; i += group * lanes) {
    M32 ordinary = is_ordinary_for_cube(load(x + i));
    for (int k = 1; k < group; ++k) ordinary = ordinary & is_ordinary_for_cube(load(x + i + k * lanes));
    const Wide<2 * group> wide = load_widened<2 * group>(x + i);
    const NearCube<2 * group> near = near_cube(wide);
    if (__builtin_expect(all(ordinary) && near.certain, true)) {
      store_narrowed(y + i, near.product);
    } else {
      store_canonical(y + i, cube(wide));
    }
  }
  unary_loop(x + i, y + i, n - i, [](F32 v) { return AIVM_OF_BINARY32(cube, v); });
}

static void pow_array(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y,
                      std::int64_t n) {
  if (b_step == 0 && a_step == 1 && *b == 2.0F) return unary_loop(a, y, n, [](F32 x) { return x * x; });
  if (b_step == 0 && a_step == 1 && *b == 0.5F) {  // but for the signs, the square root
    return unary_loop(a, y, n, [](F32 x) {
      const F32 infinite = broadcast(__builtin_inff());
      return select(abs(x) == infinite, infinite, sqrt(x) + broadcast(0.0F));
    });
  }
  if (b_step == 0 && a_step == 1 && *b == 3.0F) return cube_array(a, y, n);
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    store(y + i, pow(a_step == 0 ? broadcast(*a) : load(a + i), b_step == 0 ? broadcast(*b) : load(b + i)));
  }
  if (i < n) {
    const F32 one = broadcast(1.0F);  // in the lanes that do not count: nothing to decide exactly
    float rest_a[lanes], rest_b[lanes], rest[lanes];
    store(rest_a, one);
    store(rest_b, one);
    for (std::int64_t j = i; j < n; ++j) {
      rest_a[j - i] = a_step == 0 ? *a : a[j];
      rest_b[j - i] = b_step == 0 ? *b : b[j];
    }
    store(rest, pow(load(rest_a), load(rest_b)));
    for (std::int64_t j = i; j < n; ++j) y[j] = rest[j - i];
  }
}

}  // namespace AIVM_ISA
}  // namespace aivm

// The common part of log, asinh, acosh and atanh: log(1 + f) and exponents.
#pragma once

#include "coefficients.inl"
#include "round_to_odd.inl"

namespace aivm {
namespace AIVM_ISA {

// x = 2^k m, sqrt(1/2) <= m < sqrt(2), for positive normal x.
template <int n> struct Decomposed {
  Wide<n> m;
  Wide<n> k;
  Wide<n> inverse_power;  // 2^-k
};
AIVM_TEMPLATE Decomposed<n> decompose(Wide<n> x) {
  constexpr std::int64_t sqrt_half_bits = 0x3fe6a09e667f3bcd;
  constexpr std::int64_t bias = 1024;  // keeps the shifted number positive
  const WideInteger<n> k = shr<52>(bits(x) + ((bias << 52) - sqrt_half_bits)) - bias;
  const WideInteger<n> shifted = shl<52>(k);
  return {from_bits(bits(x) - shifted), to_double(k), from_bits(one_bits - shifted)};
}

// log(1 + f) - f with 1 + f between sqrt(1/2) and sqrt(2). log(1 + f) = log((1 + s) / (1 - s)), s = f / (2 + f).
AIVM_TEMPLATE Wide<n> log_rest(Wide<n> f) {
  const Wide<n> s = f / (f + 2.0);
  const Wide<n> square = s * s;
  // 2 s = f - s f: so the quotient's rounding counts for less.
  return s * fma(square, polynomial(square, log_tail), -f);
}

// log(1 + u + rest) for u >= 0 and a rest of the size of what u's rounding lost.
AIVM_TEMPLATE Wide<n> log1p(Wide<n> u, Wide<n> rest) {
  const Wide<n> sum = u + 1.0;
  const Wide<n> u_part = sum - 1.0;
  const Wide<n> lost = (1.0 - (sum - u_part)) + (u - u_part) + rest;
  const Decomposed<n> parts = decompose(sum);
  const Wide<n> most = parts.m - 1.0;
  const Wide<n> f = fma(lost, parts.inverse_power, most);
  const Wide<n> f_lost = fma(lost, parts.inverse_power, most - f);
  const Wide<n> whole = parts.k * ln2_short;
  const Wide<n> first = whole + f;
  return add_to_odd(first, fma(parts.k, ln2_rest, log_rest(f)) + ((f - (first - whole)) + f_lost));
}

}  // namespace AIVM_ISA
}  // namespace aivm

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

// k log 2 + log(1 + f) with 1 + f between sqrt(1/2) and sqrt(2). log(1 + f) = log((1 + s) / (1 - s)), s = f / (2 + f).
AIVM_TEMPLATE Wide<n> log_of_parts(Wide<n> k, Wide<n> f) {
  const Wide<n> s = f / (f + 2.0);
  const Wide<n> square = s * s;
  // 2 s = f - s f: so the quotient's rounding counts for less, and of a binary32 the greater term below is exact.
  const Wide<n> rest = s * fma(square, polynomial(square, log_tail), -f);
  return add_to_odd(fma(k, ln2_short, f), fma(k, ln2_rest, rest));
}

// log(1 + u) for u >= 0.
AIVM_TEMPLATE Wide<n> log1p(Wide<n> u) {
  const Wide<n> sum = u + 1.0;
  const Wide<n> u_part = sum - 1.0;
  const Wide<n> lost = (1.0 - (sum - u_part)) + (u - u_part);
  const Decomposed<n> parts = decompose(sum);
  return log_of_parts(parts.k, fma(lost, parts.inverse_power, parts.m - 1.0));
}

}  // namespace AIVM_ISA
}  // namespace aivm

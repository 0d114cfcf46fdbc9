// The common part of log, asinh, acosh, atanh: log(1 + f) and exponents.
#pragma once

#include "coefficients.inl"
#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

// x = 2^k m, sqrt(1/2) <= m < sqrt(2), for positive normal x.
struct Decomposed {
  F64 m;
  F64 k;
  F64 inverse_power;  // 2^-k
};
AIVM_INLINE Decomposed decompose(F64 x) {
  constexpr std::int64_t sqrt_half_bits = 0x3fe6a09e667f3bcd;
  constexpr std::int64_t bias = 1024;  // keeps the shifted number positive
  const I64 k_biased = shr<52>(bits(x) + broadcast((bias << 52) - sqrt_half_bits));
  const I64 shifted = shl<52>(k_biased - broadcast(bias));
  return {from_bits(bits(x) - shifted), to_double(k_biased - broadcast(bias)), from_bits(broadcast(one_bits) - shifted)};
}

// k log 2 + log(1 + f) with 1 + f between sqrt(1/2) and sqrt(2). log(1 + f) = log((1 + s) / (1 - s)), s = f / (2 + f).
AIVM_INLINE F64 log_of_parts(F64 k, F64 f) {
  const F64 denominator = f + broadcast(2.0);
  const F64 s = f / denominator;
  const F64 z = s * s;
  // 2 s = f - s f: exact in its first term, so that the quotient's rounding counts for less.
  const F64 rest = s * fma(z, polynomial(z, log_tail), -f);
  return fma(k, broadcast(ln2_short), f + fma(k, broadcast(ln2_rest), rest));
}

// log(1 + u) for u >= 0.
AIVM_INLINE F64 log1p(F64 u) {
  const F64 one = broadcast(1.0);
  const F64 sum = one + u;
  const F64 u_part = sum - one;
  const F64 lost = (one - (sum - u_part)) + (u - u_part);
  const Decomposed parts = decompose(sum);
  return log_of_parts(parts.k, fma(lost, parts.inverse_power, parts.m - one));
}

}  // namespace AIVM_ISA
}  // namespace aivm

// What the elementary functions need beyond isa/vector_common.inl.
//
// A function takes binary32 values in binary64 lanes and returns binary64 lanes whose rounding to binary32 is the
// correctly rounded result; `each` applies it to binary32 lanes. NaNs go in and come out with any payload: the caller
// makes them canonical. Everything is lane operations, so every instruction set computes the same bits; that the final
// roundings are right was proven by running all inputs (tests/arithmetic/native/prove_functions.cpp), not by analysis.
#pragma once

#include <cstddef>

namespace aivm {
namespace AIVM_ISA {

template <typename Function>
AIVM_INLINE F32 each(F32 x, Function function) {
  return narrow(function(widen_low(x)), function(widen_high(x)));
}

// min(x, bound), but NaN for NaN.
AIVM_INLINE F64 at_most(F64 x, double bound) {
#if defined(__AVX512F__)
  return {_mm512_min_pd(broadcast(bound).v, x.v)};  // the second operand if one is a NaN
#elif defined(__AVX2__)
  return {_mm256_min_pd(broadcast(bound).v, x.v)};
#else
  return select(x > broadcast(bound), broadcast(bound), x);
#endif
}
AIVM_INLINE F64 at_least(F64 x, double bound) {
#if defined(__AVX512F__)
  return {_mm512_max_pd(broadcast(bound).v, x.v)};
#elif defined(__AVX2__)
  return {_mm256_max_pd(broadcast(bound).v, x.v)};
#else
  return select(x < broadcast(bound), broadcast(bound), x);
#endif
}

// table[index modulo 4].
AIVM_INLINE F64 lookup(const double (&table)[4], I64 index) {
#if defined(__AVX512F__)
  return {_mm512_permutexvar_pd(index.v, _mm512_broadcast_f64x4(_mm256_loadu_pd(table)))};
#elif defined(__AVX2__)
  // Pairs of binary32 are moved as wholes: 2 i and 2 i + 1 of the table for each i.
  const __m256i twice = _mm256_slli_epi64(index.v, 1);
  const __m256i pairs = _mm256_or_si256(_mm256_or_si256(twice, _mm256_slli_epi64(twice, 32)), _mm256_set1_epi64x(1LL << 32));
  return {_mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(_mm256_loadu_pd(table)), pairs))};
#else
  return gather(table, index & broadcast(std::int64_t{3}));
#endif
}

// c[0] + c[1] x + … by Horner's rule.
template <std::size_t size>
AIVM_INLINE F64 polynomial(F64 x, const double (&c)[size]) {
  F64 sum = broadcast(c[size - 1]);
  for (std::size_t i = size - 1; i-- > 0;) sum = fma(sum, x, broadcast(c[i]));
  return sum;
}

// The same sum in another order, for shorter chains: even and odd powers apart.
template <std::size_t size>
AIVM_INLINE F64 polynomial_halves(F64 x, F64 square, const double (&c)[size]) {
  constexpr std::size_t top = size - 1;
  F64 a = broadcast(c[top]), b = broadcast(c[top - 1]);
  std::size_t i = top - 1;
  for (; i >= 2; i -= 2) {
    a = fma(a, square, broadcast(c[i - 1]));
    b = fma(b, square, broadcast(c[i - 2]));
  }
  // a holds the powers of the top's parity from i + 1, b the others from i.
  if (i == 1) {  // one coefficient is left
    a = fma(a, square, broadcast(c[0]));
    return fma(b, x, a);
  }
  return fma(a, x, b);
}

constexpr std::int64_t one_bits = 0x3ff0000000000000;

// 2^n for an integer n in the low bits of `shifted`, whose other bits do not matter.
AIVM_INLINE F64 power_of_two(I64 shifted) { return from_bits(shl<52>(shifted) + broadcast(one_bits)); }

// x = n step + remainder, n the nearest integer to x / step (or next to it), |n| < 2^31: n as a number, and in the low
// 51 bits of an integer.
struct Nearest {
  F64 number;
  I64 integer;
};
AIVM_INLINE Nearest nearest_multiple(F64 x, double inverse_step) {
  const F64 magic = broadcast(6755399441055744.0);  // 1.5 * 2^52
  const F64 shifted = fma(x, broadcast(inverse_step), magic);
  return {shifted - magic, bits(shifted)};
}

}  // namespace AIVM_ISA
}  // namespace aivm

// What the elementary functions need beyond isa/vector_common.inl.
//
// A function takes binary32 values in binary64 lanes and returns binary64 lanes whose rounding to binary32 is the
// correctly rounded result; `of_binary32` applies it to binary32 lanes. NaNs go in and come out with any payload: the
// caller makes them canonical. Everything is lane operations, so every instruction set computes the same bits; that the
// final roundings are right was proven by running all inputs (tests/arithmetic/native/prove_functions.cpp), not by
// analysis. Where a comment speaks of 2^-53 or the like, it says why that could be expected.
//
// Functions work on several vectors at once (Wide<n>): their chains of dependent operations are longer than what a
// processor can look ahead, so independent ones are written next to each other.
#pragma once

#include <cstddef>

namespace aivm {
namespace AIVM_ISA {

template <int n> struct Wide { F64 v[n]; };
template <int n> struct WideInteger { I64 v[n]; };
template <int n> struct WideMask { M64 v[n]; };

// One statement per vector.
#define AIVM_WIDE(Result, expression)             \
  Result<n> r;                                    \
  _Pragma("GCC unroll 8")                         \
  for (int i = 0; i < n; ++i) r.v[i] = expression; \
  return r

#define AIVM_TEMPLATE template <int n> AIVM_INLINE
AIVM_TEMPLATE Wide<n> operator+(Wide<n> a, Wide<n> b) { AIVM_WIDE(Wide, a.v[i] + b.v[i]); }
AIVM_TEMPLATE Wide<n> operator-(Wide<n> a, Wide<n> b) { AIVM_WIDE(Wide, a.v[i] - b.v[i]); }
AIVM_TEMPLATE Wide<n> operator*(Wide<n> a, Wide<n> b) { AIVM_WIDE(Wide, a.v[i] * b.v[i]); }
AIVM_TEMPLATE Wide<n> operator/(Wide<n> a, Wide<n> b) { AIVM_WIDE(Wide, a.v[i] / b.v[i]); }
AIVM_TEMPLATE Wide<n> operator+(Wide<n> a, double b) { AIVM_WIDE(Wide, a.v[i] + broadcast(b)); }
AIVM_TEMPLATE Wide<n> operator-(Wide<n> a, double b) { AIVM_WIDE(Wide, a.v[i] - broadcast(b)); }
AIVM_TEMPLATE Wide<n> operator-(double a, Wide<n> b) { AIVM_WIDE(Wide, broadcast(a) - b.v[i]); }
AIVM_TEMPLATE Wide<n> operator*(Wide<n> a, double b) { AIVM_WIDE(Wide, a.v[i] * broadcast(b)); }
AIVM_TEMPLATE Wide<n> operator-(Wide<n> a) { AIVM_WIDE(Wide, -a.v[i]); }
AIVM_TEMPLATE Wide<n> fma(Wide<n> a, Wide<n> b, Wide<n> c) { AIVM_WIDE(Wide, fma(a.v[i], b.v[i], c.v[i])); }
AIVM_TEMPLATE Wide<n> fma(Wide<n> a, Wide<n> b, double c) { AIVM_WIDE(Wide, fma(a.v[i], b.v[i], broadcast(c))); }
AIVM_TEMPLATE Wide<n> fma(Wide<n> a, double b, Wide<n> c) { AIVM_WIDE(Wide, fma(a.v[i], broadcast(b), c.v[i])); }
AIVM_TEMPLATE Wide<n> fma(Wide<n> a, double b, double c) { AIVM_WIDE(Wide, fma(a.v[i], broadcast(b), broadcast(c))); }
AIVM_TEMPLATE Wide<n> sqrt(Wide<n> a) { AIVM_WIDE(Wide, sqrt(a.v[i])); }
AIVM_TEMPLATE Wide<n> abs(Wide<n> a) { AIVM_WIDE(Wide, abs(a.v[i])); }
AIVM_TEMPLATE Wide<n> copysign(Wide<n> a, Wide<n> b) { AIVM_WIDE(Wide, copysign(a.v[i], b.v[i])); }
AIVM_TEMPLATE WideMask<n> operator==(Wide<n> a, double b) { AIVM_WIDE(WideMask, a.v[i] == broadcast(b)); }
AIVM_TEMPLATE WideMask<n> operator<(Wide<n> a, double b) { AIVM_WIDE(WideMask, a.v[i] < broadcast(b)); }
AIVM_TEMPLATE WideMask<n> operator<=(Wide<n> a, double b) { AIVM_WIDE(WideMask, a.v[i] <= broadcast(b)); }
AIVM_TEMPLATE WideMask<n> operator>(Wide<n> a, double b) { AIVM_WIDE(WideMask, a.v[i] > broadcast(b)); }
AIVM_TEMPLATE WideMask<n> operator>=(Wide<n> a, double b) { AIVM_WIDE(WideMask, a.v[i] >= broadcast(b)); }
AIVM_TEMPLATE WideMask<n> operator&(WideMask<n> a, WideMask<n> b) { AIVM_WIDE(WideMask, a.v[i] & b.v[i]); }
AIVM_TEMPLATE WideMask<n> operator|(WideMask<n> a, WideMask<n> b) { AIVM_WIDE(WideMask, a.v[i] | b.v[i]); }
AIVM_TEMPLATE WideMask<n> operator^(WideMask<n> a, WideMask<n> b) { AIVM_WIDE(WideMask, a.v[i] ^ b.v[i]); }
AIVM_TEMPLATE WideMask<n> operator!(WideMask<n> a) { AIVM_WIDE(WideMask, !a.v[i]); }
AIVM_TEMPLATE bool any(WideMask<n> a) {
  M64 sum = a.v[0];
  for (int i = 1; i < n; ++i) sum = sum | a.v[i];
  return any(sum);
}
AIVM_TEMPLATE Wide<n> select(WideMask<n> m, Wide<n> a, Wide<n> b) { AIVM_WIDE(Wide, select(m.v[i], a.v[i], b.v[i])); }
AIVM_TEMPLATE Wide<n> select(WideMask<n> m, double a, Wide<n> b) { AIVM_WIDE(Wide, select(m.v[i], broadcast(a), b.v[i])); }
AIVM_TEMPLATE Wide<n> select(WideMask<n> m, Wide<n> a, double b) { AIVM_WIDE(Wide, select(m.v[i], a.v[i], broadcast(b))); }
AIVM_TEMPLATE Wide<n> select(WideMask<n> m, double a, double b) {
  AIVM_WIDE(Wide, select(m.v[i], broadcast(a), broadcast(b)));
}
AIVM_TEMPLATE WideInteger<n> select(WideMask<n> m, WideInteger<n> a, WideInteger<n> b) {
  AIVM_WIDE(WideInteger, select(m.v[i], a.v[i], b.v[i]));
}
AIVM_TEMPLATE WideInteger<n> bits(Wide<n> a) { AIVM_WIDE(WideInteger, bits(a.v[i])); }
AIVM_TEMPLATE Wide<n> from_bits(WideInteger<n> a) { AIVM_WIDE(Wide, from_bits(a.v[i])); }
AIVM_TEMPLATE Wide<n> to_double(WideInteger<n> a) { AIVM_WIDE(Wide, to_double(a.v[i])); }
AIVM_TEMPLATE WideInteger<n> operator+(WideInteger<n> a, WideInteger<n> b) { AIVM_WIDE(WideInteger, a.v[i] + b.v[i]); }
AIVM_TEMPLATE WideInteger<n> operator-(WideInteger<n> a, WideInteger<n> b) { AIVM_WIDE(WideInteger, a.v[i] - b.v[i]); }
AIVM_TEMPLATE WideInteger<n> operator^(WideInteger<n> a, WideInteger<n> b) { AIVM_WIDE(WideInteger, a.v[i] ^ b.v[i]); }
AIVM_TEMPLATE WideInteger<n> operator|(WideInteger<n> a, WideInteger<n> b) { AIVM_WIDE(WideInteger, a.v[i] | b.v[i]); }
AIVM_TEMPLATE WideInteger<n> operator+(WideInteger<n> a, std::int64_t b) {
  AIVM_WIDE(WideInteger, a.v[i] + broadcast(b));
}
AIVM_TEMPLATE WideInteger<n> operator-(WideInteger<n> a, std::int64_t b) {
  AIVM_WIDE(WideInteger, a.v[i] - broadcast(b));
}
AIVM_TEMPLATE WideInteger<n> operator-(std::int64_t a, WideInteger<n> b) {
  AIVM_WIDE(WideInteger, broadcast(a) - b.v[i]);
}
AIVM_TEMPLATE WideInteger<n> operator&(WideInteger<n> a, std::int64_t b) {
  AIVM_WIDE(WideInteger, a.v[i] & broadcast(b));
}
AIVM_TEMPLATE WideMask<n> operator==(WideInteger<n> a, std::int64_t b) { AIVM_WIDE(WideMask, a.v[i] == broadcast(b)); }
AIVM_TEMPLATE WideMask<n> operator>(WideInteger<n> a, std::int64_t b) { AIVM_WIDE(WideMask, a.v[i] > broadcast(b)); }
template <int shift, int n> AIVM_INLINE WideInteger<n> shl(WideInteger<n> a) { AIVM_WIDE(WideInteger, shl<shift>(a.v[i])); }
template <int shift, int n> AIVM_INLINE WideInteger<n> shr(WideInteger<n> a) { AIVM_WIDE(WideInteger, shr<shift>(a.v[i])); }
AIVM_TEMPLATE Wide<n> gather(const double* table, WideInteger<n> index) { AIVM_WIDE(Wide, gather(table, index.v[i])); }

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
AIVM_TEMPLATE Wide<n> at_most(Wide<n> x, double bound) { AIVM_WIDE(Wide, at_most(x.v[i], bound)); }
AIVM_TEMPLATE Wide<n> at_least(Wide<n> x, double bound) { AIVM_WIDE(Wide, at_least(x.v[i], bound)); }

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
AIVM_TEMPLATE Wide<n> lookup(const double (&table)[4], WideInteger<n> index) { AIVM_WIDE(Wide, lookup(table, index.v[i])); }

#if defined(__AVX512F__)
// table[index modulo 8], table[index modulo 16].
AIVM_TEMPLATE Wide<n> lookup(const double (&table)[8], WideInteger<n> index) {
  const __m512d all = _mm512_loadu_pd(table);
  AIVM_WIDE(Wide, {_mm512_permutexvar_pd(index.v[i].v, all)});
}
AIVM_TEMPLATE Wide<n> lookup(const double (&table)[16], WideInteger<n> index) {
  const __m512d low = _mm512_loadu_pd(table), high = _mm512_loadu_pd(table + 8);
  AIVM_WIDE(Wide, {_mm512_permutex2var_pd(low, index.v[i].v, high)});
}
#endif

// c[0] + c[1] x + … by Horner's rule.
template <int n, std::size_t size>
AIVM_INLINE Wide<n> polynomial(Wide<n> x, const double (&c)[size]) {
  Wide<n> sum = fma(x, c[size - 1], c[size - 2]);
  _Pragma("GCC unroll 32")
  for (std::size_t i = 3; i <= size; ++i) sum = fma(sum, x, c[size - i]);
  return sum;
}

// The same sum in another order, for shorter chains: even and odd powers apart.
template <int n, std::size_t size>
AIVM_INLINE Wide<n> polynomial_halves(Wide<n> x, Wide<n> square, const double (&c)[size]) {
  static_assert(size >= 4, "shorter ones gain nothing");
  constexpr std::size_t top = size - 1;
  Wide<n> a = fma(square, c[top], c[top - 2]), b = fma(square, c[top - 1], c[top - 3]);
  _Pragma("GCC unroll 32")
  for (std::size_t i = 5; i <= top; i += 2) {
    a = fma(a, square, c[top - i + 1]);
    b = fma(b, square, c[top - i]);
  }
  // One coefficient is left if their number is odd.
  return size % 2 == 1 ? fma(b, x, fma(a, square, c[0])) : fma(a, x, b);
}

constexpr double infinity = __builtin_inf();
constexpr double not_a_number = __builtin_nan("");
constexpr std::int64_t one_bits = 0x3ff0000000000000;

// The nearest integer to x * inverse_step (or next to it), less than 2^31: as a number, and in the low 51 bits of an
// integer.
template <int n> struct Nearest {
  Wide<n> number;
  WideInteger<n> integer;
};
AIVM_TEMPLATE Nearest<n> nearest_multiple(Wide<n> x, double inverse_step) {
  constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52
  const Wide<n> shifted = fma(x, inverse_step, magic);
  return {shifted - magic, bits(shifted)};
}

// From and to memory.
AIVM_INLINE F64 load_widened(const float* p) {
#if defined(__AVX512F__)
  return {_mm512_cvtps_pd(_mm256_loadu_ps(p))};
#elif defined(__AVX2__)
  return {_mm256_cvtps_pd(_mm_loadu_ps(p))};
#elif defined(__aarch64__) && AIVM_HARDWARE_FMA  // the portable kernels are built for AArch64 too
  return {vcvt_f64_f32(vld1_f32(p))};
#else
  double wide[half_lanes];
  for (int i = 0; i < half_lanes; ++i) wide[i] = static_cast<double>(p[i]);
  return load(wide);
#endif
}
AIVM_TEMPLATE Wide<n> load_widened(const float* p) { AIVM_WIDE(Wide, load_widened(p + i * half_lanes)); }

// f of binary32 lanes, for f from Wide to Wide.
template <typename Function>
AIVM_INLINE F32 of_binary32(F32 x, Function f) {
  const Wide<2> y = f(Wide<2>{{widen_low(x), widen_high(x)}});
  return narrow(y.v[0], y.v[1]);
}

}  // namespace AIVM_ISA
}  // namespace aivm

// Vectors of four, in plain C++; see vector_common.inl for what each operation means.
//
// Fused multiply-add without the instruction, exactly:
//   binary32: the product of two is exact in binary64. It is added to the third there, rounded to odd (the error of the
//   addition tells whether anything was lost), and rounded to binary32; 53 bits are more than twice 24 and two, so the
//   double rounding is innocuous.
//   binary64: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to
//   odd" (IEEE Trans. Computers 57, 2008). Valid while no intermediate result overflows or underflows, which holds for
//   every use here (values derived from binary32).
#include <cstdint>
#include <cstring>

namespace aivm {
namespace AIVM_ISA {

constexpr int lanes = 4;

template <typename T, int N> struct Lanes { T v[N]; };
struct F32 : Lanes<float, 4> {};
struct F64 : Lanes<double, 2> {};
struct I32 : Lanes<std::int32_t, 4> {};
struct I64 : Lanes<std::int64_t, 2> {};
struct M32 : Lanes<std::uint32_t, 4> {};
struct M64 : Lanes<std::uint64_t, 2> {};

#define AIVM_INLINE [[gnu::always_inline]] static inline
#define AIVM_EACH(R, expression)                                                   \
  R r;                                                                             \
  for (unsigned i = 0; i < sizeof(r.v) / sizeof(r.v[0]); ++i) r.v[i] = expression; \
  return r

template <typename To, typename From> AIVM_INLINE To bit_cast(From from) {
  To to;
  static_assert(sizeof to == sizeof from, "the same bits");
  std::memcpy(&to, &from, sizeof to);
  return to;
}

AIVM_INLINE F32 load(const float* p) { AIVM_EACH(F32, p[i]); }
AIVM_INLINE F64 load(const double* p) { AIVM_EACH(F64, p[i]); }
AIVM_INLINE I32 load(const std::int32_t* p) { AIVM_EACH(I32, p[i]); }
AIVM_INLINE I64 load(const std::int64_t* p) { AIVM_EACH(I64, p[i]); }
AIVM_INLINE void store(float* p, F32 a) { std::memcpy(p, a.v, sizeof a.v); }
AIVM_INLINE void store(double* p, F64 a) { std::memcpy(p, a.v, sizeof a.v); }
AIVM_INLINE void store(std::int32_t* p, I32 a) { std::memcpy(p, a.v, sizeof a.v); }
AIVM_INLINE void store(std::int64_t* p, I64 a) { std::memcpy(p, a.v, sizeof a.v); }
AIVM_INLINE F32 load_partial(const float* p, std::int64_t n) { AIVM_EACH(F32, (i < n ? p[i] : 0.0F)); }
AIVM_INLINE F64 load_partial(const double* p, std::int64_t n) { AIVM_EACH(F64, (i < n ? p[i] : 0.0)); }
AIVM_INLINE I32 load_partial(const std::int32_t* p, std::int64_t n) { AIVM_EACH(I32, (i < n ? p[i] : 0)); }
AIVM_INLINE void store_partial(float* p, F32 a, std::int64_t n) { for (std::int64_t i = 0; i < n; ++i) p[i] = a.v[i]; }
AIVM_INLINE void store_partial(double* p, F64 a, std::int64_t n) { for (std::int64_t i = 0; i < n; ++i) p[i] = a.v[i]; }
AIVM_INLINE void store_partial(std::int32_t* p, I32 a, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) p[i] = a.v[i];
}

AIVM_INLINE F32 broadcast(float x) { AIVM_EACH(F32, x); }
AIVM_INLINE F64 broadcast(double x) { AIVM_EACH(F64, x); }
AIVM_INLINE I32 broadcast(std::int32_t x) { AIVM_EACH(I32, x); }
AIVM_INLINE I64 broadcast(std::int64_t x) { AIVM_EACH(I64, x); }

// The sum, or if it is inexact that neighbour (the sum itself or the next towards the lost part) whose last bit is one.
AIVM_INLINE double add_round_to_odd(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  const double lost = (a - (sum - b_part)) + (b - b_part);
  const std::int64_t word = bit_cast<std::int64_t>(sum);
  if (!(lost < 0 || lost > 0) || (word & 1) != 0) return sum;  // exact, odd already, or not finite (lost is a NaN)
  const bool outward = (lost > 0) == (sum > 0);
  return bit_cast<double>(outward ? word + 1 : word - 1);
}

// The same for two at once, without branches, in what GCC and Clang offer for any processor. Sums of products spend all
// their time here.
typedef double Pair __attribute__((vector_size(16)));
typedef std::int64_t PairBits __attribute__((vector_size(16)));
typedef std::uint64_t PairWord __attribute__((vector_size(16)));
typedef float FloatPair __attribute__((vector_size(8)));
AIVM_INLINE Pair pair_of(const float* p) {
  FloatPair pair;
  std::memcpy(&pair, p, sizeof pair);
  return __builtin_convertvector(pair, Pair);
}
AIVM_INLINE Pair add_round_to_odd(Pair a, Pair b) {
  const Pair sum = a + b;
  const Pair b_part = sum - a;
  const Pair lost = (a - (sum - b_part)) + (b - b_part);
  const PairBits inexact = (lost < 0) | (lost > 0);
  PairWord word;
  std::memcpy(&word, &sum, sizeof word);
  PairWord lost_word;
  std::memcpy(&lost_word, &lost, sizeof lost_word);
  const PairWord step = ~word & 1 & reinterpret_cast<PairWord>(inexact);  // 1 where the last bit has to change
  const PairWord inward = (lost_word ^ word) >> 63;                          // 1 where the signs differ
  word += step - ((step & inward) << 1);
  Pair result;
  std::memcpy(&result, &word, sizeof result);
  return result;
}
[[gnu::noinline]] static double exact_fma(double a, double b, double c) {
  const double product = a * b;
  const double plain = product + c;
  if (!(plain - plain == 0)) return plain;  // infinite or NaN
  const double splitter = 134217729.0;  // 2^27 + 1 (Dekker)
  const double a_scaled = a * splitter, b_scaled = b * splitter;
  const double a_high = a_scaled - (a_scaled - a), b_high = b_scaled - (b_scaled - b);
  const double a_low = a - a_high, b_low = b - b_high;
  const double product_low = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low);
  const double low = c + product_low;  // two-sum of c and the product's low part
  const double low_part = low - c;
  const double low_lost = (c - (low - low_part)) + (product_low - low_part);
  const double high = product + low;  // and of its high part with that
  const double high_part = high - product;
  const double high_lost = (product - (high - high_part)) + (low - high_part);
  if (low_lost == 0 && high_lost == 0) return plain == 0 ? plain : high;  // exact; the sign of zero is the plain one's
  return high + add_round_to_odd(low_lost, high_lost);
}
// GCC knows no square root of an array; the scalar one is the instruction.
AIVM_INLINE float root(float x) { return __builtin_sqrtf(x); }
AIVM_INLINE double root(double x) { return __builtin_sqrt(x); }

AIVM_INLINE F32 operator+(F32 a, F32 b) { AIVM_EACH(F32, a.v[i] + b.v[i]); }
AIVM_INLINE F32 operator-(F32 a, F32 b) { AIVM_EACH(F32, a.v[i] - b.v[i]); }
AIVM_INLINE F32 operator*(F32 a, F32 b) { AIVM_EACH(F32, a.v[i] * b.v[i]); }
AIVM_INLINE F32 operator/(F32 a, F32 b) { AIVM_EACH(F32, a.v[i] / b.v[i]); }
AIVM_INLINE F32 sqrt(F32 a) { AIVM_EACH(F32, root(a.v[i])); }
AIVM_INLINE F32 fma(F32 a, F32 b, F32 c) {
  F32 r;
  for (int i = 0; i < 4; i += 2) {
    const Pair sum = add_round_to_odd(pair_of(a.v + i) * pair_of(b.v + i), pair_of(c.v + i));
    const FloatPair rounded = __builtin_convertvector(sum, FloatPair);
    std::memcpy(r.v + i, &rounded, sizeof rounded);
  }
  return r;
}
AIVM_INLINE F64 operator+(F64 a, F64 b) { AIVM_EACH(F64, a.v[i] + b.v[i]); }
AIVM_INLINE F64 operator-(F64 a, F64 b) { AIVM_EACH(F64, a.v[i] - b.v[i]); }
AIVM_INLINE F64 operator*(F64 a, F64 b) { AIVM_EACH(F64, a.v[i] * b.v[i]); }
AIVM_INLINE F64 operator/(F64 a, F64 b) { AIVM_EACH(F64, a.v[i] / b.v[i]); }
AIVM_INLINE F64 sqrt(F64 a) { AIVM_EACH(F64, root(a.v[i])); }
AIVM_INLINE F64 fma(F64 a, F64 b, F64 c) { AIVM_EACH(F64, exact_fma(a.v[i], b.v[i], c.v[i])); }

AIVM_INLINE I32 bits(F32 a) { AIVM_EACH(I32, bit_cast<std::int32_t>(a.v[i])); }
AIVM_INLINE I64 bits(F64 a) { AIVM_EACH(I64, bit_cast<std::int64_t>(a.v[i])); }
AIVM_INLINE F32 from_bits(I32 a) { AIVM_EACH(F32, bit_cast<float>(a.v[i])); }
AIVM_INLINE F64 from_bits(I64 a) { AIVM_EACH(F64, bit_cast<double>(a.v[i])); }

// Integers wrap: computed unsigned.
AIVM_INLINE std::uint32_t u(std::int32_t x) { return static_cast<std::uint32_t>(x); }
AIVM_INLINE std::uint64_t u(std::int64_t x) { return static_cast<std::uint64_t>(x); }
AIVM_INLINE std::int32_t s(std::uint32_t x) { return static_cast<std::int32_t>(x); }
AIVM_INLINE std::int64_t s(std::uint64_t x) { return static_cast<std::int64_t>(x); }
AIVM_INLINE I32 operator+(I32 a, I32 b) { AIVM_EACH(I32, s(u(a.v[i]) + u(b.v[i]))); }
AIVM_INLINE I32 operator-(I32 a, I32 b) { AIVM_EACH(I32, s(u(a.v[i]) - u(b.v[i]))); }
AIVM_INLINE I32 operator*(I32 a, I32 b) { AIVM_EACH(I32, s(u(a.v[i]) * u(b.v[i]))); }
AIVM_INLINE I32 operator&(I32 a, I32 b) { AIVM_EACH(I32, a.v[i] & b.v[i]); }
AIVM_INLINE I32 operator|(I32 a, I32 b) { AIVM_EACH(I32, a.v[i] | b.v[i]); }
AIVM_INLINE I32 operator^(I32 a, I32 b) { AIVM_EACH(I32, a.v[i] ^ b.v[i]); }
AIVM_INLINE I64 operator+(I64 a, I64 b) { AIVM_EACH(I64, s(u(a.v[i]) + u(b.v[i]))); }
AIVM_INLINE I64 operator-(I64 a, I64 b) { AIVM_EACH(I64, s(u(a.v[i]) - u(b.v[i]))); }
AIVM_INLINE I64 operator&(I64 a, I64 b) { AIVM_EACH(I64, a.v[i] & b.v[i]); }
AIVM_INLINE I64 operator|(I64 a, I64 b) { AIVM_EACH(I64, a.v[i] | b.v[i]); }
AIVM_INLINE I64 operator^(I64 a, I64 b) { AIVM_EACH(I64, a.v[i] ^ b.v[i]); }
template <int n> AIVM_INLINE I32 shl(I32 a) { AIVM_EACH(I32, s(u(a.v[i]) << n)); }
template <int n> AIVM_INLINE I32 shr(I32 a) { AIVM_EACH(I32, s(u(a.v[i]) >> n)); }
template <int n> AIVM_INLINE I32 sar(I32 a) { AIVM_EACH(I32, a.v[i] >> n); }
template <int n> AIVM_INLINE I64 shl(I64 a) { AIVM_EACH(I64, s(u(a.v[i]) << n)); }
template <int n> AIVM_INLINE I64 shr(I64 a) { AIVM_EACH(I64, s(u(a.v[i]) >> n)); }
template <int n> AIVM_INLINE I64 sar(I64 a) { AIVM_EACH(I64, a.v[i] >> n); }

#define AIVM_COMPARE(M, V, word, op) \
  AIVM_INLINE M operator op(V a, V b) { AIVM_EACH(M, (a.v[i] op b.v[i] ? ~word{0} : word{0})); }
AIVM_COMPARE(M32, F32, std::uint32_t, ==)
AIVM_COMPARE(M32, F32, std::uint32_t, <)
AIVM_COMPARE(M32, F32, std::uint32_t, <=)
AIVM_COMPARE(M32, F32, std::uint32_t, >)
AIVM_COMPARE(M32, F32, std::uint32_t, >=)
AIVM_COMPARE(M64, F64, std::uint64_t, ==)
AIVM_COMPARE(M64, F64, std::uint64_t, <)
AIVM_COMPARE(M64, F64, std::uint64_t, <=)
AIVM_COMPARE(M64, F64, std::uint64_t, >)
AIVM_COMPARE(M64, F64, std::uint64_t, >=)
AIVM_COMPARE(M32, I32, std::uint32_t, ==)
AIVM_COMPARE(M32, I32, std::uint32_t, >)
AIVM_COMPARE(M64, I64, std::uint64_t, ==)
AIVM_COMPARE(M64, I64, std::uint64_t, >)
#undef AIVM_COMPARE
AIVM_INLINE M32 is_nan(F32 a) { AIVM_EACH(M32, (a.v[i] == a.v[i] ? 0 : ~std::uint32_t{0})); }
AIVM_INLINE M64 is_nan(F64 a) { AIVM_EACH(M64, (a.v[i] == a.v[i] ? 0 : ~std::uint64_t{0})); }

AIVM_INLINE M32 operator&(M32 a, M32 b) { AIVM_EACH(M32, a.v[i] & b.v[i]); }
AIVM_INLINE M32 operator|(M32 a, M32 b) { AIVM_EACH(M32, a.v[i] | b.v[i]); }
AIVM_INLINE M32 operator^(M32 a, M32 b) { AIVM_EACH(M32, a.v[i] ^ b.v[i]); }
AIVM_INLINE M32 operator!(M32 a) { AIVM_EACH(M32, ~a.v[i]); }
AIVM_INLINE bool any(M32 a) { return (a.v[0] | a.v[1] | a.v[2] | a.v[3]) != 0; }
AIVM_INLINE bool all(M32 a) { return (a.v[0] & a.v[1] & a.v[2] & a.v[3]) != 0; }
AIVM_INLINE M64 operator&(M64 a, M64 b) { AIVM_EACH(M64, a.v[i] & b.v[i]); }
AIVM_INLINE M64 operator|(M64 a, M64 b) { AIVM_EACH(M64, a.v[i] | b.v[i]); }
AIVM_INLINE M64 operator^(M64 a, M64 b) { AIVM_EACH(M64, a.v[i] ^ b.v[i]); }
AIVM_INLINE M64 operator!(M64 a) { AIVM_EACH(M64, ~a.v[i]); }
AIVM_INLINE bool any(M64 a) { return (a.v[0] | a.v[1]) != 0; }
AIVM_INLINE bool all(M64 a) { return (a.v[0] & a.v[1]) != 0; }
AIVM_INLINE F32 select(M32 m, F32 a, F32 b) { AIVM_EACH(F32, (m.v[i] != 0 ? a.v[i] : b.v[i])); }
AIVM_INLINE F64 select(M64 m, F64 a, F64 b) { AIVM_EACH(F64, (m.v[i] != 0 ? a.v[i] : b.v[i])); }
AIVM_INLINE I32 select(M32 m, I32 a, I32 b) { AIVM_EACH(I32, (m.v[i] != 0 ? a.v[i] : b.v[i])); }
AIVM_INLINE I64 select(M64 m, I64 a, I64 b) { AIVM_EACH(I64, (m.v[i] != 0 ? a.v[i] : b.v[i])); }

AIVM_INLINE F32 operator-(F32 a) { AIVM_EACH(F32, -a.v[i]); }
AIVM_INLINE F64 operator-(F64 a) { AIVM_EACH(F64, -a.v[i]); }
AIVM_INLINE F32 abs(F32 a) { AIVM_EACH(F32, __builtin_fabsf(a.v[i])); }
AIVM_INLINE F64 abs(F64 a) { AIVM_EACH(F64, __builtin_fabs(a.v[i])); }
AIVM_INLINE F32 copysign(F32 m, F32 sign) { AIVM_EACH(F32, __builtin_copysignf(m.v[i], sign.v[i])); }
AIVM_INLINE F64 copysign(F64 m, F64 sign) { AIVM_EACH(F64, __builtin_copysign(m.v[i], sign.v[i])); }

// Adding and taking away a number whose last bit is worth one rounds to an integer, ties to even.
AIVM_INLINE float nearest(float x) {
  const float magnitude = __builtin_fabsf(x), magic = 8388608.0F;  // 2^23
  return magnitude < magic ? __builtin_copysignf((magnitude + magic) - magic, x) : x;
}
AIVM_INLINE double nearest(double x) {
  const double magnitude = __builtin_fabs(x), magic = 4503599627370496.0;  // 2^52
  return magnitude < magic ? __builtin_copysign((magnitude + magic) - magic, x) : x;
}
template <typename T> AIVM_INLINE T with_sign(T magnitude, T sign) {
  return sizeof(T) == 4 ? static_cast<T>(__builtin_copysignf(static_cast<float>(magnitude), static_cast<float>(sign)))
                        : static_cast<T>(__builtin_copysign(magnitude, sign));
}
template <typename T> AIVM_INLINE T downward(T x) { const T n = nearest(x); return n > x ? n - 1 : n; }
template <typename T> AIVM_INLINE T upward(T x) { const T n = nearest(x); return n < x ? with_sign<T>(n + 1, x) : n; }
template <typename T> AIVM_INLINE T inward(T x) { return x < 0 ? upward(x) : downward(x); }
AIVM_INLINE F32 floor(F32 a) { AIVM_EACH(F32, downward(a.v[i])); }
AIVM_INLINE F32 ceil(F32 a) { AIVM_EACH(F32, upward(a.v[i])); }
AIVM_INLINE F32 trunc(F32 a) { AIVM_EACH(F32, inward(a.v[i])); }
AIVM_INLINE F32 roundeven(F32 a) { AIVM_EACH(F32, nearest(a.v[i])); }
AIVM_INLINE F64 floor(F64 a) { AIVM_EACH(F64, downward(a.v[i])); }
AIVM_INLINE F64 ceil(F64 a) { AIVM_EACH(F64, upward(a.v[i])); }
AIVM_INLINE F64 trunc(F64 a) { AIVM_EACH(F64, inward(a.v[i])); }
AIVM_INLINE F64 roundeven(F64 a) { AIVM_EACH(F64, nearest(a.v[i])); }

AIVM_INLINE F64 widen_low(F32 a) { AIVM_EACH(F64, static_cast<double>(a.v[i])); }
AIVM_INLINE F64 widen_high(F32 a) { AIVM_EACH(F64, static_cast<double>(a.v[i + 2])); }
AIVM_INLINE I64 widen_low(I32 a) { AIVM_EACH(I64, a.v[i]); }
AIVM_INLINE I64 widen_high(I32 a) { AIVM_EACH(I64, a.v[i + 2]); }
AIVM_INLINE F32 narrow(F64 low, F64 high) { AIVM_EACH(F32, static_cast<float>(i < 2 ? low.v[i] : high.v[i - 2])); }
AIVM_INLINE I32 narrow(I64 low, I64 high) {
  AIVM_EACH(I32, s(static_cast<std::uint32_t>(u(i < 2 ? low.v[i] : high.v[i - 2]))));
}
AIVM_INLINE F32 convert(I32 a) { AIVM_EACH(F32, static_cast<float>(a.v[i])); }
AIVM_INLINE I32 truncate(F32 a) { AIVM_EACH(I32, static_cast<std::int32_t>(a.v[i])); }

AIVM_INLINE F32 gather(const float* table, I32 k) { AIVM_EACH(F32, table[k.v[i]]); }
AIVM_INLINE I32 gather(const std::int32_t* table, I32 k) { AIVM_EACH(I32, table[k.v[i]]); }
AIVM_INLINE F64 gather(const double* table, I64 k) { AIVM_EACH(F64, table[k.v[i]]); }
AIVM_INLINE I64 gather(const std::int64_t* table, I64 k) { AIVM_EACH(I64, table[k.v[i]]); }

AIVM_INLINE void transpose(F32 (&r)[4]) {
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < i; ++j) {
      const float other = r[i].v[j];
      r[i].v[j] = r[j].v[i];
      r[j].v[i] = other;
    }
  }
}

}  // namespace AIVM_ISA
}  // namespace aivm

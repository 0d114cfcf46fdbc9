// Arithmetic on single elements of every dtype, as docs/arithmetic.md has it: one NaN, integers that wrap, -0 < +0.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "common.hpp"
#include "nan.hpp"

namespace aivm {

template <typename To, typename From>
To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// The value, or the one quiet NaN of its type.
template <typename T>
T canonical_nan(T v) {
  if constexpr (std::is_floating_point_v<T>) hide_origin(v);
  if constexpr (std::is_same_v<T, float>) {
    return v == v ? v : bits_as<float>(canonical_nan_bits);
  } else if constexpr (std::is_same_v<T, double>) {
    return v == v ? v : bits_as<double>(std::uint64_t{0x7ff8000000000000});
  } else {
    return v;
  }
}

// Integers are computed unsigned and at least as wide as int, where nothing overflows; binary32 and binary64 are rounded
// once.
namespace wrap {
template <typename T>
using Wide = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

template <typename T>
T add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return canonical_nan(a + b);
  else return static_cast<T>(static_cast<Wide<T>>(a) + static_cast<Wide<T>>(b));
}
template <typename T>
T subtract(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return canonical_nan(a - b);
  else return static_cast<T>(static_cast<Wide<T>>(a) - static_cast<Wide<T>>(b));
}
template <typename T>
T multiply(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return canonical_nan(a * b);
  else return static_cast<T>(static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b));
}
template <typename T>
T negate(T a) {
  if constexpr (std::is_floating_point_v<T>) return canonical_nan(-a);
  else return static_cast<T>(Wide<T>{0} - static_cast<Wide<T>>(a));
}
}  // namespace wrap

template <typename T>
T absolute(T v) {
  if constexpr (std::is_same_v<T, float>) return canonical_nan(__builtin_fabsf(v));
  else if constexpr (std::is_same_v<T, double>) return canonical_nan(__builtin_fabs(v));
  else return v < 0 ? wrap::negate(v) : v;
}

template <typename T>
bool negative(T v) {
  if constexpr (std::is_floating_point_v<T>) return __builtin_signbit(v) != 0;
  else return v < 0;
}

template <typename T>
T with_sign(T magnitude, T sign) {
  if constexpr (std::is_same_v<T, float>) return __builtin_copysignf(magnitude, sign);
  else return __builtin_copysign(magnitude, sign);
}

// NaN if one is; of two zeros the positive one.
template <typename T>
T greater(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a || b != b) return canonical_nan(a + b);
    if (a == b) return negative(a) ? b : a;
  }
  return a < b ? b : a;
}
template <typename T>
T lesser(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a || b != b) return canonical_nan(a + b);
    if (a == b) return negative(a) ? a : b;
  }
  return b < a ? b : a;
}

// What is not greater, or not less, than anything.
template <typename T>
constexpr T lowest() {
  return std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
}
template <typename T>
constexpr T highest() {
  return std::is_floating_point_v<T> ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
}

// To whole numbers, exactly; the sign of a zero is that of the operand.
namespace whole {
inline double nearest(double x) {  // ties to even
  const double magnitude = __builtin_fabs(x), magic = 4503599627370496.0;  // 2^52
  return magnitude < magic ? __builtin_copysign((magnitude + magic) - magic, x) : x;
}
inline double down(double x) {
  const double n = nearest(x);
  return n > x ? n - 1 : n;
}
inline double up(double x) {
  const double n = nearest(x);
  return n < x ? __builtin_copysign(n + 1, x) : n;
}
inline double inward(double x) { return x < 0 ? up(x) : down(x); }
}  // namespace whole

// a - n b for the whole n = a / b rounded to zero: exact, with the sign of a. NaN if a is infinite or b is zero.
template <typename T>
T float_remainder(T a, T b) {
  using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr int fraction = sizeof(T) == 4 ? 23 : 52;
  constexpr Word sign_bit = Word{1} << (sizeof(T) * 8 - 1);
  constexpr Word implied = Word{1} << fraction;
  constexpr Word infinity = (sign_bit - 1) & ~(implied - 1);
  const Word x = bits_as<Word>(a) & (sign_bit - 1), y = bits_as<Word>(b) & (sign_bit - 1);
  if (x >= infinity || y > infinity || y == 0) return std::numeric_limits<T>::quiet_NaN();
  if (x < y || y == infinity) return a;
  // Each is mantissa * 2^exponent, subnormals with the least exponent.
  const auto exponent = [](Word word) { return word < implied ? 1 : static_cast<int>(word >> fraction); };
  const auto mantissa = [](Word word) { return word < implied ? word : (word & (implied - 1)) | implied; };
  const Word divisor = mantissa(y);
  unsigned __int128 rest = mantissa(x) % divisor;
  for (int left = exponent(x) - exponent(y); left > 0 && rest != 0;) {
    const int bits = left < 64 ? left : 64;
    rest = (rest << bits) % divisor;
    left -= bits;
  }
  Word result = static_cast<Word>(rest);
  int power = exponent(y);
  while (result != 0 && result < implied && power > 1) {
    result <<= 1;
    --power;
  }
  if (result >= implied) result += (static_cast<Word>(power) << fraction) - implied;
  return bits_as<T>(static_cast<Word>(result | (bits_as<Word>(a) & sign_bit)));
}

}  // namespace aivm

// x to the power of y where binary64 does not decide the rounding: special values by IEEE 754 (§ 9.2.1), exact and
// midway results by their algebra, and everything else with as many digits as it takes (Ziv's strategy), in integers.
// It ends, since a power that is neither exact nor midway is at some distance from the next such number.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "common.hpp"
#include "functions.hpp"

namespace aivm {
namespace {

using Word = std::uint64_t;
__extension__ typedef unsigned __int128 Double;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// An unsigned fixed-point number: one word before the point, `size` - 1 after it; the last word comes first.
class Fixed {
 public:
  explicit Fixed(std::size_t size, Word integer = 0) : words_(std::max<std::size_t>(size, 2), 0) { words_.back() = integer; }

  Word integer() const { return words_.back(); }
  std::size_t size() const { return words_.size(); }
  Word word(std::size_t i) const { return words_[i]; }
  bool zero() const {
    return std::all_of(words_.begin(), words_.end(), [](Word word) { return word == 0; });
  }
  bool less(const Fixed& other) const {
    return std::lexicographical_compare(words_.rbegin(), words_.rend(), other.words_.rbegin(), other.words_.rend());
  }

  Fixed& operator+=(const Fixed& other) {
    Double carry = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      carry += static_cast<Double>(words_[i]) + other.words_[i];
      words_[i] = static_cast<Word>(carry);
      carry >>= 64;
    }
    return *this;
  }
  Fixed& operator-=(const Fixed& other) {  // which is not greater
    Word borrow = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      const Double difference = static_cast<Double>(words_[i]) - other.words_[i] - borrow;
      words_[i] = static_cast<Word>(difference);
      borrow = static_cast<Word>(difference >> 64) & 1;
    }
    return *this;
  }
  Fixed& operator*=(Word factor) {
    Double carry = 0;
    for (Word& word : words_) {
      carry += static_cast<Double>(word) * factor;
      word = static_cast<Word>(carry);
      carry >>= 64;
    }
    return *this;
  }
  Fixed& operator/=(Word divisor) {  // rounded down
    Double rest = 0;
    for (std::size_t i = size(); i-- > 0;) {
      rest = rest << 64 | words_[i];
      words_[i] = static_cast<Word>(rest / divisor);
      rest %= divisor;
    }
    return *this;
  }
  Fixed operator*(const Fixed& other) const {  // rounded down
    std::vector<Word> product(2 * size(), 0);
    for (std::size_t i = 0; i < size(); ++i) {
      Double carry = 0;
      for (std::size_t j = 0; j < size(); ++j) {
        carry += static_cast<Double>(words_[i]) * other.words_[j] + product[i + j];
        product[i + j] = static_cast<Word>(carry);
        carry >>= 64;
      }
      product[i + size()] = static_cast<Word>(carry);
    }
    Fixed result(size());
    std::copy_n(product.begin() + static_cast<std::ptrdiff_t>(size() - 1), size(), result.words_.begin());
    return result;
  }
  Fixed& operator<<=(unsigned bits) { return *this *= static_cast<Word>(1) << bits; }  // bits < 64
  Fixed& operator>>=(std::size_t bits) {                                                // rounded down
    const std::size_t whole = std::min(bits / 64, size()), part = bits % 64;
    for (std::size_t i = 0; i < size(); ++i) {
      const Word low = i + whole < size() ? words_[i + whole] : 0, high = i + whole + 1 < size() ? words_[i + whole + 1] : 0;
      words_[i] = part == 0 ? low : low >> part | high << (64 - part);
    }
    return *this;
  }

 private:
  std::vector<Word> words_;
};

// log((1 + p/q) / (1 - p/q)), p/q <= 1/3; q < 2^26. Below the true value by less than 2^4 units in the last place per
// word of precision and bit: at most 64 size / 3 terms, each with three roundings.
Fixed log_of_ratio(Word p, Word q, std::size_t size) {
  Fixed power(size, 2 * p);
  power /= q;
  Fixed sum = power;
  for (Word n = 3; !power.zero(); n += 2) {
    power *= p * p;
    power /= q * q;
    Fixed term = power;
    term /= n;
    sum += term;
  }
  return sum;
}

// The number n 2^e with an odd n, or n = 0.
struct Dyadic {
  Word n;
  int e;
};
Dyadic dyadic(double positive) {
  int e;
  auto n = static_cast<Word>(std::ldexp(std::frexp(positive, &e), 53));
  e -= 53;
  while (n != 0 && n % 2 == 0) {
    n /= 2;
    ++e;
  }
  return {n, e};
}

// n 2^e as binary32, for n < 2^53: binary64 holds n, and its exponents everything that is not beyond binary32 anyway.
float rounded(Word n, int e) { return static_cast<float>(std::ldexp(static_cast<double>(n), std::clamp(e, -400, 400))); }

// b^(2^j) = n?
bool take_root(Word n, int j, Word& b) {
  b = n;
  for (int i = 0; i < j; ++i) {
    auto root = static_cast<Word>(std::sqrt(static_cast<double>(b)));  // exact for squares below 2^53
    if (root * root != b) return false;
    b = root;
  }
  return true;
}

// The power if it is a dyadic number of fewer than 27 bits: exact or midway between two binary32 results, or known to be
// neither. With x = m 2^e and y = n 2^g, m and n odd: if m > 1, then m^y is a dyadic number only for y > 0, and if
// g < 0 only if m and 2^e have 2^-g-th roots.
bool exact_power(float x, double y, float& result) {
  const Dyadic base = dyadic(static_cast<double>(x)), exponent = dyadic(std::fabs(y));
  if (base.n > 1 && y < 0) return false;
  Word root = base.n;
  long long e = base.e;
  if (exponent.e < 0) {
    if (exponent.e < -8) return e == 0 && base.n == 1;  // no such root of |e| < 256; 1 is not asked for here
    if (!take_root(base.n, -exponent.e, root)) return false;
    const long long parts = 1LL << -exponent.e;
    if (e % parts != 0) return false;
    e /= parts;
  }
  // root^times 2^(e times), times = n 2^max(g, 0).
  const double times = std::ldexp(static_cast<double>(exponent.n), std::max(exponent.e, 0));
  Word power = 1;
  if (root > 1) {
    if (times > 27) return false;
    for (int i = 0; i < static_cast<int>(times); ++i) {
      power *= root;
      if (power >= static_cast<Word>(1) << 27) return false;
    }
  }
  const double scale = static_cast<double>(e) * (y < 0 ? -times : times);
  result = rounded(power, static_cast<int>(std::clamp(scale, -1000.0, 1000.0)));
  return true;
}

// floor(value 2^shift + 1/2) for a value below 2^2 and a shift below 25; no value is midway.
Word nearest(Fixed value, int shift) {
  if (shift >= 0) value <<= static_cast<unsigned>(shift);
  else value >>= static_cast<std::size_t>(-shift);
  const Word half = value.word(value.size() - 2) >> 63;
  return value.integer() + half;
}

// x^y for positive finite x != 1 and finite y != 0, if `size` words decide it.
bool power(float x, double y, std::size_t size, float& result) {
  // x = m 2^k, sqrt(1/2) < m < sqrt(2): m = integer / 2^24 or / 2^23.
  int k;
  auto integer = static_cast<Word>(std::ldexp(std::frexp(static_cast<double>(x), &k), 24));  // x = integer 2^(k - 24)
  Word unit = static_cast<Word>(1) << 24;
  if (integer < 11863283) {  // sqrt(1/2) 2^24
    unit >>= 1;
    --k;
  }
  const bool m_below_one = integer < unit;
  const Word difference = m_below_one ? unit - integer : integer - unit;
  const Fixed log_m = log_of_ratio(difference, unit + integer, size), log_2 = log_of_ratio(1, 3, size);
  Fixed log_x = log_2;
  log_x *= static_cast<Word>(std::abs(k));
  bool negative = k < 0;
  if (negative == m_below_one || k == 0) {
    log_x += log_m;
    negative = k == 0 ? m_below_one : negative;
  } else {
    log_x -= log_m;  // |log m| <= log(2) / 2
  }
  // z = |y log x|. It is less than 2^7: larger ones were sorted out. n < 2^53 and log x < 2^7 fit the first word.
  const Dyadic exponent = dyadic(std::fabs(y));
  Fixed z = log_x;
  z *= exponent.n;
  if (exponent.e >= 0) z <<= static_cast<unsigned>(exponent.e);
  else z >>= static_cast<std::size_t>(-exponent.e);
  negative ^= y < 0;
  // z = turns log 2 + r; a negative power of e is 2^-turns e^-r = 2^(-turns - 1) e^(log 2 - r).
  int turns = 0;
  while (!z.less(log_2)) {
    z -= log_2;
    ++turns;
  }
  if (negative) {
    Fixed other = log_2;
    other -= z;
    z = other;
    turns = -turns - 1;
  }
  Fixed sum(size, 1), term(size, 1);
  for (Word n = 1; !term.zero(); ++n) {
    term = term * z;
    term /= n;
    sum += term;
  }
  // Errors, in units of the last place of words that are 64 bits each, u = 64 size. Each logarithm is below its value by
  // at most 3 u; log x by (150 + 1) 3 u; z by 2^9 u |y| + 1, turns log 2 adds 3 u 2^8; e^z < 2 doubles that and adds 2
  // for each of its terms, fewer than u. Since |log x| > 2^-25 and z < 2^7, |y| < 2^32. Together less than
  // u 2^45 < 2^60 for size < 2^9.
  Fixed margin(size);
  margin += Fixed(size, 1);
  margin >>= 64 * (size - 1) - 60;
  Fixed low = sum, high = sum;
  low -= margin;
  high += margin;
  const int quantum = std::max(turns - 23, -149);
  const Word below = nearest(low, turns - quantum), above = nearest(high, turns - quantum);
  result = rounded(below, quantum);
  return below == above;
}

float positive_power(float x, double y) {
  if (x == 1) return 1;
  float result = 1;
  if (exact_power(x, y, result)) return result;
  // log2 of the power, to 2^-11 of itself, sorts out those beyond every rounding.
  int k;
  double m = std::frexp(static_cast<double>(x), &k);
  if (m < 0.7071) {
    m *= 2;
    --k;
  }
  const double s = (m - 1) / (m + 1);
  const double rough = (k + 2.8853900817779268 * s * (1 + s * s / 3)) * y;
  if (rough > 130) return infinity;
  if (rough < -152) return 0;
  if (std::fabs(rough) < 1e-12) return 1;
  for (const std::size_t size : {4, 8, 16, 32, 64, 128, 256}) {
    if (power(x, y, size, result)) return result;
  }
  throw Error("16,000 bits do not decide the rounding of a power");
}

}  // namespace

float pow_exactly(float x, double y) {
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return nan;
  const float magnitude = std::fabs(x);
  if (std::isinf(y)) {
    if (magnitude == 1) return 1;
    return (magnitude > 1) == (y > 0) ? infinity : 0.0F;
  }
  const bool whole = std::trunc(y) == y, odd = whole && std::trunc(y / 2) != y / 2;
  float result;
  if (magnitude == 0 || magnitude == infinity) {
    result = (magnitude == 0) == (y > 0) ? 0.0F : infinity;
  } else {
    if (x < 0 && !whole) return nan;
    result = positive_power(magnitude, y);
  }
  return odd && std::signbit(x) ? -result : result;
}

}  // namespace aivm

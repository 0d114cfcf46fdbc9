#include "oracle.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace oracle {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double beyond = 1e60;  // any number too large for binary32
constexpr double pi = 3.14159265358979323846;
constexpr double ln2_high = 0x1.62e42fefap-1;  // 36 bits: its products with exponents are exact
constexpr double ln2_low = 0x1.cf79abc9e3b3ap-40;

// 1 / n, so that the loops below need not divide.
struct Inverses {
  double of[256];
  constexpr Inverses() : of() {
    for (int n = 1; n < 256; ++n) of[n] = 1.0 / n;
  }
};
constexpr Inverses inverse;

std::int64_t bits(double value) {
  std::int64_t word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}
double from_bits(std::int64_t word) {
  double value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}
double power_of_two(std::int64_t n) { return from_bits((n + 1023) << 52); }  // -1022 <= n <= 1023

double exp(double x) {
  if (x > 100) return beyond;
  if (x < -200) return 1e-80;
  const auto k = static_cast<std::int64_t>(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
  const auto number = static_cast<double>(k);
  const double r = (x - number * ln2_high) - number * ln2_low;
  double sum = 1;  // of r^n / n!; |r| <= 0.35, cut at r^15 / 15! < 2^-62
  for (int n = 14; n > 0; --n) sum = 1 + sum * r * inverse.of[n];
  return sum * power_of_two(k);
}

// sum of t^n / (2 n + 1); |t| <= 0.04, cut below 2^-65.
double odd_series(double t) {
  double sum = 0;
  for (int n = 12; n >= 0; --n) sum = inverse.of[2 * n + 1] + t * sum;
  return sum;
}

// log((1 + s) / (1 - s)) for |s| <= 0.1716.
double log_of_ratio(double s) { return 2 * s * odd_series(s * s); }

double log(double x) {
  if (x < 0) return nan;
  if (x == 0) return -infinity;
  std::int64_t e = (bits(x) >> 52) - 1023;  // normal in binary64
  double m = x * power_of_two(-e);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e += 1;
  }
  // For e != 0 the sum is at least half as large as e log 2: |log m| <= log(2) / 2.
  const auto number = static_cast<double>(e);
  return number * ln2_high + (number * ln2_low + log_of_ratio((m - 1) / (m + 1)));
}

// log(1 + u), u >= 0. Beyond 0.4 the rounding of 1 + u, 2^-53, is divided by log 1.4 = 0.34.
double log1p(double u) { return u < 0.4 ? log_of_ratio(u / (2 + u)) : log(1 + u); }

double sigmoid(double x) {
  if (x >= 0) return 1 / (1 + exp(-x));
  const double e = exp(x);
  return e / (1 + e);
}

// Sum over odd (first = 1) or even (first = 0) powers of r^n / n! with alternating or equal signs; |r| <= 1, and so the
// sum is at least half as large as its first term.
double every_other(double r, int first, int sign) {
  const double square = sign * r * r;
  double sum = 1;  // cut at r^20 / 20! < 2^-61
  for (int n = first + 18; n > first; n -= 2) sum = 1 + sum * square * (inverse.of[n] * inverse.of[n - 1]);
  return first == 1 ? sum * r : sum;
}

double sinh(double x) {
  const double a = std::fabs(x);
  if (a < 1) return every_other(x, 1, 1);
  return std::copysign(0.5 * (exp(a) - exp(-a)), x);  // the second term is less than a seventh of the first
}

double cosh(double x) { return 0.5 * (exp(std::fabs(x)) + exp(-std::fabs(x))); }

double tanh(double x) {
  const double a = std::fabs(x);
  const double y = a < 0.3 ? every_other(a, 1, 1) / every_other(a, 0, 1)
                           : 1 - 2 / (exp(a > 60 ? 120 : 2 * a) + 1);  // at least 0.29
  return std::copysign(y, x);
}

// 2 / pi, the 64-bit words of its fraction; tests compare them with another computation.
constexpr std::uint64_t two_over_pi[] = {0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
                                         0xb7246e3a424dd2e0, 0x06492eea09d1921c};

struct Angle {
  int quadrant;
  double r;  // |r| <= pi / 4
};

// x = m 2^e with an integer m < 2^24. Of 2/pi those 128 bits are taken whose weight times 2^e starts at 2: the product
// with m, modulo 2^128, is x / (pi/2) modulo 4 in units of 2^-126, less than m 2^-126 too small. No binary32 is closer
// than 2^-30 to a multiple of pi/2, relative to the distance between those, so that is below 2^-70 of the result.
Angle reduce(double x) {
  const double a = std::fabs(x);
  if (a < 0.75) return {0, x};
  const std::int64_t e = (bits(a) >> 52) - 1023 - 23;
  const auto m = static_cast<std::uint64_t>(a * power_of_two(-e));
  const std::int64_t first = e - 2;  // bit of the fraction of 2/pi that comes first; negative: zeros before it
  const auto words = [](std::int64_t at) {
    return static_cast<unsigned __int128>(two_over_pi[at]) << 64 | two_over_pi[at + 1];
  };
  unsigned __int128 window;
  if (first < 0) window = words(0) >> -first;
  else if (first % 64 == 0) window = words(first / 64);
  else window = words(first / 64) << first % 64 | two_over_pi[first / 64 + 2] >> (64 - first % 64);
  const unsigned __int128 turns = window * m;
  const auto quadrant = static_cast<int>((turns + (static_cast<unsigned __int128>(1) << 125)) >> 126);
  const auto rest = static_cast<__int128>(turns - (static_cast<unsigned __int128>(quadrant) << 126));
  const double r = static_cast<double>(rest) * 0x1p-126 * (pi / 2);
  return x < 0 ? Angle{-quadrant, -r} : Angle{quadrant, r};
}

double sin_of(const Angle& angle, int more) {
  const int quadrant = (angle.quadrant + more) & 3;
  const double y = (quadrant & 1) != 0 ? every_other(angle.r, 0, -1) : every_other(angle.r, 1, -1);
  return (quadrant & 2) != 0 ? -y : y;
}

double sin(double x) { return sin_of(reduce(x), 0); }
double cos(double x) { return sin_of(reduce(x), 1); }
double tan(double x) {
  const Angle angle = reduce(x);
  return sin_of(angle, 0) / sin_of(angle, 1);
}

double atan(double x) {
  const double a = std::fabs(x);
  if (a > 1) return std::copysign(pi / 2 - atan(1 / a), x);  // at least half of pi / 2
  const double half = a / (1 + std::sqrt(1 + a * a));         // tan of half the angle, <= 0.4143
  const double quarter = half / (1 + std::sqrt(1 + half * half));  // <= 0.199
  return std::copysign(4 * quarter * odd_series(-quarter * quarter), x);
}

// 1 - |x| and 1 + |x| are exact for a binary32 of at least 2^-29; below that their roundings are as good as any.
double asin(double x) {
  if (std::fabs(x) > 1) return nan;
  return atan(x / std::sqrt((1 - x) * (1 + x)));
}
double acos(double x) {
  if (std::fabs(x) > 1) return nan;
  return 2 * atan(std::sqrt((1 - x) / (1 + x)));
}

double asinh(double x) {
  const double a = std::fabs(x);
  return std::copysign(log1p(a + a * a / (1 + std::sqrt(1 + a * a))), x);
}
double acosh(double x) {
  if (x < 1) return nan;
  const double t = x - 1;  // exact for a binary32 below 2^29
  return log1p(t + std::sqrt(t * (t + 2)));
}
double atanh(double x) {
  const double a = std::fabs(x);
  if (a > 1) return nan;
  if (a == 1) return std::copysign(infinity, x);
  return std::copysign(0.5 * log1p(2 * a / (1 - a)), x);
}

// erf a = 2 / sqrt(pi) e^(-a^2) sum of 2^n a^(2 n + 1) / (1 3 5 … (2 n + 1)): all terms are positive.
double erf(double x) {
  const double a = std::fabs(x);
  if (a > 5.9) return std::copysign(1.0, x);  // 1 - erf 5.9 < 2^-53
  double term = a, sum = a;
  for (int n = 1; term > sum * 0x1p-62; ++n) {
    term *= 2 * a * a * inverse.of[2 * n + 1];
    sum += term;
  }
  return std::copysign(1.12837916709551257390 * exp(-a * a) * sum, x);
}

double sqrt(double x) { return std::sqrt(x); }
double reciprocal(double x) { return 1 / x; }

constexpr Entry entries[] = {
    {"acos", acos}, {"acosh", acosh}, {"asin", asin}, {"asinh", asinh}, {"atan", atan}, {"atanh", atanh},
    {"cos", cos},   {"cosh", cosh},   {"erf", erf},   {"exp", exp},     {"log", log},   {"reciprocal", reciprocal},
    {"sigmoid", sigmoid}, {"sin", sin}, {"sinh", sinh}, {"sqrt", sqrt}, {"tan", tan},   {"tanh", tanh},
};

}  // namespace

const Entry* find(const char* name) {
  for (const Entry& entry : entries) {
    if (std::strcmp(entry.name, name) == 0) return &entry;
  }
  return nullptr;
}

}  // namespace oracle

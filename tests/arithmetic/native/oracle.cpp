#include "oracle.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace oracle {
namespace {

// Eight at a time, in what GCC and Clang offer for any processor. Branches are for all eight, and are there for speed:
// the caller's arguments are neighbours.
typedef double V __attribute__((vector_size(64)));
typedef std::int64_t I __attribute__((vector_size(64)));
typedef float Narrow __attribute__((vector_size(32)));
constexpr int width = 8;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
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

V all_of(double value) { return V{value, value, value, value, value, value, value, value}; }
bool any(I mask) {
  std::int64_t sum = 0;
  for (int i = 0; i < width; ++i) sum |= mask[i];
  return sum != 0;
}
V pick(I mask, V a, V b) { return mask ? a : b; }
V pick(I mask, double a, V b) { return mask ? all_of(a) : b; }

I bits(V value) {
  I word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}
V from_bits(I word) {
  V value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}
V magnitude(V x) { return from_bits(bits(x) & INT64_MAX); }
V with_sign_of(V x, V y) { return from_bits(bits(magnitude(y)) | (bits(x) & INT64_MIN)); }
V power_of_two(I n) { return from_bits((n + 1023) << 52); }  // -1022 <= n <= 1023
V root(V x) {
  double lanes[width];
  std::memcpy(lanes, &x, sizeof x);
  for (double& lane : lanes) lane = std::sqrt(lane);
  std::memcpy(&x, lanes, sizeof x);
  return x;
}

V exp(V x) {
  x = pick(x > 100.0, 100.0, pick(x < -200.0, -200.0, x));
  const I k = __builtin_convertvector(x * 1.4426950408889634 + pick(x < 0.0, -0.5, all_of(0.5)), I);
  const V number = __builtin_convertvector(k, V);
  const V r = (x - number * ln2_high) - number * ln2_low;
  V sum = all_of(1);  // of r^n / n!; |r| <= 0.35, cut at r^15 / 15! < 2^-62
  for (int n = 14; n > 0; --n) sum = 1.0 + sum * r * inverse.of[n];
  return sum * power_of_two(k);
}

// sum of t^n / (2 n + 1); |t| <= 0.04, cut below 2^-65.
V odd_series(V t) {
  V sum = all_of(0);
  for (int n = 12; n >= 0; --n) sum = inverse.of[2 * n + 1] + t * sum;
  return sum;
}

// log((1 + s) / (1 - s)) for |s| <= 0.1716.
V log_of_ratio(V s) { return 2.0 * s * odd_series(s * s); }

V log(V x) {
  I e = (bits(x) >> 52) - 1023;  // a positive x is normal in binary64
  V m = x * power_of_two(-e);
  const I upper = m > 1.4142135623730951;
  m = pick(upper, m * 0.5, m);
  e -= upper;  // a mask is -1
  // For e != 0 the sum is at least half as large as e log 2: |log m| <= log(2) / 2.
  const V number = __builtin_convertvector(e, V);
  const V y = number * ln2_high + (number * ln2_low + log_of_ratio((m - 1.0) / (m + 1.0)));
  return pick(x < 0.0, nan, pick(x == 0.0, -infinity, y));
}

// log(1 + u), u >= 0. Beyond 0.4 the rounding of 1 + u, 2^-53, is divided by log 1.4 = 0.34.
V log1p(V u) {
  const I small = u < 0.4;
  const V near = log_of_ratio(u / (2.0 + u));
  return any(!small) ? pick(small, near, log(1.0 + u)) : near;
}

V sigmoid(V x) {
  const V e = exp(-magnitude(x));
  return pick(x < 0.0, e, all_of(1)) / (1.0 + e);
}

// Sum over odd (first = 1) or even (first = 0) powers of r^n / n! with alternating or equal signs; |r| <= 1, and so the
// sum is at least half as large as its first term.
V every_other(V r, int first, double sign) {
  const V square = sign * r * r;
  V sum = all_of(1);  // cut at r^20 / 20! < 2^-61
  for (int n = first + 18; n > first; n -= 2) sum = 1.0 + sum * square * (inverse.of[n] * inverse.of[n - 1]);
  return first == 1 ? sum * r : sum;
}

V sinh(V x) {
  const V a = magnitude(x);
  const I small = a < 1.0;
  const V near = every_other(a, 1, 1);
  // The second term is less than a seventh of the first.
  return with_sign_of(x, any(!small) ? pick(small, near, 0.5 * (exp(a) - exp(-a))) : near);
}

V cosh(V x) { return 0.5 * (exp(x) + exp(-x)); }

V tanh(V x) {
  const V a = magnitude(x);
  const I small = a < 0.3;
  const V near = every_other(a, 1, 1) / every_other(a, 0, 1);
  return with_sign_of(x, any(!small) ? pick(small, near, 1.0 - 2.0 / (exp(2.0 * a) + 1.0)) : near);  // at least 0.29
}

// 2 / pi, the 64-bit words of its fraction; tests compare them with another computation.
constexpr std::uint64_t two_over_pi[] = {0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
                                         0xb7246e3a424dd2e0, 0x06492eea09d1921c};

struct Angle {
  I quadrant;
  V r;  // |r| <= pi / 4
};

// x = m 2^e with an integer m < 2^24. Of 2/pi those 128 bits are taken whose weight times 2^e starts at 2: the product
// with m, modulo 2^128, is x / (pi/2) modulo 4 in units of 2^-126, less than m 2^-126 too small. No binary32 is closer
// than 2^-30 to a multiple of pi/2, relative to the distance between those, so that is below 2^-70 of the result.
void reduce(double a, std::int64_t& quadrant, double& r) {
  std::int64_t word;
  std::memcpy(&word, &a, sizeof word);
  const std::int64_t e = (word >> 52) - 1023 - 23;
  const auto m = static_cast<std::uint64_t>(((word & 0xfffffffffffff) | 0x10000000000000) >> 29);
  const std::int64_t first = e - 2;  // bit of the fraction of 2/pi that comes first; negative: zeros before it
  const auto words = [](std::int64_t at) {
    return static_cast<unsigned __int128>(two_over_pi[at]) << 64 | two_over_pi[at + 1];
  };
  unsigned __int128 window;
  if (first < 0) window = words(0) >> -first;
  else if (first % 64 == 0) window = words(first / 64);
  else window = words(first / 64) << first % 64 | two_over_pi[first / 64 + 2] >> (64 - first % 64);
  const unsigned __int128 turns = window * m;
  quadrant = static_cast<std::int64_t>((turns + (static_cast<unsigned __int128>(1) << 125)) >> 126);
  const auto rest = static_cast<__int128>(turns - (static_cast<unsigned __int128>(quadrant) << 126));
  r = static_cast<double>(rest) * 0x1p-126 * (pi / 2);
}

Angle reduce(V x) {
  Angle angle{bits(all_of(0)), x};
  const V a = magnitude(x);
  for (int i = 0; i < width; ++i) {
    if (a[i] < 0.75) continue;
    std::int64_t quadrant;
    double r;
    reduce(a[i], quadrant, r);
    angle.quadrant[i] = x[i] < 0 ? -quadrant : quadrant;
    angle.r[i] = x[i] < 0 ? -r : r;
  }
  return angle;
}

V sin_of(const Angle& angle, std::int64_t more) {
  const I quadrant = angle.quadrant + more;
  const V y = pick((quadrant & 1) != 0, every_other(angle.r, 0, -1), every_other(angle.r, 1, -1));
  return pick((quadrant & 2) != 0, -y, y);
}

V sin(V x) { return sin_of(reduce(x), 0); }
V cos(V x) { return sin_of(reduce(x), 1); }
V tan(V x) {
  const Angle angle = reduce(x);
  return sin_of(angle, 0) / sin_of(angle, 1);
}

V atan(V x) {
  const V a = magnitude(x);
  const I large = a > 1.0;
  const V tangent = pick(large, 1.0 / a, a);
  const V half = tangent / (1.0 + root(1.0 + tangent * tangent));  // tan of half the angle, <= 0.4143
  const V quarter = half / (1.0 + root(1.0 + half * half));        // <= 0.199
  const V y = 4.0 * quarter * odd_series(-quarter * quarter);
  return with_sign_of(x, pick(large, pi / 2 - y, y));  // at least half of pi / 2
}

// 1 - |x| and 1 + |x| are exact for a binary32 of at least 2^-29; below that their roundings are as good as any.
V asin(V x) { return pick(magnitude(x) > 1.0, nan, atan(x / root((1.0 - x) * (1.0 + x)))); }
V acos(V x) { return pick(magnitude(x) > 1.0, nan, 2.0 * atan(root((1.0 - x) / (1.0 + x)))); }

V asinh(V x) {
  const V a = magnitude(x);
  return with_sign_of(x, log1p(a + a * a / (1.0 + root(1.0 + a * a))));
}
V acosh(V x) {
  const V t = x - 1.0;  // exact for a binary32 below 2^29
  return pick(x < 1.0, nan, log1p(t + root(t * (t + 2.0))));
}
V atanh(V x) {
  const V a = magnitude(x);
  const V y = pick(a == 1.0, infinity, 0.5 * log1p(2.0 * a / (1.0 - a)));
  return pick(a > 1.0, nan, with_sign_of(x, y));
}

// erf a = 2 / sqrt(pi) e^(-a^2) sum of 2^n a^(2 n + 1) / (1 3 5 … (2 n + 1)): all terms are positive.
V erf(V x) {
  V a = magnitude(x);
  const I large = a > 5.9;  // 1 - erf 5.9 < 2^-53
  a = pick(large, 0.0, a);
  V term = a, sum = a;
  for (int n = 1; any(term > sum * 0x1p-62); ++n) {
    term *= 2.0 * a * a * inverse.of[2 * n + 1];
    sum += term;
  }
  return with_sign_of(x, pick(large, 1.0, 1.12837916709551257390 * exp(-a * a) * sum));
}

V reciprocal(V x) { return 1.0 / x; }

template <V (*function)(V)>
void over_array(const float* x, double* z, std::size_t n) {
  for (std::size_t i = 0; i < n; i += width) {
    const std::size_t count = std::min<std::size_t>(width, n - i);
    Narrow narrow = {};
    std::memcpy(&narrow, x + i, count * sizeof *x);
    const V wide = __builtin_convertvector(narrow, V);
    const V y = function(pick(magnitude(wide) < infinity, wide, all_of(0)));
    std::memcpy(z + i, &y, count * sizeof *z);
  }
}

constexpr Entry entries[] = {
    {"acos", over_array<acos>},       {"acosh", over_array<acosh>}, {"asin", over_array<asin>},
    {"asinh", over_array<asinh>},     {"atan", over_array<atan>},   {"atanh", over_array<atanh>},
    {"cos", over_array<cos>},         {"cosh", over_array<cosh>},   {"erf", over_array<erf>},
    {"exp", over_array<exp>},         {"log", over_array<log>},     {"reciprocal", over_array<reciprocal>},
    {"sigmoid", over_array<sigmoid>}, {"sin", over_array<sin>},     {"sinh", over_array<sinh>},
    {"sqrt", over_array<root>},       {"tan", over_array<tan>},     {"tanh", over_array<tanh>},
};

}  // namespace

const Entry* find(const char* name) {
  for (const Entry& entry : entries) {
    if (std::strcmp(entry.name, name) == 0) return &entry;
  }
  return nullptr;
}

}  // namespace oracle

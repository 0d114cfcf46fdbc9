// Every operation of the vectors against the scalar one of the C++ library, on awkward and on random values. One program per
// instruction set: AIVM_VECTORS names the file under test, AIVM_ISA its namespace. Prints each operation that differs.
#include AIVM_VECTORS

#include "isa/vector_common.inl"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace {

using namespace aivm::AIVM_ISA;

int failures = 0;

template <typename To, typename From>
To cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same bits");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <typename T>
bool same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a && b != b) return true;  // payloads are free
  }
  return std::memcmp(&a, &b, sizeof a) == 0;
}

template <typename T>
void expect(const char* name, T found, T wanted, double a, double b, double c) {
  if (same(found, wanted)) return;
  if (++failures < 40) {
    std::printf("%s(%a, %a, %a): %a instead of %a\n", name, a, b, c, static_cast<double>(found), static_cast<double>(wanted));
  }
}

template <typename Float> struct Types;
template <> struct Types<float> {
  using F = F32;
  using I = I32;
  using Int = std::int32_t;
  static constexpr int n = lanes;
};
template <> struct Types<double> {
  using F = F64;
  using I = I64;
  using Int = std::int64_t;
  static constexpr int n = half_lanes;
};

std::mt19937_64 generator(20260101);

// Binary64 operands have moderate exponents: that is what the kernels promise the emulated fma.
template <typename Float>
Float any_value() {
  using Int = typename Types<Float>::Int;
  static const Float special[] = {0, -Float{0}, 1, -1, Float{0.5}, Float{-0.5}, Float{1.5}, Float{2.5}, Float{-2.5},
                                  std::numeric_limits<Float>::infinity(), -std::numeric_limits<Float>::infinity(),
                                  std::numeric_limits<Float>::quiet_NaN(), Float{8388607.5}, Float{8388609}, Float{-3e9}};
  const std::uint64_t word = generator();
  if (word % 4 == 0) return special[word / 4 % (sizeof special / sizeof special[0])];
  if (word % 4 == 1) return static_cast<Float>(static_cast<std::int64_t>(word) >> 40) / 16;
  if constexpr (sizeof(Float) == 4) {
    return cast<Float>(static_cast<Int>(word >> 32));
  } else {
    return std::ldexp(static_cast<Float>(static_cast<std::int64_t>(word | 1)), static_cast<int>(generator() % 200) - 160);
  }
}

template <typename Float, typename Vector, typename Scalar>
void check(const char* name, Vector vector, Scalar scalar, int rounds = 20000) {
  using T = Types<Float>;
  Float a[16], b[16], c[16], out[16];
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < T::n; ++i) {
      a[i] = any_value<Float>();
      b[i] = any_value<Float>();
      c[i] = generator() % 4 == 0 ? -(a[i] * b[i]) : any_value<Float>();
    }
    store(out, vector(load(a), load(b), load(c)));
    for (int i = 0; i < T::n; ++i) expect<Float>(name, out[i], scalar(a[i], b[i], c[i]), a[i], b[i], c[i]);
  }
}

template <typename Float>
void check_floats() {
  using T = Types<Float>;
  using F = typename T::F;
  check<Float>("add", [](F a, F b, F) { return a + b; }, [](Float a, Float b, Float) { return a + b; });
  check<Float>("sub", [](F a, F b, F) { return a - b; }, [](Float a, Float b, Float) { return a - b; });
  check<Float>("mul", [](F a, F b, F) { return a * b; }, [](Float a, Float b, Float) { return a * b; });
  check<Float>("div", [](F a, F b, F) { return a / b; }, [](Float a, Float b, Float) { return a / b; });
  check<Float>("sqrt", [](F a, F, F) { return sqrt(a); }, [](Float a, Float, Float) { return std::sqrt(a); });
  check<Float>("fma", [](F a, F b, F c) { return fma(a, b, c); }, [](Float a, Float b, Float c) { return std::fma(a, b, c); },
               200000);
  check<Float>("neg", [](F a, F, F) { return -a; }, [](Float a, Float, Float) { return -a; });
  check<Float>("abs", [](F a, F, F) { return abs(a); }, [](Float a, Float, Float) { return std::fabs(a); });
  check<Float>("copysign", [](F a, F b, F) { return copysign(a, b); }, [](Float a, Float b, Float) { return std::copysign(a, b); });
  check<Float>("floor", [](F a, F, F) { return floor(a); }, [](Float a, Float, Float) { return std::floor(a); });
  check<Float>("ceil", [](F a, F, F) { return ceil(a); }, [](Float a, Float, Float) { return std::ceil(a); });
  check<Float>("trunc", [](F a, F, F) { return trunc(a); }, [](Float a, Float, Float) { return std::trunc(a); });
  check<Float>("roundeven", [](F a, F, F) { return roundeven(a); }, [](Float a, Float, Float) { return std::nearbyint(a); });
  check<Float>("eq", [](F a, F b, F c) { return select(a == b, a, c); }, [](Float a, Float b, Float c) { return a == b ? a : c; });
  check<Float>("lt", [](F a, F b, F c) { return select(a < b, a, c); }, [](Float a, Float b, Float c) { return a < b ? a : c; });
  check<Float>("le", [](F a, F b, F c) { return select(a <= b, a, c); }, [](Float a, Float b, Float c) { return a <= b ? a : c; });
  check<Float>("gt", [](F a, F b, F c) { return select(a > b, a, c); }, [](Float a, Float b, Float c) { return a > b ? a : c; });
  check<Float>("ge", [](F a, F b, F c) { return select(a >= b, a, c); }, [](Float a, Float b, Float c) { return a >= b ? a : c; });
  check<Float>("is_nan", [](F a, F b, F) { return select(is_nan(a), b, a); }, [](Float a, Float b, Float) { return a != a ? b : a; });
  check<Float>("masks", [](F a, F b, F c) { return select(((a < b) & !(b < c)) | ((a == a) ^ (c == c)), a, b); },
               [](Float a, Float b, Float c) { return ((a < b && !(b < c)) || ((a == a) != (c == c))) ? a : b; });
  check<Float>("any", [](F a, F b, F) { return any(a < b) ? broadcast(Float{1}) : broadcast(Float{1}); },
               [](Float, Float, Float) { return Float{1}; }, 1);

  Float values[16], out[16];
  for (int n = 0; n <= T::n; ++n) {
    for (int i = 0; i < 16; ++i) {
      values[i] = static_cast<Float>(i + 1);
      out[i] = -1;
    }
    store_partial(out, load(values), n);
    for (int i = 0; i < 16; ++i) expect<Float>("store_partial", out[i], i < n ? values[i] : Float{-1}, n, i, 0);
    store(out, load_partial(values, n));
    for (int i = 0; i < T::n; ++i) expect<Float>("load_partial", out[i], i < n ? values[i] : Float{0}, n, i, 0);
    F few = broadcast(Float{0});
    for (int i = 0; i < 16; ++i) values[i] = i < n ? Float{1} : Float{0};
    few = load(values);
    expect<int>("any", any(few == broadcast(Float{1})) ? 1 : 0, n > 0 ? 1 : 0, n, 0, 0);
    expect<int>("all", all(few == broadcast(Float{1})) ? 1 : 0, n == T::n ? 1 : 0, n, 0, 0);
  }
}

template <typename Float>
void check_integers() {
  using T = Types<Float>;
  using I = typename T::I;
  using Int = typename T::Int;
  using U = std::make_unsigned_t<Int>;
  Int a[16], b[16], out[16];
  const auto each = [&](const char* name, I found, auto scalar) {
    store(out, found);
    for (int i = 0; i < T::n; ++i) {
      expect<Int>(name, out[i], static_cast<Int>(scalar(a[i], b[i])), static_cast<double>(a[i]), static_cast<double>(b[i]), 0);
    }
  };
  const auto u = [](Int x) { return static_cast<U>(x); };
  for (int round = 0; round < 2000; ++round) {
    for (int i = 0; i < T::n; ++i) {
      a[i] = static_cast<Int>(generator() >> (generator() % 60));
      b[i] = generator() % 4 == 0 ? a[i] : static_cast<Int>(generator());
    }
    const I x = load(a), y = load(b);
    each("int add", x + y, [&](Int p, Int q) { return u(p) + u(q); });
    each("int sub", x - y, [&](Int p, Int q) { return u(p) - u(q); });
    each("int and", x & y, [&](Int p, Int q) { return u(p) & u(q); });
    each("int or", x | y, [&](Int p, Int q) { return u(p) | u(q); });
    each("int xor", x ^ y, [&](Int p, Int q) { return u(p) ^ u(q); });
    each("shl", shl<5>(x), [&](Int p, Int) { return u(p) << 5; });
    each("shr", shr<7>(x), [&](Int p, Int) { return u(p) >> 7; });
    each("sar", sar<9>(x), [&](Int p, Int) { return p >> 9; });
    each("shl 0", shl<0>(x), [&](Int p, Int) { return p; });
    each("shr 0", shr<0>(x), [&](Int p, Int) { return p; });
    each("sar 0", sar<0>(x), [&](Int p, Int) { return p; });
    each("int eq", select(x == y, x, broadcast(Int{7})), [&](Int p, Int q) { return p == q ? p : Int{7}; });
    each("int gt", select(x > y, x, y), [&](Int p, Int q) { return p > q ? p : q; });
    each("bits", bits(from_bits(x)), [&](Int p, Int) { return p; });
    if constexpr (sizeof(Int) == 4) each("int mul", x * y, [&](Int p, Int q) { return u(p) * u(q); });
  }
}

void check_conversions() {
  for (int round = 0; round < 20000; ++round) {
    float f[16], g[16];
    double low[8], high[8];
    std::int32_t n[16], m[16];
    std::int64_t wide_low[8], wide_high[8];
    for (int i = 0; i < lanes; ++i) {
      f[i] = any_value<float>();
      n[i] = static_cast<std::int32_t>(generator());
    }
    const F32 v = load(f);
    store(low, widen_low(v));
    store(high, widen_high(v));
    for (int i = 0; i < lanes; ++i) {
      expect<double>("widen", i < half_lanes ? low[i] : high[i - half_lanes], static_cast<double>(f[i]), f[i], 0, 0);
    }
    for (int i = 0; i < half_lanes; ++i) {
      low[i] = any_value<double>();
      high[i] = static_cast<double>(any_value<float>()) * (1 + 1e-12 * static_cast<double>(generator() % 3));
    }
    store(g, narrow(load(low), load(high)));
    for (int i = 0; i < lanes; ++i) {
      const double from = i < half_lanes ? low[i] : high[i - half_lanes];
      expect<float>("narrow", g[i], static_cast<float>(from), from, 0, 0);
    }
    const I32 k = load(n);
    store(g, convert(k));
    for (int i = 0; i < lanes; ++i) expect<float>("convert", g[i], static_cast<float>(n[i]), n[i], 0, 0);
    store(wide_low, widen_low(k));
    store(wide_high, widen_high(k));
    for (int i = 0; i < lanes; ++i) {
      expect<std::int64_t>("widen int", i < half_lanes ? wide_low[i] : wide_high[i - half_lanes], n[i], n[i], 0, 0);
    }
    for (int i = 0; i < half_lanes; ++i) {
      wide_low[i] = static_cast<std::int64_t>(generator());
      wide_high[i] = static_cast<std::int64_t>(generator()) >> 20;
    }
    store(m, narrow(load(wide_low), load(wide_high)));
    for (int i = 0; i < lanes; ++i) {
      const std::int64_t from = i < half_lanes ? wide_low[i] : wide_high[i - half_lanes];
      expect<std::int32_t>("narrow int", m[i], static_cast<std::int32_t>(from), 0, 0, 0);
    }
    for (int i = 0; i < lanes; ++i) f[i] = static_cast<float>(n[i]) * 0.75F;
    store(m, truncate(load(f)));
    for (int i = 0; i < lanes; ++i) expect<std::int32_t>("truncate", m[i], static_cast<std::int32_t>(f[i]), f[i], 0, 0);
    for (int i = 0; i < half_lanes; ++i) low[i] = static_cast<double>(static_cast<std::int64_t>(generator()) >> 13) / 8;
    store(wide_low, nearest_integer(load(low)));
    store(high, to_double(load(wide_low)));
    for (int i = 0; i < half_lanes; ++i) {
      expect<std::int64_t>("nearest_integer", wide_low[i], static_cast<std::int64_t>(std::nearbyint(low[i])), low[i], 0, 0);
      expect<double>("to_double", high[i], std::nearbyint(low[i]) + 0.0, low[i], 0, 0);
    }
  }
}

void check_movement() {
  std::vector<float> floats(257);
  std::vector<double> doubles(257);
  std::vector<std::int32_t> ints(257);
  std::vector<std::int64_t> longs(257);
  for (std::size_t i = 0; i < floats.size(); ++i) {
    floats[i] = static_cast<float>(i) * 3;
    doubles[i] = static_cast<double>(i) * 5;
    ints[i] = static_cast<std::int32_t>(i) * 7;
    longs[i] = static_cast<std::int64_t>(i) * 11;
  }
  for (int round = 0; round < 1000; ++round) {
    std::int32_t n[16], m[16];
    std::int64_t w[8], z[8];
    float f[16];
    double d[8];
    for (std::int32_t& i : n) i = static_cast<std::int32_t>(generator() % 257);
    for (std::int64_t& i : w) i = static_cast<std::int64_t>(generator() % 257);
    store(f, gather(floats.data(), load(n)));
    store(m, gather(ints.data(), load(n)));
    store(d, gather(doubles.data(), load(w)));
    store(z, gather(longs.data(), load(w)));
    for (int i = 0; i < lanes; ++i) {
      expect<float>("gather", f[i], floats[static_cast<std::size_t>(n[i])], n[i], 0, 0);
      expect<std::int32_t>("gather int", m[i], ints[static_cast<std::size_t>(n[i])], n[i], 0, 0);
    }
    for (int i = 0; i < half_lanes; ++i) {
      expect<double>("gather double", d[i], doubles[static_cast<std::size_t>(w[i])], 0, 0, 0);
      expect<std::int64_t>("gather long", z[i], longs[static_cast<std::size_t>(w[i])], 0, 0, 0);
    }
  }
  F32 rows[lanes];
  for (int i = 0; i < lanes; ++i) rows[i] = load(floats.data() + i * lanes);
  transpose(rows);
  for (int i = 0; i < lanes; ++i) {
    float row[16];
    store(row, rows[i]);
    for (int j = 0; j < lanes; ++j) expect<float>("transpose", row[j], floats[static_cast<std::size_t>(j * lanes + i)], i, j, 0);
  }
  const float nan = cast<float>(std::uint32_t{0xffc12345});
  float row[16];
  store(row, canonical(broadcast(nan)));
  expect<std::uint32_t>("canonical", cast<std::uint32_t>(row[0]), 0x7fc00000U, 0, 0, 0);
  expect<std::uint32_t>("canonical", cast<std::uint32_t>(canonical(nan)), 0x7fc00000U, 0, 0, 0);
}

}  // namespace

int main() {
  check_floats<float>();
  check_floats<double>();
  check_integers<float>();
  check_integers<double>();
  check_conversions();
  check_movement();
  std::printf("%d differences\n", failures);
  return failures == 0 ? 0 : 1;
}

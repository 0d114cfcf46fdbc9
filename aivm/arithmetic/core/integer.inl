// Sums of products of integers, compiled once per instruction set. See integer.hpp.
#pragma once

#include "integer.hpp"

namespace aivm {
namespace AIVM_ISA {

constexpr int integer_vectors = 2;
constexpr int integer_rows = lanes == 16 ? 12 : lanes == 8 ? 5 : 4;
constexpr int integer_columns = integer_vectors * lanes;

// acc + the products of two pairs, in each lane.
#if defined(__AVX512BW__)
AIVM_INLINE I32 add_pairs(I32 acc, I32 a, I32 b) { return {_mm512_add_epi32(acc.v, _mm512_madd_epi16(a.v, b.v))}; }
#elif defined(__AVX2__)
AIVM_INLINE I32 add_pairs(I32 acc, I32 a, I32 b) { return {_mm256_add_epi32(acc.v, _mm256_madd_epi16(a.v, b.v))}; }
#else
AIVM_INLINE I32 add_pairs(I32 acc, I32 a, I32 b) {
  const I32 low = sar<16>(shl<16>(a)) * sar<16>(shl<16>(b));
  return acc + low + sar<16>(a) * sar<16>(b);
}
#endif

#define AIVM_INTEGER_TILE(name, attribute, add)                                                            \
  template <int R, int P>                                                                                  \
  attribute static void name(const IntegerTile& t) {                                                       \
    constexpr int N = P * integer_vectors;                                                                 \
    I32 acc[R][N];                                                                                         \
    _Pragma("GCC unroll 12") for (int r = 0; r < R; ++r) {                                                 \
      _Pragma("GCC unroll 4") for (int j = 0; j < N; ++j) acc[r][j] = broadcast(std::int32_t{0});           \
    }                                                                                                      \
    const std::int32_t* a = t.a;                                                                           \
    const std::int32_t* b = t.b;                                                                           \
    for (std::int64_t word = 0; word < t.words; ++word, ++a, b += integer_columns) {                       \
      I32 row[N];                                                                                          \
      _Pragma("GCC unroll 4") for (int j = 0; j < N; ++j) {                                                \
        row[j] = load(b + (j / integer_vectors) * t.b_panel + (j % integer_vectors) * lanes);              \
      }                                                                                                    \
      _Pragma("GCC unroll 12") for (int r = 0; r < R; ++r) {                                               \
        const I32 x = broadcast(a[r * t.a_row]);                                                           \
        _Pragma("GCC unroll 4") for (int j = 0; j < N; ++j) acc[r][j] = add(acc[r][j], x, row[j]);          \
      }                                                                                                    \
    }                                                                                                      \
    _Pragma("GCC unroll 12") for (int r = 0; r < R; ++r) {                                                 \
      _Pragma("GCC unroll 4") for (int j = 0; j < N; ++j) store(t.c + r * t.c_row + j * lanes, acc[r][j]);  \
    }                                                                                                      \
  }

#define AIVM_INTEGER_ROWS(name, R)                                  \
  case R:                                                           \
    if constexpr (R <= integer_rows) {                              \
      if constexpr (2 * R <= integer_rows) {                        \
        if (panels == 2) return name<R, 2>(t);                      \
      }                                                             \
      return name<R, 1>(t);                                         \
    }                                                               \
    break;
#define AIVM_INTEGER_CALL(call, name)                                                         \
  static void call(const IntegerTile& t, int rows, int panels) {                              \
    switch (rows) {                                                                           \
      AIVM_INTEGER_ROWS(name, 1) AIVM_INTEGER_ROWS(name, 2) AIVM_INTEGER_ROWS(name, 3)        \
      AIVM_INTEGER_ROWS(name, 4) AIVM_INTEGER_ROWS(name, 5) AIVM_INTEGER_ROWS(name, 6)        \
      AIVM_INTEGER_ROWS(name, 7) AIVM_INTEGER_ROWS(name, 8) AIVM_INTEGER_ROWS(name, 9)        \
      AIVM_INTEGER_ROWS(name, 10) AIVM_INTEGER_ROWS(name, 11) AIVM_INTEGER_ROWS(name, 12)     \
      default: break;                                                                         \
    }                                                                                         \
    __builtin_unreachable();                                                                  \
  }

AIVM_INTEGER_TILE(pairs_tile, , add_pairs)
AIVM_INTEGER_CALL(call_pairs_tile, pairs_tile)

static inline int value_of(std::uint8_t byte, bool is_signed) {
  return is_signed ? static_cast<std::int8_t>(byte) : static_cast<int>(byte);
}

static void pack_a_pairs(const PackIntegerA& p) {
  const std::int64_t terms = p.k, words = (terms + 1) / 2;
  for (std::int64_t r = 0; r < p.rows; ++r) {
    const std::uint8_t* const __restrict from = p.a + r * p.row;
    std::int16_t* const __restrict to = reinterpret_cast<std::int16_t*>(p.packed + r * words);
    const int zero = p.zero == nullptr ? 0 : value_of(p.zero[r * p.zero_step], p.is_signed);
    if (p.is_signed) {
      for (std::int64_t k = 0; k < terms; ++k) to[k] = static_cast<std::int16_t>(static_cast<std::int8_t>(from[k]) - zero);
    } else {
      for (std::int64_t k = 0; k < terms; ++k) to[k] = static_cast<std::int16_t>(from[k] - zero);
    }
    if (terms % 2 != 0) to[terms] = 0;
  }
}

static void pack_b_pairs(const PackIntegerB& p) {
  const std::int64_t words = (p.k + 1) / 2;
  std::int16_t zeros[integer_columns];
  for (int j = 0; j < integer_columns; ++j) {
    zeros[j] = static_cast<std::int16_t>(p.zero == nullptr || j >= p.width ? 0 : value_of(p.zero[j * p.zero_step], p.is_signed));
  }
  for (std::int64_t word = 0; word < words; ++word) {
    std::int16_t* const to = reinterpret_cast<std::int16_t*>(p.packed + word * integer_columns);
    const std::uint8_t* const first = p.b + 2 * word * p.k_step;
    const std::uint8_t* const second = first + p.k_step;
    const bool both = 2 * word + 1 < p.k;
    if (both && p.width == integer_columns && p.column_step == 1) {
      if (p.is_signed) {
        for (int j = 0; j < integer_columns; ++j) {
          to[2 * j] = static_cast<std::int16_t>(static_cast<std::int8_t>(first[j]) - zeros[j]);
          to[2 * j + 1] = static_cast<std::int16_t>(static_cast<std::int8_t>(second[j]) - zeros[j]);
        }
      } else {
        for (int j = 0; j < integer_columns; ++j) {
          to[2 * j] = static_cast<std::int16_t>(first[j] - zeros[j]);
          to[2 * j + 1] = static_cast<std::int16_t>(second[j] - zeros[j]);
        }
      }
      continue;
    }
    for (int j = 0; j < integer_columns; ++j) {
      const std::int64_t at = j * p.column_step;
      const bool inside = j < p.width;
      to[2 * j] = static_cast<std::int16_t>(inside ? value_of(first[at], p.is_signed) - zeros[j] : 0);
      to[2 * j + 1] = static_cast<std::int16_t>(inside && both ? value_of(second[at], p.is_signed) - zeros[j] : 0);
    }
  }
}

#if defined(__AVX512BW__)
[[gnu::target("avx512vnni")]] AIVM_INLINE I32 add_quads(I32 acc, I32 a, I32 b) {
  return {_mm512_dpbusd_epi32(acc.v, a.v, b.v)};
}
AIVM_INTEGER_TILE(quads_tile, [[gnu::target("avx512vnni")]], add_quads)
AIVM_INTEGER_CALL(call_quads_tile, quads_tile)

static void pack_a_quads(const PackIntegerA& p) {
  const std::int64_t k = p.k, words = (k + 3) / 4;
  const __m512i flip = _mm512_set1_epi8(p.is_signed ? -0x80 : 0);
  const auto first_bytes = [](std::int64_t n) { return n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1; };
  for (std::int64_t r = 0; r < p.rows; ++r) {
    const std::uint8_t* const from = p.a + r * p.row;
    std::uint8_t* const to = reinterpret_cast<std::uint8_t*>(p.packed + r * words);
    __m512i sums = _mm512_setzero_si512();
    for (std::int64_t i = 0; i < k; i += 64) {
      const __mmask64 there = first_bytes(k - i);
      const __m512i bytes = _mm512_maskz_mov_epi8(there, _mm512_xor_si512(_mm512_maskz_loadu_epi8(there, from + i), flip));
      _mm512_mask_storeu_epi8(to + i, first_bytes(4 * words - i), bytes);
      sums = _mm512_add_epi64(sums, _mm512_sad_epu8(bytes, _mm512_setzero_si512()));
    }
    p.sums[r] = static_cast<std::int32_t>(_mm512_reduce_add_epi64(sums));
  }
}

static void pack_b_quads(const PackIntegerB& p) {
  const std::int64_t words = (p.k + 3) / 4;
  const std::uint8_t flip = p.is_signed ? 0 : 0x80;
  std::int32_t sums[integer_columns] = {};
  for (std::int64_t word = 0; word < words; ++word) {
    std::uint8_t* const to = reinterpret_cast<std::uint8_t*>(p.packed + word * integer_columns);
    const std::uint8_t* const from = p.b + 4 * word * p.k_step;
    if (4 * word + 4 <= p.k && p.width == integer_columns && p.column_step == 1) {
      // Four rows of 32 bytes become 32 words.
      const __m256i top = _mm256_set1_epi8(static_cast<char>(flip));
      __m256i row[4];
      for (int i = 0; i < 4; ++i) {
        row[i] = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i * p.k_step)), top);
      }
      const __m256i a = _mm256_unpacklo_epi8(row[0], row[1]), b = _mm256_unpackhi_epi8(row[0], row[1]);
      const __m256i c = _mm256_unpacklo_epi8(row[2], row[3]), d = _mm256_unpackhi_epi8(row[2], row[3]);
      // Columns 0-3 and 16-19, 4-7 and 20-23, 8-11 and 24-27, 12-15 and 28-31.
      const __m256i parts[4] = {_mm256_unpacklo_epi16(a, c), _mm256_unpackhi_epi16(a, c), _mm256_unpacklo_epi16(b, d),
                                _mm256_unpackhi_epi16(b, d)};
      const __m512i low = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_permute2x128_si256(parts[0], parts[1], 0x20)),
                                             _mm256_permute2x128_si256(parts[2], parts[3], 0x20), 1);
      const __m512i high = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_permute2x128_si256(parts[0], parts[1], 0x31)),
                                              _mm256_permute2x128_si256(parts[2], parts[3], 0x31), 1);
      _mm512_storeu_si512(to, low);
      _mm512_storeu_si512(to + 64, high);
      // The signed bytes of a word: as pairs of int16, then as one sum.
      const __m512i ones8 = _mm512_set1_epi8(1), ones16 = _mm512_set1_epi16(1);
      const __m512i sum_low = _mm512_madd_epi16(_mm512_maddubs_epi16(ones8, low), ones16);
      const __m512i sum_high = _mm512_madd_epi16(_mm512_maddubs_epi16(ones8, high), ones16);
      _mm512_storeu_si512(sums, _mm512_add_epi32(_mm512_loadu_si512(sums), sum_low));
      _mm512_storeu_si512(sums + 16, _mm512_add_epi32(_mm512_loadu_si512(sums + 16), sum_high));
      continue;
    }
    for (int j = 0; j < integer_columns; ++j) {
      for (int i = 0; i < 4; ++i) {
        const bool inside = j < p.width && 4 * word + i < p.k;
        const std::uint8_t byte = inside ? from[i * p.k_step + j * p.column_step] ^ flip : 0;
        to[4 * j + i] = byte;
        sums[j] += static_cast<std::int8_t>(byte);
      }
    }
  }
  for (int j = 0; j < integer_columns; ++j) p.sums[j] = sums[j];
}

static bool has_vnni() {
  unsigned a, b, c, d;
  __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
  return (c >> 11 & 1) != 0;
}
constexpr IntegerFormat quads_format{4, pack_a_quads, pack_b_quads, call_quads_tile};
#else
static bool has_vnni() { return false; }
constexpr IntegerFormat quads_format{4, nullptr, nullptr, nullptr};
#endif

// Unsigned, where sums and products wrap.
static void integer_correct(std::int32_t* c, std::int64_t n, std::int32_t row_sum, const std::int32_t* b_zero,
                            std::int32_t a_zero, const std::int32_t* column_term) {
  const auto s = static_cast<std::uint32_t>(row_sum), z = static_cast<std::uint32_t>(a_zero);
  for (std::int64_t j = 0; j < n; ++j) {
    const std::uint32_t more = s * static_cast<std::uint32_t>(b_zero[j]) + z * static_cast<std::uint32_t>(column_term[j]);
    c[j] = static_cast<std::int32_t>(static_cast<std::uint32_t>(c[j]) + more);
  }
}

template <typename X>
static inline void accumulate_as(std::int32_t* c, const X* x, std::int64_t step, std::int32_t zero, std::int32_t w,
                                 std::int64_t n) {
  const auto factor = static_cast<std::uint32_t>(w);
  if (step == 1) {
    for (std::int64_t i = 0; i < n; ++i) {
      c[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(c[i]) + factor * static_cast<std::uint32_t>(x[i] - zero));
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      c[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(c[i]) + factor * static_cast<std::uint32_t>(x[i * step] - zero));
    }
  }
}

static void integer_accumulate(std::int32_t* c, const std::uint8_t* x, std::int64_t step, bool is_signed, std::int32_t zero,
                               std::int32_t w, std::int64_t n) {
  if (is_signed) return accumulate_as(c, reinterpret_cast<const std::int8_t*>(x), step, zero, w, n);
  accumulate_as(c, x, step, zero, w, n);
}

constexpr IntegerKernels integer_kernels{
    integer_rows, integer_columns, {2, pack_a_pairs, pack_b_pairs, call_pairs_tile}, quads_format, has_vnni,
    integer_correct, integer_accumulate,
};

}  // namespace AIVM_ISA
}  // namespace aivm

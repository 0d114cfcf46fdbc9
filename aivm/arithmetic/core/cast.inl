// Casts, compiled once per instruction set. See cast.hpp.
#pragma once

#include "cast.hpp"

namespace aivm {
namespace AIVM_ISA {

#if defined(__F16C__)
static void to_half(const float* x, std::uint16_t* y, std::int64_t n) {
  const __m128i magnitude = _mm_set1_epi16(0x7fff), infinity = _mm_set1_epi16(0x7c00), nan = _mm_set1_epi16(0x7e00);
  const auto convert = [=](__m256 v) {
    const __m128i h = _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return _mm_blendv_epi8(h, nan, _mm_cmpgt_epi16(_mm_and_si128(h, magnitude), infinity));
  };
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), convert(_mm256_loadu_ps(x + i)));
  if (i < n) {
    float rest[8] = {};
    std::uint16_t result[8];
    for (std::int64_t j = i; j < n; ++j) rest[j - i] = x[j];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(result), convert(_mm256_loadu_ps(rest)));
    for (std::int64_t j = i; j < n; ++j) y[j] = result[j - i];
  }
}

static void from_half(const std::uint16_t* x, float* y, std::int64_t n) {
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
  const auto convert = [=](__m128i h) {
    __m256 v = _mm256_cvtph_ps(h);
    hide_origin(v);
    return _mm256_blendv_ps(v, nan, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  };
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, convert(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
  if (i < n) {
    std::uint16_t rest[8] = {};
    float result[8];
    for (std::int64_t j = i; j < n; ++j) rest[j - i] = x[j];
    _mm256_storeu_ps(result, convert(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rest))));
    for (std::int64_t j = i; j < n; ++j) y[j] = result[j - i];
  }
}
#else
constexpr void (*to_half)(const float*, std::uint16_t*, std::int64_t) = nullptr;
constexpr void (*from_half)(const std::uint16_t*, float*, std::int64_t) = nullptr;
#endif

// Whole numbers from `least` to below `above`, powers of two or zero; beyond, `least` and `most`.
AIVM_INLINE I32 whole_within(F32 v, float least, float above, std::int32_t most) {
  v = select(is_nan(v), broadcast(0.0F), v);
  v = select(v < broadcast(least), broadcast(least), v);
  const M32 beyond = v >= broadcast(above);
  return select(beyond, broadcast(most), truncate(select(beyond, broadcast(0.0F), v)));
}

template <typename T>
AIVM_INLINE void to_small(const float* x, T* y, std::int64_t n, float least, float above) {
  constexpr int at_once = 64;
  const auto most = static_cast<std::int32_t>(above) - 1;
  for (std::int64_t i = 0; i < n; i += at_once) {
    std::int32_t whole[at_once];
    const std::int64_t here = n - i < at_once ? n - i : at_once;
    if (here == at_once) {
      for (int k = 0; k < at_once; k += lanes) store(whole + k, whole_within(load(x + i + k), least, above, most));
      for (int k = 0; k < at_once; ++k) y[i + k] = static_cast<T>(whole[k]);
      continue;
    }
    for (std::int64_t k = 0; k < here; k += lanes) {
      const std::int64_t rest = here - k < lanes ? here - k : lanes;
      store(whole + k, whole_within(load_partial(x + i + k, rest), least, above, most));
    }
    for (std::int64_t k = 0; k < here; ++k) y[i + k] = static_cast<T>(whole[k]);
  }
}

static void to_int8(const float* x, std::int8_t* y, std::int64_t n) { to_small(x, y, n, -128.0F, 128.0F); }
static void to_uint8(const float* x, std::uint8_t* y, std::int64_t n) { to_small(x, y, n, 0.0F, 256.0F); }

static void to_int32(const float* x, std::int32_t* y, std::int64_t n) {
  constexpr float above = 2147483648.0F;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, whole_within(load(x + i), -above, above, 0x7fffffff));
  if (i < n) store_partial(y + i, whole_within(load_partial(x + i, n - i), -above, above, 0x7fffffff), n - i);
}

// One by one, without a branch: an instruction set that can makes vectors of it.
static void to_int64(const float* x, std::int64_t* y, std::int64_t n) {
  constexpr float above = 9223372036854775808.0F;
  for (std::int64_t i = 0; i < n; ++i) {
    const float number = x[i] == x[i] ? x[i] : 0.0F;
    const float raised = number < -above ? -above : number;
    const bool beyond = raised >= above;
    const std::int64_t whole = static_cast<std::int64_t>(beyond ? 0.0F : raised);
    y[i] = beyond ? INT64_MAX : whole;
  }
}

static void from_truth(const std::uint8_t* x, float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] != 0 ? 1.0F : 0.0F;
}

constexpr CastKernels cast_kernels{to_half, from_half, to_int8, to_uint8, to_int32, to_int64, from_truth};

}  // namespace AIVM_ISA
}  // namespace aivm

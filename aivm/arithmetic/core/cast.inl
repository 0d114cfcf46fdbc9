// Casts to and from binary16, compiled once per instruction set. See cast.hpp.
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
    const __m256 v = _mm256_cvtph_ps(h);
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
constexpr CastKernels cast_kernels{to_half, from_half};
#else
constexpr CastKernels cast_kernels{nullptr, nullptr};
#endif

}  // namespace AIVM_ISA
}  // namespace aivm

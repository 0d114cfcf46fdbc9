// The greater and the lesser of two: NaN if one is (any payload: the caller makes it canonical), and -0 < +0.
#pragma once

namespace aivm {
namespace AIVM_ISA {

#if defined(__AVX512DQ__)
// vrangeps orders zeros by their sign, but gives the number where one operand is a NaN.
AIVM_INLINE F32 maximum(F32 a, F32 b) {
  const __mmask16 unordered = _mm512_cmp_ps_mask(a.v, b.v, _CMP_UNORD_Q);
  return {_mm512_mask_mov_ps(_mm512_range_ps(a.v, b.v, 5), unordered, _mm512_set1_ps(__builtin_nanf("")))};
}
AIVM_INLINE F32 minimum(F32 a, F32 b) {
  const __mmask16 unordered = _mm512_cmp_ps_mask(a.v, b.v, _CMP_UNORD_Q);
  return {_mm512_mask_mov_ps(_mm512_range_ps(a.v, b.v, 4), unordered, _mm512_set1_ps(__builtin_nanf("")))};
}
#elif defined(__AVX2__)
// maxps gives its second operand for two zeros and for NaNs: taken both ways round, zeros are told apart by their bits.
AIVM_INLINE F32 maximum(F32 a, F32 b) {
  const __m256 both = _mm256_and_ps(_mm256_max_ps(a.v, b.v), _mm256_max_ps(b.v, a.v));
  return {_mm256_blendv_ps(both, _mm256_set1_ps(__builtin_nanf("")), _mm256_cmp_ps(a.v, b.v, _CMP_UNORD_Q))};
}
AIVM_INLINE F32 minimum(F32 a, F32 b) {
  const __m256 both = _mm256_or_ps(_mm256_min_ps(a.v, b.v), _mm256_min_ps(b.v, a.v));
  return {_mm256_blendv_ps(both, _mm256_set1_ps(__builtin_nanf("")), _mm256_cmp_ps(a.v, b.v, _CMP_UNORD_Q))};
}
#elif defined(__ARM_NEON) && AIVM_HARDWARE_FMA  // the portable kernels are built for AArch64 too
AIVM_INLINE F32 maximum(F32 a, F32 b) { return {vmaxq_f32(a.v, b.v)}; }
AIVM_INLINE F32 minimum(F32 a, F32 b) { return {vminq_f32(a.v, b.v)}; }
#else
AIVM_INLINE F32 maximum(F32 a, F32 b) {
  const F32 equal = from_bits(bits(a) & bits(b));
  return select(is_nan(a), a, select(a > b, a, select(a == b, equal, b)));
}
AIVM_INLINE F32 minimum(F32 a, F32 b) {
  const F32 equal = from_bits(bits(a) | bits(b));
  return select(is_nan(a), a, select(a < b, a, select(a == b, equal, b)));
}
#endif

}  // namespace AIVM_ISA
}  // namespace aivm

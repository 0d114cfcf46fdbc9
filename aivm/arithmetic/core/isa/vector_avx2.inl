// Vectors of 256 bits; see vector_common.inl for what each operation means.
#include <immintrin.h>

#include <cstdint>

namespace aivm {
namespace AIVM_ISA {

constexpr int lanes = 8;

struct F32 { __m256 v; };
struct F64 { __m256d v; };
struct I32 { __m256i v; };
struct I64 { __m256i v; };
struct M32 { __m256i v; };
struct M64 { __m256i v; };

#define AIVM_INLINE [[gnu::always_inline]] static inline

AIVM_INLINE F32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
AIVM_INLINE F64 load(const double* p) { return {_mm256_loadu_pd(p)}; }
AIVM_INLINE I32 load(const std::int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
AIVM_INLINE I64 load(const std::int64_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
AIVM_INLINE void store(float* p, F32 a) { _mm256_storeu_ps(p, a.v); }
AIVM_INLINE void store(double* p, F64 a) { _mm256_storeu_pd(p, a.v); }
AIVM_INLINE void store(std::int32_t* p, I32 a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v); }
AIVM_INLINE void store(std::int64_t* p, I64 a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.v); }

AIVM_INLINE __m256i first(std::int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
AIVM_INLINE __m256i first_pairs(std::int64_t n) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
AIVM_INLINE F32 load_partial(const float* p, std::int64_t n) { return {_mm256_maskload_ps(p, first(n))}; }
AIVM_INLINE F64 load_partial(const double* p, std::int64_t n) { return {_mm256_maskload_pd(p, first_pairs(n))}; }
AIVM_INLINE I32 load_partial(const std::int32_t* p, std::int64_t n) { return {_mm256_maskload_epi32(p, first(n))}; }
AIVM_INLINE void store_partial(float* p, F32 a, std::int64_t n) { _mm256_maskstore_ps(p, first(n), a.v); }
AIVM_INLINE void store_partial(double* p, F64 a, std::int64_t n) { _mm256_maskstore_pd(p, first_pairs(n), a.v); }
AIVM_INLINE void store_partial(std::int32_t* p, I32 a, std::int64_t n) { _mm256_maskstore_epi32(p, first(n), a.v); }

AIVM_INLINE F32 broadcast(float x) { return {_mm256_set1_ps(x)}; }
AIVM_INLINE F64 broadcast(double x) { return {_mm256_set1_pd(x)}; }
AIVM_INLINE I32 broadcast(std::int32_t x) { return {_mm256_set1_epi32(x)}; }
AIVM_INLINE I64 broadcast(std::int64_t x) { return {_mm256_set1_epi64x(x)}; }

AIVM_INLINE F32 operator+(F32 a, F32 b) { return {_mm256_add_ps(a.v, b.v)}; }
AIVM_INLINE F32 operator-(F32 a, F32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
AIVM_INLINE F32 operator*(F32 a, F32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
AIVM_INLINE F32 operator/(F32 a, F32 b) { return {_mm256_div_ps(a.v, b.v)}; }
AIVM_INLINE F32 sqrt(F32 a) { return {_mm256_sqrt_ps(a.v)}; }
AIVM_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
AIVM_INLINE F64 operator+(F64 a, F64 b) { return {_mm256_add_pd(a.v, b.v)}; }
AIVM_INLINE F64 operator-(F64 a, F64 b) { return {_mm256_sub_pd(a.v, b.v)}; }
AIVM_INLINE F64 operator*(F64 a, F64 b) { return {_mm256_mul_pd(a.v, b.v)}; }
AIVM_INLINE F64 operator/(F64 a, F64 b) { return {_mm256_div_pd(a.v, b.v)}; }
AIVM_INLINE F64 sqrt(F64 a) { return {_mm256_sqrt_pd(a.v)}; }
AIVM_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }

AIVM_INLINE I32 bits(F32 a) { return {_mm256_castps_si256(a.v)}; }
AIVM_INLINE I64 bits(F64 a) { return {_mm256_castpd_si256(a.v)}; }
AIVM_INLINE F32 from_bits(I32 a) { return {_mm256_castsi256_ps(a.v)}; }
AIVM_INLINE F64 from_bits(I64 a) { return {_mm256_castsi256_pd(a.v)}; }

AIVM_INLINE I32 operator+(I32 a, I32 b) { return {_mm256_add_epi32(a.v, b.v)}; }
AIVM_INLINE I32 operator-(I32 a, I32 b) { return {_mm256_sub_epi32(a.v, b.v)}; }
AIVM_INLINE I32 operator*(I32 a, I32 b) { return {_mm256_mullo_epi32(a.v, b.v)}; }
AIVM_INLINE I32 operator&(I32 a, I32 b) { return {_mm256_and_si256(a.v, b.v)}; }
AIVM_INLINE I32 operator|(I32 a, I32 b) { return {_mm256_or_si256(a.v, b.v)}; }
AIVM_INLINE I32 operator^(I32 a, I32 b) { return {_mm256_xor_si256(a.v, b.v)}; }
AIVM_INLINE I64 operator+(I64 a, I64 b) { return {_mm256_add_epi64(a.v, b.v)}; }
AIVM_INLINE I64 operator-(I64 a, I64 b) { return {_mm256_sub_epi64(a.v, b.v)}; }
AIVM_INLINE I64 operator&(I64 a, I64 b) { return {_mm256_and_si256(a.v, b.v)}; }
AIVM_INLINE I64 operator|(I64 a, I64 b) { return {_mm256_or_si256(a.v, b.v)}; }
AIVM_INLINE I64 operator^(I64 a, I64 b) { return {_mm256_xor_si256(a.v, b.v)}; }
template <int n> AIVM_INLINE I32 shl(I32 a) { return {_mm256_slli_epi32(a.v, n)}; }
template <int n> AIVM_INLINE I32 shr(I32 a) { return {_mm256_srli_epi32(a.v, n)}; }
template <int n> AIVM_INLINE I32 sar(I32 a) { return {_mm256_srai_epi32(a.v, n)}; }
template <int n> AIVM_INLINE I64 shl(I64 a) { return {_mm256_slli_epi64(a.v, n)}; }
template <int n> AIVM_INLINE I64 shr(I64 a) { return {_mm256_srli_epi64(a.v, n)}; }
template <int n> AIVM_INLINE I64 sar(I64 a) {  // the sign, moved down, then taken off again
  const __m256i sign = _mm256_set1_epi64x(static_cast<long long>(1ULL << (63 - n)));
  return {_mm256_sub_epi64(_mm256_xor_si256(_mm256_srli_epi64(a.v, n), sign), sign)};
}

AIVM_INLINE M32 mask(__m256 a) { return {_mm256_castps_si256(a)}; }
AIVM_INLINE M64 mask(__m256d a) { return {_mm256_castpd_si256(a)}; }
AIVM_INLINE M32 operator==(F32 a, F32 b) { return mask(_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)); }
AIVM_INLINE M32 operator<(F32 a, F32 b) { return mask(_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)); }
AIVM_INLINE M32 operator<=(F32 a, F32 b) { return mask(_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)); }
AIVM_INLINE M32 operator>(F32 a, F32 b) { return mask(_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)); }
AIVM_INLINE M32 operator>=(F32 a, F32 b) { return mask(_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)); }
AIVM_INLINE M32 is_nan(F32 a) { return mask(_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)); }
AIVM_INLINE M64 operator==(F64 a, F64 b) { return mask(_mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ)); }
AIVM_INLINE M64 operator<(F64 a, F64 b) { return mask(_mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ)); }
AIVM_INLINE M64 operator<=(F64 a, F64 b) { return mask(_mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ)); }
AIVM_INLINE M64 operator>(F64 a, F64 b) { return mask(_mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ)); }
AIVM_INLINE M64 operator>=(F64 a, F64 b) { return mask(_mm256_cmp_pd(a.v, b.v, _CMP_GE_OQ)); }
AIVM_INLINE M64 is_nan(F64 a) { return mask(_mm256_cmp_pd(a.v, a.v, _CMP_UNORD_Q)); }
AIVM_INLINE M32 operator==(I32 a, I32 b) { return {_mm256_cmpeq_epi32(a.v, b.v)}; }
AIVM_INLINE M32 operator>(I32 a, I32 b) { return {_mm256_cmpgt_epi32(a.v, b.v)}; }
AIVM_INLINE M64 operator==(I64 a, I64 b) { return {_mm256_cmpeq_epi64(a.v, b.v)}; }
AIVM_INLINE M64 operator>(I64 a, I64 b) { return {_mm256_cmpgt_epi64(a.v, b.v)}; }

AIVM_INLINE M32 operator&(M32 a, M32 b) { return {_mm256_and_si256(a.v, b.v)}; }
AIVM_INLINE M32 operator|(M32 a, M32 b) { return {_mm256_or_si256(a.v, b.v)}; }
AIVM_INLINE M32 operator^(M32 a, M32 b) { return {_mm256_xor_si256(a.v, b.v)}; }
AIVM_INLINE M32 operator!(M32 a) { return {_mm256_xor_si256(a.v, _mm256_set1_epi32(-1))}; }
AIVM_INLINE bool any(M32 a) { return _mm256_movemask_ps(_mm256_castsi256_ps(a.v)) != 0; }
AIVM_INLINE bool all(M32 a) { return _mm256_movemask_ps(_mm256_castsi256_ps(a.v)) == 0xff; }
AIVM_INLINE M64 operator&(M64 a, M64 b) { return {_mm256_and_si256(a.v, b.v)}; }
AIVM_INLINE M64 operator|(M64 a, M64 b) { return {_mm256_or_si256(a.v, b.v)}; }
AIVM_INLINE M64 operator^(M64 a, M64 b) { return {_mm256_xor_si256(a.v, b.v)}; }
AIVM_INLINE M64 operator!(M64 a) { return {_mm256_xor_si256(a.v, _mm256_set1_epi32(-1))}; }
AIVM_INLINE bool any(M64 a) { return _mm256_movemask_pd(_mm256_castsi256_pd(a.v)) != 0; }
AIVM_INLINE bool all(M64 a) { return _mm256_movemask_pd(_mm256_castsi256_pd(a.v)) == 0xf; }
AIVM_INLINE F32 select(M32 m, F32 a, F32 b) { return {_mm256_blendv_ps(b.v, a.v, _mm256_castsi256_ps(m.v))}; }
AIVM_INLINE F64 select(M64 m, F64 a, F64 b) { return {_mm256_blendv_pd(b.v, a.v, _mm256_castsi256_pd(m.v))}; }
AIVM_INLINE I32 select(M32 m, I32 a, I32 b) { return {_mm256_blendv_epi8(b.v, a.v, m.v)}; }
AIVM_INLINE I64 select(M64 m, I64 a, I64 b) { return {_mm256_blendv_epi8(b.v, a.v, m.v)}; }

AIVM_INLINE F32 operator-(F32 a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0F))}; }
AIVM_INLINE F64 operator-(F64 a) { return {_mm256_xor_pd(a.v, _mm256_set1_pd(-0.0))}; }
AIVM_INLINE F32 abs(F32 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0F), a.v)}; }
AIVM_INLINE F64 abs(F64 a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
AIVM_INLINE F32 copysign(F32 magnitude, F32 sign) {
  return {_mm256_or_ps(abs(magnitude).v, _mm256_and_ps(sign.v, _mm256_set1_ps(-0.0F)))};
}
AIVM_INLINE F64 copysign(F64 magnitude, F64 sign) {
  return {_mm256_or_pd(abs(magnitude).v, _mm256_and_pd(sign.v, _mm256_set1_pd(-0.0)))};
}
AIVM_INLINE F32 floor(F32 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F32 ceil(F32 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F32 trunc(F32 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F32 roundeven(F32 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F64 floor(F64 a) { return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F64 ceil(F64 a) { return {_mm256_round_pd(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F64 trunc(F64 a) { return {_mm256_round_pd(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F64 roundeven(F64 a) { return {_mm256_round_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }

AIVM_INLINE F64 widen_low(F32 a) { return {_mm256_cvtps_pd(_mm256_castps256_ps128(a.v))}; }
AIVM_INLINE F64 widen_high(F32 a) { return {_mm256_cvtps_pd(_mm256_extractf128_ps(a.v, 1))}; }
AIVM_INLINE I64 widen_low(I32 a) { return {_mm256_cvtepi32_epi64(_mm256_castsi256_si128(a.v))}; }
AIVM_INLINE I64 widen_high(I32 a) { return {_mm256_cvtepi32_epi64(_mm256_extracti128_si256(a.v, 1))}; }
AIVM_INLINE F32 narrow(F64 low, F64 high) { return {_mm256_set_m128(_mm256_cvtpd_ps(high.v), _mm256_cvtpd_ps(low.v))}; }
AIVM_INLINE I32 narrow(I64 low, I64 high) {
  const __m256 even = _mm256_shuffle_ps(_mm256_castsi256_ps(low.v), _mm256_castsi256_ps(high.v), 0x88);
  return {_mm256_permute4x64_epi64(_mm256_castps_si256(even), 0xd8)};
}
AIVM_INLINE F32 convert(I32 a) { return {_mm256_cvtepi32_ps(a.v)}; }
AIVM_INLINE I32 truncate(F32 a) { return {_mm256_cvttps_epi32(a.v)}; }

AIVM_INLINE F32 gather(const float* table, I32 i) { return {_mm256_i32gather_ps(table, i.v, 4)}; }
AIVM_INLINE I32 gather(const std::int32_t* table, I32 i) { return {_mm256_i32gather_epi32(table, i.v, 4)}; }
AIVM_INLINE F64 gather(const double* table, I64 i) { return {_mm256_i64gather_pd(table, i.v, 8)}; }
AIVM_INLINE I64 gather(const std::int64_t* table, I64 i) {
  return {_mm256_i64gather_epi64(reinterpret_cast<const long long*>(table), i.v, 8)};
}

AIVM_INLINE void transpose(F32 (&r)[8]) {
  __m256 t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i].v, r[i + 1].v);
    t[i + 1] = _mm256_unpackhi_ps(r[i].v, r[i + 1].v);
  }
  __m256 u[8];
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    r[i].v = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4].v = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}

}  // namespace AIVM_ISA
}  // namespace aivm

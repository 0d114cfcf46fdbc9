// Vectors of 512 bits; see vector_common.inl for what each operation means.
#include <immintrin.h>

#include <cstdint>

namespace aivm {
namespace AIVM_ISA {

constexpr int lanes = 16;

struct F32 { __m512 v; };
struct F64 { __m512d v; };
struct I32 { __m512i v; };
struct I64 { __m512i v; };
struct M32 { __mmask16 v; };
struct M64 { __mmask8 v; };

#define AIVM_INLINE [[gnu::always_inline]] static inline

AIVM_INLINE F32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
AIVM_INLINE F64 load(const double* p) { return {_mm512_loadu_pd(p)}; }
AIVM_INLINE I32 load(const std::int32_t* p) { return {_mm512_loadu_si512(p)}; }
AIVM_INLINE I64 load(const std::int64_t* p) { return {_mm512_loadu_si512(p)}; }
AIVM_INLINE void store(float* p, F32 a) { _mm512_storeu_ps(p, a.v); }
AIVM_INLINE void store(double* p, F64 a) { _mm512_storeu_pd(p, a.v); }
AIVM_INLINE void store(std::int32_t* p, I32 a) { _mm512_storeu_si512(p, a.v); }
AIVM_INLINE void store(std::int64_t* p, I64 a) { _mm512_storeu_si512(p, a.v); }

AIVM_INLINE __mmask16 first(std::int64_t n) { return static_cast<__mmask16>(_bzhi_u32(0xffffU, static_cast<unsigned>(n))); }
AIVM_INLINE F32 load_partial(const float* p, std::int64_t n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
AIVM_INLINE F64 load_partial(const double* p, std::int64_t n) {
  return {_mm512_maskz_loadu_pd(static_cast<__mmask8>(first(n)), p)};
}
AIVM_INLINE I32 load_partial(const std::int32_t* p, std::int64_t n) { return {_mm512_maskz_loadu_epi32(first(n), p)}; }
AIVM_INLINE void store_partial(float* p, F32 a, std::int64_t n) { _mm512_mask_storeu_ps(p, first(n), a.v); }
AIVM_INLINE void store_partial(double* p, F64 a, std::int64_t n) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>(first(n)), a.v);
}
AIVM_INLINE void store_partial(std::int32_t* p, I32 a, std::int64_t n) { _mm512_mask_storeu_epi32(p, first(n), a.v); }

AIVM_INLINE F32 broadcast(float x) { return {_mm512_set1_ps(x)}; }
AIVM_INLINE F64 broadcast(double x) { return {_mm512_set1_pd(x)}; }
AIVM_INLINE I32 broadcast(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
AIVM_INLINE I64 broadcast(std::int64_t x) { return {_mm512_set1_epi64(x)}; }

AIVM_INLINE F32 operator+(F32 a, F32 b) { return {_mm512_add_ps(a.v, b.v)}; }
AIVM_INLINE F32 operator-(F32 a, F32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
AIVM_INLINE F32 operator*(F32 a, F32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
AIVM_INLINE F32 operator/(F32 a, F32 b) { return {_mm512_div_ps(a.v, b.v)}; }
AIVM_INLINE F32 sqrt(F32 a) { return {_mm512_sqrt_ps(a.v)}; }
AIVM_INLINE F32 fma(F32 a, F32 b, F32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
AIVM_INLINE F64 operator+(F64 a, F64 b) { return {_mm512_add_pd(a.v, b.v)}; }
AIVM_INLINE F64 operator-(F64 a, F64 b) { return {_mm512_sub_pd(a.v, b.v)}; }
AIVM_INLINE F64 operator*(F64 a, F64 b) { return {_mm512_mul_pd(a.v, b.v)}; }
AIVM_INLINE F64 operator/(F64 a, F64 b) { return {_mm512_div_pd(a.v, b.v)}; }
AIVM_INLINE F64 sqrt(F64 a) { return {_mm512_sqrt_pd(a.v)}; }
AIVM_INLINE F64 fma(F64 a, F64 b, F64 c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }

AIVM_INLINE I32 bits(F32 a) { return {_mm512_castps_si512(a.v)}; }
AIVM_INLINE I64 bits(F64 a) { return {_mm512_castpd_si512(a.v)}; }
AIVM_INLINE F32 from_bits(I32 a) { return {_mm512_castsi512_ps(a.v)}; }
AIVM_INLINE F64 from_bits(I64 a) { return {_mm512_castsi512_pd(a.v)}; }

AIVM_INLINE I32 operator+(I32 a, I32 b) { return {_mm512_add_epi32(a.v, b.v)}; }
AIVM_INLINE I32 operator-(I32 a, I32 b) { return {_mm512_sub_epi32(a.v, b.v)}; }
AIVM_INLINE I32 operator*(I32 a, I32 b) { return {_mm512_mullo_epi32(a.v, b.v)}; }
AIVM_INLINE I32 operator&(I32 a, I32 b) { return {_mm512_and_si512(a.v, b.v)}; }
AIVM_INLINE I32 operator|(I32 a, I32 b) { return {_mm512_or_si512(a.v, b.v)}; }
AIVM_INLINE I32 operator^(I32 a, I32 b) { return {_mm512_xor_si512(a.v, b.v)}; }
AIVM_INLINE I64 operator+(I64 a, I64 b) { return {_mm512_add_epi64(a.v, b.v)}; }
AIVM_INLINE I64 operator-(I64 a, I64 b) { return {_mm512_sub_epi64(a.v, b.v)}; }
AIVM_INLINE I64 operator&(I64 a, I64 b) { return {_mm512_and_si512(a.v, b.v)}; }
AIVM_INLINE I64 operator|(I64 a, I64 b) { return {_mm512_or_si512(a.v, b.v)}; }
AIVM_INLINE I64 operator^(I64 a, I64 b) { return {_mm512_xor_si512(a.v, b.v)}; }
template <int n> AIVM_INLINE I32 shl(I32 a) { return {_mm512_slli_epi32(a.v, n)}; }
template <int n> AIVM_INLINE I32 shr(I32 a) { return {_mm512_srli_epi32(a.v, n)}; }
template <int n> AIVM_INLINE I32 sar(I32 a) { return {_mm512_srai_epi32(a.v, n)}; }
template <int n> AIVM_INLINE I64 shl(I64 a) { return {_mm512_slli_epi64(a.v, n)}; }
template <int n> AIVM_INLINE I64 shr(I64 a) { return {_mm512_srli_epi64(a.v, n)}; }
template <int n> AIVM_INLINE I64 sar(I64 a) { return {_mm512_srai_epi64(a.v, n)}; }

AIVM_INLINE M32 operator==(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
AIVM_INLINE M32 operator<(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
AIVM_INLINE M32 operator<=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
AIVM_INLINE M32 operator>(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
AIVM_INLINE M32 operator>=(F32 a, F32 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
AIVM_INLINE M32 is_nan(F32 a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
AIVM_INLINE M64 operator==(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ)}; }
AIVM_INLINE M64 operator<(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ)}; }
AIVM_INLINE M64 operator<=(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ)}; }
AIVM_INLINE M64 operator>(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ)}; }
AIVM_INLINE M64 operator>=(F64 a, F64 b) { return {_mm512_cmp_pd_mask(a.v, b.v, _CMP_GE_OQ)}; }
AIVM_INLINE M64 is_nan(F64 a) { return {_mm512_cmp_pd_mask(a.v, a.v, _CMP_UNORD_Q)}; }
AIVM_INLINE M32 operator==(I32 a, I32 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
AIVM_INLINE M32 operator>(I32 a, I32 b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }
AIVM_INLINE M64 operator==(I64 a, I64 b) { return {_mm512_cmpeq_epi64_mask(a.v, b.v)}; }
AIVM_INLINE M64 operator>(I64 a, I64 b) { return {_mm512_cmpgt_epi64_mask(a.v, b.v)}; }

AIVM_INLINE M32 operator&(M32 a, M32 b) { return {static_cast<__mmask16>(a.v & b.v)}; }
AIVM_INLINE M32 operator|(M32 a, M32 b) { return {static_cast<__mmask16>(a.v | b.v)}; }
AIVM_INLINE M32 operator^(M32 a, M32 b) { return {static_cast<__mmask16>(a.v ^ b.v)}; }
AIVM_INLINE M32 operator!(M32 a) { return {static_cast<__mmask16>(~a.v)}; }
AIVM_INLINE bool any(M32 a) { return a.v != 0; }
AIVM_INLINE bool all(M32 a) { return a.v == 0xffff; }
AIVM_INLINE M64 operator&(M64 a, M64 b) { return {static_cast<__mmask8>(a.v & b.v)}; }
AIVM_INLINE M64 operator|(M64 a, M64 b) { return {static_cast<__mmask8>(a.v | b.v)}; }
AIVM_INLINE M64 operator^(M64 a, M64 b) { return {static_cast<__mmask8>(a.v ^ b.v)}; }
AIVM_INLINE M64 operator!(M64 a) { return {static_cast<__mmask8>(~a.v)}; }
AIVM_INLINE bool any(M64 a) { return a.v != 0; }
AIVM_INLINE bool all(M64 a) { return a.v == 0xff; }
AIVM_INLINE F32 select(M32 m, F32 a, F32 b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }
AIVM_INLINE F64 select(M64 m, F64 a, F64 b) { return {_mm512_mask_blend_pd(m.v, b.v, a.v)}; }
AIVM_INLINE I32 select(M32 m, I32 a, I32 b) { return {_mm512_mask_blend_epi32(m.v, b.v, a.v)}; }
AIVM_INLINE I64 select(M64 m, I64 a, I64 b) { return {_mm512_mask_blend_epi64(m.v, b.v, a.v)}; }

AIVM_INLINE F32 operator-(F32 a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0F))}; }
AIVM_INLINE F64 operator-(F64 a) { return {_mm512_xor_pd(a.v, _mm512_set1_pd(-0.0))}; }
AIVM_INLINE F32 abs(F32 a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0F), a.v)}; }
AIVM_INLINE F64 abs(F64 a) { return {_mm512_andnot_pd(_mm512_set1_pd(-0.0), a.v)}; }
AIVM_INLINE F32 copysign(F32 magnitude, F32 sign) {
  return {_mm512_or_ps(abs(magnitude).v, _mm512_and_ps(sign.v, _mm512_set1_ps(-0.0F)))};
}
AIVM_INLINE F64 copysign(F64 magnitude, F64 sign) {
  return {_mm512_or_pd(abs(magnitude).v, _mm512_and_pd(sign.v, _mm512_set1_pd(-0.0)))};
}
AIVM_INLINE F32 floor(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F32 ceil(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F32 trunc(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F32 roundeven(F32 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F64 floor(F64 a) { return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F64 ceil(F64 a) { return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F64 trunc(F64 a) { return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)}; }
AIVM_INLINE F64 roundeven(F64 a) { return {_mm512_roundscale_pd(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }

AIVM_INLINE F64 widen_low(F32 a) { return {_mm512_cvtps_pd(_mm512_castps512_ps256(a.v))}; }
AIVM_INLINE F64 widen_high(F32 a) { return {_mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1))}; }
AIVM_INLINE I64 widen_low(I32 a) { return {_mm512_cvtepi32_epi64(_mm512_castsi512_si256(a.v))}; }
AIVM_INLINE I64 widen_high(I32 a) { return {_mm512_cvtepi32_epi64(_mm512_extracti32x8_epi32(a.v, 1))}; }
AIVM_INLINE F32 narrow(F64 low, F64 high) {
  return {_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low.v)), _mm512_cvtpd_ps(high.v), 1)};
}
AIVM_INLINE I32 narrow(I64 low, I64 high) {
  return {_mm512_inserti32x8(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(low.v)), _mm512_cvtepi64_epi32(high.v), 1)};
}
AIVM_INLINE F32 convert(I32 a) { return {_mm512_cvtepi32_ps(a.v)}; }
AIVM_INLINE I32 truncate(F32 a) { return {_mm512_cvttps_epi32(a.v)}; }

AIVM_INLINE F32 gather(const float* table, I32 i) { return {_mm512_i32gather_ps(i.v, table, 4)}; }
AIVM_INLINE I32 gather(const std::int32_t* table, I32 i) { return {_mm512_i32gather_epi32(i.v, table, 4)}; }
AIVM_INLINE F64 gather(const double* table, I64 i) { return {_mm512_i64gather_pd(i.v, table, 8)}; }
AIVM_INLINE I64 gather(const std::int64_t* table, I64 i) { return {_mm512_i64gather_epi64(i.v, table, 8)}; }

AIVM_INLINE void transpose(F32 (&r)[16]) {
  __m512 t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i].v, r[i + 1].v);
    t[i + 1] = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
  }
  __m512 u[16];
  for (int i = 0; i < 16; i += 4) {
    u[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
    u[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i]), _mm512_castps_pd(t[i + 2])));
    u[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
    u[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[i + 1]), _mm512_castps_pd(t[i + 3])));
  }
  for (int i = 0; i < 4; ++i) {  // now 4 x 4 blocks of 128 bits have to be transposed
    const __m512 a = _mm512_shuffle_f32x4(u[i], u[i + 4], 0x88);
    const __m512 b = _mm512_shuffle_f32x4(u[i], u[i + 4], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0x88);
    const __m512 d = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0xdd);
    r[i].v = _mm512_shuffle_f32x4(a, c, 0x88);
    r[i + 8].v = _mm512_shuffle_f32x4(a, c, 0xdd);
    r[i + 4].v = _mm512_shuffle_f32x4(b, d, 0x88);
    r[i + 12].v = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}

}  // namespace AIVM_ISA
}  // namespace aivm

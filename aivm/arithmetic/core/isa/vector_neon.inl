// Vectors of 128 bits on AArch64; see vector_common.inl for what each operation means.
#include <arm_neon.h>

#include <cstdint>

namespace aivm {
namespace AIVM_ISA {

constexpr int lanes = 4;

struct F32 { float32x4_t v; };
struct F64 { float64x2_t v; };
struct I32 { int32x4_t v; };
struct I64 { int64x2_t v; };
struct M32 { uint32x4_t v; };
struct M64 { uint64x2_t v; };

#define AIVM_INLINE [[gnu::always_inline]] static inline

AIVM_INLINE F32 load(const float* p) { return {vld1q_f32(p)}; }
AIVM_INLINE F64 load(const double* p) { return {vld1q_f64(p)}; }
AIVM_INLINE I32 load(const std::int32_t* p) { return {vld1q_s32(p)}; }
AIVM_INLINE I64 load(const std::int64_t* p) { return {vld1q_s64(p)}; }
AIVM_INLINE void store(float* p, F32 a) { vst1q_f32(p, a.v); }
AIVM_INLINE void store(double* p, F64 a) { vst1q_f64(p, a.v); }
AIVM_INLINE void store(std::int32_t* p, I32 a) { vst1q_s32(p, a.v); }
AIVM_INLINE void store(std::int64_t* p, I64 a) { vst1q_s64(p, a.v); }

template <typename V, typename T, int N> AIVM_INLINE V load_some(const T* p, std::int64_t n) {
  T full[N] = {};
  for (std::int64_t i = 0; i < n; ++i) full[i] = p[i];
  return load(full);
}
template <typename V, typename T, int N> AIVM_INLINE void store_some(T* p, V a, std::int64_t n) {
  T full[N];
  store(full, a);
  for (std::int64_t i = 0; i < n; ++i) p[i] = full[i];
}
AIVM_INLINE F32 load_partial(const float* p, std::int64_t n) { return load_some<F32, float, 4>(p, n); }
AIVM_INLINE F64 load_partial(const double* p, std::int64_t n) { return load_some<F64, double, 2>(p, n); }
AIVM_INLINE I32 load_partial(const std::int32_t* p, std::int64_t n) { return load_some<I32, std::int32_t, 4>(p, n); }
AIVM_INLINE void store_partial(float* p, F32 a, std::int64_t n) { store_some<F32, float, 4>(p, a, n); }
AIVM_INLINE void store_partial(double* p, F64 a, std::int64_t n) { store_some<F64, double, 2>(p, a, n); }
AIVM_INLINE void store_partial(std::int32_t* p, I32 a, std::int64_t n) { store_some<I32, std::int32_t, 4>(p, a, n); }

AIVM_INLINE F32 broadcast(float x) { return {vdupq_n_f32(x)}; }
AIVM_INLINE F64 broadcast(double x) { return {vdupq_n_f64(x)}; }
AIVM_INLINE I32 broadcast(std::int32_t x) { return {vdupq_n_s32(x)}; }
AIVM_INLINE I64 broadcast(std::int64_t x) { return {vdupq_n_s64(x)}; }

AIVM_INLINE F32 operator+(F32 a, F32 b) { return {vaddq_f32(a.v, b.v)}; }
AIVM_INLINE F32 operator-(F32 a, F32 b) { return {vsubq_f32(a.v, b.v)}; }
AIVM_INLINE F32 operator*(F32 a, F32 b) { return {vmulq_f32(a.v, b.v)}; }
AIVM_INLINE F32 operator/(F32 a, F32 b) { return {vdivq_f32(a.v, b.v)}; }
AIVM_INLINE F32 sqrt(F32 a) { return {vsqrtq_f32(a.v)}; }
AIVM_INLINE F32 fma(F32 a, F32 b, F32 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
AIVM_INLINE F64 operator+(F64 a, F64 b) { return {vaddq_f64(a.v, b.v)}; }
AIVM_INLINE F64 operator-(F64 a, F64 b) { return {vsubq_f64(a.v, b.v)}; }
AIVM_INLINE F64 operator*(F64 a, F64 b) { return {vmulq_f64(a.v, b.v)}; }
AIVM_INLINE F64 operator/(F64 a, F64 b) { return {vdivq_f64(a.v, b.v)}; }
AIVM_INLINE F64 sqrt(F64 a) { return {vsqrtq_f64(a.v)}; }
AIVM_INLINE F64 fma(F64 a, F64 b, F64 c) { return {vfmaq_f64(c.v, a.v, b.v)}; }

AIVM_INLINE I32 bits(F32 a) { return {vreinterpretq_s32_f32(a.v)}; }
AIVM_INLINE I64 bits(F64 a) { return {vreinterpretq_s64_f64(a.v)}; }
AIVM_INLINE F32 from_bits(I32 a) { return {vreinterpretq_f32_s32(a.v)}; }
AIVM_INLINE F64 from_bits(I64 a) { return {vreinterpretq_f64_s64(a.v)}; }

AIVM_INLINE I32 operator+(I32 a, I32 b) { return {vaddq_s32(a.v, b.v)}; }
AIVM_INLINE I32 operator-(I32 a, I32 b) { return {vsubq_s32(a.v, b.v)}; }
AIVM_INLINE I32 operator*(I32 a, I32 b) { return {vmulq_s32(a.v, b.v)}; }
AIVM_INLINE I32 operator&(I32 a, I32 b) { return {vandq_s32(a.v, b.v)}; }
AIVM_INLINE I32 operator|(I32 a, I32 b) { return {vorrq_s32(a.v, b.v)}; }
AIVM_INLINE I32 operator^(I32 a, I32 b) { return {veorq_s32(a.v, b.v)}; }
AIVM_INLINE I64 operator+(I64 a, I64 b) { return {vaddq_s64(a.v, b.v)}; }
AIVM_INLINE I64 operator-(I64 a, I64 b) { return {vsubq_s64(a.v, b.v)}; }
AIVM_INLINE I64 operator&(I64 a, I64 b) { return {vandq_s64(a.v, b.v)}; }
AIVM_INLINE I64 operator|(I64 a, I64 b) { return {vorrq_s64(a.v, b.v)}; }
AIVM_INLINE I64 operator^(I64 a, I64 b) { return {veorq_s64(a.v, b.v)}; }
// By a register: the immediate forms do not take a shift by zero.
template <int n> AIVM_INLINE I32 shl(I32 a) { return {vshlq_s32(a.v, vdupq_n_s32(n))}; }
template <int n> AIVM_INLINE I32 shr(I32 a) {
  return {vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a.v), vdupq_n_s32(-n)))};
}
template <int n> AIVM_INLINE I32 sar(I32 a) { return {vshlq_s32(a.v, vdupq_n_s32(-n))}; }
template <int n> AIVM_INLINE I64 shl(I64 a) { return {vshlq_s64(a.v, vdupq_n_s64(n))}; }
template <int n> AIVM_INLINE I64 shr(I64 a) {
  return {vreinterpretq_s64_u64(vshlq_u64(vreinterpretq_u64_s64(a.v), vdupq_n_s64(-n)))};
}
template <int n> AIVM_INLINE I64 sar(I64 a) { return {vshlq_s64(a.v, vdupq_n_s64(-n))}; }

AIVM_INLINE M32 operator==(F32 a, F32 b) { return {vceqq_f32(a.v, b.v)}; }
AIVM_INLINE M32 operator<(F32 a, F32 b) { return {vcltq_f32(a.v, b.v)}; }
AIVM_INLINE M32 operator<=(F32 a, F32 b) { return {vcleq_f32(a.v, b.v)}; }
AIVM_INLINE M32 operator>(F32 a, F32 b) { return {vcgtq_f32(a.v, b.v)}; }
AIVM_INLINE M32 operator>=(F32 a, F32 b) { return {vcgeq_f32(a.v, b.v)}; }
AIVM_INLINE M32 is_nan(F32 a) { return {vmvnq_u32(vceqq_f32(a.v, a.v))}; }
AIVM_INLINE M64 operator==(F64 a, F64 b) { return {vceqq_f64(a.v, b.v)}; }
AIVM_INLINE M64 operator<(F64 a, F64 b) { return {vcltq_f64(a.v, b.v)}; }
AIVM_INLINE M64 operator<=(F64 a, F64 b) { return {vcleq_f64(a.v, b.v)}; }
AIVM_INLINE M64 operator>(F64 a, F64 b) { return {vcgtq_f64(a.v, b.v)}; }
AIVM_INLINE M64 operator>=(F64 a, F64 b) { return {vcgeq_f64(a.v, b.v)}; }
AIVM_INLINE uint64x2_t invert(uint64x2_t a) { return veorq_u64(a, vdupq_n_u64(~0ULL)); }
AIVM_INLINE M64 is_nan(F64 a) { return {invert(vceqq_f64(a.v, a.v))}; }
AIVM_INLINE M32 operator==(I32 a, I32 b) { return {vceqq_s32(a.v, b.v)}; }
AIVM_INLINE M32 operator>(I32 a, I32 b) { return {vcgtq_s32(a.v, b.v)}; }
AIVM_INLINE M64 operator==(I64 a, I64 b) { return {vceqq_s64(a.v, b.v)}; }
AIVM_INLINE M64 operator>(I64 a, I64 b) { return {vcgtq_s64(a.v, b.v)}; }

AIVM_INLINE M32 operator&(M32 a, M32 b) { return {vandq_u32(a.v, b.v)}; }
AIVM_INLINE M32 operator|(M32 a, M32 b) { return {vorrq_u32(a.v, b.v)}; }
AIVM_INLINE M32 operator^(M32 a, M32 b) { return {veorq_u32(a.v, b.v)}; }
AIVM_INLINE M32 operator!(M32 a) { return {vmvnq_u32(a.v)}; }
AIVM_INLINE bool any(M32 a) { return vmaxvq_u32(a.v) != 0; }
AIVM_INLINE bool all(M32 a) { return vminvq_u32(a.v) != 0; }
AIVM_INLINE M64 operator&(M64 a, M64 b) { return {vandq_u64(a.v, b.v)}; }
AIVM_INLINE M64 operator|(M64 a, M64 b) { return {vorrq_u64(a.v, b.v)}; }
AIVM_INLINE M64 operator^(M64 a, M64 b) { return {veorq_u64(a.v, b.v)}; }
AIVM_INLINE M64 operator!(M64 a) { return {invert(a.v)}; }
AIVM_INLINE bool any(M64 a) { return (vgetq_lane_u64(a.v, 0) | vgetq_lane_u64(a.v, 1)) != 0; }
AIVM_INLINE bool all(M64 a) { return (vgetq_lane_u64(a.v, 0) & vgetq_lane_u64(a.v, 1)) != 0; }
AIVM_INLINE F32 select(M32 m, F32 a, F32 b) { return {vbslq_f32(m.v, a.v, b.v)}; }
AIVM_INLINE F64 select(M64 m, F64 a, F64 b) { return {vbslq_f64(m.v, a.v, b.v)}; }
AIVM_INLINE I32 select(M32 m, I32 a, I32 b) { return {vbslq_s32(m.v, a.v, b.v)}; }
AIVM_INLINE I64 select(M64 m, I64 a, I64 b) { return {vbslq_s64(m.v, a.v, b.v)}; }

AIVM_INLINE F32 operator-(F32 a) { return {vnegq_f32(a.v)}; }
AIVM_INLINE F64 operator-(F64 a) { return {vnegq_f64(a.v)}; }
AIVM_INLINE F32 abs(F32 a) { return {vabsq_f32(a.v)}; }
AIVM_INLINE F64 abs(F64 a) { return {vabsq_f64(a.v)}; }
AIVM_INLINE F32 copysign(F32 magnitude, F32 sign) {
  return {vbslq_f32(vdupq_n_u32(0x80000000U), sign.v, magnitude.v)};
}
AIVM_INLINE F64 copysign(F64 magnitude, F64 sign) {
  return {vbslq_f64(vdupq_n_u64(1ULL << 63), sign.v, magnitude.v)};
}
AIVM_INLINE F32 floor(F32 a) { return {vrndmq_f32(a.v)}; }
AIVM_INLINE F32 ceil(F32 a) { return {vrndpq_f32(a.v)}; }
AIVM_INLINE F32 trunc(F32 a) { return {vrndq_f32(a.v)}; }
AIVM_INLINE F32 roundeven(F32 a) { return {vrndnq_f32(a.v)}; }
AIVM_INLINE F64 floor(F64 a) { return {vrndmq_f64(a.v)}; }
AIVM_INLINE F64 ceil(F64 a) { return {vrndpq_f64(a.v)}; }
AIVM_INLINE F64 trunc(F64 a) { return {vrndq_f64(a.v)}; }
AIVM_INLINE F64 roundeven(F64 a) { return {vrndnq_f64(a.v)}; }

AIVM_INLINE F64 widen_low(F32 a) { return {vcvt_f64_f32(vget_low_f32(a.v))}; }
AIVM_INLINE F64 widen_high(F32 a) { return {vcvt_high_f64_f32(a.v)}; }
AIVM_INLINE I64 widen_low(I32 a) { return {vmovl_s32(vget_low_s32(a.v))}; }
AIVM_INLINE I64 widen_high(I32 a) { return {vmovl_high_s32(a.v)}; }
AIVM_INLINE F32 narrow(F64 low, F64 high) { return {vcvt_high_f32_f64(vcvt_f32_f64(low.v), high.v)}; }
AIVM_INLINE I32 narrow(I64 low, I64 high) { return {vmovn_high_s64(vmovn_s64(low.v), high.v)}; }
AIVM_INLINE F32 convert(I32 a) { return {vcvtq_f32_s32(a.v)}; }
AIVM_INLINE I32 truncate(F32 a) { return {vcvtq_s32_f32(a.v)}; }

AIVM_INLINE F32 gather(const float* table, I32 i) {
  const float found[4] = {table[vgetq_lane_s32(i.v, 0)], table[vgetq_lane_s32(i.v, 1)], table[vgetq_lane_s32(i.v, 2)],
                          table[vgetq_lane_s32(i.v, 3)]};
  return load(found);
}
AIVM_INLINE I32 gather(const std::int32_t* table, I32 i) {
  const std::int32_t found[4] = {table[vgetq_lane_s32(i.v, 0)], table[vgetq_lane_s32(i.v, 1)],
                                 table[vgetq_lane_s32(i.v, 2)], table[vgetq_lane_s32(i.v, 3)]};
  return load(found);
}
AIVM_INLINE F64 gather(const double* table, I64 i) {
  return {vcombine_f64(vld1_f64(table + vgetq_lane_s64(i.v, 0)), vld1_f64(table + vgetq_lane_s64(i.v, 1)))};
}
AIVM_INLINE I64 gather(const std::int64_t* table, I64 i) {
  return {vcombine_s64(vld1_s64(table + vgetq_lane_s64(i.v, 0)), vld1_s64(table + vgetq_lane_s64(i.v, 1)))};
}

AIVM_INLINE void transpose(F32 (&r)[4]) {
  const float32x4_t a = vtrn1q_f32(r[0].v, r[1].v), b = vtrn2q_f32(r[0].v, r[1].v);
  const float32x4_t c = vtrn1q_f32(r[2].v, r[3].v), d = vtrn2q_f32(r[2].v, r[3].v);
  r[0].v = vcombine_f32(vget_low_f32(a), vget_low_f32(c));
  r[1].v = vcombine_f32(vget_low_f32(b), vget_low_f32(d));
  r[2].v = vcombine_f32(vget_high_f32(a), vget_high_f32(c));
  r[3].v = vcombine_f32(vget_high_f32(b), vget_high_f32(d));
}

}  // namespace AIVM_ISA
}  // namespace aivm

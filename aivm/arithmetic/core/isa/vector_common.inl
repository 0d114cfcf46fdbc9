// The vectors of the kernels: what vector_<isa>.inl defines, and what follows from it.
//
//   F32 F64 I32 I64   `lanes` binary32 or int32, `lanes` / 2 binary64 or int64
//   M32 M64           the result of a comparison: & | ^ !, any(m), all(m), select(m, if_true, if_false)
//   load(p) store(p, v)   any alignment; load_partial(p, n) (the rest is zero), store_partial(p, v, n), 0 <= n <= lanes
//   broadcast(x)          from float, double, int32_t, int64_t
//   + - * /  sqrt  fma(a, b, c) = a * b + c rounded once        F32, F64: each correctly rounded
//   -a  abs  copysign(magnitude, sign)  floor ceil trunc roundeven   F32, F64: exact
//   == < <= > >=          quiet: false when a NaN is there; is_nan(v)
//   + - & | ^  shl<n> shr<n> (logical) sar<n> (arithmetic)  == >     I32, I64; * on I32
//   bits(F) -> I, from_bits(I) -> F
//   widen_low widen_high (F32 -> F64, I32 -> I64, exact), narrow(low, high) (F64 -> F32 to nearest even; I64 -> I32 low bits)
//   convert(I32) -> F32 to nearest even; truncate(F32) -> I32, for values within int32 alone
//   gather(table, index)  from float or int32 tables with I32, from double or int64 tables with I64
//   transpose(F32 (&rows)[lanes])
//
// No operation may be less than correctly rounded (no rcp, no rsqrt), and none may depend on the instruction set in any
// result but the payload of a NaN; kernels write canonical(v) at the end of an operator.
#pragma once

#include "nan.hpp"

namespace aivm {
namespace AIVM_ISA {

constexpr int half_lanes = lanes / 2;

static inline F32 canonical(F32 v) {
  hide_origin(v.v);
  return select(is_nan(v), from_bits(broadcast(static_cast<std::int32_t>(0x7fc00000))), v);
}

static inline float canonical(float v) {
  const std::uint32_t nan = 0x7fc00000U;
  float replacement;
  __builtin_memcpy(&replacement, &nan, 4);
  hide_origin(v);
  return v == v ? v : replacement;
}

// The nearest integer (ties to even) of |x| < 2^51, and back, exactly.
static inline I64 nearest_integer(F64 x) {
  const F64 magic = broadcast(6755399441055744.0);  // 1.5 * 2^52
  return bits(x + magic) - bits(magic);
}
static inline F64 to_double(I64 x) {
  const F64 magic = broadcast(6755399441055744.0);
  return from_bits(x + bits(magic)) - magic;
}

}  // namespace AIVM_ISA
}  // namespace aivm

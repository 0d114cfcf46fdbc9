// The natural logarithm.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_INLINE F64 log(F64 x) {
  const F64 zero = broadcast(0.0);
  const F64 infinity = broadcast(__builtin_inf());
  const Decomposed parts = decompose(x);
  F64 y = log_of_parts(parts.k, parts.m - broadcast(1.0));
  y = select(x < infinity, y, x);                             // infinity and NaN
  y = select(x == zero, -infinity, y);
  return select(x < zero, broadcast(__builtin_nan("")), y);
}

}  // namespace AIVM_ISA
}  // namespace aivm

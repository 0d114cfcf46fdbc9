// The natural logarithm.
#pragma once

#include "logarithm.inl"

namespace aivm {
namespace AIVM_ISA {

// Positive and finite.
AIVM_INLINE M32 is_ordinary_for_log(F32 x) { return (x > broadcast(0.0F)) & (x < broadcast(__builtin_inff())); }

AIVM_TEMPLATE Wide<n> log_of_ordinary(Wide<n> x) {
  const Decomposed<n> parts = decompose(x);
  const Wide<n> f = parts.m - 1.0;
  return add_to_odd(fma(parts.k, ln2_short, f), fma(parts.k, ln2_rest, log_rest(f)));  // the greater term is exact
}

AIVM_TEMPLATE Wide<n> log(Wide<n> x) {
  Wide<n> y = select(x < infinity, log_of_ordinary(x), x);  // infinity and NaN
  y = select(x == 0.0, -infinity, y);
  return select(x < 0.0, not_a_number, y);
}

}  // namespace AIVM_ISA
}  // namespace aivm

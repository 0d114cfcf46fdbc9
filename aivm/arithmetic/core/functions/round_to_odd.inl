// A last addition without a rounding that could land on a midpoint between two binary32.
#pragma once

#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE WideInteger<n> operator|(WideInteger<n> a, std::int64_t b) {
  AIVM_WIDE(WideInteger, a.v[i] | broadcast(b));
}

// a + b rounded to odd, |a| >= |b|: rounding that to binary32 is rounding the exact sum once.
AIVM_TEMPLATE Wide<n> add_to_odd(Wide<n> a, Wide<n> b) {
  const Wide<n> sum = a + b;
  const Wide<n> lost = b - (sum - a);
  // Towards zero: one unit less where the sum was rounded away from it. Then odd.
  const WideInteger<n> inward = bits(sum) - shr<63>(bits(sum) ^ bits(lost));
  return select(lost == 0.0, sum, from_bits(inward | 1));
}

}  // namespace AIVM_ISA
}  // namespace aivm

// The cosine of radians.
#pragma once

#include "trigonometric.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> cos_of_ordinary(Wide<n> x) { return cos_of_angle(reduce_ordinary_angle(x)); }

AIVM_TEMPLATE Wide<n> cos(Wide<n> x) { return cos_of_angle(reduce_angle(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

// e^x.
#pragma once

#include "exponential.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_TEMPLATE Wide<n> exp_of_ordinary(Wide<n> x) { return exponential(x); }

AIVM_TEMPLATE Wide<n> exp(Wide<n> x) { return exponential(ordinary_exponent(x)); }

}  // namespace AIVM_ISA
}  // namespace aivm

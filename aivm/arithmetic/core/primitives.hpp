// One declaration per primitive (docs/primitives.md), by the file that defines it.
#pragma once

#include "plan.hpp"

namespace aivm {

// elementwise.cpp
Runner prepare_add(const Step& step, Preparation& preparation);
Runner prepare_sub(const Step& step, Preparation& preparation);
Runner prepare_mul(const Step& step, Preparation& preparation);
Runner prepare_div(const Step& step, Preparation& preparation);

// gemm.cpp
Runner prepare_matmul(const Step& step, Preparation& preparation);

}  // namespace aivm

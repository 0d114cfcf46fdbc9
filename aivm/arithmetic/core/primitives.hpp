// One declaration per primitive (docs/primitives.md), by the file that defines it.
#pragma once

#include "plan.hpp"

namespace aivm {

// elementwise.cpp
Runner prepare_unary(const Step& step, Preparation& preparation);
Runner prepare_function(const Step& step, Preparation& preparation);
Runner prepare_arithmetic(const Step& step, Preparation& preparation);
Runner prepare_comparison(const Step& step, Preparation& preparation);
Runner prepare_logic(const Step& step, Preparation& preparation);
Runner prepare_bits(const Step& step, Preparation& preparation);
Runner prepare_float_class(const Step& step, Preparation& preparation);
Runner prepare_where(const Step& step, Preparation& preparation);
Runner prepare_clip(const Step& step, Preparation& preparation);

// conv.cpp
Runner prepare_conv(const Step& step, Preparation& preparation);
Runner prepare_conv_transpose(const Step& step, Preparation& preparation);

// gemm.cpp
Runner prepare_matmul(const Step& step, Preparation& preparation);

}  // namespace aivm

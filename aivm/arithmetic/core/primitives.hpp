// One declaration per primitive (docs/primitives.md), by the file that defines it.
#pragma once

#include "plan.hpp"

namespace aivm {

// chain.cpp
Runner prepare_chain(const Step& step, Preparation& preparation);

// copy.cpp
Runner prepare_copy(const Step& step, Preparation& preparation);

// elementwise.cpp
Runner prepare_unary(const Step& step, Preparation& preparation);
Runner prepare_function(const Step& step, Preparation& preparation);
Runner prepare_arithmetic(const Step& step, Preparation& preparation);
Runner prepare_pow(const Step& step, Preparation& preparation);
Runner prepare_comparison(const Step& step, Preparation& preparation);
Runner prepare_logic(const Step& step, Preparation& preparation);
Runner prepare_bits(const Step& step, Preparation& preparation);
Runner prepare_float_class(const Step& step, Preparation& preparation);
Runner prepare_where(const Step& step, Preparation& preparation);
Runner prepare_clip(const Step& step, Preparation& preparation);

// cast.cpp
Runner prepare_cast(const Step& step, Preparation& preparation);

// conv.cpp
Runner prepare_conv(const Step& step, Preparation& preparation);
Runner prepare_conv_transpose(const Step& step, Preparation& preparation);

// gather.cpp
Runner prepare_gather(const Step& step, Preparation& preparation);
Runner prepare_gather_elements(const Step& step, Preparation& preparation);
Runner prepare_gather_nd(const Step& step, Preparation& preparation);

// gemm.cpp
Runner prepare_matmul(const Step& step, Preparation& preparation);

// integer.cpp
Runner prepare_matmul_integer(const Step& step, Preparation& preparation);
Runner prepare_conv_integer(const Step& step, Preparation& preparation);

// interpolate.cpp
Runner prepare_interpolate(const Step& step, Preparation& preparation);

// normalise.cpp
Runner prepare_softmax(const Step& step, Preparation& preparation);
Runner prepare_layer_norm(const Step& step, Preparation& preparation);

// ordering.cpp
Runner prepare_arg(const Step& step, Preparation& preparation);
Runner prepare_top_k(const Step& step, Preparation& preparation);

// pool.cpp
Runner prepare_pool(const Step& step, Preparation& preparation);

// quantise.cpp
Runner prepare_quantize(const Step& step, Preparation& preparation);
Runner prepare_requantize(const Step& step, Preparation& preparation);
Runner prepare_dequantize(const Step& step, Preparation& preparation);

// reduce.cpp
Runner prepare_reduce(const Step& step, Preparation& preparation);

// scan.cpp
Runner prepare_scan(const Step& step, Preparation& preparation);

// scatter.cpp
Runner prepare_scatter_elements(const Step& step, Preparation& preparation);
Runner prepare_scatter_nd(const Step& step, Preparation& preparation);

// tree.cpp
Runner prepare_tree_ensemble(const Step& step, Preparation& preparation);

}  // namespace aivm

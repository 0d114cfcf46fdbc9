// The primitives by name: a plan is a list of these and nothing else.
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr Primitive primitives[] = {
    // name, prepare, may write where it reads
    {"abs", prepare_unary, true},
    {"neg", prepare_unary, true},
    {"sign", prepare_unary, true},
    {"floor", prepare_unary, true},
    {"ceil", prepare_unary, true},
    {"round", prepare_unary, true},
    {"relu", prepare_unary, true},
    {"acos", prepare_function, true},
    {"acosh", prepare_function, true},
    {"asin", prepare_function, true},
    {"asinh", prepare_function, true},
    {"atan", prepare_function, true},
    {"atanh", prepare_function, true},
    {"cos", prepare_function, true},
    {"cosh", prepare_function, true},
    {"erf", prepare_function, true},
    {"exp", prepare_function, true},
    {"log", prepare_function, true},
    {"reciprocal", prepare_function, true},
    {"sigmoid", prepare_function, true},
    {"sin", prepare_function, true},
    {"sinh", prepare_function, true},
    {"sqrt", prepare_function, true},
    {"tan", prepare_function, true},
    {"tanh", prepare_function, true},
    {"add", prepare_arithmetic, true},
    {"sub", prepare_arithmetic, true},
    {"mul", prepare_arithmetic, true},
    {"div", prepare_arithmetic, true},
    {"mod", prepare_arithmetic, true},
    {"pow", prepare_pow, false},
    {"min", prepare_arithmetic, true},
    {"max", prepare_arithmetic, true},
    {"equal", prepare_comparison, true},
    {"less", prepare_comparison, true},
    {"less_or_equal", prepare_comparison, true},
    {"greater", prepare_comparison, true},
    {"greater_or_equal", prepare_comparison, true},
    {"not", prepare_logic, true},
    {"and", prepare_logic, true},
    {"or", prepare_logic, true},
    {"xor", prepare_logic, true},
    {"bitwise_not", prepare_bits, true},
    {"bitwise_and", prepare_bits, true},
    {"bitwise_or", prepare_bits, true},
    {"bitwise_xor", prepare_bits, true},
    {"bit_shift", prepare_bits, true},
    {"is_nan", prepare_float_class, true},
    {"is_inf", prepare_float_class, true},
    {"where", prepare_where, true},
    {"clip", prepare_clip, true},
    {"chain", prepare_chain, true},
    {"matmul", prepare_matmul, false},
    {"conv", prepare_conv, false},
    {"conv_transpose", prepare_conv_transpose, false},
    {"softmax", prepare_softmax, true},
    {"log_softmax", prepare_softmax, true},
    {"layer_norm", prepare_layer_norm, false},
    {"arg_max", prepare_arg, false},
    {"arg_min", prepare_arg, false},
    {"top_k", prepare_top_k, false},
    {"reduce_sum", prepare_reduce, false},
    {"reduce_mean", prepare_reduce, false},
    {"reduce_prod", prepare_reduce, false},
    {"reduce_max", prepare_reduce, false},
    {"reduce_min", prepare_reduce, false},
    {"cumsum", prepare_scan, true},
    {"cumprod", prepare_scan, true},
    {"copy", prepare_copy, false},
    {"gather", prepare_gather, false},
    {"gather_elements", prepare_gather_elements, false},
    {"gather_nd", prepare_gather_nd, false},
    {"scatter_elements", prepare_scatter_elements, false},
    {"scatter_nd", prepare_scatter_nd, false},
    {"cast", prepare_cast, true},
    {"quantize_linear", prepare_quantize, false},
    {"requantize", prepare_requantize, false},
    {"dequantize_linear", prepare_dequantize, false},
    {"interpolate", prepare_interpolate, false},
    {"tree_ensemble", prepare_tree_ensemble, false},
    {"matmul_integer", prepare_matmul_integer, false},
    {"conv_integer", prepare_conv_integer, false},
    {"max_pool", prepare_pool, false},
    {"average_pool", prepare_pool, false},
};

}  // namespace

const Primitive* find_primitive(const std::string& name) {
  for (const Primitive& primitive : primitives) {
    if (name == primitive.name) return &primitive;
  }
  return nullptr;
}

std::vector<std::string> primitive_names() {
  std::vector<std::string> names;
  for (const Primitive& primitive : primitives) names.emplace_back(primitive.name);
  return names;
}

}  // namespace aivm

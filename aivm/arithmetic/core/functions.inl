// The elementary functions over arrays, compiled once per instruction set.
#pragma once

#include "functions.hpp"

#include "functions/acos.inl"
#include "functions/acosh.inl"
#include "functions/asin.inl"
#include "functions/asinh.inl"
#include "functions/atan.inl"
#include "functions/atanh.inl"
#include "functions/cos.inl"
#include "functions/cosh.inl"
#include "functions/erf.inl"
#include "functions/exp.inl"
#include "functions/log.inl"
#include "functions/loops.inl"
#include "functions/pow.inl"
#include "functions/sigmoid.inl"
#include "functions/sin.inl"
#include "functions/sinh.inl"
#include "functions/tan.inl"
#include "functions/tanh.inl"

namespace aivm {
namespace AIVM_ISA {

AIVM_FUNCTION(acos)
AIVM_FUNCTION(acosh)
AIVM_FUNCTION(asin)
AIVM_FUNCTION(asinh)
AIVM_FUNCTION(atan)
AIVM_FUNCTION(atanh)
AIVM_FUNCTION_WITH_ORDINARY(cos, is_ordinary_angle)
AIVM_FUNCTION_WITH_ORDINARY(cosh, is_ordinary_exponent)
AIVM_FUNCTION(erf)
AIVM_FUNCTION_WITH_ORDINARY(exp, is_ordinary_exponent)
AIVM_FUNCTION_WITH_ORDINARY(log, is_ordinary_for_log)
AIVM_FUNCTION_WITH_ORDINARY(sigmoid, is_ordinary_exponent)
AIVM_FUNCTION_WITH_ORDINARY(sin, is_ordinary_angle)
AIVM_FUNCTION_WITH_ORDINARY(sinh, is_ordinary_exponent)
AIVM_FUNCTION_WITH_ORDINARY(tan, is_ordinary_angle)
AIVM_FUNCTION_WITH_ORDINARY(tanh, is_ordinary_exponent)

static void apply_function(Function function, const float* x, float* y, std::int64_t n) {
  switch (function) {
    case Function::acos: return acos_array(x, y, n);
    case Function::acosh: return acosh_array(x, y, n);
    case Function::asin: return asin_array(x, y, n);
    case Function::asinh: return asinh_array(x, y, n);
    case Function::atan: return atan_array(x, y, n);
    case Function::atanh: return atanh_array(x, y, n);
    case Function::cos: return cos_array(x, y, n);
    case Function::cosh: return cosh_array(x, y, n);
    case Function::erf: return erf_array(x, y, n);
    case Function::exp: return exp_array(x, y, n);
    case Function::log: return log_array(x, y, n);
    case Function::reciprocal: return unary_loop(x, y, n, [](F32 v) { return broadcast(1.0F) / v; });
    case Function::sigmoid: return sigmoid_array(x, y, n);
    case Function::sin: return sin_array(x, y, n);
    case Function::sinh: return sinh_array(x, y, n);
    case Function::sqrt: return unary_loop(x, y, n, [](F32 v) { return sqrt(v); });
    case Function::tan: return tan_array(x, y, n);
    case Function::tanh: return tanh_array(x, y, n);
  }
}

constexpr FunctionKernels function_kernels{apply_function, pow_array};

}  // namespace AIVM_ISA
}  // namespace aivm

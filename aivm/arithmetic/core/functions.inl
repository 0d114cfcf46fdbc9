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
#include "functions/sigmoid.inl"
#include "functions/sin.inl"
#include "functions/sinh.inl"
#include "functions/tan.inl"
#include "functions/tanh.inl"

namespace aivm {
namespace AIVM_ISA {

template <typename Map>
static inline void unary_loop(const float* x, float* y, std::int64_t n, Map map) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, canonical(map(load(x + i))));
  if (i < n) store_partial(y + i, canonical(map(load_partial(x + i, n - i))), n - i);
}

// Each is a function of its own, so that one's registers do not weigh on another's.
#define AIVM_FUNCTION(name)                                                        \
  [[gnu::noinline]] static void name##_array(const float* x, float* y, std::int64_t n) { \
    unary_loop(x, y, n, [](F32 v) { return each(v, [](F64 d) { return name(d); }); });   \
  }
AIVM_FUNCTION(acos)
AIVM_FUNCTION(acosh)
AIVM_FUNCTION(asin)
AIVM_FUNCTION(asinh)
AIVM_FUNCTION(atan)
AIVM_FUNCTION(atanh)
AIVM_FUNCTION(cos)
AIVM_FUNCTION(cosh)
AIVM_FUNCTION(erf)
AIVM_FUNCTION(exp)
AIVM_FUNCTION(log)
AIVM_FUNCTION(sigmoid)
AIVM_FUNCTION(sin)
AIVM_FUNCTION(sinh)
AIVM_FUNCTION(tan)
AIVM_FUNCTION(tanh)
#undef AIVM_FUNCTION

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

constexpr FunctionKernels function_kernels{apply_function};

}  // namespace AIVM_ISA
}  // namespace aivm

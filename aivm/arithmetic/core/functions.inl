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
AIVM_INLINE void unary_loop(const float* x, float* y, std::int64_t n, Map map) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, canonical(map(load(x + i))));
  if (i < n) store_partial(y + i, canonical(map(load_partial(x + i, n - i))), n - i);
}

// How many vectors of binary32 are worked on at once (lanes.inl); emulated operations leave nothing to overlap.
constexpr int group = AIVM_HARDWARE_FMA ? 2 : 1;

AIVM_TEMPLATE void store_narrowed(float* p, Wide<n> v) {
  for (int i = 0; i < n; i += 2) store(p + i * half_lanes, narrow(v.v[i], v.v[i + 1]));
}
AIVM_TEMPLATE void store_canonical(float* p, Wide<n> v) {
  for (int i = 0; i < n; i += 2) store(p + i * half_lanes, canonical(narrow(v.v[i], v.v[i + 1])));
}

// One vector of binary32 through a function of Wide.
#define AIVM_OF_BINARY32(name, v) of_binary32(v, [](auto wide) __attribute__((always_inline)) { return name(wide); })

// Each is a function of its own, so that one's registers do not weigh on another's.
#define AIVM_FUNCTION(name)                                                                           \
  [[gnu::noinline]] static void name##_array(const float* x, float* y, std::int64_t n) {              \
    std::int64_t i = 0;                                                                               \
    for (; i + group * lanes <= n; i += group * lanes) {                                              \
      store_canonical(y + i, name(load_widened<2 * group>(x + i)));                                   \
    }                                                                                                 \
    unary_loop(x + i, y + i, n - i, [](F32 v) { return AIVM_OF_BINARY32(name, v); });                 \
  }

// With a shorter way for vectors whose lanes are all ordinary, which gives no NaN.
#define AIVM_FUNCTION_WITH_ORDINARY(name, is_ordinary)                                                \
  [[gnu::noinline]] static void name##_array(const float* x, float* y, std::int64_t n) {              \
    std::int64_t i = 0;                                                                               \
    for (; i + group * lanes <= n; i += group * lanes) {                                              \
      M32 ordinary = is_ordinary(load(x + i));                                                        \
      for (int k = 1; k < group; ++k) ordinary = ordinary & is_ordinary(load(x + i + k * lanes));     \
      if (__builtin_expect(all(ordinary), true)) {                                                    \
        store_narrowed(y + i, name##_of_ordinary(load_widened<2 * group>(x + i)));                    \
      } else {                                                                                        \
        unary_loop(x + i, y + i, group * lanes, [](F32 v) { return AIVM_OF_BINARY32(name, v); });     \
      }                                                                                               \
    }                                                                                                 \
    unary_loop(x + i, y + i, n - i, [](F32 v) { return AIVM_OF_BINARY32(name, v); });                 \
  }

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
#undef AIVM_FUNCTION
#undef AIVM_FUNCTION_WITH_ORDINARY
#undef AIVM_OF_BINARY32

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

// The elementary functions: correctly rounded, to nearest even (docs/arithmetic.md, "Elementary functions").
#pragma once

#include <cstdint>

namespace aivm {

enum class Function : std::uint8_t {
  acos, acosh, asin, asinh, atan, atanh, cos, cosh, erf, exp, log, reciprocal, sigmoid, sin, sinh, sqrt, tan, tanh
};
constexpr int function_count = 18;
// In the order of the enumeration.
constexpr const char* function_names[function_count] = {
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "erf",
    "exp", "log", "reciprocal", "sigmoid", "sin", "sinh", "sqrt", "tan", "tanh"};

struct FunctionKernels {
  // y[i] = f(x[i]), NaNs canonical; x and y may be the same memory.
  void (*unary)(Function function, const float* x, float* y, std::int64_t n);
};

}  // namespace aivm

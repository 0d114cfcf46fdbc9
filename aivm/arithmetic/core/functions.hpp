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
  // y[i] = a[i] to the power of b[i]; a step of 0 repeats the first element. y may be a or b.
  void (*pow)(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y, std::int64_t n);
};

// x to the power of y, correctly rounded, whatever x and y are (pow.cpp). Slow: some microseconds.
float pow_exactly(float x, double y);

}  // namespace aivm

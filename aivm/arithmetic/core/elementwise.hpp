// Operations on each element by itself: the inner loops, of which each step is one correctly rounded or exact operation.
#pragma once

#include <cstdint>

namespace aivm {

enum class UnaryOp : std::uint8_t { abs, neg, sign, floor, ceil, round, relu };
enum class BinaryOp : std::uint8_t { add, sub, mul, div, min, max };
enum class CompareOp : std::uint8_t { equal, less, less_or_equal };

struct ElementwiseKernels {
  void (*unary)(UnaryOp op, const float* x, float* y, std::int64_t n);
  // y[i] = a[i] op b[i]; a step of 0 repeats the first element. y may be a or b.
  void (*binary)(BinaryOp op, const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y,
                 std::int64_t n);
  // y[i] = a[i] op b[i] ? 1 : 0
  void (*compare)(CompareOp op, const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, std::uint8_t* y,
                  std::int64_t n);
  // low if x < low, else x; then high if that > high.
  void (*clip)(const float* x, float low, float high, float* y, std::int64_t n);
  // y[i] = c[i] ? a[i] : b[i], of elements of 1, 2, 4 or 8 bytes.
  void (*where)(std::int64_t item, const std::uint8_t* c, std::int64_t c_step, const void* a, std::int64_t a_step,
                const void* b, std::int64_t b_step, void* y, std::int64_t n);
};

}  // namespace aivm

// Operations on each element by itself.
#pragma once

#include <cstdint>

namespace aivm {

enum class BinaryOp : std::uint8_t { add, sub, mul, div };

struct ElementwiseKernels {
  // y[i] = a[i] op b[i]; a step of 0 repeats the first element.
  void (*binary)(BinaryOp op, const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y,
                 std::int64_t n);
};

}  // namespace aivm

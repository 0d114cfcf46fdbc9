// Elementwise kernels, compiled once per instruction set.
#pragma once

#include "elementwise.hpp"

namespace aivm {
namespace AIVM_ISA {

template <typename Function>
static inline void binary_loop(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y,
                               std::int64_t n, Function function) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const F32 left = a_step == 0 ? broadcast(*a) : load(a + i);
    const F32 right = b_step == 0 ? broadcast(*b) : load(b + i);
    store(y + i, canonical(function(left, right)));
  }
  if (i < n) {
    const F32 left = a_step == 0 ? broadcast(*a) : load_partial(a + i, n - i);
    const F32 right = b_step == 0 ? broadcast(*b) : load_partial(b + i, n - i);
    store_partial(y + i, canonical(function(left, right)), n - i);
  }
}

static void binary(BinaryOp op, const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y,
                   std::int64_t n) {
  switch (op) {
    case BinaryOp::add: return binary_loop(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p + q; });
    case BinaryOp::sub: return binary_loop(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p - q; });
    case BinaryOp::mul: return binary_loop(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p * q; });
    case BinaryOp::div: return binary_loop(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p / q; });
  }
}

constexpr ElementwiseKernels elementwise_kernels{binary};

}  // namespace AIVM_ISA
}  // namespace aivm

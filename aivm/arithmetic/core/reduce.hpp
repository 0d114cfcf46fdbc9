// Reductions: sixteen lanes, element i into lane i mod 16 in ascending order, folded as a fixed tree (docs/arithmetic.md).
#pragma once

#include <cstdint>

namespace aivm {

constexpr int reduction_lanes = 16;

enum class ReduceOp : std::uint8_t { sum, prod, max, min };

// The inner loops of one reduction of one dtype. Lanes are 16 numbers, or 16 rows of them for columns.
struct ReduceLoops {
  // y[r] = the reduction of x[r * stride … + n), which is one run of terms.
  void (*rows)(const void* x, std::int64_t stride, std::int64_t rows, std::int64_t n, void* y);
  void (*start)(void* lanes, std::int64_t count);
  // Takes the next n terms into the lanes, the first of them into lane `lane`.
  void (*run)(void* lanes, const void* x, std::int64_t n, int lane);
  // lanes[j] takes x[j], for `width` reductions side by side.
  void (*take)(void* lanes, const void* x, std::int64_t width);
  // y[j] = the fold of lanes[0 … 16) [j], of which the first `used` have taken something. The lanes are spoilt.
  void (*fold)(void* lanes, std::int64_t row, int used, std::int64_t width, void* y);
};

struct ReduceKernels {
  ReduceLoops loops[4];  // binary32, by ReduceOp
};

}  // namespace aivm

// Transposition, compiled once per instruction set. See move.hpp.
#pragma once

#include "move.hpp"

namespace aivm {
namespace AIVM_ISA {

static void transpose_words(const std::uint32_t* x, std::int64_t x_row, std::uint32_t* y, std::int64_t y_row,
                            std::int64_t rows, std::int64_t columns) {
  std::int64_t r = 0;
  for (; r + lanes <= rows; r += lanes) {
    std::int64_t c = 0;
    for (; c + lanes <= columns; c += lanes) {
      // Through binary32 registers, which moves and shuffles leave as they are.
      F32 square[lanes];
      for (int i = 0; i < lanes; ++i) square[i] = from_bits(load(reinterpret_cast<const std::int32_t*>(x + (r + i) * x_row + c)));
      transpose(square);
      for (int i = 0; i < lanes; ++i) store(reinterpret_cast<std::int32_t*>(y + (c + i) * y_row + r), bits(square[i]));
    }
    for (; c < columns; ++c) {
      for (int i = 0; i < lanes; ++i) y[c * y_row + r + i] = x[(r + i) * x_row + c];
    }
  }
  for (; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) y[c * y_row + r] = x[r * x_row + c];
  }
}

constexpr MoveKernels move_kernels{transpose_words};

}  // namespace AIVM_ISA
}  // namespace aivm

// Moving elements without looking at them: the inner loops of copy.cpp.
#pragma once

#include <cstdint>

namespace aivm {

struct MoveKernels {
  // y[c * y_row + r] = x[r * x_row + c] for r in [0, rows), c in [0, columns), of elements of 4 bytes and of one.
  void (*transpose)(const std::uint32_t* x, std::int64_t x_row, std::uint32_t* y, std::int64_t y_row, std::int64_t rows,
                    std::int64_t columns);
  void (*transpose_bytes)(const std::uint8_t* x, std::int64_t x_row, std::uint8_t* y, std::int64_t y_row, std::int64_t rows,
                          std::int64_t columns);
};

}  // namespace aivm

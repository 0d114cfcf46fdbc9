// Transposition, compiled once per instruction set. See move.hpp.
#pragma once

#include <cstring>

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

#if defined(__AVX2__)
// Sixteen rows of sixteen bytes: four times, each row and the one eight further are interleaved.
constexpr int byte_square = 16;
static inline void transpose_square(const std::uint8_t* from, std::int64_t from_row, std::uint8_t* to, std::int64_t to_row) {
  __m128i a[16], b[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) a[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_row));
#pragma GCC unroll 4
  for (int stage = 0; stage < 4; ++stage) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      b[2 * i] = _mm_unpacklo_epi8(a[i], a[i + 8]);
      b[2 * i + 1] = _mm_unpackhi_epi8(a[i], a[i + 8]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) a[i] = b[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * to_row), a[i]);
}
#else
// Eight rows of eight bytes, as numbers of eight bytes each, change places with their columns: first quarters of the square
// do, then quarters of those, and so on.
constexpr int byte_square = 8;
static inline void transpose_square(const std::uint8_t* from, std::int64_t from_row, std::uint8_t* to, std::int64_t to_row) {
  std::uint64_t row[8];
  for (int i = 0; i < 8; ++i) std::memcpy(&row[i], from + i * from_row, 8);
  constexpr std::uint64_t low[3] = {0x00000000ffffffff, 0x0000ffff0000ffff, 0x00ff00ff00ff00ff};
  for (int stage = 0; stage < 3; ++stage) {
    const int apart = 4 >> stage, shift = 32 >> stage;
    for (int i = 0; i < 8; ++i) {
      if ((i & apart) != 0) continue;
      const std::uint64_t a = row[i], b = row[i + apart];
      row[i] = (a & low[stage]) | ((b & low[stage]) << shift);
      row[i + apart] = ((a >> shift) & low[stage]) | (b & ~low[stage]);
    }
  }
  for (int i = 0; i < 8; ++i) std::memcpy(to + i * to_row, &row[i], 8);
}
#endif

static void transpose_bytes(const std::uint8_t* x, std::int64_t x_row, std::uint8_t* y, std::int64_t y_row,
                            std::int64_t rows, std::int64_t columns) {
  std::int64_t r = 0;
  for (; r + byte_square <= rows; r += byte_square) {
    std::int64_t c = 0;
    for (; c + byte_square <= columns; c += byte_square) {
      transpose_square(x + r * x_row + c, x_row, y + c * y_row + r, y_row);
    }
    for (; c < columns; ++c) {
      for (int i = 0; i < byte_square; ++i) y[c * y_row + r + i] = x[(r + i) * x_row + c];
    }
  }
  for (; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) y[c * y_row + r] = x[r * x_row + c];
  }
}

constexpr MoveKernels move_kernels{transpose_words, transpose_bytes};

}  // namespace AIVM_ISA
}  // namespace aivm

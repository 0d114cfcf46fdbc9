// Sums of products of 8-bit integers in int32, modulo 2^32: exact, so in any order.
//
// Terms are packed into words of 32 bits in one of two formats:
//   quads   four bytes, those of a unsigned, those of b signed (what VNNI multiplies): bytes of the other kind have their
//           top bit flipped, which shifts them and their zero point by 128; zero points are put right at the end
//   pairs   two int16 with the zero points already taken off
// Both are padded with zeros in b, so that what a holds there does not matter.
#pragma once

#include <cstdint>

namespace aivm {

struct IntegerTile {
  const std::int32_t* a;  // a row's words lie together
  std::int64_t a_row;     // words from row to row
  const std::int32_t* b;  // panels of `columns` columns, word major
  std::int64_t b_panel;   // words from panel to panel
  std::int64_t words;
  std::int32_t* c;
  std::int64_t c_row;
};

// Terms of a that follow each other, of `rows` rows.
struct PackIntegerA {
  const std::uint8_t* a;
  std::int64_t row, rows, k;  // bytes from row to row; rows; terms
  bool is_signed;
  const std::uint8_t* zero;   // per row, of a's kind; nullptr: 0
  std::int64_t zero_step;
  std::int32_t* packed;       // [rows, words]
  std::int32_t* sums;         // per row, of the packed bytes; for quads
};

// One panel of b: `width` <= columns of k terms.
struct PackIntegerB {
  const std::uint8_t* b;
  std::int64_t k_step, column_step;  // bytes
  std::int64_t k, width;
  bool is_signed;
  const std::uint8_t* zero;  // per column; nullptr: 0
  std::int64_t zero_step;
  std::int32_t* packed;      // [words, columns]
  std::int32_t* sums;        // per column, of the packed bytes; for quads
};

struct IntegerFormat {
  std::int64_t terms;  // of a word: 4 or 2
  void (*pack_a)(const PackIntegerA& pack);
  void (*pack_b)(const PackIntegerB& pack);
  // c = a b for `rows` rows and `panels` whole panels (1, or 2 where few rows leave registers for it).
  void (*tile)(const IntegerTile& tile, int rows, int panels);
};

struct IntegerKernels {
  int rows, columns;  // of a tile
  IntegerFormat pairs;
  IntegerFormat quads;      // tile is nullptr where there is none
  bool (*has_quads)();
  // c[j] += row_sum b_zero[j] + a_zero column_term[j]
  void (*correct)(std::int32_t* c, std::int64_t n, std::int32_t row_sum, const std::int32_t* b_zero, std::int32_t a_zero,
                  const std::int32_t* column_term);
  // c[i] += w (x[i * step] - zero)
  void (*accumulate)(std::int32_t* c, const std::uint8_t* x, std::int64_t step, bool is_signed, std::int32_t zero,
                     std::int32_t w, std::int64_t n);
};

}  // namespace aivm

// Sums of products: every output is acc = +0; for its terms in order: acc = fma(a, b, acc). See docs/arithmetic.md.
//
// The kernels work on tiles of outputs, one accumulator each, and never split a sum: a block of terms that is not the
// first loads the accumulators that the one before stored, which is exact. So nothing here can change a bit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aivm {

enum class Activation : std::uint8_t { none, relu, clip };

// What follows a finished sum, in this order: + bias, + residual, activation, canonical NaN. Each is rounded by itself, so
// a fused epilogue equals the operators one after the other.
struct Epilogue {
  const float* bias = nullptr;      // per column
  const float* residual = nullptr;  // laid out as c
  Activation activation = Activation::none;
  float low = 0, high = 0;  // of clip
};

// `k` terms that lie together: a[i * a_k], b[i * b_k] from these offsets.
struct Segment {
  std::ptrdiff_t a, b;
  std::int64_t k;
};

// C[rows, columns] = A[rows, k] B[k, columns], with strides in floats.
struct GemmBlock {
  std::int64_t rows, columns, k;
  const float* a;
  std::ptrdiff_t a_row, a_k;
  const float* b;  // of pack_b if packed, else any matrix
  std::ptrdiff_t b_k, b_column;
  bool packed;
  float* c;
  std::ptrdiff_t c_row;
  Epilogue epilogue;
  std::int64_t k_block;  // 0: the kernel's choice
};

// Outputs of a convolution that share their terms: `rows` of them, `a_row` apart in the input and `c_row` in the output.
struct TermTile {
  std::int64_t a, c;  // of the first
  std::ptrdiff_t a_row, c_row;
  std::int32_t rows;
  std::int32_t pattern;
};
// The terms of such a tile within one block of k. The offsets `b` count from the start of a panel.
struct TermList {
  const Segment* segments;
  std::int32_t count;
  bool first, last;  // the sum begins here; the sum ends here
  // Of a channelwise list: if it is threes of neighbouring taps, how far apart they look at the input; else 0.
  std::ptrdiff_t triples_step;
};

// Many tiles by many columns, A read where it lies.
struct TermBlock {
  const TermTile* tiles;
  std::int64_t tile_count;
  const TermList* lists;  // of each pattern, for the first block of k; then for the next
  std::int64_t patterns, blocks;
  std::int64_t tallest;  // most rows of any tile
  std::int64_t images;   // the same tiles again, this far apart
  std::ptrdiff_t a_image, c_image;
  const float* a;
  const float* b;  // of pack_b
  float* c;
  std::int64_t columns, k;
  Epilogue epilogue;
};

// One channel to one: the terms are the taps, and the columns are channels, all of which a row has side by side.
struct ChannelBlock {
  const TermTile* tiles;
  std::int64_t tile_count;
  const TermList* lists;  // of each pattern; segments of one term, `b` counts taps
  const float* a;
  const float* b;  // [taps, channels]
  std::ptrdiff_t b_tap;
  float* c;
  std::int64_t columns;
  Epilogue epilogue;
};

struct GemmKernels {
  int rows, columns;  // of a tile
  // Floats that pack_b writes.
  std::int64_t (*packed_size)(std::int64_t k, std::int64_t columns);
  // Panels of `columns` columns, each k major, zeros beyond the last column.
  void (*pack_b)(const float* b, std::ptrdiff_t b_k, std::ptrdiff_t b_column, std::int64_t k, std::int64_t columns,
                 float* packed);
  // Floats of scratch that `block` needs.
  std::int64_t (*block_scratch)(const GemmBlock& block);
  void (*block)(const GemmBlock& block, float* scratch);
  void (*terms)(const TermBlock& block);
  int channel_rows;  // of a tile of `channels`
  void (*channels)(const ChannelBlock& block);
  // to[column, row] = from[row, column]
  void (*transpose)(const float* from, std::ptrdiff_t from_row, float* to, std::ptrdiff_t to_row, std::int64_t rows,
                    std::int64_t columns);
};

}  // namespace aivm

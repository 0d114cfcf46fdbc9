// The convolution kernels, compiled once per instruction set. See gemm.hpp.
#pragma once

#include "gemm.inl"

namespace aivm {
namespace AIVM_ISA {

static void terms(const TermBlock& g) {
  const int most = panels_for(g.tallest);
  for (std::int64_t block = 0; block < g.blocks; ++block) {
    const TermList* const lists = g.lists + block * g.patterns;
    for (std::int64_t j = 0; j < g.columns;) {
      const std::int64_t left = g.columns - j;
      const bool full = left >= tile_columns;
      int group = most;
      while (group > 1 && group * tile_columns > left) group /= 2;
      for (std::int64_t i = 0; i < g.images * g.tile_count; ++i) {
        const std::int64_t image = i / g.tile_count;
        const TermTile& tile = g.tiles[i - image * g.tile_count];
        const TermList& list = lists[tile.pattern];
        if (list.count == 0 && !list.first) continue;
        const std::ptrdiff_t c = image * g.c_image + tile.c + j;
        Epilogue epilogue = g.epilogue;
        if (epilogue.bias != nullptr) epilogue.bias += j;
        if (epilogue.residual != nullptr) epilogue.residual += c;
        TileArgs args{};
        args.a = g.a + image * g.a_image + tile.a;
        args.a_row = tile.a_row;
        args.b = g.b + j * g.k;
        args.b_k = tile_columns;
        args.b_panel = tile_columns * g.k;
        args.c = g.c + c;
        args.c_row = tile.c_row;
        args.segments = list.segments;
        args.segment_count = list.count;
        args.first = list.first;
        args.last = list.last;
        args.epilogue = &epilogue;
        if (full) {
          call_tile(args, tile.rows, group, false, false);
        } else {
          call_ragged_tile(args, tile.rows, left, 1, false);
        }
      }
      j += group * tile_columns;
    }
  }
}

// A few positions side by side share the weights that are loaded for them.
constexpr int channel_rows = 4;
constexpr int channel_vectors = lanes == 4 ? 2 : 4;

template <int R, int V>
static void channel_tile(const ChannelBlock& g, const TermTile& tile, std::int64_t column, std::int64_t width) {
  const TermList& list = g.lists[tile.pattern];
  const float* const a = g.a + tile.a + column;
  F32 acc[R][V];
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) acc[r][v] = broadcast(0.0F);
  }
  const bool partial = width < V * lanes;  // then V is 1
  for (std::int32_t s = 0; s < list.count; ++s) {
    const float* const weights = g.b + list.segments[s].b * g.b_tap + column;
    const float* const from = a + list.segments[s].a;
    for (int v = 0; v < V; ++v) {
      const F32 w = partial ? load_partial(weights, width) : load(weights + v * lanes);
      for (int r = 0; r < R; ++r) {
        const float* const x = from + r * tile.a_row + v * lanes;
        acc[r][v] = fma(partial ? load_partial(x, width) : load(x), w, acc[r][v]);
      }
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) {
      const std::ptrdiff_t at = tile.c + r * tile.c_row + column + v * lanes;
      F32 y = acc[r][v];
      if (g.epilogue.bias != nullptr) {
        const float* const bias = g.epilogue.bias + column + v * lanes;
        y = y + (partial ? load_partial(bias, width) : load(bias));
      }
      if (g.epilogue.residual != nullptr) {
        const float* const residual = g.epilogue.residual + at;
        y = y + (partial ? load_partial(residual, width) : load(residual));
      }
      y = canonical(activate(y, g.epilogue));
      if (partial) {
        store_partial(g.c + at, y, width);
      } else {
        store(g.c + at, y);
      }
    }
  }
}

template <int V>
static void channel_tile_of(const ChannelBlock& g, const TermTile& tile, std::int64_t column, std::int64_t width) {
  switch (tile.rows) {
    case 1: return channel_tile<1, V>(g, tile, column, width);
    case 2: return channel_tile<2, V>(g, tile, column, width);
    case 3: return channel_tile<3, V>(g, tile, column, width);
    case 4: return channel_tile<4, V>(g, tile, column, width);
    default: __builtin_unreachable();
  }
}

static void channels(const ChannelBlock& g) {
  for (std::int64_t t = 0; t < g.tile_count; ++t) {
    std::int64_t column = 0;
    for (; column + channel_vectors * lanes <= g.columns; column += channel_vectors * lanes) {
      channel_tile_of<channel_vectors>(g, g.tiles[t], column, channel_vectors * lanes);
    }
    for (; column < g.columns; column += lanes) {
      channel_tile_of<1>(g, g.tiles[t], column, g.columns - column < lanes ? g.columns - column : lanes);
    }
  }
}

static void transpose_matrix(const float* from, std::ptrdiff_t from_row, float* to, std::ptrdiff_t to_row,
                             std::int64_t rows, std::int64_t columns) {
  for (std::int64_t r = 0; r < rows; r += lanes) {
    const std::int64_t height = rows - r < lanes ? rows - r : lanes;
    for (std::int64_t c = 0; c < columns; c += lanes) {
      const std::int64_t width = columns - c < lanes ? columns - c : lanes;
      const float* const source = from + r * from_row + c;
      float* const target = to + c * to_row + r;
      if (height == lanes && width == lanes) {
        F32 block[lanes];
        for (int i = 0; i < lanes; ++i) block[i] = load(source + i * from_row);
        transpose(block);
        for (int i = 0; i < lanes; ++i) store(target + i * to_row, block[i]);
      } else {
        for (std::int64_t j = 0; j < width; ++j) {
          for (std::int64_t i = 0; i < height; ++i) target[j * to_row + i] = source[i * from_row + j];
        }
      }
    }
  }
}

constexpr GemmKernels gemm_kernels{tile_rows, tile_columns, packed_size,  pack_b,   block_scratch,
                                   block,     terms,        channel_rows, channels, transpose_matrix};

}  // namespace AIVM_ISA
}  // namespace aivm

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
        args.columns = full ? group * tile_columns : left;
        args.epilogue = &epilogue;
        call_tile(args, tile.rows, group, false);
      }
      j += group * tile_columns;
    }
  }
}

// A few positions side by side share the weights that are loaded for them.
constexpr int channel_rows = lanes == 8 ? 5 : 8;
constexpr int channel_vectors = 2;

// Accumulators of R positions by V vectors of channels. The last vector may have channels that do not exist.
template <int R, int V>
struct ChannelTile {
  F32 acc[R][V];

  static F32 get(const float* p, int v, std::int64_t tail) {
    return tail >= lanes || v < V - 1 ? load(p + v * lanes) : load_partial(p + v * lanes, tail);
  }

  // Any taps.
  void sum(const Segment* segments, std::int32_t count, const float* a, std::ptrdiff_t a_row, const float* b,
           std::ptrdiff_t b_tap, std::int64_t tail) {
    for (std::int32_t s = 0; s < count; ++s) {
      const float* const weights = b + segments[s].b * b_tap;
      const float* const from = a + segments[s].a;
      for (int v = 0; v < V; ++v) {
        const F32 w = get(weights, v, tail);
        for (int r = 0; r < R; ++r) acc[r][v] = fma(get(from + r * a_row, v, tail), w, acc[r][v]);
      }
    }
  }

  // Taps three by three, as far apart as the positions are: what is loaded serves up to three positions, and each of them
  // still meets its taps in order.
  void slide(const Segment* segments, std::int32_t count, const float* a, std::ptrdiff_t a_row, const float* b,
             std::ptrdiff_t b_tap) {
    for (std::int32_t s = 0; s < count; s += 3) {
      const float* const weights = b + segments[s].b * b_tap;
      const float* const from = a + segments[s].a;
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) {
        const F32 w[3] = {load(weights + v * lanes), load(weights + b_tap + v * lanes),
                          load(weights + 2 * b_tap + v * lanes)};
#pragma GCC unroll 12
        for (int p = 0; p < R + 2; ++p) {
          const F32 x = load(from + p * a_row + v * lanes);
#pragma GCC unroll 3
          for (int r = (p < 2 ? 0 : p - 2); r <= p && r < R; ++r) acc[r][v] = fma(x, w[p - r], acc[r][v]);
        }
      }
    }
  }

  void finish(const ChannelBlock& g, std::ptrdiff_t at, std::int64_t column, std::ptrdiff_t c_row, std::int64_t tail) {
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) {
        float* const c = g.c + at + r * c_row;
        F32 y = acc[r][v];
        if (g.epilogue.bias != nullptr) y = y + get(g.epilogue.bias + column, v, tail);
        if (g.epilogue.residual != nullptr) y = y + get(g.epilogue.residual + at + r * c_row, v, tail);
        y = canonical(activate(y, g.epilogue));
        if (tail >= lanes || v < V - 1) {
          store(c + v * lanes, y);
        } else {
          store_partial(c + v * lanes, y, tail);
        }
      }
    }
  }
};

template <int R, int V>
static void channel_tile(const ChannelBlock& g, const TermTile& tile, std::int64_t column, std::int64_t tail) {
  ChannelTile<R, V> t;
  for (int r = 0; r < R; ++r) {
    for (int v = 0; v < V; ++v) t.acc[r][v] = broadcast(0.0F);
  }
  const TermList& list = g.lists[tile.pattern];
  const float* const a = g.a + tile.a + column;
  const float* const b = g.b + column;
  if (tail >= lanes && R > 1 && list.triples_step != 0 && list.triples_step == tile.a_row) {
    t.slide(list.segments, list.count, a, tile.a_row, b, g.b_tap);
  } else {
    t.sum(list.segments, list.count, a, tile.a_row, b, g.b_tap, tail);
  }
  t.finish(g, tile.c + column, column, tile.c_row, tail);
}

template <int V>
static void channel_tile_of(const ChannelBlock& g, const TermTile& tile, std::int64_t column, std::int64_t tail) {
#define AIVM_CHANNEL_ROWS(R)                                                             \
  case R:                                                                                \
    if constexpr (R <= channel_rows) return channel_tile<R, V>(g, tile, column, tail);   \
    break;
  switch (tile.rows) {
    AIVM_CHANNEL_ROWS(1)
    AIVM_CHANNEL_ROWS(2)
    AIVM_CHANNEL_ROWS(3)
    AIVM_CHANNEL_ROWS(4)
    AIVM_CHANNEL_ROWS(5)
    AIVM_CHANNEL_ROWS(6)
    AIVM_CHANNEL_ROWS(7)
    AIVM_CHANNEL_ROWS(8)
    default:
      break;
  }
#undef AIVM_CHANNEL_ROWS
  __builtin_unreachable();
}

static void channels(const ChannelBlock& g) {
  for (std::int64_t t = 0; t < g.tile_count; ++t) {
    for (std::int64_t column = 0; column < g.columns; column += channel_vectors * lanes) {
      const std::int64_t left = g.columns - column;
      if (left > lanes) {
        channel_tile_of<channel_vectors>(g, g.tiles[t], column, left - lanes);
      } else {
        channel_tile_of<1>(g, g.tiles[t], column, left);
      }
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

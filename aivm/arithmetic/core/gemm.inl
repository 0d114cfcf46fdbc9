// The GEMM kernels, compiled once per instruction set. See gemm.hpp.
#pragma once

#include "gemm.hpp"

namespace aivm {
namespace AIVM_ISA {

// Tiles of tile_rows x tile_columns keep all accumulators in registers, with room for a row of B and an element of A.
constexpr int vectors = 2;
constexpr int tile_rows = lanes == 16 ? 12 : lanes == 8 ? 6 : AIVM_HARDWARE_FMA ? 8 : 4;
constexpr int tile_columns = vectors * lanes;
// Terms between a load and a store of the accumulators: such that a tile of A stays in the first cache, and a block of it
// in the second.
constexpr std::int64_t default_k_block = 512;

struct TileArgs {
  const float* a;
  std::ptrdiff_t a_row;
  const float* b;
  std::ptrdiff_t b_k, b_panel;
  float* c;
  std::ptrdiff_t c_row;
  const Segment* segments;
  int segment_count;
  bool first, last;  // the terms begin here; the terms end here
  std::int64_t columns;  // that exist: at most those of the panels, and more than those of all vectors but the last
  const Epilogue* epilogue;
};

static inline F32 activate(F32 v, const Epilogue& e) {
  if (e.activation == Activation::relu) {
    const F32 zero = broadcast(0.0F);
    v = select(v <= zero, zero, v);
  } else if (e.activation == Activation::clip) {
    const F32 low = broadcast(e.low), high = broadcast(e.high);
    v = select(v < low, low, v);
    v = select(v > high, high, v);
  }
  return v;
}

// What follows the sums; `get` reads a vector of a row.
template <int R, int N, typename Get>
AIVM_INLINE void finish(F32 (&acc)[R][N], const Epilogue& e, std::ptrdiff_t c_row, Get get) {
  const auto each = [&](auto function) __attribute__((always_inline)) {
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) acc[r][j] = function(acc[r][j], r, j);
    }
  };
  if (e.bias != nullptr) {
    F32 bias[N];
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) bias[j] = get(e.bias, j);
    each([&](F32 v, int, int j) __attribute__((always_inline)) { return v + bias[j]; });
  }
  if (e.residual != nullptr) {
    each([&](F32 v, int r, int j) __attribute__((always_inline)) { return v + get(e.residual + r * c_row, j); });
  }
  if (e.activation != Activation::none) {
    each([&](F32 v, int, int) __attribute__((always_inline)) { return activate(v, e); });
  }
  each([](F32 v, int, int) __attribute__((always_inline)) { return canonical(v); });
}

// R rows by P panels of V vectors. Packed: A is k major in groups of tile_rows; else each row's terms lie together.
template <int R, int P, int V, bool Packed>
static void tile(const TileArgs& t) {
  constexpr int N = P * V;
  // The last vector may have columns that do not exist.
  const std::int64_t tail = t.columns - (P - 1) * tile_columns - (V - 1) * lanes;
  const bool whole = tail >= lanes;
  const auto column = [](int j) -> std::ptrdiff_t { return (j / V) * tile_columns + (j % V) * lanes; };
  const auto get = [&](const float* p, int j) { return whole || j < N - 1 ? load(p + column(j)) : load_partial(p + column(j), tail); };
  // Loops over accumulators are unrolled, all of them: only then do these stay in registers.
  F32 acc[R][N];
  if (t.first) {
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) acc[r][j] = broadcast(0.0F);
    }
  } else {
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) acc[r][j] = get(t.c + r * t.c_row, j);
    }
  }
  const std::ptrdiff_t a_row = Packed ? 1 : t.a_row;
  constexpr std::ptrdiff_t a_k = Packed ? tile_rows : 1;
  const std::ptrdiff_t b_k = t.b_k, b_panel = t.b_panel;
  for (int s = 0; s < t.segment_count; ++s) {
    const float* a = t.a + t.segments[s].a;
    const float* b = t.b + t.segments[s].b;
    const std::int64_t k_count = t.segments[s].k;
    for (std::int64_t k = 0; k < k_count; ++k) {
      F32 row[N];
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) row[j] = load(b + (j / V) * b_panel + (j % V) * lanes);
#pragma GCC unroll 12
      for (int r = 0; r < R; ++r) {
        const F32 x = broadcast(a[r * a_row]);
#pragma GCC unroll 8
        for (int j = 0; j < N; ++j) acc[r][j] = fma(x, row[j], acc[r][j]);
      }
      a += a_k;
      b += b_k;
    }
  }
  if (t.last) finish<R, N>(acc, *t.epilogue, t.c_row, get);
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    float* const c = t.c + r * t.c_row;
#pragma GCC unroll 8
    for (int j = 0; j < N - 1; ++j) store(c + column(j), acc[r][j]);
    if (whole) {
      store(c + column(N - 1), acc[r][N - 1]);
    } else {
      store_partial(c + column(N - 1), acc[r][N - 1], tail);
    }
  }
}

using TileFunction = void (*)(const TileArgs&);

// Few rows leave registers for several panels at once; one panel's accumulators would only wait for each other.
constexpr int panels_for(std::int64_t rows) {
  constexpr int budget = tile_rows * vectors;
  const int fit = rows >= tile_rows ? 1 : static_cast<int>(budget / (rows * vectors));
  return fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
}

template <bool Packed>
static TileFunction tile_function(std::int64_t rows, int panels, bool narrow) {
#define AIVM_TILE_ROWS(R)                                                     \
  case R:                                                                     \
    if constexpr (R <= tile_rows) {                                           \
      if (narrow) return tile<R, 1, 1, Packed>;                               \
      if constexpr (panels_for(R) >= 4) {                                     \
        if (panels == 4) return tile<R, 4, vectors, Packed>;                  \
      }                                                                       \
      if constexpr (panels_for(R) >= 2) {                                     \
        if (panels == 2) return tile<R, 2, vectors, Packed>;                  \
      }                                                                       \
      return tile<R, 1, vectors, Packed>;                                     \
    }                                                                         \
    break;
  switch (rows) {
    AIVM_TILE_ROWS(1)
    AIVM_TILE_ROWS(2)
    AIVM_TILE_ROWS(3)
    AIVM_TILE_ROWS(4)
    AIVM_TILE_ROWS(5)
    AIVM_TILE_ROWS(6)
    AIVM_TILE_ROWS(7)
    AIVM_TILE_ROWS(8)
    AIVM_TILE_ROWS(9)
    AIVM_TILE_ROWS(10)
    AIVM_TILE_ROWS(11)
    AIVM_TILE_ROWS(12)
    default:
      break;
  }
#undef AIVM_TILE_ROWS
  __builtin_unreachable();
}

static void call_tile(const TileArgs& args, std::int64_t rows, int panels, bool packed_a) {
  const bool narrow = args.columns <= lanes;
  (packed_a ? tile_function<true>(rows, panels, narrow) : tile_function<false>(rows, panels, narrow))(args);
}

static void pack_panel(const float* b, std::ptrdiff_t b_k, std::ptrdiff_t b_column, std::int64_t k_count,
                       std::int64_t columns, float* packed) {
  if (columns == tile_columns && b_column == 1) {
    for (std::int64_t k = 0; k < k_count; ++k) {
      for (int v = 0; v < vectors; ++v) store(packed + k * tile_columns + v * lanes, load(b + k * b_k + v * lanes));
    }
    return;
  }
  std::int64_t k = 0;
  if (b_k == 1 && columns == tile_columns) {
    for (; k + lanes <= k_count; k += lanes) {
      for (int v = 0; v < vectors; ++v) {
        F32 block[lanes];
        for (int i = 0; i < lanes; ++i) block[i] = load(b + (v * lanes + i) * b_column + k);
        transpose(block);
        for (int i = 0; i < lanes; ++i) store(packed + (k + i) * tile_columns + v * lanes, block[i]);
      }
    }
  }
  for (; k < k_count; ++k) {
    for (std::int64_t j = 0; j < tile_columns; ++j) {
      packed[k * tile_columns + j] = j < columns ? b[k * b_k + j * b_column] : 0.0F;
    }
  }
}

static std::int64_t packed_size(std::int64_t k, std::int64_t columns) {
  return (columns + tile_columns - 1) / tile_columns * tile_columns * k;
}

static void pack_b(const float* b, std::ptrdiff_t b_k, std::ptrdiff_t b_column, std::int64_t k, std::int64_t columns,
                   float* packed) {
  for (std::int64_t j = 0; j < columns; j += tile_columns) {
    const std::int64_t width = columns - j < tile_columns ? columns - j : tile_columns;
    pack_panel(b + j * b_column, b_k, b_column, k, width, packed + j * k);
  }
}

// Rows of A, k major in groups of tile_rows, so that a tile reads them in one stream.
static void pack_a(const float* a, std::ptrdiff_t a_row, std::ptrdiff_t a_k, std::int64_t rows, std::int64_t k_count,
                   float* packed) {
  if (a_row == 1) {
    for (std::int64_t k = 0; k < k_count; ++k) {
      for (std::int64_t r = 0; r < rows; ++r) packed[k * tile_rows + r] = a[k * a_k + r];
    }
    return;
  }
  std::int64_t k = 0;
  if (a_k == 1) {
    for (; k + lanes <= k_count; k += lanes) {
      for (std::int64_t r0 = 0; r0 < rows; r0 += lanes) {
        const std::int64_t height = rows - r0 < lanes ? rows - r0 : lanes;
        F32 block[lanes];
        for (int i = 0; i < lanes; ++i) block[i] = i < height ? load(a + (r0 + i) * a_row + k) : broadcast(0.0F);
        transpose(block);
        for (int i = 0; i < lanes; ++i) store_partial(packed + (k + i) * tile_rows + r0, block[i], height);
      }
    }
  }
  for (; k < k_count; ++k) {
    for (std::int64_t r = 0; r < rows; ++r) packed[k * tile_rows + r] = a[r * a_row + k * a_k];
  }
}

struct BlockPlan {
  std::int64_t tiles, k_block;
  bool pack_a, direct_b;
};

static BlockPlan plan_block(const GemmBlock& g) {
  BlockPlan p;
  p.tiles = (g.rows + tile_rows - 1) / tile_rows;
  const std::int64_t wanted = g.k_block > 0 ? g.k_block : default_k_block;
  const bool whole = g.k_block == 0 && p.tiles == 1 && g.a_k == 1;  // few rows read B once anyway
  const std::int64_t blocks = whole ? 1 : (g.k + wanted - 1) / wanted;
  p.k_block = blocks <= 1 ? g.k : (g.k + blocks - 1) / blocks;
  p.pack_a = g.a_k != 1 || (p.tiles > 1 && g.columns >= 4 * tile_columns);
  p.direct_b = g.packed || g.b_column == 1;
  return p;
}

static std::int64_t block_scratch(const GemmBlock& g) {
  const BlockPlan p = plan_block(g);
  const std::int64_t a = p.pack_a ? p.tiles * tile_rows * p.k_block : 0;
  const std::int64_t b = g.packed ? 0 : tile_columns * p.k_block;
  return a + b + lanes;
}

static void block(const GemmBlock& g, float* scratch) {
  const BlockPlan p = plan_block(g);
  float* const packed_a = scratch;
  float* const packed_b = scratch + (p.pack_a ? p.tiles * tile_rows * p.k_block : 0);
  const std::int64_t small = g.rows / p.tiles, larger = g.rows % p.tiles;  // tiles of nearly equal height
  std::int64_t k = 0;
  do {
    const std::int64_t k_count = g.k - k < p.k_block ? g.k - k : p.k_block;
    const Segment segment{0, 0, k_count};
    if (p.pack_a) {
      std::int64_t row = 0;
      for (std::int64_t t = 0; t < p.tiles; ++t) {
        const std::int64_t height = small + (t < larger ? 1 : 0);
        pack_a(g.a + row * g.a_row + k * g.a_k, g.a_row, g.a_k, height, k_count, packed_a + t * tile_rows * k_count);
        row += height;
      }
    }
    for (std::int64_t j = 0; j < g.columns;) {
      const std::int64_t left = g.columns - j;
      const bool full = left >= tile_columns;
      int panels = 1;
      TileArgs args{};
      if (full && p.direct_b && p.tiles == 1) {
        panels = panels_for(g.rows);
        while (panels * tile_columns > left) panels /= 2;
      }
      if (g.packed) {
        args.b = g.b + j * g.k + k * tile_columns;
        args.b_k = tile_columns;
        args.b_panel = tile_columns * g.k;
      } else if (p.direct_b && full) {
        args.b = g.b + k * g.b_k + j;
        args.b_k = g.b_k;
        args.b_panel = tile_columns;
      } else {
        pack_panel(g.b + k * g.b_k + j * g.b_column, g.b_k, g.b_column, k_count, left < tile_columns ? left : tile_columns,
                   packed_b);
        args.b = packed_b;
        args.b_k = tile_columns;
        args.b_panel = 0;
      }
      Epilogue epilogue = g.epilogue;
      if (epilogue.bias != nullptr) epilogue.bias += j;
      args.segments = &segment;
      args.segment_count = 1;
      args.first = k == 0;
      args.last = k + k_count == g.k;
      args.columns = full ? panels * tile_columns : left;
      args.epilogue = &epilogue;
      std::int64_t row = 0;
      for (std::int64_t t = 0; t < p.tiles; ++t) {
        const std::int64_t height = small + (t < larger ? 1 : 0);
        args.a = p.pack_a ? packed_a + t * tile_rows * k_count : g.a + row * g.a_row + k;
        args.a_row = g.a_row;
        args.c = g.c + row * g.c_row + j;
        args.c_row = g.c_row;
        if (g.epilogue.residual != nullptr) epilogue.residual = g.epilogue.residual + row * g.c_row + j;
        call_tile(args, height, panels, p.pack_a);
        row += height;
      }
      j += panels * tile_columns;
    }
    k += k_count;
  } while (k < g.k);
}

}  // namespace AIVM_ISA
}  // namespace aivm

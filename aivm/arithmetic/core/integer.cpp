// The primitives `matmul_integer` and `conv_integer`: sums of products of 8-bit integers less their zero points, in int32
// modulo 2^32.
//   matmul_integer: in: a [..., M, K], b [..., K, N], a_zero?, b_zero? (int8 or uint8 as theirs)   out: y [..., M, N]
//     a zero has one element, or one per row of a, or one per column of b
//   conv_integer: in: x [N, C, …], w [M, C / group, …], x_zero? (one element), w_zero? (one, or one per output channel)
//     out: y [N, M, …]   ints: group, window; positions outside the input are left out, as if they held x_zero
#include "integer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "extents.hpp"
#include "primitives.hpp"
#include "windows.hpp"

namespace aivm {
namespace {

constexpr double least_products = 1e6;  // of a task

// A zero point: where it is, and whether it has one element per row or column.
struct Zero {
  Ref ref = absent;
  std::int64_t step = 0;
  const std::uint8_t* at(const Context& context, std::int64_t i) const {
    return ref == absent ? nullptr : context.data<const std::uint8_t>(ref) + i * step;
  }
};

void require_bytes(const Buffer& buffer) {
  Preparation::require(buffer.dtype == Dtype::int8 || buffer.dtype == Dtype::uint8,
                       "tensor '" + buffer.name + "' is " + dtype_name(buffer.dtype) + ", and int8 or uint8 is needed");
}

Zero zero_of(const Step& step, std::size_t i, const Buffer& of, std::int64_t extent, const Preparation& p) {
  Zero zero;
  if (!p.has(step, i)) return zero;
  const Buffer& buffer = p.buffer(step.in[i]);
  p.dtype(buffer, of.dtype);
  p.require(buffer.elements == 1 || buffer.elements == extent,
            "zero point '" + buffer.name + "' of '" + of.name + "' has " + std::to_string(buffer.elements) + " elements");
  zero.ref = step.in[i];
  zero.step = buffer.elements == 1 ? 0 : 1;
  return zero;
}

// One product of matrices of bytes, with everything but its data.
struct Product {
  std::int64_t rows = 0, columns = 0, k = 0;
  bool a_signed = false, b_signed = false;
  IntegerKernels kernels{};
  bool quads = false;

  const IntegerFormat& format() const { return quads ? kernels.quads : kernels.pairs; }
  std::int64_t words() const { return ceil_div(k, format().terms); }
  std::int64_t panels(std::int64_t n) const { return ceil_div(n, kernels.columns); }
  std::int64_t packed_words(std::int64_t n) const { return panels(n) * kernels.columns * words(); }
};

Product product_of(std::int64_t rows, std::int64_t columns, std::int64_t k, const Buffer& a, const Buffer& b, const Preparation& p) {
  Product product;
  product.rows = rows;
  product.columns = columns;
  product.k = k;
  product.a_signed = a.dtype == Dtype::int8;
  product.b_signed = b.dtype == Dtype::int8;
  product.kernels = p.kernels.integer;
  product.quads = product.kernels.quads.tile != nullptr && product.kernels.has_quads();
  checked_product(checked_product(columns + product.kernels.columns, k + 4), 4);  // bytes of the packed b
  return product;
}

// Columns of b, packed; their sums and zero points.
struct PackedB {
  const std::int32_t* words;
  const std::int32_t* sums;
};

void pack_b(const Product& product, const std::uint8_t* b, std::int64_t k_step, std::int64_t column_step, std::int64_t columns,
            const std::uint8_t* zero, std::int64_t zero_step, std::int32_t* words, std::int32_t* sums) {
  const std::int64_t width = product.kernels.columns;
  for (std::int64_t j = 0; j < columns; j += width) {
    PackIntegerB pack{};
    pack.b = b + j * column_step;
    pack.k_step = k_step;
    pack.column_step = column_step;
    pack.k = product.k;
    pack.width = std::min(width, columns - j);
    pack.is_signed = product.b_signed;
    pack.zero = zero == nullptr ? nullptr : zero + j * zero_step;
    pack.zero_step = zero_step;
    pack.packed = words + j * product.words();
    pack.sums = sums + j;
    product.format().pack_b(pack);
  }
}

// Some rows and columns of a product.
struct Part {
  const std::uint8_t* a;  // the first row
  std::int64_t a_row, rows;
  const std::uint8_t* a_zero;
  std::int64_t a_zero_step;
  PackedB b;  // of the first column, which begins a panel
  std::int64_t columns;
  const std::uint8_t* b_zero;
  std::int64_t b_zero_step;
  std::int32_t* c;
  std::int64_t c_row;
};

// Words of scratch that `multiply` needs.
std::int64_t multiply_scratch(const Product& product, std::int64_t rows, std::int64_t columns) {
  const std::int64_t wide = product.panels(columns) * product.kernels.columns;
  return rows * product.words() + rows + 2 * wide + 2 * product.kernels.rows * product.kernels.columns;
}

int zero_value(const std::uint8_t* zero, std::int64_t i, bool is_signed) {
  if (zero == nullptr) return 0;
  return is_signed ? static_cast<std::int8_t>(zero[i]) : zero[i];
}

void multiply(const Product& product, const Part& part, std::int32_t* scratch) {
  const IntegerFormat& format = product.format();
  const std::int64_t words = product.words(), width = product.kernels.columns, wide = product.panels(part.columns) * width;
  std::int32_t* const a = scratch;
  std::int32_t* const a_sums = a + part.rows * words;
  std::int32_t* const b_zero = a_sums + part.rows;
  std::int32_t* const column_term = b_zero + wide;
  std::int32_t* const beside = column_term + wide;
  PackIntegerA pack{};
  pack.a = part.a;
  pack.row = part.a_row;
  pack.rows = part.rows;
  pack.k = product.k;
  pack.is_signed = product.a_signed;
  pack.zero = part.a_zero;
  pack.zero_step = part.a_zero_step;
  pack.packed = a;
  pack.sums = a_sums;
  format.pack_a(pack);
  if (product.quads) {
    for (std::int64_t j = 0; j < part.columns; ++j) {
      const int zero = zero_value(part.b_zero, j * part.b_zero_step, product.b_signed) - (product.b_signed ? 0 : 128);
      b_zero[j] = zero;
      column_term[j] = static_cast<std::int32_t>(static_cast<std::uint32_t>(product.k) * static_cast<std::uint32_t>(zero) -
                                                 static_cast<std::uint32_t>(part.b.sums[j]));
    }
  }
  const std::int64_t most = product.kernels.rows;
  const std::int64_t tiles = ceil_div(part.rows, most), small = part.rows / tiles, larger = part.rows % tiles;
  for (std::int64_t j = 0; j < part.columns;) {
    const std::int64_t left = part.columns - j;
    const int panels = left > width && 2 * (small + (larger > 0 ? 1 : 0)) <= most ? 2 : 1;
    const std::int64_t here = std::min<std::int64_t>(left, panels * width);
    const bool full = here == panels * width;
    std::int64_t row = 0;
    for (std::int64_t t = 0; t < tiles; ++t) {
      const std::int64_t height = small + (t < larger ? 1 : 0);
      std::int32_t* const c = part.c + row * part.c_row + j;
      IntegerTile tile{};
      tile.a = a + row * words;
      tile.a_row = words;
      tile.b = part.b.words + j * words;
      tile.b_panel = width * words;
      tile.words = words;
      tile.c = full ? c : beside;
      tile.c_row = full ? part.c_row : panels * width;
      format.tile(tile, static_cast<int>(height), panels);
      for (std::int64_t r = 0; r < height; ++r) {
        if (!full) std::copy_n(beside + r * tile.c_row, here, c + r * part.c_row);
        if (!product.quads) continue;
        const int a_zero = zero_value(part.a_zero, (row + r) * part.a_zero_step, product.a_signed) + (product.a_signed ? 128 : 0);
        const auto row_sum = static_cast<std::int32_t>(std::uint32_t{0} - static_cast<std::uint32_t>(a_sums[row + r]));
        product.kernels.correct(c + r * part.c_row, here, row_sum, b_zero + j, a_zero, column_term + j);
      }
      row += height;
    }
    j += here;
  }
}

// How to share out a product among tasks.
struct Grid {
  std::int64_t rows, columns;
};

Grid grid_of(const Product& product, std::int64_t batch, int threads) {
  Grid grid{std::min<std::int64_t>(product.rows, 4 * product.kernels.rows), product.columns};
  // The packed columns of a task stay in the second cache.
  const std::int64_t fit = std::max<std::int64_t>(std::int64_t{1 << 16} / std::max<std::int64_t>(product.words(), 1), 1);
  grid.columns = std::min(grid.columns, ceil_div(fit, product.kernels.columns) * product.kernels.columns);
  const std::int64_t tasks = ceil_div(product.rows, grid.rows) * ceil_div(product.columns, grid.columns) * batch;
  const double work = static_cast<double>(product.rows) * static_cast<double>(product.columns) * static_cast<double>(product.k);
  if (threads > 1 && tasks < 4 * threads && work * static_cast<double>(batch) > 2 * least_products) {
    const double wanted = std::min(4.0 * threads, work * static_cast<double>(batch) / least_products);
    const auto split = static_cast<std::int64_t>(wanted / static_cast<double>(tasks)) + 1;
    grid.columns = ceil_div(product.panels(grid.columns), split) * product.kernels.columns;
  }
  return grid;
}

// Elements from matrix to matrix of an operand, for each matrix of the result.
std::vector<std::int64_t> matrix_offsets(const Buffer& operand, const Buffer& y) {
  const Extents batch(y.shape.begin(), y.shape.end() - 2);
  const Extents own(operand.shape.begin(), operand.shape.end() - 2);
  Nest nest;
  nest.extents = batch;
  nest.strides.push_back(broadcast_strides(own, batch, operand.name));
  const std::int64_t size = product(operand.shape, operand.shape.size() - 2, operand.shape.size());
  nest.extents.push_back(1);
  nest.strides[0].push_back(1);
  std::vector<std::int64_t> offsets;
  Walk walk(nest, 0);
  for (std::int64_t i = product(batch); i > 0; --i, walk.next()) offsets.push_back(walk.offset(0) * size);
  return offsets;
}

struct MatMul {
  Product product;
  Zero a_zero, b_zero;
  Ref a = absent, b = absent, y = absent;
  std::vector<std::int64_t> a_offsets, b_offsets, b_matrices;  // the last: where each distinct matrix of b begins
  std::vector<std::size_t> b_index;                            // which of them each matrix of the result takes
  std::vector<std::int32_t> packed, sums;                      // of b, if it is a constant
};

void run_matmul(const MatMul& m, Context& context) {
  const Product& product = m.product;
  const std::int64_t width = product.kernels.columns, panels = product.panels(product.columns);
  const std::int64_t packed_size = product.packed_words(product.columns), sums_size = panels * width;
  const auto matrices = static_cast<std::int64_t>(m.b_matrices.size());
  const std::int32_t* packed = m.packed.data();
  const std::int32_t* sums = m.sums.data();
  const std::uint8_t* const b = context.data<const std::uint8_t>(m.b);
  if (m.packed.empty()) {
    auto* const words = context.shared<std::int32_t>(0, static_cast<std::size_t>(matrices * packed_size));
    auto* const totals = context.shared<std::int32_t>(1, static_cast<std::size_t>(matrices * sums_size));
    const std::int64_t at_once = std::max<std::int64_t>(65536 / (product.words() * width * 4 + 1), 1);
    const std::int64_t parts = ceil_div(panels, at_once);
    context.parallel(matrices * parts, [&](std::int64_t task, int) {
      const std::int64_t matrix = task / parts, from = task % parts * at_once * width;
      const std::int64_t n = std::min(at_once * width, product.columns - from);
      pack_b(product, b + m.b_matrices[static_cast<std::size_t>(matrix)] + from, product.columns, 1, n,
             m.b_zero.at(context, from), m.b_zero.step, words + matrix * packed_size + from * product.words(),
             totals + matrix * sums_size + from);
    });
    packed = words;
    sums = totals;
  }
  const auto batch = static_cast<std::int64_t>(m.a_offsets.size());
  const Grid grid = grid_of(product, batch, context.threads());
  const std::int64_t down = ceil_div(product.rows, grid.rows), across = ceil_div(product.columns, grid.columns);
  context.parallel(batch * down * across, [&](std::int64_t task, int worker) {
    const auto matrix = static_cast<std::size_t>(task / (down * across));
    const std::int64_t row = task / across % down * grid.rows, column = task % across * grid.columns;
    Part part{};
    part.rows = std::min(grid.rows, product.rows - row);
    part.columns = std::min(grid.columns, product.columns - column);
    part.a = context.data<const std::uint8_t>(m.a) + m.a_offsets[matrix] + row * product.k;
    part.a_row = product.k;
    part.a_zero = m.a_zero.at(context, row);
    part.a_zero_step = m.a_zero.step;
    const auto b_matrix = static_cast<std::int64_t>(m.b_index[matrix]);
    part.b = {packed + b_matrix * packed_size + column * product.words(), sums + b_matrix * sums_size + column};
    part.b_zero = m.b_zero.at(context, column);
    part.b_zero_step = m.b_zero.step;
    part.c = context.data<std::int32_t>(m.y) + static_cast<std::int64_t>(matrix) * product.rows * product.columns +
             row * product.columns + column;
    part.c_row = product.columns;
    auto* const scratch = context.scratch<std::int32_t>(
        worker, static_cast<std::size_t>(multiply_scratch(product, part.rows, part.columns)));
    multiply(product, part, scratch);
  });
}

// A convolution of bytes: for an image and a group the product of the weights [M / group, terms] and the columns
// [terms, positions] that the windows see.
struct Convolution {
  Product product;  // rows: output channels of a group, k: terms
  Window window;
  std::array<std::int64_t, window_axes> in{}, out{};
  std::int64_t images = 1, groups = 1, channels = 1;  // channels of a group
  std::int64_t in_positions = 1, out_positions = 1, block = 1;
  bool direct = false;   // few output channels: no columns
  bool plain = false;    // the input is the columns
  Zero x_zero, w_zero;
  Ref x = absent, w = absent, y = absent;
};

// The outputs o of an axis whose tap k lies within the input: [first, end).
std::array<std::int64_t, 2> valid_outputs(const Convolution& c, std::size_t axis, std::int64_t k) {
  const std::int64_t shift = k * c.window.dilation[axis] - c.window.begin[axis], stride = c.window.stride[axis];
  const auto until = [&](std::int64_t limit) { return limit <= shift ? 0 : std::min(c.out[axis], ceil_div(limit - shift, stride)); };
  return {until(0), std::max(until(0), until(c.in[axis]))};
}

// Calls body(term, first output position, outputs, first input place, step) for each series of outputs along the innermost
// axis whose tap lies within the input; places are those of one group of one image.
template <typename Body>
void for_series(const Convolution& c, Body body) {
  const Window& w = c.window;
  std::int64_t term = 0;
  for (std::int64_t channel = 0; channel < c.channels; ++channel) {
    for (std::int64_t i = 0; i < w.kernel[0]; ++i) {
      const auto za = valid_outputs(c, 0, i);
      for (std::int64_t j = 0; j < w.kernel[1]; ++j) {
        const auto zb = valid_outputs(c, 1, j);
        for (std::int64_t k = 0; k < w.kernel[2]; ++k, ++term) {
          const auto zc = valid_outputs(c, 2, k);
          if (zc[0] == zc[1]) continue;
          for (std::int64_t a = za[0]; a < za[1]; ++a) {
            const std::int64_t pa = a * w.stride[0] - w.begin[0] + i * w.dilation[0];
            for (std::int64_t b = zb[0]; b < zb[1]; ++b) {
              const std::int64_t pb = b * w.stride[1] - w.begin[1] + j * w.dilation[1];
              const std::int64_t pc = zc[0] * w.stride[2] - w.begin[2] + k * w.dilation[2];
              body(term, (a * c.out[1] + b) * c.out[2] + zc[0], zc[1] - zc[0],
                   channel * c.in_positions + (pa * c.in[1] + pb) * c.in[2] + pc, w.stride[2]);
            }
          }
        }
      }
    }
  }
}

// Rows are short: a call of memcpy for each would take longer than this.
void copy_row(const std::uint8_t* from, std::int64_t n, std::uint8_t* to) {
  const auto move = [&](std::int64_t at, auto word) {
    std::memcpy(&word, from + at, sizeof word);
    std::memcpy(to + at, &word, sizeof word);
  };
  if (n >= 8) {
    for (std::int64_t at = 0; at + 8 < n; at += 8) move(at, std::uint64_t{});
    move(n - 8, std::uint64_t{});
  } else if (n >= 4) {
    move(0, std::uint32_t{});
    move(n - 4, std::uint32_t{});
  } else {
    for (std::int64_t at = 0; at < n; ++at) to[at] = from[at];
  }
}

// Columns [terms, pitch] of the n output positions from `from` on.
void gather_columns(const Convolution& c, const std::uint8_t* x, std::uint8_t zero, std::int64_t from, std::int64_t n,
                    std::int64_t pitch, std::uint8_t* columns) {
  const Window& w = c.window;
  std::fill_n(columns, c.product.k * pitch, zero);
  const std::int64_t width = c.out[2];
  const std::int64_t first_row = from / width, last_row = (from + n - 1) / width;
  std::int64_t term = 0;
  for (std::int64_t channel = 0; channel < c.channels; ++channel) {
    for (std::int64_t i = 0; i < w.kernel[0]; ++i) {
      for (std::int64_t j = 0; j < w.kernel[1]; ++j) {
        for (std::int64_t k = 0; k < w.kernel[2]; ++k, ++term) {
          const auto zc = valid_outputs(c, 2, k);
          for (std::int64_t row = first_row; row <= last_row; ++row) {
            const std::int64_t pa = row / c.out[1] * w.stride[0] - w.begin[0] + i * w.dilation[0];
            const std::int64_t pb = row % c.out[1] * w.stride[1] - w.begin[1] + j * w.dilation[1];
            if (pa < 0 || pa >= c.in[0] || pb < 0 || pb >= c.in[1]) continue;
            const std::int64_t first = std::max(zc[0], from - row * width), end = std::min(zc[1], from + n - row * width);
            if (first >= end) continue;
            const std::int64_t pc = first * w.stride[2] - w.begin[2] + k * w.dilation[2];
            const std::uint8_t* const source = x + channel * c.in_positions + (pa * c.in[1] + pb) * c.in[2] + pc;
            std::uint8_t* const target = columns + term * pitch + row * width + first - from;
            if (w.stride[2] == 1) {
              copy_row(source, end - first, target);
            } else {
              for (std::int64_t o = 0; o < end - first; ++o) target[o] = source[o * w.stride[2]];
            }
          }
        }
      }
    }
  }
}

void run_direct(const Convolution& c, Context& context) {
  const std::int64_t channels = c.groups * c.product.rows;
  const int x_zero = zero_value(c.x_zero.at(context, 0), 0, c.product.b_signed);
  context.parallel(c.images * channels, [&](std::int64_t task, int) {
    const std::int64_t image = task / channels, channel = task % channels, group = channel / c.product.rows;
    const std::uint8_t* const x =
        context.data<const std::uint8_t>(c.x) + (image * c.groups + group) * c.channels * c.in_positions;
    const std::uint8_t* const w = context.data<const std::uint8_t>(c.w) + channel * c.product.k;
    const int w_zero = zero_value(c.w_zero.at(context, channel), 0, c.product.a_signed);
    std::int32_t* const y = context.data<std::int32_t>(c.y) + task * c.out_positions;
    std::fill_n(y, c.out_positions, 0);
    for_series(c, [&](std::int64_t term, std::int64_t out, std::int64_t n, std::int64_t in, std::int64_t step) {
      const int weight = zero_value(w, term, c.product.a_signed) - w_zero;
      c.product.kernels.accumulate(y + out, x + in, step, c.product.b_signed, x_zero, weight, n);
    });
  });
}

void run_conv(const Convolution& c, Context& context) {
  if (c.direct) return run_direct(c, context);
  const Product& product = c.product;
  const std::uint8_t no_zero = 0;
  const std::int64_t blocks = ceil_div(c.out_positions, c.block), units = c.images * c.groups * blocks;
  std::int64_t rows = product.rows;
  if (units < 4 * context.threads() && context.threads() > 1) {
    const std::int64_t split = ceil_div(4 * context.threads(), units);
    rows = std::max<std::int64_t>(ceil_div(rows, split), 4 * product.kernels.rows);
  }
  rows = std::min(rows, product.rows);
  const std::int64_t down = ceil_div(product.rows, rows);
  context.parallel(units * down, [&](std::int64_t task, int worker) {
    const std::int64_t unit = task / down, row = task % down * rows;
    const std::int64_t from = unit % blocks * c.block, group = unit / blocks % c.groups, image = unit / blocks / c.groups;
    const std::int64_t n = std::min(c.block, c.out_positions - from), wide = product.panels(n) * product.kernels.columns;
    const std::uint8_t* x = context.data<const std::uint8_t>(c.x) + (image * c.groups + group) * c.channels * c.in_positions;
    Part part{};
    part.rows = std::min(rows, product.rows - row);
    part.columns = n;
    const std::int64_t column_words = c.plain ? 0 : ceil_div(product.k * wide, 4);
    auto* const scratch = context.scratch<std::int32_t>(
        worker, static_cast<std::size_t>(column_words + product.packed_words(n) + wide + multiply_scratch(product, part.rows, n)));
    std::int32_t* const packed = scratch + column_words;
    std::int32_t* const sums = packed + product.packed_words(n);
    const std::uint8_t* const x_zero = c.x_zero.at(context, 0);
    if (c.plain) {
      pack_b(product, x + from, c.in_positions, 1, n, x_zero, 0, packed, sums);
    } else {
      auto* const columns = reinterpret_cast<std::uint8_t*>(scratch);
      gather_columns(c, x, x_zero == nullptr ? no_zero : *x_zero, from, n, wide, columns);
      pack_b(product, columns, wide, 1, wide, x_zero, 0, packed, sums);
    }
    part.a = context.data<const std::uint8_t>(c.w) + (group * product.rows + row) * product.k;
    part.a_row = product.k;
    part.a_zero = c.w_zero.at(context, group * product.rows + row);
    part.a_zero_step = c.w_zero.step;
    part.b = {packed, sums};
    part.b_zero = x_zero;
    part.b_zero_step = 0;
    part.c = context.data<std::int32_t>(c.y) + ((image * c.groups + group) * product.rows + row) * c.out_positions + from;
    part.c_row = c.out_positions;
    multiply(product, part, sums + wide);
  });
}

}  // namespace

Runner prepare_matmul_integer(const Step& step, Preparation& p) {
  p.counts(step, 2, 4, 1);
  const Buffer& a = p.in(step, 0);
  const Buffer& b = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  require_bytes(a);
  require_bytes(b);
  p.dtype(y, Dtype::int32);
  const std::size_t rank = y.shape.size();
  p.require(a.shape.size() >= 2 && b.shape.size() >= 2 && rank >= 2, "matrices have two axes");
  const std::int64_t rows = a.shape[a.shape.size() - 2], k = a.shape.back(), columns = b.shape.back();
  p.require(b.shape[b.shape.size() - 2] == k && y.shape[rank - 2] == rows && y.shape[rank - 1] == columns,
            "tensors '" + a.name + "', '" + b.name + "' and '" + y.name + "' do not fit together");
  auto m = std::make_shared<MatMul>();
  m->product = product_of(rows, columns, k, a, b, p);
  m->a_zero = zero_of(step, 2, a, rows, p);
  m->b_zero = zero_of(step, 3, b, columns, p);
  m->a = step.in[0];
  m->b = step.in[1];
  m->y = step.out[0];
  m->a_offsets = matrix_offsets(a, y);
  m->b_offsets = matrix_offsets(b, y);
  for (const std::int64_t offset : m->b_offsets) {
    const auto found = std::find(m->b_matrices.rbegin(), m->b_matrices.rend(), offset);
    m->b_index.push_back(found == m->b_matrices.rend() ? m->b_matrices.size()
                                                       : static_cast<std::size_t>(m->b_matrices.rend() - found) - 1);
    if (found == m->b_matrices.rend()) m->b_matrices.push_back(offset);
  }
  if (y.elements == 0) return [](Context&) {};
  const auto* const weights = p.constant<std::uint8_t>(step.in[1]);
  const auto* const zero = m->b_zero.ref == absent ? nullptr : p.constant<std::uint8_t>(m->b_zero.ref);
  if (weights != nullptr && (m->product.quads || m->b_zero.ref == absent || zero != nullptr)) {
    const Product& product = m->product;
    const std::int64_t packed_size = product.packed_words(columns), sums_size = product.panels(columns) * product.kernels.columns;
    const auto matrices = static_cast<std::int64_t>(m->b_matrices.size());
    m->packed.resize(static_cast<std::size_t>(matrices * packed_size));
    m->sums.resize(static_cast<std::size_t>(matrices * sums_size));
    for (std::int64_t i = 0; i < matrices; ++i) {
      pack_b(product, weights + m->b_matrices[static_cast<std::size_t>(i)], columns, 1, columns, zero, m->b_zero.step,
             m->packed.data() + i * packed_size, m->sums.data() + i * sums_size);
    }
    p.release(step.in[1]);
  }
  return [m](Context& context) { run_matmul(*m, context); };
}

Runner prepare_conv_integer(const Step& step, Preparation& p) {
  p.counts(step, 2, 4, 1, 2);
  const Buffer& x = p.in(step, 0);
  const Buffer& w = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  require_bytes(x);
  require_bytes(w);
  p.dtype(y, Dtype::int32);
  Convolution c;
  c.groups = step.ints[0];
  std::size_t position = 1;
  c.window = read_window(step, position, p);
  const std::size_t rank = c.window.n + 2;
  for (const Buffer* buffer : {&x, &w, &y}) p.rank(*buffer, rank);
  p.require(c.groups >= 1 && x.shape[1] % c.groups == 0 && w.shape[0] % c.groups == 0 &&
                w.shape[1] == x.shape[1] / c.groups && y.shape[0] == x.shape[0] && y.shape[1] == w.shape[0],
            "tensors '" + x.name + "', '" + w.name + "' and '" + y.name + "' do not fit together in " +
                std::to_string(c.groups) + " groups");
  for (std::size_t d = 0; d < c.window.n; ++d) {
    p.require(w.shape[2 + d] == c.window.kernel[window_axes - c.window.n + d], "tensor '" + w.name + "' does not have the kernel's extents");
  }
  c.images = x.shape[0];
  c.channels = w.shape[1];
  c.in = spatial_extents(x, c.window, false);
  c.out = spatial_extents(y, c.window, false);
  c.in_positions = c.in[0] * c.in[1] * c.in[2];
  c.out_positions = c.out[0] * c.out[1] * c.out[2];
  c.x = step.in[0];
  c.w = step.in[1];
  c.y = step.out[0];
  c.x_zero = zero_of(step, 2, x, 1, p);
  c.w_zero = zero_of(step, 3, w, w.shape[0], p);
  if (y.elements == 0) return [](Context&) {};
  const std::int64_t terms = checked_product(c.channels, c.window.taps());
  c.product = product_of(w.shape[0] / c.groups, c.out_positions, terms, w, x, p);
  c.direct = c.product.rows < 4;
  c.plain = c.window.taps() == 1 && c.in == c.out;
  for (std::size_t d = 0; d < window_axes; ++d) {
    c.plain = c.plain && c.window.stride[d] == 1 && c.window.begin[d] == 0;
  }
  // As many positions as leave the columns in the second cache.
  const std::int64_t width = c.product.kernels.columns;
  c.block = std::max<std::int64_t>((std::int64_t{1} << 17) / std::max<std::int64_t>(terms, 1) / width, 1) * width;
  c.block = std::min<std::int64_t>(c.block, 16 * width);
  return [c](Context& context) { run_conv(c, context); };
}

}  // namespace aivm

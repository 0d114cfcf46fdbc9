// The primitive `matmul`: Y = A B (+ bias) (+ residual), activated, over any number of leading dimensions that broadcast.
//   in: A [..., M, K] (or [..., K, M]), B [..., K, N] (or [..., N, K]), optional bias [N], optional residual as Y
//   out: Y [..., M, N]
//   ints: [A is transposed, B is transposed, optional Activation]   reals: [low, high] if the activation is clip
#include "gemm.hpp"

#include <algorithm>

#include "primitives.hpp"

namespace aivm {
namespace {

struct Operands {
  Ref a, b, bias, residual, y;
};

struct Extents {
  std::int64_t m, n, k, batch;
};

// Floats from matrix to matrix of an operand, for each matrix of the result.
std::vector<std::int64_t> matrix_offsets(const Preparation& p, const Buffer& operand, const Buffer& y) {
  const std::size_t rank = y.shape.size(), own = operand.shape.size();
  std::int64_t batch = 1;
  for (std::size_t d = 0; d + 2 < rank; ++d) batch *= y.shape[d];
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(batch), 0);
  std::int64_t stride = operand.shape[own - 1] * operand.shape[own - 2];
  std::int64_t inner = 1;
  for (std::size_t back = 3; back <= rank; ++back) {
    const std::int64_t extent = y.shape[rank - back];
    const std::int64_t mine = back <= own ? operand.shape[own - back] : 1;
    p.require(mine == extent || mine == 1, "'" + operand.name + "' does not broadcast to '" + y.name + "'");
    if (mine != 1) {
      for (std::int64_t i = 0; i < batch; ++i) offsets[static_cast<std::size_t>(i)] += i / inner % extent * stride;
      stride *= mine;
    }
    inner *= extent;
  }
  return offsets;
}

// Rows and columns of a task. Enough tasks that a thread which starts late is made up for, none so small that claiming
// it costs anything; only time depends on it.
struct Grid {
  std::int64_t rows, columns;
};

Grid make_grid(const Extents& e, const GemmKernels& kernels, const Tiling& tiling, int threads) {
  Grid grid{e.m, e.n};
  if (threads > 1) {
    // Nanoseconds, roughly, of a processor as they are: the sums, and for few rows the way of B from memory.
    const double each = 0.008 * static_cast<double>(e.m) + 0.04;
    const double total = each * static_cast<double>(e.n) * static_cast<double>(e.k) * static_cast<double>(e.batch);
    constexpr double least = 4000;
    const auto wanted = static_cast<std::int64_t>(std::min(total / least, 8.0 * threads)) / std::max<std::int64_t>(e.batch, 1);
    if (wanted > 1) {
      // Rows first, as long as they are many: tasks side by side would each arrange the same rows of A for themselves.
      const std::int64_t tiles = ceil_div(e.m, kernels.rows), panels = ceil_div(e.n, kernels.columns);
      const std::int64_t by_rows = std::min(wanted, std::max<std::int64_t>(tiles / 4, 1));
      grid.rows = ceil_div(tiles, by_rows) * kernels.rows;
      const std::int64_t by_columns = std::min(ceil_div(wanted, by_rows), std::max<std::int64_t>(panels / 4, 1));
      grid.columns = ceil_div(panels, by_columns) * kernels.columns;
    }
  }
  // A block of A has to stay in the second cache.
  grid.rows = std::min<std::int64_t>(grid.rows, 16 * kernels.rows);
  if (tiling.rows > 0) grid.rows = tiling.rows;
  if (tiling.columns > 0) grid.columns = ceil_div(tiling.columns, kernels.columns) * kernels.columns;
  return grid;
}

}  // namespace

Runner prepare_matmul(const Step& step, Preparation& p) {
  p.counts(step, 2, 4, 1, 2);
  const Buffer& a = p.in(step, 0);
  const Buffer& b = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  const bool a_transposed = step.ints[0] != 0, b_transposed = step.ints[1] != 0;
  for (const Buffer* buffer : {&a, &b, &y}) {
    p.dtype(*buffer, Dtype::float32);
    p.require(buffer->shape.size() >= 2, "tensor '" + buffer->name + "' is no matrix");
  }
  p.require(y.shape.size() >= std::max(a.shape.size(), b.shape.size()), "'" + y.name + "' has too few dimensions");
  const std::size_t ar = a.shape.size(), br = b.shape.size(), yr = y.shape.size();
  Extents e{};
  e.m = a.shape[ar - (a_transposed ? 1 : 2)];
  e.k = a.shape[ar - (a_transposed ? 2 : 1)];
  e.n = b.shape[br - (b_transposed ? 2 : 1)];
  p.require(b.shape[br - (b_transposed ? 1 : 2)] == e.k,
            "'" + a.name + "' and '" + b.name + "' differ in the dimension that is summed over");
  p.require(y.shape[yr - 2] == e.m && y.shape[yr - 1] == e.n, "'" + y.name + "' has the wrong extents");
  e.batch = 1;
  for (std::size_t d = 0; d + 2 < yr; ++d) e.batch *= y.shape[d];
  std::vector<std::int64_t> a_offsets = matrix_offsets(p, a, y), b_offsets = matrix_offsets(p, b, y);

  Epilogue epilogue;
  Operands operands{step.in[0], step.in[1], absent, absent, step.out[0]};
  if (p.has(step, 2)) {
    p.dtype(p.in(step, 2), Dtype::float32);
    p.shape(p.in(step, 2), {e.n});
    operands.bias = step.in[2];
  }
  if (p.has(step, 3)) {
    p.dtype(p.in(step, 3), Dtype::float32);
    p.shape(p.in(step, 3), y.shape);
    operands.residual = step.in[3];
  }
  const std::int64_t activation = step.ints.size() > 2 ? step.ints[2] : 0;
  p.require(activation >= 0 && activation <= static_cast<std::int64_t>(Activation::clip), "there is no such activation");
  epilogue.activation = static_cast<Activation>(activation);
  if (epilogue.activation == Activation::clip) {
    p.require(step.reals.size() >= 2, "clip needs its two bounds");
    epilogue.low = static_cast<float>(step.reals[0]);
    epilogue.high = static_cast<float>(step.reals[1]);
  }

  const GemmKernels kernels = p.kernels.gemm;
  const bool one_b = b.elements == e.k * e.n;
  // One matrix B for all of the batch: the rows of all the A's are one matrix, if they lie one after the other.
  if (one_b && !a_transposed && a.elements == e.batch * e.m * e.k) {
    e.m *= e.batch;
    e.batch = 1;
    a_offsets = {0};
    b_offsets = {0};
  }
  GemmBlock whole{};
  whole.k = e.k;
  whole.a_row = a_transposed ? 1 : e.k;
  whole.a_k = a_transposed ? a.shape[ar - 1] : 1;
  whole.b_k = b_transposed ? 1 : e.n;
  whole.b_column = b_transposed ? e.k : 1;
  whole.c_row = e.n;
  whole.k_block = p.tiling.k;
  whole.epilogue = epilogue;

  std::shared_ptr<std::vector<float>> packed;
  const auto* const constant = p.constant<float>(step.in[1]);
  if (constant != nullptr && one_b && y.elements > 0) {
    packed = std::make_shared<std::vector<float>>(static_cast<std::size_t>(kernels.packed_size(e.k, e.n)));
    kernels.pack_b(constant, whole.b_k, whole.b_column, e.k, e.n, packed->data());
    whole.packed = true;
    p.release(step.in[1]);
  }
  const Tiling tiling = p.tiling;
  return [=](Context& context) {
    if (e.m == 0 || e.n == 0) return;
    const Grid grid = make_grid(e, kernels, tiling, context.threads());
    const std::int64_t row_tasks = ceil_div(e.m, grid.rows), column_tasks = ceil_div(e.n, grid.columns);
    const auto* const a_data = context.data<const float>(operands.a);
    const float* const b_data = whole.packed ? packed->data() : context.data<const float>(operands.b);
    auto* const y_data = context.data<float>(operands.y);
    context.parallel(e.batch * row_tasks * column_tasks, [&](std::int64_t task, int worker) {
      const std::int64_t matrix = task / (row_tasks * column_tasks);
      const std::int64_t row = task / column_tasks % row_tasks * grid.rows;
      const std::int64_t column = task % column_tasks * grid.columns;
      GemmBlock block = whole;
      block.rows = std::min(grid.rows, e.m - row);
      block.columns = std::min(grid.columns, e.n - column);
      block.a = a_data + a_offsets[static_cast<std::size_t>(matrix)] + row * block.a_row;
      block.b = block.packed ? b_data + column * e.k
                             : b_data + b_offsets[static_cast<std::size_t>(matrix)] + column * block.b_column;
      const std::int64_t at = matrix * e.m * e.n + row * e.n + column;
      block.c = y_data + at;
      if (operands.bias != absent) block.epilogue.bias = context.data<const float>(operands.bias) + column;
      if (operands.residual != absent) block.epilogue.residual = context.data<const float>(operands.residual) + at;
      float* const scratch = context.scratch<float>(worker, static_cast<std::size_t>(kernels.block_scratch(block)));
      kernels.block(block, scratch);
    });
  };
}

}  // namespace aivm

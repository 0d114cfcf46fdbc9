// The primitives `reduce_sum`, `reduce_mean`, `reduce_prod`, `reduce_max`, `reduce_min`.
//   in: x   out: y, which has the elements of the kept axes in their order
//   ints: the axes, ascending; none: a copy
// Terms are numbered in C order over the reduced axes. The mean is the sum divided by the number of terms, that being
// converted to the dtype; of integers the quotient is rounded to zero.
#include "reduce.hpp"

#include <algorithm>
#include <cstring>

#include "extents.hpp"
#include "primitives.hpp"
#include "scalars.hpp"

namespace aivm {
namespace {

template <typename T>
struct Sum {
  static T combine(T a, T b) { return wrap::add(a, b); }
  static constexpr T start() { return 0; }
};
template <typename T>
struct Prod {
  static T combine(T a, T b) { return wrap::multiply(a, b); }
  static constexpr T start() { return 1; }
};
template <typename T>
struct Max {
  static T combine(T a, T b) { return greater(a, b); }
  static constexpr T start() { return lowest<T>(); }
};
template <typename T>
struct Min {
  static T combine(T a, T b) { return lesser(a, b); }
  static constexpr T start() { return highest<T>(); }
};

// Of booleans, which are bytes of 0 and 1.
struct Any {
  static std::uint8_t combine(std::uint8_t a, std::uint8_t b) { return (a | b) != 0; }
  static constexpr std::uint8_t start() { return 0; }
};
struct All {
  static std::uint8_t combine(std::uint8_t a, std::uint8_t b) { return (a != 0) & (b != 0); }
  static constexpr std::uint8_t start() { return 1; }
};

// The loops of reduce.hpp for any dtype, in the same order as those of binary32.
template <typename T, typename Op>
struct Plain {
  static void start(void* lanes, std::int64_t count) { std::fill_n(static_cast<T*>(lanes), count, Op::start()); }
  static void run(void* lanes, const void* x_bytes, std::int64_t n, int lane) {
    T* const acc = static_cast<T*>(lanes);
    const T* x = static_cast<const T*>(x_bytes);
    for (; lane != 0 && lane < reduction_lanes && n > 0; ++lane, ++x, --n) acc[lane] = Op::combine(acc[lane], *x);
    for (; n >= reduction_lanes; x += reduction_lanes, n -= reduction_lanes) {
      for (int i = 0; i < reduction_lanes; ++i) acc[i] = Op::combine(acc[i], x[i]);
    }
    for (int i = 0; i < n; ++i) acc[i] = Op::combine(acc[i], x[i]);
  }
  static void take(void* lanes, const void* x_bytes, std::int64_t width) {
    T* const acc = static_cast<T*>(lanes);
    const T* const x = static_cast<const T*>(x_bytes);
    for (std::int64_t j = 0; j < width; ++j) acc[j] = Op::combine(acc[j], x[j]);
  }
  static void fold(void* lanes, std::int64_t row, int used, std::int64_t width, void* y) {
    T* const rows = static_cast<T*>(lanes);
    for (int half = reduction_lanes / 2; half > 0; half /= 2) {
      for (int i = 0; i < half && i + half < used; ++i) take(rows + i * row, rows + (i + half) * row, width);
    }
    for (std::int64_t j = 0; j < width; ++j) static_cast<T*>(y)[j] = canonical_nan(rows[j]);
  }
  static void rows(const void* x, std::int64_t stride, std::int64_t rows, std::int64_t n, void* y) {
    for (std::int64_t r = 0; r < rows; ++r) {
      T acc[reduction_lanes];
      start(acc, reduction_lanes);
      run(acc, static_cast<const T*>(x) + r * stride, n, 0);
      fold(acc, 1, reduction_lanes, 1, static_cast<T*>(y) + r);
    }
  }
  static constexpr ReduceLoops loops{rows, start, run, take, fold};
};

template <typename T>
ReduceLoops plain_loops(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum: return Plain<T, Sum<T>>::loops;
    case ReduceOp::prod: return Plain<T, Prod<T>>::loops;
    case ReduceOp::max: return Plain<T, Max<T>>::loops;
    case ReduceOp::min: return Plain<T, Min<T>>::loops;
  }
  throw Error("there is no such reduction");
}

// y[i] /= count
template <typename T>
void divide(void* y_bytes, std::int64_t n, std::int64_t count) {
  T* const y = static_cast<T*>(y_bytes);
  if constexpr (std::is_floating_point_v<T>) {
    const T divisor = static_cast<T>(count);
    for (std::int64_t i = 0; i < n; ++i) y[i] = canonical_nan(y[i] / divisor);
  } else {
    if (count == 0) throw Error("the mean of no integers is not defined");
    for (std::int64_t i = 0; i < n; ++i) {
      using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
      y[i] = static_cast<T>(static_cast<Wide>(y[i]) / static_cast<Wide>(count));
    }
  }
}

struct Reduction {
  ReduceLoops loops;
  void (*divide)(void* y, std::int64_t n, std::int64_t count);  // nullptr: it is no mean
  std::int64_t item;
};

template <typename T>
Reduction reduction_of(const std::string& op) {
  const ReduceOp code = op == "reduce_prod"  ? ReduceOp::prod
                        : op == "reduce_max" ? ReduceOp::max
                        : op == "reduce_min" ? ReduceOp::min
                                             : ReduceOp::sum;
  return {plain_loops<T>(code), op == "reduce_mean" ? divide<T> : nullptr, sizeof(T)};
}

Reduction reduction_of(const std::string& op, const Buffer& x, const Preparation& p) {
  switch (x.dtype) {
    case Dtype::float32: {
      Reduction result = reduction_of<float>(op);
      const std::size_t code = op == "reduce_prod" ? 1 : op == "reduce_max" ? 2 : op == "reduce_min" ? 3 : 0;
      result.loops = p.kernels.reduce.loops[code];
      return result;
    }
    case Dtype::float64: return reduction_of<double>(op);
    case Dtype::int8: return reduction_of<std::int8_t>(op);
    case Dtype::int16: return reduction_of<std::int16_t>(op);
    case Dtype::int32: return reduction_of<std::int32_t>(op);
    case Dtype::int64: return reduction_of<std::int64_t>(op);
    case Dtype::uint8: return reduction_of<std::uint8_t>(op);
    case Dtype::uint16: return reduction_of<std::uint16_t>(op);
    case Dtype::uint32: return reduction_of<std::uint32_t>(op);
    case Dtype::uint64: return reduction_of<std::uint64_t>(op);
    case Dtype::boolean:
      if (op == "reduce_max") return {Plain<std::uint8_t, Any>::loops, nullptr, 1};
      if (op == "reduce_min") return {Plain<std::uint8_t, All>::loops, nullptr, 1};
      break;
    default: break;
  }
  throw Error("tensor '" + x.name + "' is " + dtype_name(x.dtype) + ", for which this is not defined");
}

constexpr std::int64_t least_terms = 16384;  // of a task
constexpr std::int64_t column_block = 128;   // columns whose lanes stay in the first cache

// The loops of a reduction: kept and reduced axes, each set collapsed; `columns` of the innermost axis lie side by side if
// that is kept, and `run` terms in a row if it is not.
struct Shape {
  Nest kept, reduced;  // without the innermost axis; one operand
  std::int64_t columns = 1, run = 1, terms = 1;
};

Shape shape_of(const Buffer& x, const std::vector<bool>& is_reduced) {
  Shape s;
  Extents strides = strides_of(x.shape);
  Nest kept, reduced;
  kept.strides.resize(1);
  reduced.strides.resize(1);
  std::size_t last = x.shape.size();
  while (last > 0 && x.shape[last - 1] == 1) --last;
  // Axes at the end of one kind are the innermost loop.
  std::size_t inner = last;
  while (inner > 0 && (x.shape[inner - 1] == 1 || is_reduced[inner - 1] == is_reduced[last - 1])) --inner;
  for (std::size_t axis = 0; axis < inner; ++axis) {
    Nest& nest = is_reduced[axis] ? reduced : kept;
    nest.extents.push_back(x.shape[axis]);
    nest.strides[0].push_back(strides[axis]);
  }
  const std::int64_t innermost = product(x.shape, inner, last);
  if (last > 0 && is_reduced[last - 1]) {
    s.run = innermost;
  } else {
    s.columns = innermost;
  }
  s.terms = product(reduced.extents) * s.run;
  // An axis without movement, so that the walk over the others is over rows.
  for (Nest* nest : {&kept, &reduced}) {
    *nest = collapsed(*nest);
    nest->extents.push_back(1);
    nest->strides[0].push_back(1);
  }
  s.kept = kept;
  s.reduced = reduced;
  return s;
}

}  // namespace

Runner prepare_reduce(const Step& step, Preparation& p) {
  p.counts(step, 1, 1, 1);
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.dtype(y, x.dtype);
  std::vector<bool> is_reduced(x.shape.size(), false);
  std::int64_t previous = -1;
  for (const std::int64_t axis : step.ints) {
    p.require(axis > previous && axis < static_cast<std::int64_t>(x.shape.size()),
              "axes have to be ascending and of '" + x.name + "'");
    is_reduced[static_cast<std::size_t>(axis)] = true;
    previous = axis;
  }
  Extents kept;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) {
    if (!is_reduced[axis]) kept.push_back(x.shape[axis]);
  }
  p.require(product(kept) == y.elements, "tensor '" + y.name + "' has another extent than the kept axes of '" + x.name + "'");
  const Reduction reduction = reduction_of(step.op, x, p);
  const ReduceLoops loops = reduction.loops;
  const std::int64_t item = reduction.item, results = y.elements;
  const Ref x_ref = step.in[0], y_ref = step.out[0];
  if (results == 0) return [](Context&) {};
  std::int64_t terms = 1;
  for (std::size_t axis = 0; axis < x.shape.size(); ++axis) terms *= is_reduced[axis] ? x.shape[axis] : 1;
  const auto divide = reduction.divide;
  p.require(terms > 0 || divide == nullptr || x.dtype == Dtype::float32 || x.dtype == Dtype::float64,
            "the mean of no integers is not defined");
  if (terms == 0) {
    return [=](Context& context) {
      loops.start(context.data<std::byte>(y_ref), results);
      if (divide != nullptr) divide(context.data<std::byte>(y_ref), results, terms);
    };
  }

  if (step.ints.empty()) {
    const auto bytes = static_cast<std::size_t>(x.bytes);
    return [=](Context& context) { std::memmove(context.data<std::byte>(y_ref), context.data<std::byte>(x_ref), bytes); };
  }
  const Shape s = shape_of(x, is_reduced);
  const std::int64_t reduced_rows = product(s.reduced.extents), kept_rows = product(s.kept.extents);
  if (s.columns == 1 && reduced_rows == 1) {
    // Each result is one run, and the runs are equally far apart.
    const std::int64_t run = s.run;
    const std::int64_t rows_per_task = std::max<std::int64_t>(ceil_div(least_terms, run), 1);
    return [=](Context& context) {
      const std::byte* const from = context.data<const std::byte>(x_ref);
      std::byte* const to = context.data<std::byte>(y_ref);
      context.parallel(ceil_div(results, rows_per_task), [&](std::int64_t task, int) {
        const std::int64_t first = task * rows_per_task, n = std::min(rows_per_task, results - first);
        loops.rows(from + first * run * item, run, n, run, to + first * item);
        if (divide != nullptr) divide(to + first * item, n, run);
      });
    };
  }
  // Otherwise each block of columns has its lanes, which go through all terms.
  const std::int64_t blocks = ceil_div(s.columns, column_block), units = kept_rows * blocks;
  const std::int64_t per_unit = s.terms * std::min(s.columns, column_block);
  const std::int64_t units_per_task = std::max<std::int64_t>(least_terms / per_unit, 1);
  return [=](Context& context) {
    const std::byte* const from = context.data<const std::byte>(x_ref);
    std::byte* const to = context.data<std::byte>(y_ref);
    context.parallel(ceil_div(units, units_per_task), [&](std::int64_t task, int) {
      alignas(64) std::byte lanes[reduction_lanes * column_block * sizeof(double)];
      const std::int64_t end = std::min(units, (task + 1) * units_per_task);
      for (std::int64_t unit = task * units_per_task; unit < end; ++unit) {
        const std::int64_t row = unit / blocks, column = unit % blocks * column_block;
        const std::int64_t width = std::min(column_block, s.columns - column);
        const std::byte* const base = from + (Walk(s.kept, row).offset(0) + column) * item;
        loops.start(lanes, reduction_lanes * width);
        Walk walk(s.reduced, 0);
        std::int64_t lane = 0;
        for (std::int64_t i = 0; i < reduced_rows; ++i, walk.next()) {
          const std::byte* const source = base + walk.offset(0) * item;
          if (s.columns == 1) {
            loops.run(lanes, source, s.run, static_cast<int>(lane));
            lane = (lane + s.run) % reduction_lanes;
          } else {
            loops.take(lanes + lane * width * item, source, width);
            lane = (lane + 1) % reduction_lanes;
          }
        }
        const int used = static_cast<int>(std::min<std::int64_t>(s.terms, reduction_lanes));
        std::byte* const result = to + (row * s.columns + column) * item;
        loops.fold(lanes, width, used, width, result);
        if (divide != nullptr) divide(result, width, s.terms);
      }
    });
  };
}

}  // namespace aivm

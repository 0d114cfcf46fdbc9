// The primitives that say where elements are: `arg_max`, `arg_min`, `top_k`.
//   arg_max, arg_min: in: x   out: int64   ints: axis, select_last
//   top_k: in: x   out: values, int64 indices; k is their extent along the axis   ints: axis, largest
// A NaN is greater than every number for arg_max and top_k, and less than every number for arg_min: there it is taken
// first. NaNs are equal to each other, and so are the two zeros. Of equal elements arg_max and arg_min take the first (or the last), and top_k gives the
// earlier one first.
#include <algorithm>
#include <limits>
#include <numeric>
#include <type_traits>

#include "dispatch.hpp"
#include "extents.hpp"
#include "primitives.hpp"
#include "scalars.hpp"

namespace aivm {
namespace {

struct Lines {  // along an axis: `outer` times `inner` of them, of n elements `inner` apart
  std::int64_t outer, n, inner;
};

Lines lines_along(const Buffer& x, std::int64_t axis, const Preparation& p) {
  p.require(axis >= 0 && axis < static_cast<std::int64_t>(x.shape.size()), "tensor '" + x.name + "' has no axis " + std::to_string(axis));
  const auto at = static_cast<std::size_t>(axis);
  return {product(x.shape, 0, at), x.shape[at], product(x.shape, at + 1, x.shape.size())};
}

constexpr std::int64_t least_elements = 16384;  // of a task
constexpr std::int64_t column_block = 256;

// Whether a comes before b.
template <typename T, bool max>
bool better(T a, T b) {
  const bool beats = max ? a > b : a < b;
  if constexpr (std::is_floating_point_v<T>) return beats | ((a != a) & (b == b));
  return beats;
}

template <typename T, bool max>
std::int64_t best_of_run(const T* x, std::int64_t n, bool last) {
  // First the value, in a loop without a dependent index; then its place, a block at a time.
  constexpr int lanes = 32;
  T best[lanes];
  for (T& b : best) b = x[0];
  bool nan = false;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int l = 0; l < lanes; ++l) {
      const T v = x[i + l];
      if constexpr (std::is_floating_point_v<T>) nan |= v != v;
      best[l] = (max ? v > best[l] : v < best[l]) ? v : best[l];
    }
  }
  for (; i < n; ++i) {
    if constexpr (std::is_floating_point_v<T>) nan |= x[i] != x[i];
    best[0] = (max ? x[i] > best[0] : x[i] < best[0]) ? x[i] : best[0];
  }
  T wanted = best[0];
  for (const T b : best) wanted = (max ? b > wanted : b < wanted) ? b : wanted;
  const auto here = [&](T v) { return nan ? v != v : v == wanted; };
  if (last) {
    for (i = n - 1; i > 0 && !here(x[i]);) --i;
    return i;
  }
  i = 0;
  for (; i + lanes <= n; i += lanes) {
    int found = 0;
    if (nan) {
      for (int l = 0; l < lanes; ++l) found |= x[i + l] != x[i + l];
    } else {
      for (int l = 0; l < lanes; ++l) found |= x[i + l] == wanted;
    }
    if (found != 0) break;
  }
  while (i < n - 1 && !here(x[i])) ++i;
  return i;
}

template <typename T, bool max>
void best_of_columns(const T* x, std::int64_t n, std::int64_t inner, std::int64_t width, bool last, std::int64_t* y) {
  // Places as wide as the elements, as far as they go: then a vector holds as many of either.
  using Place = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
  constexpr std::int64_t farthest = std::numeric_limits<std::int32_t>::max();
  T best[column_block];
  Place place[column_block];
  std::copy_n(x, width, best);
  std::fill_n(y, width, 0);
  for (std::int64_t from = 0; from < n; from += farthest) {
    const std::int64_t end = std::min(n, from + farthest);
    std::fill_n(place, width, Place{-1});
    for (std::int64_t i = std::max<std::int64_t>(from, 1); i < end; ++i) {
      const T* const row = x + i * inner;
      const auto here = static_cast<Place>(i - from);
      if (last) {
        for (std::int64_t j = 0; j < width; ++j) {
          const bool take = !better<T, max>(best[j], row[j]);
          best[j] = take ? row[j] : best[j];
          place[j] = take ? here : place[j];
        }
      } else {
        for (std::int64_t j = 0; j < width; ++j) {
          const bool take = better<T, max>(row[j], best[j]);
          best[j] = take ? row[j] : best[j];
          place[j] = take ? here : place[j];
        }
      }
    }
    for (std::int64_t j = 0; j < width; ++j) y[j] = place[j] < 0 ? y[j] : from + place[j];
  }
}

template <typename T, bool max>
Runner arg_runner(const Step& step, const Lines& lines, bool last) {
  const Ref x_ref = step.in[0], y_ref = step.out[0];
  if (lines.inner == 1) {
    const std::int64_t per_task = std::max<std::int64_t>(least_elements / lines.n, 1);
    return [=](Context& context) {
      const T* const x = context.data<const T>(x_ref);
      auto* const y = context.data<std::int64_t>(y_ref);
      context.parallel(ceil_div(lines.outer, per_task), [&](std::int64_t task, int) {
        const std::int64_t end = std::min(lines.outer, (task + 1) * per_task);
        for (std::int64_t i = task * per_task; i < end; ++i) y[i] = best_of_run<T, max>(x + i * lines.n, lines.n, last);
      });
    };
  }
  const std::int64_t blocks = ceil_div(lines.inner, column_block), units = lines.outer * blocks;
  const std::int64_t per_task =
      std::max<std::int64_t>(least_elements / (lines.n * std::min(column_block, lines.inner)), 1);
  return [=](Context& context) {
    const T* const x = context.data<const T>(x_ref);
    auto* const y = context.data<std::int64_t>(y_ref);
    context.parallel(ceil_div(units, per_task), [&](std::int64_t task, int) {
      const std::int64_t end = std::min(units, (task + 1) * per_task);
      for (std::int64_t unit = task * per_task; unit < end; ++unit) {
        const std::int64_t row = unit / blocks, column = unit % blocks * column_block;
        best_of_columns<T, max>(x + row * lines.n * lines.inner + column, lines.n, lines.inner,
                                std::min(column_block, lines.inner - column), last, y + row * lines.inner + column);
      }
    });
  };
}

// The first k of n elements in the order of top_k: a heap of the k best so far, whose worst is on top.
template <typename T, bool largest>
void top_of_run(const T* x, std::int64_t n, std::int64_t stride, std::int64_t k, std::int64_t* order, T* values,
                std::int64_t* indices) {
  const auto before = [=](std::int64_t a, std::int64_t b) {
    const T u = x[a * stride], v = x[b * stride];
    if constexpr (std::is_floating_point_v<T>) {
      const bool u_nan = u != u, v_nan = v != v;
      if (u_nan || v_nan) return u_nan && v_nan ? a < b : u_nan == largest;
    }
    if (u != v) return largest ? u > v : u < v;
    return a < b;
  };
  if (k > n / 8) {
    std::iota(order, order + n, std::int64_t{0});
    if (k < n) std::nth_element(order, order + k, order + n, before);
    std::sort(order, order + k, before);
  } else if (k > 0) {
    std::iota(order, order + k, std::int64_t{0});
    std::make_heap(order, order + k, before);
    for (std::int64_t i = k; i < n; ++i) {
      // An element that is not better than the worst of the heap cannot come before it: it is also later.
      const T v = x[i * stride], worst = x[order[0] * stride];
      if (largest ? v <= worst : v >= worst) continue;
      if (!before(i, order[0])) continue;
      std::pop_heap(order, order + k, before);
      order[k - 1] = i;
      std::push_heap(order, order + k, before);
    }
    std::sort_heap(order, order + k, before);
  }
  for (std::int64_t i = 0; i < k; ++i) {
    values[i * stride] = canonical_nan(x[order[i] * stride]);
    indices[i * stride] = order[i];
  }
}

template <typename T>
Runner top_runner(const Step& step, const Lines& lines, std::int64_t k, bool largest) {
  const Ref x_ref = step.in[0], values_ref = step.out[0], indices_ref = step.out[1];
  const std::int64_t units = lines.outer * lines.inner;
  const std::int64_t per_task = std::max<std::int64_t>(least_elements / 8 / std::max<std::int64_t>(lines.n, 1), 1);
  return [=](Context& context) {
    const T* const x = context.data<const T>(x_ref);
    T* const values = context.data<T>(values_ref);
    auto* const indices = context.data<std::int64_t>(indices_ref);
    context.parallel(ceil_div(units, per_task), [&](std::int64_t task, int worker) {
      auto* const order = context.scratch<std::int64_t>(worker, static_cast<std::size_t>(lines.n));
      const std::int64_t end = std::min(units, (task + 1) * per_task);
      for (std::int64_t unit = task * per_task; unit < end; ++unit) {
        const std::int64_t row = unit / lines.inner, column = unit % lines.inner;
        const std::int64_t to = row * k * lines.inner + column;
        const T* const from = x + row * lines.n * lines.inner + column;
        (largest ? top_of_run<T, true> : top_of_run<T, false>)(from, lines.n, lines.inner, k, order, values + to,
                                                                 indices + to);
      }
    });
  };
}

}  // namespace

Runner prepare_arg(const Step& step, Preparation& p) {
  p.counts(step, 1, 1, 1, 2);
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.dtype(y, Dtype::int64);
  const Lines lines = lines_along(x, step.ints[0], p);
  const bool last = step.ints[1] != 0, max = step.op == "arg_max";
  p.require(lines.n > 0, "tensor '" + x.name + "' has no element along axis " + std::to_string(step.ints[0]));
  p.require(y.elements == lines.outer * lines.inner, "tensor '" + y.name + "' does not have one element per line of '" + x.name + "'");
  if (y.elements == 0) return [](Context&) {};
  return for_numbers(x, [&](auto zero) -> Runner {
    using T = decltype(zero);
    return (max ? arg_runner<T, true> : arg_runner<T, false>)(step, lines, last);
  });
}

Runner prepare_top_k(const Step& step, Preparation& p) {
  p.counts(step, 1, 1, 2, 2);
  const Buffer& x = p.in(step, 0);
  const Buffer& values = p.out(step, 0);
  const Buffer& indices = p.out(step, 1);
  p.dtype(values, x.dtype);
  p.dtype(indices, Dtype::int64);
  const Lines lines = lines_along(x, step.ints[0], p);
  const auto axis = static_cast<std::size_t>(step.ints[0]);
  const bool largest = step.ints[1] != 0;
  Extents wanted = x.shape;
  p.require(values.shape.size() == wanted.size(), "tensor '" + values.name + "' has another rank than '" + x.name + "'");
  const std::int64_t k = values.shape[axis];
  p.require(k <= lines.n, "k is " + std::to_string(k) + ", and '" + x.name + "' has " + std::to_string(lines.n) +
                              " elements along axis " + std::to_string(axis));
  wanted[axis] = k;
  p.shape(values, wanted);
  p.shape(indices, wanted);
  if (values.elements == 0) return [](Context&) {};
  return for_numbers(x, [&](auto zero) -> Runner { return top_runner<decltype(zero)>(step, lines, k, largest); });
}

}  // namespace aivm

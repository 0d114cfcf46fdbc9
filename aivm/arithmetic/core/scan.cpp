// The primitives `cumsum` and `cumprod`: y[i] = y[i - 1] op x[i] along an axis, one after the other.
//   in: x   out: y   ints: axis, exclusive, reverse
// y[0] is x[0]. Reverse: from the end. Exclusive: the same moved on by one, 0 (or 1) first.
#include <algorithm>

#include "dispatch.hpp"
#include "extents.hpp"
#include "primitives.hpp"
#include "scalars.hpp"

namespace aivm {
namespace {

constexpr std::int64_t column_block = 1024;
constexpr std::int64_t least_elements = 16384;  // of a task

template <typename T, bool sum>
void scan_columns(const T* x, T* y, std::int64_t n, std::int64_t inner, std::int64_t width, bool exclusive, bool reverse) {
  const auto combine = [](T a, T b) { return sum ? wrap::add(a, b) : wrap::multiply(a, b); };
  const std::int64_t step = reverse ? -inner : inner;
  const T* from = x + (reverse ? (n - 1) * inner : 0);
  T* to = y + (reverse ? (n - 1) * inner : 0);
  if (width == 1) {
    T total = canonical_nan(*from);
    if (!exclusive) {
      *to = total;
      for (std::int64_t i = 1; i < n; ++i) to[i * step] = total = combine(total, from[i * step]);
      return;
    }
    // x and y may be the same memory: an element is read before it is written.
    T before = sum ? T{0} : T{1};
    for (std::int64_t i = 0; i < n; ++i) {
      const T next = i == 0 ? canonical_nan(*from) : combine(before, from[i * step]);
      to[i * step] = before;
      before = next;
    }
    return;
  }
  if (!exclusive) {
    for (std::int64_t j = 0; j < width; ++j) to[j] = canonical_nan(from[j]);
    for (std::int64_t i = 1; i < n; ++i) {
      const T* const more = from + i * step;
      T* const out = to + i * step;
      const T* const sofar = out - step;
      for (std::int64_t j = 0; j < width; ++j) out[j] = combine(sofar[j], more[j]);
    }
    return;
  }
  T before[column_block];
  std::fill_n(before, width, sum ? T{0} : T{1});
  for (std::int64_t i = 0; i < n; ++i) {
    const T* const more = from + i * step;
    T* const out = to + i * step;
    for (std::int64_t j = 0; j < width; ++j) {
      const T next = i == 0 ? canonical_nan(more[j]) : combine(before[j], more[j]);
      out[j] = before[j];
      before[j] = next;
    }
  }
}

}  // namespace

Runner prepare_scan(const Step& step, Preparation& p) {
  p.counts(step, 1, 1, 1, 3);
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.dtype(y, x.dtype);
  p.shape(y, x.shape);
  const std::int64_t axis = step.ints[0];
  p.require(axis >= 0 && axis < static_cast<std::int64_t>(x.shape.size()),
            "tensor '" + x.name + "' has no axis " + std::to_string(axis));
  const auto at = static_cast<std::size_t>(axis);
  const std::int64_t outer = product(x.shape, 0, at), n = x.shape[at], inner = product(x.shape, at + 1, x.shape.size());
  const bool exclusive = step.ints[1] != 0, reverse = step.ints[2] != 0, sum = step.op == "cumsum";
  const Ref x_ref = step.in[0], y_ref = step.out[0];
  if (x.elements == 0) return [](Context&) {};
  const std::int64_t blocks = ceil_div(inner, column_block), units = outer * blocks;
  const std::int64_t per_task = std::max<std::int64_t>(least_elements / (n * std::min(inner, column_block)), 1);
  return for_numbers(x, [&](auto zero) -> Runner {
    using T = decltype(zero);
    const auto scan = sum ? scan_columns<T, true> : scan_columns<T, false>;
    return [=](Context& context) {
      const T* const from = context.data<const T>(x_ref);
      T* const to = context.data<T>(y_ref);
      context.parallel(ceil_div(units, per_task), [&](std::int64_t task, int) {
        const std::int64_t end = std::min(units, (task + 1) * per_task);
        for (std::int64_t unit = task * per_task; unit < end; ++unit) {
          const std::int64_t offset = unit / blocks * n * inner + unit % blocks * column_block;
          scan(from + offset, to + offset, n, inner, std::min(column_block, inner - unit % blocks * column_block),
               exclusive, reverse);
        }
      });
    };
  });
}

}  // namespace aivm

// The primitives that write by index: `scatter_elements` and `scatter_nd`.
//   in: data, indices (int32 or int64; scatter_nd: int64), updates   out: y
//   ints: scatter_elements: axis, reduction; scatter_nd: reduction
//   reduction: 0 none, 1 add, 2 mul, 3 max, 4 min
// y is data, into which the updates go one after the other, in C order; with none the last one stays. A negative index
// counts from the end. One that is out of range is an Error of the run.
#include <algorithm>
#include <cstring>

#include "dispatch.hpp"
#include "indices.hpp"
#include "primitives.hpp"
#include "scalars.hpp"

namespace aivm {
namespace {

constexpr std::int64_t least_bytes = 65536;   // of a task that copies
constexpr std::int64_t slice_block = 4096;    // elements of each slice that a task writes

enum class Combine : std::uint8_t { none, add, mul, max, min };

Combine combine_from(std::int64_t code, const Buffer& data, const Preparation& p) {
  p.require(code >= 0 && code <= 4, "there is no reduction " + std::to_string(code));
  const auto combine = static_cast<Combine>(code);
  const bool number = data.dtype != Dtype::boolean && data.dtype != Dtype::float16 && data.dtype != Dtype::bfloat16;
  p.require(combine == Combine::none || number,
            "tensor '" + data.name + "' is " + dtype_name(data.dtype) + ", which cannot be combined");
  return combine;
}

template <typename T, Combine combine>
struct Put {
  static void one(T& y, T update) {
    if constexpr (combine == Combine::none) y = update;
    if constexpr (combine == Combine::add) y = wrap::add(y, update);
    if constexpr (combine == Combine::mul) y = wrap::multiply(y, update);
    if constexpr (combine == Combine::max) y = greater(y, update);
    if constexpr (combine == Combine::min) y = lesser(y, update);
  }
};

// body(Put<T, combine>(), T()); without a combination T is but a word of that size.
template <typename Body>
Runner for_combination(const Buffer& data, Combine combine, Body body) {
  if (combine == Combine::none) {
    return for_words(data.dtype, [&](auto zero) { return body(Put<decltype(zero), Combine::none>{}, zero); });
  }
  return for_numbers(data, [&](auto zero) -> Runner {
    using T = decltype(zero);
    switch (combine) {
      case Combine::add: return body(Put<T, Combine::add>{}, zero);
      case Combine::mul: return body(Put<T, Combine::mul>{}, zero);
      case Combine::max: return body(Put<T, Combine::max>{}, zero);
      default: return body(Put<T, Combine::min>{}, zero);
    }
  });
}

void copy_all(Context& context, Ref from, Ref to, std::int64_t bytes) {
  const std::byte* const source = context.data<const std::byte>(from);
  std::byte* const target = context.data<std::byte>(to);
  context.parallel(ceil_div(bytes, least_bytes), [&](std::int64_t task, int) {
    const std::int64_t at = task * least_bytes;
    std::memcpy(target + at, source + at, static_cast<std::size_t>(std::min(least_bytes, bytes - at)));
  });
}

}  // namespace

Runner prepare_scatter_elements(const Step& step, Preparation& p) {
  p.counts(step, 3, 3, 1, 2);
  const Buffer& data = p.in(step, 0);
  const Buffer& indices = p.in(step, 1);
  const Buffer& updates = p.in(step, 2);
  const Buffer& y = p.out(step, 0);
  p.dtype(updates, data.dtype);
  p.dtype(y, data.dtype);
  p.shape(y, data.shape);
  p.shape(updates, indices.shape);
  const std::size_t axis = check_elements(step.ints[0], data, indices, p);
  const Combine combine = combine_from(step.ints[1], data, p);
  const Ref data_ref = step.in[0], indices_ref = step.in[1], updates_ref = step.in[2], y_ref = step.out[0];
  const std::int64_t bytes = data.bytes, count = indices.elements;
  const IndexRule rule{data.shape[axis], data.name, indices.name};
  Nest nest;
  nest.extents = indices.shape;
  nest.strides.push_back(strides_of(data.shape));
  const std::int64_t along = nest.strides[0][axis];
  nest.strides[0][axis] = 0;
  // Updates that differ in an axis before `axis` never meet: each task takes some of those.
  const std::int64_t outer = std::max<std::int64_t>(product(indices.shape, 0, axis), 1);
  nest = collapsed(nest);
  const std::int64_t n = nest.extents.back(), step_inner = nest.strides[0].back();
  const std::int64_t rows = count == 0 ? 0 : count / n;
  const std::int64_t groups = rows % outer == 0 ? outer : 1, rows_per_group = rows / groups;
  const std::int64_t groups_per_task = std::max<std::int64_t>(slice_block / std::max<std::int64_t>(rows_per_group * n, 1), 1);
  return for_indices(indices, [&](auto index_zero) -> Runner {
    using Index = decltype(index_zero);
    return for_combination(data, combine, [&](auto put, auto zero) -> Runner {
      using T = decltype(zero);
      return [=](Context& context) {
        copy_all(context, data_ref, y_ref, bytes);
        const Index* const index = context.data<const Index>(indices_ref);
        const T* const update = context.data<const T>(updates_ref);
        T* const to = context.data<T>(y_ref);
        if (rows == 0) return;
        context.parallel(ceil_div(groups, groups_per_task), [&](std::int64_t task, int) {
          const std::int64_t first = task * groups_per_task * rows_per_group;
          const std::int64_t end = std::min(rows, first + groups_per_task * rows_per_group);
          Walk walk(nest, first);
          for (std::int64_t row = first; row < end; ++row, walk.next()) {
            T* const base = to + walk.offset(0);
            for (std::int64_t i = 0; i < n; ++i) {
              put.one(base[i * step_inner + rule.checked(index[row * n + i]) * along], update[row * n + i]);
            }
          }
        });
      };
    });
  });
}

Runner prepare_scatter_nd(const Step& step, Preparation& p) {
  p.counts(step, 3, 3, 1, 1);
  const Buffer& data = p.in(step, 0);
  const Buffer& indices = p.in(step, 1);
  const Buffer& updates = p.in(step, 2);
  const Buffer& y = p.out(step, 0);
  p.dtype(indices, Dtype::int64);
  p.dtype(updates, data.dtype);
  p.dtype(y, data.dtype);
  p.shape(y, data.shape);
  const IndexTuples tuples = tuples_of(data, indices, 0, p);
  const Combine combine = combine_from(step.ints[0], data, p);
  const std::int64_t count = product(indices.shape, 0, indices.shape.size() - 1), slice = tuples.slice;
  p.require(checked_product(count, slice) == updates.elements,
            "tensor '" + updates.name + "' does not have one slice of '" + data.name + "' per index tuple");
  const Ref data_ref = step.in[0], indices_ref = step.in[1], updates_ref = step.in[2], y_ref = step.out[0];
  const std::int64_t bytes = data.bytes;
  // Tasks share out the slices' elements, and each goes through all updates in order.
  const std::int64_t blocks = ceil_div(slice, slice_block);
  return for_combination(data, combine, [&](auto put, auto zero) -> Runner {
    using T = decltype(zero);
    return [=](Context& context) {
      copy_all(context, data_ref, y_ref, bytes);
      const auto* const index = context.data<const std::int64_t>(indices_ref);
      const T* const update = context.data<const T>(updates_ref);
      T* const to = context.data<T>(y_ref);
      context.parallel(blocks, [&](std::int64_t block, int) {
        const std::int64_t from = block * slice_block, n = std::min(slice_block, slice - from);
        for (std::int64_t i = 0; i < count; ++i) {
          T* const target = to + tuples.offset(index + i * tuples.depth) + from;
          const T* const source = update + i * slice + from;
          for (std::int64_t j = 0; j < n; ++j) put.one(target[j], source[j]);
        }
      });
    };
  });
}

}  // namespace aivm

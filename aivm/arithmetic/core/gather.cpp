// The primitives that read by index: `gather`, `gather_elements`, `gather_nd`.
//   in: data, indices (int32 or int64; gather_nd: int64)   out: y
//   ints: gather, gather_elements: axis; gather_nd: batch_dims
// A negative index counts from the end. One that is out of range is an Error of the run.
#include <algorithm>
#include <cstring>

#include "dispatch.hpp"
#include "extents.hpp"
#include "indices.hpp"
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr std::int64_t least_bytes = 32768;  // of a task

template <typename Index>
Runner gather_runner(const Step& step, const Preparation& p, std::int64_t outer, std::int64_t n, std::int64_t inner) {
  const Buffer& data = p.in(step, 0);
  const Buffer& indices = p.in(step, 1);
  const std::int64_t item = item_size(data.dtype), count = indices.elements, rows = outer * count;
  const std::int64_t per_task = std::max<std::int64_t>(least_bytes / (inner * item), 1);
  const Ref data_ref = step.in[0], indices_ref = step.in[1], y_ref = step.out[0];
  const IndexRule rule{n, data.name, indices.name};
  return for_words(data.dtype, [&](auto zero) -> Runner {
    using T = decltype(zero);
    return [=](Context& context) {
      const T* const from = context.data<const T>(data_ref);
      const Index* const index = context.data<const Index>(indices_ref);
      T* const to = context.data<T>(y_ref);
      context.parallel(ceil_div(rows, per_task), [&](std::int64_t task, int) {
        const std::int64_t end = std::min(rows, (task + 1) * per_task);
        for (std::int64_t row = task * per_task; row < end;) {
          // As many rows as there are of one block of the data.
          const std::int64_t first = row % count, here = std::min(count - first, end - row);
          const T* const block = from + row / count * n * inner;
          for (std::int64_t j = 0; j < here; ++j) {
            const T* const source = block + rule.checked(index[first + j]) * inner;
            if (inner == 1) {
              to[row + j] = *source;
            } else {
              std::memcpy(to + (row + j) * inner, source, static_cast<std::size_t>(inner) * sizeof(T));
            }
          }
          row += here;
        }
      });
    };
  });
}

template <typename Index>
Runner elements_runner(const Step& step, const Preparation& p, std::size_t axis) {
  const Buffer& data = p.in(step, 0);
  const Buffer& indices = p.in(step, 1);
  const Ref data_ref = step.in[0], indices_ref = step.in[1], y_ref = step.out[0];
  const IndexRule rule{data.shape[axis], data.name, indices.name};
  Nest nest;
  nest.extents = indices.shape;
  nest.strides.push_back(strides_of(data.shape));
  const std::int64_t along = nest.strides[0][axis];
  nest.strides[0][axis] = 0;
  nest = collapsed(nest);
  const std::int64_t n = nest.extents.back(), rows = indices.elements / n, step_inner = nest.strides[0].back();
  const std::int64_t per_task = std::max<std::int64_t>(least_bytes / 8 / n, 1);
  return for_words(data.dtype, [&](auto zero) -> Runner {
    using T = decltype(zero);
    return [=](Context& context) {
      const T* const from = context.data<const T>(data_ref);
      const Index* const index = context.data<const Index>(indices_ref);
      T* const to = context.data<T>(y_ref);
      context.parallel(ceil_div(rows, per_task), [&](std::int64_t task, int) {
        const std::int64_t end = std::min(rows, (task + 1) * per_task);
        Walk walk(nest, task * per_task);
        for (std::int64_t row = task * per_task; row < end; ++row, walk.next()) {
          const T* const base = from + walk.offset(0);
          for (std::int64_t i = 0; i < n; ++i) {
            to[row * n + i] = base[i * step_inner + rule.checked(index[row * n + i]) * along];
          }
        }
      });
    };
  });
}

}  // namespace

Runner prepare_gather(const Step& step, Preparation& p) {
  p.counts(step, 2, 2, 1, 1);
  const Buffer& data = p.in(step, 0);
  const Buffer& indices = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  p.dtype(y, data.dtype);
  const std::int64_t axis = step.ints[0];
  p.require(axis >= 0 && axis < static_cast<std::int64_t>(data.shape.size()),
            "tensor '" + data.name + "' has no axis " + std::to_string(axis));
  const auto at = static_cast<std::size_t>(axis);
  const std::int64_t outer = product(data.shape, 0, at), inner = product(data.shape, at + 1, data.shape.size());
  p.require(checked_product(checked_product(outer, indices.elements), inner) == y.elements,
            "tensor '" + y.name + "' does not have the extent of what is gathered");
  if (y.elements == 0) return [](Context&) {};
  return for_indices(indices, [&](auto zero) -> Runner {
    return gather_runner<decltype(zero)>(step, p, outer, data.shape[at], inner);
  });
}

Runner prepare_gather_elements(const Step& step, Preparation& p) {
  p.counts(step, 2, 2, 1, 1);
  const Buffer& data = p.in(step, 0);
  const Buffer& indices = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  p.dtype(y, data.dtype);
  const std::size_t axis = check_elements(step.ints[0], data, indices, p);
  p.require(y.elements == indices.elements, "tensor '" + y.name + "' does not have the extent of '" + indices.name + "'");
  if (y.elements == 0) return [](Context&) {};
  return for_indices(indices, [&](auto zero) -> Runner { return elements_runner<decltype(zero)>(step, p, axis); });
}

Runner prepare_gather_nd(const Step& step, Preparation& p) {
  p.counts(step, 2, 2, 1, 1);
  const Buffer& data = p.in(step, 0);
  const Buffer& indices = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  p.dtype(y, data.dtype);
  p.dtype(indices, Dtype::int64);
  const std::int64_t batch_dims = step.ints[0];
  p.require(batch_dims >= 0 && batch_dims < static_cast<std::int64_t>(std::min(data.shape.size(), indices.shape.size())),
            "batch_dims is out of range");
  const auto batch = static_cast<std::size_t>(batch_dims);
  for (std::size_t d = 0; d < batch; ++d) {
    p.require(data.shape[d] == indices.shape[d], "tensors '" + data.name + "' and '" + indices.name + "' differ in a batch axis");
  }
  const IndexTuples tuples = tuples_of(data, indices, batch, p);
  const std::int64_t batches = product(data.shape, 0, batch);
  const std::int64_t per_batch = product(indices.shape, batch, indices.shape.size() - 1);
  const std::int64_t batch_stride = product(data.shape, batch, data.shape.size());
  const std::int64_t slice = tuples.slice, rows = checked_product(batches, per_batch);
  p.require(checked_product(rows, slice) == y.elements, "tensor '" + y.name + "' does not have the extent of what is gathered");
  if (y.elements == 0) return [](Context&) {};
  const Ref data_ref = step.in[0], indices_ref = step.in[1], y_ref = step.out[0];
  const std::int64_t item = item_size(data.dtype);
  const std::int64_t per_task = std::max<std::int64_t>(least_bytes / (slice * item), 1);
  return for_words(data.dtype, [&](auto zero) -> Runner {
    using T = decltype(zero);
    return [=](Context& context) {
      const T* const from = context.data<const T>(data_ref);
      const auto* const index = context.data<const std::int64_t>(indices_ref);
      T* const to = context.data<T>(y_ref);
      context.parallel(ceil_div(rows, per_task), [&](std::int64_t task, int) {
        const std::int64_t end = std::min(rows, (task + 1) * per_task);
        for (std::int64_t row = task * per_task; row < end; ++row) {
          const T* const source = from + row / per_batch * batch_stride + tuples.offset(index + row * tuples.depth);
          if (slice == 1) {
            to[row] = *source;
          } else {
            std::memcpy(to + row * slice, source, static_cast<std::size_t>(slice) * sizeof(T));
          }
        }
      });
    };
  });
}

}  // namespace aivm

// The primitive `interpolate`: a weighted sum of a few elements along an axis for each place of the result. Resize is this,
// axis by axis.
//   in: x (float32), indices (int64 [out, taps]), weights (float32 [out, taps])   out: y, as x but for `out` along the axis
//   ints: axis
// y[…, o, …] = from +0, for t ascending: fma(weights[o, t], x[…, indices[o, t], …], …)
#include "interpolate.hpp"

#include <algorithm>

#include "extents.hpp"
#include "indices.hpp"
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr std::int64_t least_elements = 8192;  // of a task

// The tables by tap, as the kernel along the innermost axis reads them.
struct Tables {
  std::vector<std::int32_t> indices;
  std::vector<float> weights;
};

Tables by_tap(const std::int64_t* indices, const float* weights, std::int64_t out, std::int64_t taps, const IndexRule& rule) {
  Tables tables;
  for (std::int64_t t = 0; t < taps; ++t) {
    for (std::int64_t o = 0; o < out; ++o) {
      tables.indices.push_back(static_cast<std::int32_t>(rule.checked(indices[o * taps + t])));
      tables.weights.push_back(weights[o * taps + t]);
    }
  }
  return tables;
}

}  // namespace

Runner prepare_interpolate(const Step& step, Preparation& p) {
  p.counts(step, 3, 3, 1, 1);
  const Buffer& x = p.in(step, 0);
  const Buffer& indices = p.in(step, 1);
  const Buffer& weights = p.in(step, 2);
  const Buffer& y = p.out(step, 0);
  p.dtype(x, Dtype::float32);
  p.dtype(indices, Dtype::int64);
  p.dtype(weights, Dtype::float32);
  p.dtype(y, Dtype::float32);
  p.rank(indices, 2);
  p.shape(weights, indices.shape);
  const std::int64_t axis = step.ints[0], out = indices.shape[0], taps = indices.shape[1];
  p.require(axis >= 0 && axis < static_cast<std::int64_t>(x.shape.size()),
            "tensor '" + x.name + "' has no axis " + std::to_string(axis));
  const auto at = static_cast<std::size_t>(axis);
  Extents wanted = x.shape;
  wanted[at] = out;
  p.shape(y, wanted);
  p.require(x.shape[at] < (std::int64_t{1} << 31), "tensor '" + x.name + "' is too long along the axis");
  const std::int64_t outer = product(x.shape, 0, at), n = x.shape[at], inner = product(x.shape, at + 1, x.shape.size());
  const IndexRule rule{n, x.name, indices.name};
  const Ref x_ref = step.in[0], indices_ref = step.in[1], weights_ref = step.in[2], y_ref = step.out[0];
  if (y.elements == 0) return [](Context&) {};
  if (inner == 1) {
    const auto kernel = p.kernels.interpolate.line;
    const std::int64_t rows = std::max<std::int64_t>(least_elements / out, 1);
    return [=](Context& context) {
      const Tables tables = by_tap(context.data<const std::int64_t>(indices_ref), context.data<const float>(weights_ref), out, taps, rule);
      const auto* const from = context.data<const float>(x_ref);
      auto* const to = context.data<float>(y_ref);
      context.parallel(ceil_div(outer, rows), [&](std::int64_t task, int) {
        for (std::int64_t row = task * rows; row < std::min(outer, (task + 1) * rows); ++row) {
          kernel(from + row * n, tables.indices.data(), tables.weights.data(), taps, to + row * out, out);
        }
      });
    };
  }
  const auto kernel = p.kernels.interpolate.rows;
  const std::int64_t rows = outer * out, per_task = std::max<std::int64_t>(least_elements / inner, 1);
  return [=](Context& context) {
    const auto* const index = context.data<const std::int64_t>(indices_ref);
    const auto* const weight = context.data<const float>(weights_ref);
    const auto* const from = context.data<const float>(x_ref);
    auto* const to = context.data<float>(y_ref);
    context.parallel(ceil_div(rows, per_task), [&](std::int64_t task, int) {
      std::vector<const float*> sources(static_cast<std::size_t>(taps));
      for (std::int64_t row = task * per_task; row < std::min(rows, (task + 1) * per_task); ++row) {
        const std::int64_t o = row % out;
        for (std::int64_t t = 0; t < taps; ++t) {
          const std::int64_t i = rule.checked(index[o * taps + t]);
          sources[static_cast<std::size_t>(t)] = from + (row / out * n + i) * inner;
        }
        kernel(sources.data(), weight + o * taps, taps, to + row * inner, inner);
      }
    });
  };
}

}  // namespace aivm

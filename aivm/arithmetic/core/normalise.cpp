// The primitives `softmax`, `log_softmax` and `layer_norm`, fused; each equals its ONNX function body to the bit.
//   softmax, log_softmax: in: x   out: y   ints: axis
//     t = x - max(x); e = exp(t); s = sum(e); y = e / s, or t - log(s)
//   layer_norm: in: x, scale, bias?   out: y, mean?, inverse deviation?   ints: axis   reals: epsilon
//     over the axes from `axis` on: m = mean(x); v = mean(x x) - m m; d = sqrt(v + epsilon);
//     y = (x - m) / d scale + bias; inverse deviation = 1 / d
#include "normalise.hpp"

#include <algorithm>

#include "extents.hpp"
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr std::int64_t least_elements = 4096;  // of a task
constexpr std::int64_t column_block = 64;

std::size_t axis_of(const Step& step, const Buffer& x, const Preparation& p) {
  const std::int64_t axis = step.ints[0];
  p.require(axis >= 0 && axis < static_cast<std::int64_t>(x.shape.size()),
            "tensor '" + x.name + "' has no axis " + std::to_string(axis));
  return static_cast<std::size_t>(axis);
}

}  // namespace

Runner prepare_softmax(const Step& step, Preparation& p) {
  p.counts(step, 1, 1, 1, 1);
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.dtype(x, Dtype::float32);
  p.dtype(y, Dtype::float32);
  p.shape(y, x.shape);
  const std::size_t axis = axis_of(step, x, p);
  const std::int64_t outer = product(x.shape, 0, axis), n = x.shape[axis];
  const std::int64_t inner = product(x.shape, axis + 1, x.shape.size());
  const bool logarithm = step.op == "log_softmax";
  const Ref x_ref = step.in[0], y_ref = step.out[0];
  if (x.elements == 0) return [](Context&) {};
  if (inner == 1) {
    const auto kernel = p.kernels.normalise.softmax_rows;
    const std::int64_t rows = std::max<std::int64_t>(least_elements / n, 1);
    return [=](Context& context) {
      const auto* const from = context.data<const float>(x_ref);
      auto* const to = context.data<float>(y_ref);
      context.parallel(ceil_div(outer, rows), [&](std::int64_t task, int) {
        const std::int64_t first = task * rows;
        kernel(from + first * n, std::min(rows, outer - first), n, logarithm, to + first * n);
      });
    };
  }
  const auto kernel = p.kernels.normalise.softmax_columns;
  const std::int64_t blocks = ceil_div(inner, column_block);
  return [=](Context& context) {
    const auto* const from = context.data<const float>(x_ref);
    auto* const to = context.data<float>(y_ref);
    context.parallel(outer * blocks, [&](std::int64_t task, int) {
      float scratch[18 * column_block];
      const std::int64_t column = task % blocks * column_block;
      const std::int64_t offset = task / blocks * n * inner + column;
      kernel(from + offset, n, inner, std::min(column_block, inner - column), logarithm, to + offset, scratch);
    });
  };
}

Runner prepare_layer_norm(const Step& step, Preparation& p) {
  p.require(step.in.size() >= 2 && step.in.size() <= 3, "takes 2 or 3 inputs");
  p.require(!step.out.empty() && step.out.size() <= 3, "has 1 to 3 outputs");
  p.require(step.ints.size() == 1 && step.reals.size() == 1, "needs an axis and an epsilon");
  const Buffer& x = p.in(step, 0);
  const Buffer& scale = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  const std::size_t axis = axis_of(step, x, p);
  const std::int64_t rows = product(x.shape, 0, axis), n = product(x.shape, axis, x.shape.size());
  p.shape(y, x.shape);
  const auto operand = [&](const Buffer& buffer) {
    p.require(buffer.elements == n || buffer.elements == 1,
              "tensor '" + buffer.name + "' does not have the extent that is normalised");
    p.dtype(buffer, Dtype::float32);
    return std::int64_t{buffer.elements == 1 ? 0 : 1};
  };
  p.dtype(x, Dtype::float32);
  p.dtype(y, Dtype::float32);
  const std::int64_t scale_step = operand(scale);
  const bool has_bias = p.has(step, 2);
  const std::int64_t bias_step = has_bias ? operand(p.buffer(step.in[2])) : 0;
  Ref extra[2] = {absent, absent};
  for (std::size_t i = 1; i < step.out.size(); ++i) {
    if (step.out[i] == absent) continue;
    const Buffer& buffer = p.buffer(step.out[i]);
    p.dtype(buffer, Dtype::float32);
    p.require(buffer.elements == rows, "tensor '" + buffer.name + "' does not have one element per row of '" + x.name + "'");
    extra[i - 1] = step.out[i];
  }
  const auto epsilon = static_cast<float>(step.reals[0]);
  const Ref x_ref = step.in[0], scale_ref = step.in[1], bias_ref = has_bias ? step.in[2] : absent, y_ref = step.out[0];
  const Ref mean_ref = extra[0], inverse_ref = extra[1];
  const auto kernel = p.kernels.normalise.layer_norm;
  p.require(n > 0, "nothing is normalised in '" + x.name + "'");
  const std::int64_t rows_per_task = std::max<std::int64_t>(least_elements / n, 1);
  return [=](Context& context) {
    context.parallel(ceil_div(rows, rows_per_task), [&](std::int64_t task, int) {
      const std::int64_t end = std::min(rows, (task + 1) * rows_per_task);
      for (std::int64_t row = task * rows_per_task; row < end; ++row) {
        LayerNormRow r;
        r.x = context.data<const float>(x_ref) + row * n;
        r.scale = context.data<const float>(scale_ref);
        r.scale_step = scale_step;
        r.bias = bias_ref == absent ? nullptr : context.data<const float>(bias_ref);
        r.bias_step = bias_step;
        r.epsilon = epsilon;
        r.n = n;
        r.y = context.data<float>(y_ref) + row * n;
        r.mean = mean_ref == absent ? nullptr : context.data<float>(mean_ref) + row;
        r.inverse_deviation = inverse_ref == absent ? nullptr : context.data<float>(inverse_ref) + row;
        kernel(r);
      }
    });
  };
}

}  // namespace aivm

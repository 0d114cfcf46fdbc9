// The primitives `quantize_linear`, `dequantize_linear` and `requantize`.
//   quantize_linear: in: x (float32), scale (float32), zero?   out: y (int8, uint8, int16 or uint16)
//     y = saturate(round(x / scale) + zero)   ints: axis, block_size, saturate (which it always does)
//   dequantize_linear: in: x (those or int32), scale, zero?   out: y (float32)
//     y = float(x - zero) * scale, the difference being exact   ints: axis, block_size
//   requantize: in: x (int32), multiplier (float32), zero?   out: y (int8 or uint8)
//     y = saturate(round(float(x) * multiplier) + zero)   ints: axis
// Rounding is to nearest even; a NaN counts as 0. A scale has one element, or one per index of the axis, or with
// block_size > 0 the shape of x but for the axis, where it has one per block. A zero has the scale's elements and y's dtype
// (for dequantize_linear x's).
#include "quantise.hpp"

#include <algorithm>
#include <type_traits>

#include "dispatch.hpp"
#include "extents.hpp"
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr std::int64_t chunk = 16384;  // elements of a task

// How tensors share scales: x is [outer, axis, inner], and `block` neighbours along the axis have one scale.
struct Sharing {
  std::int64_t outer = 1, axis = 1, inner = 1;
  std::int64_t block = 1, scales = 1;  // along the axis
  bool per_element = false;            // blocked: outer and inner indices have their own scales
  bool zero = false;
};

Sharing sharing_of(const Step& step, const Preparation& p, const Buffer& x, bool blocks) {
  p.require(step.in.size() >= 2 && step.in.size() <= 3 && step.out.size() == 1, "takes x, a scale and maybe a zero");
  const Buffer& scale = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  p.dtype(scale, Dtype::float32);
  p.require(y.elements == x.elements, "tensors '" + x.name + "' and '" + y.name + "' differ in extent");
  p.require(step.ints.size() >= (blocks ? 2U : 1U), "needs an axis");
  const std::int64_t axis = step.ints[0], block = blocks ? step.ints[1] : 0;
  Sharing s;
  if (scale.elements == 1 && block == 0) {
    s.inner = x.elements;
  } else {
    p.require(axis >= 0 && axis < static_cast<std::int64_t>(x.shape.size()) && block >= 0,
              "tensor '" + x.name + "' has no axis " + std::to_string(axis));
    const auto at = static_cast<std::size_t>(axis);
    s.outer = product(x.shape, 0, at);
    s.axis = x.shape[at];
    s.inner = product(x.shape, at + 1, x.shape.size());
    s.block = std::max<std::int64_t>(block, 1);
    s.scales = s.axis == 0 ? 0 : (s.axis - 1) / s.block + 1;
    s.per_element = block > 0;
    Extents wanted = s.per_element ? x.shape : Extents{s.axis};
    if (s.per_element) wanted[at] = s.scales;
    p.require(product(wanted) == scale.elements && (!s.per_element || scale.shape == wanted),
              "scale '" + scale.name + "' of shape " + shape_text(scale.shape) + " does not fit '" + x.name + "' of shape " +
                  shape_text(x.shape));
  }
  s.zero = p.has(step, 2);
  if (s.zero) {
    const Buffer& zero = p.buffer(step.in[2]);
    p.require(zero.elements == scale.elements, "zero '" + zero.name + "' does not have the extent of '" + scale.name + "'");
  }
  return s;
}

// Runs body(x offset, scale offset, step of the scale, elements) over all of x.
template <typename Body>
Runner over_scales(const Sharing& s, Body body) {
  // Along the innermost axis scales change from element to element, or from block to block; else they are a row's.
  const bool along = s.scales > 1 && s.inner == 1;
  const std::int64_t n = along ? s.axis : s.inner;
  const std::int64_t rows = along ? s.outer : s.outer * s.axis, total = rows * n;
  if (total == 0) return [](Context&) {};
  return [=](Context& context) {
    context.parallel(ceil_div(total, chunk), [&](std::int64_t task, int) {
      std::int64_t at = task * chunk;
      const std::int64_t end = std::min(total, at + chunk);
      while (at < end) {
        const std::int64_t row = at / n, column = at % n;
        std::int64_t here = std::min(n - column, end - at);
        if (along && s.block == 1) {
          body(context, at, (s.per_element ? row * s.scales : 0) + column, std::int64_t{1}, here);
        } else if (along) {
          here = std::min(here, s.block - column % s.block);
          body(context, at, row * s.scales + column / s.block, std::int64_t{0}, here);
        } else if (s.per_element) {
          body(context, at, (row / s.axis * s.scales + row % s.axis / s.block) * s.inner + column, std::int64_t{1}, here);
        } else {
          body(context, at, row % s.axis, std::int64_t{0}, here);
        }
        at += here;
      }
    });
  };
}

template <typename Row>
Runner row_runner(const Step& step, const Sharing& sharing, void (*kernel)(const Row&)) {
  using X = std::remove_pointer_t<decltype(Row::x)>;
  using Y = std::remove_pointer_t<decltype(Row::y)>;
  using Zero = std::remove_pointer_t<decltype(Row::zero)>;
  const Ref x_ref = step.in[0], scale_ref = step.in[1], zero_ref = sharing.zero ? step.in[2] : absent, y_ref = step.out[0];
  return over_scales(sharing, [=](Context& context, std::int64_t at, std::int64_t scale, std::int64_t scale_step, std::int64_t n) {
    Row row;
    row.x = context.data<X>(x_ref) + at;
    row.scale = context.data<const float>(scale_ref) + scale;
    row.scale_step = scale_step;
    row.zero = zero_ref == absent ? nullptr : context.data<Zero>(zero_ref) + scale;
    row.zero_step = scale_step;
    row.y = context.data<Y>(y_ref) + at;
    row.n = n;
    kernel(row);
  });
}

}  // namespace

Runner prepare_quantize(const Step& step, Preparation& p) {
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.dtype(x, Dtype::float32);
  const Sharing sharing = sharing_of(step, p, x, true);
  if (sharing.zero) p.dtype(p.buffer(step.in[2]), y.dtype);
  const QuantiseKernels& kernels = p.kernels.quantise;
  switch (y.dtype) {
    case Dtype::int8: return row_runner(step, sharing, kernels.quantise_int8);
    case Dtype::uint8: return row_runner(step, sharing, kernels.quantise_uint8);
    case Dtype::int16: return row_runner(step, sharing, kernels.quantise_int16);
    case Dtype::uint16: return row_runner(step, sharing, kernels.quantise_uint16);
    default: refuse_dtype(y);
  }
}

Runner prepare_requantize(const Step& step, Preparation& p) {
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.dtype(x, Dtype::int32);
  Sharing sharing = sharing_of(step, p, x, false);
  if (sharing.zero) p.dtype(p.buffer(step.in[2]), y.dtype);
  if (y.dtype == Dtype::int8) return row_runner(step, sharing, p.kernels.quantise.rescale_int8);
  p.dtype(y, Dtype::uint8);
  return row_runner(step, sharing, p.kernels.quantise.rescale_uint8);
}

Runner prepare_dequantize(const Step& step, Preparation& p) {
  const Buffer& x = p.in(step, 0);
  p.dtype(p.out(step, 0), Dtype::float32);
  const Sharing sharing = sharing_of(step, p, x, true);
  if (sharing.zero) p.dtype(p.buffer(step.in[2]), x.dtype);
  const QuantiseKernels& kernels = p.kernels.quantise;
  switch (x.dtype) {
    case Dtype::int8: return row_runner(step, sharing, kernels.dequantise_int8);
    case Dtype::uint8: return row_runner(step, sharing, kernels.dequantise_uint8);
    case Dtype::int16: return row_runner(step, sharing, kernels.dequantise_int16);
    case Dtype::uint16: return row_runner(step, sharing, kernels.dequantise_uint16);
    case Dtype::int32: return row_runner(step, sharing, kernels.dequantise_int32);
    default: refuse_dtype(x);
  }
}

}  // namespace aivm

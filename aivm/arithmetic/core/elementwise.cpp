// The primitives `add`, `sub`, `mul` and `div`: y = a op b for tensors of equal shape, or of which one has one element.
//   in: a, b   out: y
#include <algorithm>

#include "primitives.hpp"

namespace aivm {
namespace {

Runner prepare_binary(BinaryOp op, const Step& step, Preparation& p) {
  p.counts(step, 2, 2, 1);
  const Buffer& a = p.in(step, 0);
  const Buffer& b = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  for (const Buffer* buffer : {&a, &b, &y}) p.dtype(*buffer, Dtype::float32);
  const std::int64_t n = y.elements;
  p.require((a.elements == n || a.elements == 1) && (b.elements == n || b.elements == 1),
            "the extents of '" + a.name + "' and '" + b.name + "' do not fit '" + y.name + "'");
  const std::int64_t a_step = a.elements == n ? 1 : 0, b_step = b.elements == n ? 1 : 0;
  const Ref a_ref = step.in[0], b_ref = step.in[1], y_ref = step.out[0];
  const auto kernel = p.kernels.elementwise.binary;
  constexpr std::int64_t chunk = 16384;
  return [=](Context& context) {
    const auto* const left = context.data<const float>(a_ref);
    const auto* const right = context.data<const float>(b_ref);
    auto* const result = context.data<float>(y_ref);
    context.parallel(ceil_div(n, chunk), [&](std::int64_t task, int) {
      const std::int64_t from = task * chunk;
      kernel(op, left + from * a_step, a_step, right + from * b_step, b_step, result + from, std::min(chunk, n - from));
    });
  };
}

}  // namespace

Runner prepare_add(const Step& step, Preparation& p) { return prepare_binary(BinaryOp::add, step, p); }
Runner prepare_sub(const Step& step, Preparation& p) { return prepare_binary(BinaryOp::sub, step, p); }
Runner prepare_mul(const Step& step, Preparation& p) { return prepare_binary(BinaryOp::mul, step, p); }
Runner prepare_div(const Step& step, Preparation& p) { return prepare_binary(BinaryOp::div, step, p); }

}  // namespace aivm

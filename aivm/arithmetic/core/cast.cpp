// The primitive `cast`: each element in another dtype.
//   in: x   out: y   ints: saturate, which is for dtypes that there are not
// To a float: rounded once, to nearest even, beyond the greatest to infinity; a NaN is the canonical one of the dtype.
// A float to an integer: rounded to zero; beyond the range the nearest end of it, and a NaN is 0. An integer to an integer:
// modulo two to the number of bits. To bool: whether it is not zero. From bool: 0 or 1.
#include "cast.hpp"

#include <algorithm>
#include <type_traits>

#include "dispatch.hpp"
#include "extents.hpp"
#include "half.hpp"
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr std::int64_t chunk = 16384;  // elements of a task

struct Bool { std::uint8_t value; };

template <typename T>
constexpr bool is_small_float = std::is_same_v<T, Half> || std::is_same_v<T, Brain>;

// An integer as a binary64 that rounds to any shorter format as the integer itself does: what is lost leaves its trace in
// the last bit.
template <typename T>
double sticky(T x) {
  if constexpr (sizeof(T) < 8) {
    return static_cast<double>(x);
  } else {
    const bool below = x < 0;
    std::uint64_t magnitude = below ? std::uint64_t{0} - static_cast<std::uint64_t>(x) : static_cast<std::uint64_t>(x);
    constexpr std::uint64_t lost = 0x7ff;
    if (magnitude >> 53 != 0 && (magnitude & lost) != 0) magnitude = (magnitude & ~lost) | (lost + 1);
    return below ? -static_cast<double>(magnitude) : static_cast<double>(magnitude);
  }
}

// Without branches, so that a loop over this can become vectors.
template <typename To, typename From>
To to_integer(From x) {
  // The first numbers beyond the range are powers of two, exact in either format.
  constexpr From above = static_cast<From>(To{1} << (sizeof(To) * 8 - 2)) * (std::is_signed_v<To> ? 2 : 4);
  constexpr From below = std::is_signed_v<To> ? -above : From{0};
  using Way = std::conditional_t<sizeof(To) < 4, std::int32_t, To>;  // there is an instruction to these
  const From number = x == x ? x : From{0};
  const From raised = number < below ? below : number;
  const bool beyond = raised >= above;
  const Way whole = static_cast<Way>(beyond ? From{0} : raised);
  return static_cast<To>(beyond ? static_cast<Way>(std::numeric_limits<To>::max()) : whole);
}

template <typename To, typename From>
To convert(From x) {
  if constexpr (std::is_same_v<From, Bool>) {
    return convert<To>(static_cast<std::uint8_t>(x.value < 1 ? x.value : 1));
  } else if constexpr (is_small_float<From>) {
    return convert<To>(widen(x));
  } else if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<std::uint8_t>(x != 0)};
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, Brain>) {
    if constexpr (std::is_same_v<To, Brain> && std::is_same_v<From, float>) {
      return to_brain(x);
    } else {
      double wide;
      if constexpr (std::is_integral_v<From>) wide = sticky(x);
      else wide = x;
      if constexpr (std::is_same_v<To, Half>) return to_half(wide);
      else return to_brain(wide);
    }
  } else if constexpr (std::is_floating_point_v<To>) {
    return canonical_nan(static_cast<To>(x));
  } else if constexpr (std::is_floating_point_v<From>) {
    return to_integer<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

template <typename To, typename From>
void convert_all(const void* x_bytes, void* y_bytes, std::int64_t n) {
  const From* const x = static_cast<const From*>(x_bytes);
  To* const y = static_cast<To*>(y_bytes);
  for (std::int64_t i = 0; i < n; ++i) y[i] = convert<To>(x[i]);
}

using Loop = void (*)(const void*, void*, std::int64_t);

template <typename Body>
Loop for_type(const Buffer& buffer, Body body) {
  switch (buffer.dtype) {
    case Dtype::float16: return body(Half{});
    case Dtype::bfloat16: return body(Brain{});
    case Dtype::boolean: return body(Bool{});
    default: return for_numbers(buffer, body);
  }
}

using Kernel = std::function<void(const std::byte*, std::byte*, std::int64_t)>;

template <typename From, typename To>
Kernel bytewise(void (*function)(const From*, To*, std::int64_t)) {
  if (function == nullptr) return {};
  return [=](const std::byte* x, std::byte* y, std::int64_t n) {
    function(reinterpret_cast<const From*>(x), reinterpret_cast<To*>(y), n);
  };
}

// The instruction set's own, or none.
Kernel kernel_for(Dtype from, Dtype to, const CastKernels& kernels) {
  if (from == Dtype::float16 && to == Dtype::float32) return bytewise(kernels.from_half);
  if (from == Dtype::boolean && to == Dtype::float32) return bytewise(kernels.from_truth);
  if (from != Dtype::float32) return {};
  switch (to) {
    case Dtype::float16: return bytewise(kernels.to_half);
    case Dtype::int8: return bytewise(kernels.to_int8);
    case Dtype::uint8: return bytewise(kernels.to_uint8);
    case Dtype::int32: return bytewise(kernels.to_int32);
    case Dtype::int64: return bytewise(kernels.to_int64);
    default: return {};
  }
}

}  // namespace

Runner prepare_cast(const Step& step, Preparation& p) {
  p.counts(step, 1, 1, 1);
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.require(x.elements == y.elements, "tensors '" + x.name + "' and '" + y.name + "' differ in extent");
  const CastKernels& kernels = p.kernels.cast;
  Loop loop = for_type(y, [&](auto to) {
    return for_type(x, [&](auto from) -> Loop { return convert_all<decltype(to), decltype(from)>; });
  });
  const Kernel kernel = kernel_for(x.dtype, y.dtype, kernels);
  const std::int64_t total = x.elements, x_item = item_size(x.dtype), y_item = item_size(y.dtype);
  const Ref x_ref = step.in[0], y_ref = step.out[0];
  return [=](Context& context) {
    const std::byte* const from = context.data<const std::byte>(x_ref);
    std::byte* const to = context.data<std::byte>(y_ref);
    context.parallel(ceil_div(total, chunk), [&](std::int64_t task, int) {
      const std::int64_t at = task * chunk, n = std::min(chunk, total - at);
      if (kernel) {
        kernel(from + at * x_item, to + at * y_item, n);
      } else {
        loop(from + at * x_item, to + at * y_item, n);
      }
    });
  };
}

}  // namespace aivm

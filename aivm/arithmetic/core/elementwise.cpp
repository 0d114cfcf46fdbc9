// The elementwise primitives: y = op(x), y = a op b, where, clip; operands broadcast to the result.
//   in: one to three operands   out: y
//   ints: `mod`: fmod; `bit_shift`: left; `is_inf`: detect_negative, detect_positive
// binary32 runs in the kernels of the instruction set; other dtypes in plain loops, each step of which is exact or one
// correctly rounded operation, so that they need no variants.
#include <algorithm>
#include <array>
#include <type_traits>

#include "dispatch.hpp"
#include "extents.hpp"
#include "primitives.hpp"
#include "scalars.hpp"

namespace aivm {
namespace {

// What a task does at once: enough that claiming it costs nothing.
constexpr std::int64_t chunk = 16384;

// One row: n elements of the result, operands with steps of one element or none.
template <std::size_t count>
struct Row {
  std::array<const std::byte*, count> in;
  std::array<std::int64_t, count> step;
  std::byte* out;
  std::int64_t n;
};

// Prepares the loops over broadcast operands; `body` is given rows.
template <std::size_t count, typename Body>
Runner over_rows(const Step& step, Preparation& p, std::int64_t grain, Body body) {
  const Buffer& y = p.out(step, 0);
  Nest nest;
  nest.extents = y.shape;
  std::array<std::int64_t, count> item{};
  std::array<Ref, count> refs{};
  for (std::size_t i = 0; i < count; ++i) {
    const Buffer& operand = p.in(step, i);
    nest.strides.push_back(broadcast_strides(operand.shape, y.shape, operand.name));
    item[i] = item_size(operand.dtype);
    refs[i] = step.in[i];
  }
  nest = collapsed(nest);
  const std::int64_t n = nest.extents.back(), total = y.elements, out_item = item_size(y.dtype);
  const Ref out = step.out[0];
  return [=](Context& context) {
    context.parallel(ceil_div(total, grain), [&](std::int64_t task, int) {
      std::int64_t at = task * grain;
      const std::int64_t end = std::min(total, at + grain);
      Walk walk(nest, at / n);
      while (at < end) {
        const std::int64_t column = at % n;
        Row<count> row;
        row.n = std::min(n - column, end - at);
        for (std::size_t i = 0; i < count; ++i) {
          row.step[i] = nest.strides[i].back();
          row.in[i] = context.data<const std::byte>(refs[i]) + (walk.offset(i) + column * row.step[i]) * item[i];
        }
        row.out = context.data<std::byte>(out) + at * out_item;
        body(row);
        at += row.n;
        if (at < end) walk.next();
      }
    });
  };
}

template <typename R, std::size_t i, std::size_t count>
const R* operand(const Row<count>& row) {
  return reinterpret_cast<const R*>(row.in[i]);
}

// A plain loop over T giving R.
template <typename T, typename R, typename Function>
Runner unary_loop(const Step& step, Preparation& p, Function function) {
  return over_rows<1>(step, p, chunk, [=](const Row<1>& row) {
    const T* const x = operand<T, 0>(row);
    R* const y = reinterpret_cast<R*>(row.out);
    if (row.step[0] != 0) {
      for (std::int64_t i = 0; i < row.n; ++i) y[i] = function(x[i]);
    } else {
      std::fill_n(y, row.n, static_cast<R>(function(*x)));
    }
  });
}

template <typename T, typename R, typename Function>
Runner binary_loop(const Step& step, Preparation& p, Function function) {
  return over_rows<2>(step, p, chunk, [=](const Row<2>& row) {
    const T* const a = operand<T, 0>(row);
    const T* const b = operand<T, 1>(row);
    R* const y = reinterpret_cast<R*>(row.out);
    const T a0 = *a, b0 = *b;
    if (row.step[0] != 0 && row.step[1] != 0) {
      for (std::int64_t i = 0; i < row.n; ++i) y[i] = function(a[i], b[i]);
    } else if (row.step[0] != 0) {
      for (std::int64_t i = 0; i < row.n; ++i) y[i] = function(a[i], b0);
    } else if (row.step[1] != 0) {
      for (std::int64_t i = 0; i < row.n; ++i) y[i] = function(a0, b[i]);
    } else {
      std::fill_n(y, row.n, static_cast<R>(function(a0, b0)));
    }
  });
}

// The operands of one dtype and the result of `result`.
void same_dtypes(const Step& step, const Preparation& p, std::size_t operands, Dtype result) {
  p.counts(step, operands, operands, 1);
  for (std::size_t i = 1; i < operands; ++i) p.dtype(p.in(step, i), p.in(step, 0).dtype);
  p.dtype(p.out(step, 0), result);
}

bool integer_parameter(const Step& step, std::size_t i, const Preparation& p) {
  p.require(i < step.ints.size(), "needs " + std::to_string(i + 1) + " integer parameters");
  return step.ints[i] != 0;
}

Runner map_float(UnaryOp op, const Step& step, Preparation& p) {
  const auto kernel = p.kernels.elementwise.unary;
  return over_rows<1>(step, p, chunk, [=](const Row<1>& row) {
    float* const y = reinterpret_cast<float*>(row.out);
    if (row.step[0] != 0) return kernel(op, operand<float, 0>(row), y, row.n);
    kernel(op, operand<float, 0>(row), y, 1);
    std::fill_n(y, row.n, *y);
  });
}

Runner binary_float(BinaryOp op, const Step& step, Preparation& p) {
  const auto kernel = p.kernels.elementwise.binary;
  return over_rows<2>(step, p, chunk, [=](const Row<2>& row) {
    kernel(op, operand<float, 0>(row), row.step[0], operand<float, 1>(row), row.step[1],
           reinterpret_cast<float*>(row.out), row.n);
  });
}

template <typename T>
T quotient(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return canonical_nan(a / b);
  } else {
    if (b == 0) throw Error("an integer is divided by zero");
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return wrap::negate(a);
    return static_cast<T>(a / b);
  }
}

template <typename T>
T remainder(T a, T b, bool truncated) {
  if constexpr (std::is_floating_point_v<T>) {
    T r = float_remainder(a, b);
    if (truncated || r != r) return canonical_nan(r);
    if (r == 0) return with_sign(r, b);
    return canonical_nan((r < 0) != (b < 0) ? r + b : r);
  } else {
    if (b == 0) throw Error("an integer is divided by zero");
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
    const T r = static_cast<T>(a % b);
    return !truncated && r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
  }
}

template <typename T>
T shifted(T a, T b, bool left) {
  if (b >= sizeof(T) * 8) return 0;
  return static_cast<T>(left ? static_cast<std::uint64_t>(a) << b : static_cast<std::uint64_t>(a) >> b);
}

// The exponent as binary64. Of an integer beyond 2^53 only the parity counts: every base but 0 and 1 has then a power
// beyond all rounding.
template <typename T>
double as_exponent(T n) {
  if constexpr (sizeof(T) == 8 && std::is_integral_v<T>) {
    constexpr T least = T{1} << 53;
    if (n > least) return 4503599627370496.0 + static_cast<double>(n & 1);
    if (std::is_signed_v<T> && n < static_cast<T>(0) - least) return -4503599627370496.0 - static_cast<double>(n & 1);
  }
  return static_cast<double>(n);
}

// An integer base: a whole exponent gives the power modulo two to the number of bits, or its reciprocal rounded to zero;
// any other the power in binary32, rounded to zero.
template <typename T, typename E>
T integer_power(T base, E exponent) {
  if constexpr (std::is_floating_point_v<E>) {
    if (!(whole::inward(static_cast<double>(exponent)) == static_cast<double>(exponent)) ||
        __builtin_fabs(static_cast<double>(exponent)) >= 9007199254740992.0) {
      const double power = pow_exactly(static_cast<float>(base), static_cast<double>(exponent));
      constexpr double above = static_cast<double>(T{1} << (sizeof(T) * 8 - 2)) * (std::is_signed_v<T> ? 2 : 4);
      if (power != power) return 0;
      if (power >= above) return std::numeric_limits<T>::max();
      return power <= (std::is_signed_v<T> ? -above : 0) ? std::numeric_limits<T>::lowest() : static_cast<T>(power);
    }
    return integer_power(base, static_cast<std::int64_t>(exponent));
  } else {
    if (exponent < 0) {
      if (base == 0) throw Error("zero is raised to a negative power");
      if (base == 1) return 1;
      if (std::is_signed_v<T> && base == static_cast<T>(-1)) return (exponent & 1) != 0 ? base : static_cast<T>(1);
      return 0;
    }
    T power = 1;
    for (auto n = static_cast<std::uint64_t>(exponent); n != 0; n >>= 1) {
      if ((n & 1) != 0) power = wrap::multiply(power, base);
      base = wrap::multiply(base, base);
    }
    return power;
  }
}

// Two operands of different types.
template <typename T, typename E, typename Function>
Runner mixed_loop(const Step& step, Preparation& p, Function function) {
  return over_rows<2>(step, p, chunk / 16, [=](const Row<2>& row) {
    const T* const a = operand<T, 0>(row);
    const E* const b = operand<E, 1>(row);
    T* const y = reinterpret_cast<T*>(row.out);
    for (std::int64_t i = 0; i < row.n; ++i) y[i] = function(a[i * row.step[0]], b[i * row.step[1]]);
  });
}

}  // namespace

Runner prepare_unary(const Step& step, Preparation& p) {
  const std::string& op = step.op;
  const Buffer& x = p.in(step, 0);
  same_dtypes(step, p, 1, x.dtype);
  if (x.dtype == Dtype::float32) {
    for (const auto& [name, code] : {std::pair{"abs", UnaryOp::abs}, {"neg", UnaryOp::neg}, {"sign", UnaryOp::sign},
                                     {"floor", UnaryOp::floor}, {"ceil", UnaryOp::ceil}, {"round", UnaryOp::round},
                                     {"relu", UnaryOp::relu}}) {
      if (op == name) return map_float(code, step, p);
    }
  }
  if (op == "floor" || op == "ceil" || op == "round") {
    p.dtype(x, Dtype::float64);
    if (op == "floor") return unary_loop<double, double>(step, p, [](double v) { return canonical_nan(whole::down(v)); });
    if (op == "ceil") return unary_loop<double, double>(step, p, [](double v) { return canonical_nan(whole::up(v)); });
    return unary_loop<double, double>(step, p, [](double v) { return canonical_nan(whole::nearest(v)); });
  }
  return for_numbers(x, [&](auto zero) -> Runner {
    using T = decltype(zero);
    if (op == "sign") {
      return unary_loop<T, T>(step, p, [](T v) -> T {
        if (v != v) return canonical_nan(v);
        return static_cast<T>(static_cast<int>(v > 0) - static_cast<int>(v < 0));
      });
    }
    if (op == "abs") return unary_loop<T, T>(step, p, [](T v) { return absolute(v); });
    if constexpr (std::is_signed_v<T>) {
      if (op == "neg") return unary_loop<T, T>(step, p, [](T v) { return wrap::negate(v); });
      if (op == "relu") return unary_loop<T, T>(step, p, [](T v) -> T { return v <= 0 ? 0 : canonical_nan(v); });
    }
    refuse_dtype(x);
  });
}

Runner prepare_function(const Step& step, Preparation& p) {
  const Buffer& x = p.in(step, 0);
  same_dtypes(step, p, 1, x.dtype);
  if (x.dtype == Dtype::float64) {
    if (step.op == "sqrt") return unary_loop<double, double>(step, p, [](double v) { return canonical_nan(__builtin_sqrt(v)); });
    if (step.op == "reciprocal") return unary_loop<double, double>(step, p, [](double v) { return canonical_nan(1.0 / v); });
  }
  p.dtype(x, Dtype::float32);
  int code = 0;
  while (code < function_count && step.op != function_names[code]) ++code;
  p.require(code < function_count, "there is no such function");
  const auto function = static_cast<Function>(code);
  const auto kernel = p.kernels.functions.unary;
  return over_rows<1>(step, p, chunk / 4, [=](const Row<1>& row) {
    float* const y = reinterpret_cast<float*>(row.out);
    if (row.step[0] != 0) return kernel(function, operand<float, 0>(row), y, row.n);
    kernel(function, operand<float, 0>(row), y, 1);
    std::fill_n(y, row.n, *y);
  });
}

Runner prepare_arithmetic(const Step& step, Preparation& p) {
  const std::string& op = step.op;
  const Buffer& a = p.in(step, 0);
  same_dtypes(step, p, 2, a.dtype);
  if (a.dtype == Dtype::float32) {
    for (const auto& [name, code] : {std::pair{"add", BinaryOp::add}, {"sub", BinaryOp::sub}, {"mul", BinaryOp::mul},
                                     {"div", BinaryOp::div}, {"min", BinaryOp::min}, {"max", BinaryOp::max}}) {
      if (op == name) return binary_float(code, step, p);
    }
  }
  return for_numbers(a, [&](auto zero) -> Runner {
    using T = decltype(zero);
    if (op == "add") return binary_loop<T, T>(step, p, [](T u, T v) { return wrap::add(u, v); });
    if (op == "sub") return binary_loop<T, T>(step, p, [](T u, T v) { return wrap::subtract(u, v); });
    if (op == "mul") return binary_loop<T, T>(step, p, [](T u, T v) { return wrap::multiply(u, v); });
    if (op == "div") return binary_loop<T, T>(step, p, [](T u, T v) { return quotient(u, v); });
    if (op == "min") return binary_loop<T, T>(step, p, [](T u, T v) { return lesser(u, v); });
    if (op == "max") return binary_loop<T, T>(step, p, [](T u, T v) { return greater(u, v); });
    if (op == "mod") {
      const bool truncated = integer_parameter(step, 0, p);
      return binary_loop<T, T>(step, p, [=](T u, T v) { return remainder(u, v, truncated); });
    }
    throw Error("there is no such operation");
  });
}

Runner prepare_pow(const Step& step, Preparation& p) {
  p.counts(step, 2, 2, 1);
  const Buffer& a = p.in(step, 0);
  const Buffer& b = p.in(step, 1);
  p.dtype(p.out(step, 0), a.dtype);
  if (a.dtype == Dtype::float32 && b.dtype == Dtype::float32) {
    const auto kernel = p.kernels.functions.pow;
    return over_rows<2>(step, p, chunk / 16, [=](const Row<2>& row) {
      kernel(operand<float, 0>(row), row.step[0], operand<float, 1>(row), row.step[1], reinterpret_cast<float*>(row.out),
             row.n);
    });
  }
  return for_numbers(b, [&](auto zero) -> Runner {
    using E = decltype(zero);
    if (a.dtype == Dtype::float32) {
      return mixed_loop<float, E>(step, p, [](float x, E n) { return pow_exactly(x, as_exponent(n)); });
    }
    return for_integers(a, [&](auto base) -> Runner {
      using T = decltype(base);
      return mixed_loop<T, E>(step, p, [](T x, E n) { return integer_power(x, n); });
    });
  });
}

Runner prepare_comparison(const Step& step, Preparation& p) {
  const std::string& op = step.op;
  const Buffer& a = p.in(step, 0);
  same_dtypes(step, p, 2, Dtype::boolean);
  // a > b is b < a.
  const bool swap = op == "greater" || op == "greater_or_equal";
  Step ordered = step;
  if (swap) std::swap(ordered.in[0], ordered.in[1]);
  const CompareOp code = op == "equal"                                ? CompareOp::equal
                         : op == "less" || op == "greater"            ? CompareOp::less
                                                                      : CompareOp::less_or_equal;
  if (a.dtype == Dtype::float32) {
    const auto kernel = p.kernels.elementwise.compare;
    return over_rows<2>(ordered, p, chunk, [=](const Row<2>& row) {
      kernel(code, operand<float, 0>(row), row.step[0], operand<float, 1>(row), row.step[1],
             reinterpret_cast<std::uint8_t*>(row.out), row.n);
    });
  }
  if (a.dtype == Dtype::boolean) {
    p.require(op == "equal", "booleans have no order");
    return binary_loop<std::uint8_t, std::uint8_t>(
        ordered, p, [](std::uint8_t u, std::uint8_t v) -> std::uint8_t { return (u != 0) == (v != 0); });
  }
  return for_numbers(a, [&](auto zero) -> Runner {
    using T = decltype(zero);
    if (code == CompareOp::equal) return binary_loop<T, std::uint8_t>(ordered, p, [](T u, T v) -> std::uint8_t { return u == v; });
    if (code == CompareOp::less) return binary_loop<T, std::uint8_t>(ordered, p, [](T u, T v) -> std::uint8_t { return u < v; });
    return binary_loop<T, std::uint8_t>(ordered, p, [](T u, T v) -> std::uint8_t { return u <= v; });
  });
}

Runner prepare_logic(const Step& step, Preparation& p) {
  const std::string& op = step.op;
  using Bool = std::uint8_t;
  p.dtype(p.in(step, 0), Dtype::boolean);
  same_dtypes(step, p, op == "not" ? 1 : 2, Dtype::boolean);
  if (op == "not") return unary_loop<Bool, Bool>(step, p, [](Bool v) -> Bool { return v == 0; });
  if (op == "and") return binary_loop<Bool, Bool>(step, p, [](Bool u, Bool v) -> Bool { return (u != 0) & (v != 0); });
  if (op == "or") return binary_loop<Bool, Bool>(step, p, [](Bool u, Bool v) -> Bool { return (u | v) != 0; });
  return binary_loop<Bool, Bool>(step, p, [](Bool u, Bool v) -> Bool { return (u != 0) != (v != 0); });
}

Runner prepare_bits(const Step& step, Preparation& p) {
  const std::string& op = step.op;
  const Buffer& a = p.in(step, 0);
  same_dtypes(step, p, op == "bitwise_not" ? 1 : 2, a.dtype);
  return for_integers(a, [&](auto zero) -> Runner {
    using T = decltype(zero);
    if (op == "bitwise_not") return unary_loop<T, T>(step, p, [](T v) { return static_cast<T>(~v); });
    if (op == "bitwise_and") return binary_loop<T, T>(step, p, [](T u, T v) { return static_cast<T>(u & v); });
    if (op == "bitwise_or") return binary_loop<T, T>(step, p, [](T u, T v) { return static_cast<T>(u | v); });
    if (op == "bitwise_xor") return binary_loop<T, T>(step, p, [](T u, T v) { return static_cast<T>(u ^ v); });
    if constexpr (std::is_unsigned_v<T>) {
      const bool left = integer_parameter(step, 0, p);
      return binary_loop<T, T>(step, p, [=](T u, T v) { return shifted(u, v, left); });
    }
    refuse_dtype(a);
  });
}

Runner prepare_float_class(const Step& step, Preparation& p) {
  const Buffer& x = p.in(step, 0);
  same_dtypes(step, p, 1, Dtype::boolean);
  const bool infinite = step.op == "is_inf";
  const bool negative = infinite && integer_parameter(step, 0, p), positive = infinite && integer_parameter(step, 1, p);
  const auto prepare = [&](auto zero) -> Runner {
    using T = decltype(zero);
    if (!infinite) return unary_loop<T, std::uint8_t>(step, p, [](T v) -> std::uint8_t { return v != v; });
    const T most = std::numeric_limits<T>::infinity();
    return unary_loop<T, std::uint8_t>(step, p, [=](T v) -> std::uint8_t {
      return (positive & (v == most)) | (negative & (v == -most));
    });
  };
  if (x.dtype == Dtype::float64) return prepare(double{});
  p.dtype(x, Dtype::float32);
  return prepare(float{});
}

Runner prepare_where(const Step& step, Preparation& p) {
  p.counts(step, 3, 3, 1);
  const Buffer& a = p.in(step, 1);
  p.dtype(p.in(step, 0), Dtype::boolean);
  p.dtype(p.in(step, 2), a.dtype);
  p.dtype(p.out(step, 0), a.dtype);
  const std::int64_t item = item_size(a.dtype);
  const auto kernel = p.kernels.elementwise.where;
  return over_rows<3>(step, p, chunk, [=](const Row<3>& row) {
    kernel(item, operand<std::uint8_t, 0>(row), row.step[0], row.in[1], row.step[1], row.in[2], row.step[2], row.out, row.n);
  });
}

Runner prepare_clip(const Step& step, Preparation& p) {
  p.counts(step, 1, 3, 1);
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.dtype(y, x.dtype);
  const Ref bounds[2] = {p.has(step, 1) ? step.in[1] : absent, p.has(step, 2) ? step.in[2] : absent};
  for (const Ref bound : bounds) {
    if (bound == absent) continue;
    p.dtype(p.buffer(bound), x.dtype);
    p.require(p.buffer(bound).elements == 1, "bound '" + p.buffer(bound).name + "' does not have one element");
  }
  p.require(y.elements == x.elements, "tensors '" + x.name + "' and '" + y.name + "' differ in extent");
  const Ref x_ref = step.in[0], y_ref = step.out[0], low_ref = bounds[0], high_ref = bounds[1];
  const std::int64_t total = x.elements;
  const auto kernel = p.kernels.elementwise.clip;
  return for_numbers(x, [&](auto zero) -> Runner {
    using T = decltype(zero);
    return [=](Context& context) {
      // A bound that is a NaN is less and greater than nothing, as one that is left out.
      const T low = low_ref == absent ? lowest<T>() : *context.data<const T>(low_ref);
      const T high = high_ref == absent ? highest<T>() : *context.data<const T>(high_ref);
      const T* const x_data = context.data<const T>(x_ref);
      T* const y_data = context.data<T>(y_ref);
      context.parallel(ceil_div(total, chunk), [&](std::int64_t task, int) {
        const std::int64_t from = task * chunk, n = std::min(chunk, total - from);
        if constexpr (std::is_same_v<T, float>) {
          kernel(x_data + from, low, high, y_data + from, n);
        } else {
          for (std::int64_t i = from; i < from + n; ++i) {
            const T raised = x_data[i] < low ? low : x_data[i];
            y_data[i] = canonical_nan(raised > high ? high : raised);
          }
        }
      });
    };
  });
}

}  // namespace aivm

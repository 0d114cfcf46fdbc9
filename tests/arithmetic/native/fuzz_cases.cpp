#include "fuzz_cases.hpp"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>

#include "functions.hpp"

// Asked by the sanitizers, if they are there: a failure shall end in abort(), which tells the case.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1:detect_leaks=0:abort_on_error=1:handle_abort=0"; }
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

namespace fuzz {
namespace {

const std::vector<Dtype> floats{Dtype::float32, Dtype::float32, Dtype::float32, Dtype::float64};
const std::vector<Dtype> numbers{Dtype::float32, Dtype::float32, Dtype::float64, Dtype::int8, Dtype::uint8, Dtype::int16,
                                 Dtype::uint16, Dtype::int32, Dtype::uint32, Dtype::int64, Dtype::uint64};
}  // namespace

const std::vector<Dtype> all{Dtype::float32, Dtype::float64, Dtype::float16, Dtype::bfloat16, Dtype::int8, Dtype::uint8, Dtype::int16,
                             Dtype::uint16, Dtype::int32, Dtype::uint32, Dtype::int64, Dtype::uint64, Dtype::boolean};

namespace {

const std::vector<Dtype> bytes{Dtype::int8, Dtype::uint8};
const std::vector<Dtype> small{Dtype::int8, Dtype::uint8, Dtype::int16, Dtype::uint16};

std::int64_t extent(Random& r) { return r.chance(6) ? 0 : r.chance(70) ? r.between(1, 5) : r.between(6, 40); }

Extents shape(Random& r, std::int64_t least, std::int64_t most) {
  Extents result;
  for (std::int64_t n = r.between(least, most); n > 0; --n) result.push_back(extent(r));
  return result;
}

}  // namespace

Tensor tensor(Dtype dtype, Extents extents) {
  Tensor t;
  t.dtype = dtype;
  t.shape = std::move(extents);
  return t;
}

namespace {

Tensor absent_tensor() {
  Tensor t;
  t.absent = true;
  return t;
}

Tensor indices(Random& r, Extents extents, std::int64_t range) {
  Tensor t = tensor(r.chance(30) ? Dtype::int32 : Dtype::int64, std::move(extents));
  t.range = r.chance(90) ? range : range + 1;
  return t;
}

// A shape that broadcasts to the given one.
Extents broadcastable(Random& r, const Extents& to) {
  Extents result(to.begin() + static_cast<std::ptrdiff_t>(r.chance(70) ? 0 : r.below(static_cast<std::int64_t>(to.size()) + 1)), to.end());
  for (std::int64_t& n : result) n = r.chance(25) ? 1 : n;
  return result;
}

Case unary(Random& r) {
  std::vector<std::string> names{"abs", "neg", "sign", "floor", "ceil", "round", "relu", "not", "bitwise_not", "is_nan", "is_inf", "cast"};
  for (const char* name : function_names) names.emplace_back(name);
  Case c;
  c.op = r.pick(names);
  const bool function = std::count(std::begin(function_names), std::end(function_names), c.op) != 0;
  Dtype dtype = r.pick(function ? floats : c.op == "cast" ? all : numbers);
  if (c.op == "not") dtype = Dtype::boolean;
  if (c.op == "floor" || c.op == "ceil" || c.op == "round" || c.op == "is_nan" || c.op == "is_inf") dtype = r.pick(floats);
  c.in = {tensor(dtype, shape(r, 0, 4))};
  c.out = c.in;
  if (c.op == "is_nan" || c.op == "is_inf") c.out[0].dtype = Dtype::boolean;
  if (c.op == "cast") c.out[0].dtype = r.pick(all);
  if (c.op == "is_inf" || c.op == "cast") c.ints = {r.below(2), r.below(2)};
  return c;
}

Case binary(Random& r) {
  Case c;
  c.op = r.pick(std::vector<std::string>{"add", "sub", "mul", "div", "mod", "min", "max", "equal", "less", "less_or_equal", "greater",
                                         "greater_or_equal", "and", "or", "xor", "bitwise_and", "bitwise_or", "bitwise_xor",
                                         "bit_shift", "where", "pow"});
  const Extents to = shape(r, 0, 5);
  const bool comparison = c.op == "equal" || c.op.find("less") == 0 || c.op.find("greater") == 0;
  const bool logic = c.op == "and" || c.op == "or" || c.op == "xor";
  const Dtype dtype = logic ? Dtype::boolean : r.pick(c.op == "where" ? all : numbers);
  if (c.op == "where") c.in.push_back(tensor(Dtype::boolean, broadcastable(r, to)));
  for (int i = 0; i < 2; ++i) c.in.push_back(tensor(dtype, broadcastable(r, to)));
  if (c.op == "pow" && r.chance(50)) c.in[1].dtype = r.pick(numbers);
  c.out = {tensor(comparison || logic ? Dtype::boolean : dtype, to)};
  if (c.op == "mod" || c.op == "bit_shift") c.ints = {r.below(2)};
  return c;
}

Case chain(Random& r) {
  Case c;
  c.op = "chain";
  const std::vector<std::string> names = primitive_names();
  const Extents to = shape(r, 0, 4);
  std::vector<std::int64_t> numbers_there, truths_there;
  for (std::int64_t i = 0, n = r.between(1, 5); i < n; ++i) {
    const bool truth = i > 0 && r.chance(20);
    c.in.push_back(tensor(truth ? Dtype::boolean : Dtype::float32, broadcastable(r, to)));
    (truth ? truths_there : numbers_there).push_back(i);
  }
  for (std::int64_t i = 0, n = r.between(1, 10); i < n; ++i) {
    std::string op = r.pick(std::vector<std::string>{"abs", "sign", "relu", "exp", "tanh", "log", "add", "mul", "div", "min", "max",
                                                     "pow", "clip", "less", "equal", "where"});
    if (op == "where" && truths_there.empty()) op = "less";
    if (i + 1 == n && (op == "less" || op == "equal")) op = "sub";
    const bool one = op == "abs" || op == "sign" || op == "relu" || op == "exp" || op == "tanh" || op == "log" || op == "clip";
    const std::int64_t value = static_cast<std::int64_t>(c.in.size()) + i;
    c.ints.push_back(std::find(names.begin(), names.end(), op) - names.begin());
    if (op == "where") c.ints.push_back(r.pick(truths_there));
    c.ints.push_back(r.pick(numbers_there));
    if (!one) c.ints.push_back(r.pick(numbers_there));
    while (c.ints.size() % 4 != 0) c.ints.push_back(-1);
    (op == "less" || op == "equal" ? truths_there : numbers_there).push_back(value);
  }
  c.out = {tensor(Dtype::float32, to)};
  return c;
}

Case clip(Random& r) {
  Case c;
  c.op = "clip";
  const Dtype dtype = r.pick(numbers);
  c.in = {tensor(dtype, shape(r, 0, 3)), r.chance(70) ? tensor(dtype, {}) : absent_tensor(), r.chance(70) ? tensor(dtype, {1}) : absent_tensor()};
  c.out = {c.in[0]};
  return c;
}

Case reduce(Random& r) {
  Case c;
  c.op = r.pick(std::vector<std::string>{"reduce_sum", "reduce_mean", "reduce_prod", "reduce_max", "reduce_min"});
  const Extents from = shape(r, 0, 5);
  Extents kept;
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    if (r.chance(50)) {
      c.ints.push_back(static_cast<std::int64_t>(axis));
    } else {
      kept.push_back(from[axis]);
    }
  }
  const Dtype dtype = r.pick(numbers);
  c.in = {tensor(dtype, from)};
  c.out = {tensor(dtype, kept)};
  return c;
}

Case along_axis(Random& r) {
  Case c;
  c.op = r.pick(std::vector<std::string>{"arg_max", "arg_min", "top_k", "cumsum", "cumprod", "softmax", "log_softmax", "layer_norm"});
  Extents from = shape(r, 1, 4);
  const std::int64_t axis = r.below(static_cast<std::int64_t>(from.size()));
  const auto at = static_cast<std::size_t>(axis);
  const bool normal = c.op.find("softmax") != std::string::npos || c.op == "layer_norm";
  const Dtype dtype = normal ? Dtype::float32 : r.pick(numbers);
  c.in = {tensor(dtype, from)};
  c.ints = {axis, r.below(2), r.below(2)};
  if (c.op.find("arg") == 0) {
    from[at] = 1;
    c.out = {tensor(Dtype::int64, from)};
  } else if (c.op == "top_k") {
    from[at] = r.between(0, from[at]);
    c.out = {tensor(dtype, from), tensor(Dtype::int64, from)};
  } else if (c.op == "layer_norm") {
    const std::int64_t n = product(from, at, from.size()), rows = product(from, 0, at);
    c.in.push_back(tensor(dtype, {r.chance(80) ? n : 1}));
    c.in.push_back(r.chance(50) ? tensor(dtype, {n}) : absent_tensor());
    c.ints = {axis};
    c.reals = {1e-5};
    c.out = {c.in[0], r.chance(50) ? tensor(dtype, {rows}) : absent_tensor(), r.chance(50) ? tensor(dtype, {rows}) : absent_tensor()};
  } else {
    c.out = {c.in[0]};
  }
  return c;
}

struct Geometry {
  Extents in, out, kernel;
  std::vector<std::int64_t> ints;
};

Geometry window(Random& r, bool transposed) {
  Geometry g;
  const std::int64_t n = r.between(1, 3);
  std::vector<std::int64_t> stride, dilation, begin, end;
  for (std::int64_t d = 0; d < n; ++d) {
    g.kernel.push_back(r.between(1, 4));
    stride.push_back(r.between(1, 3));
    dilation.push_back(r.between(1, 2));
    begin.push_back(r.chance(90) ? r.between(0, 2) : r.between(-2, 9));
    end.push_back(r.between(0, 2));
    g.in.push_back(r.between(1, n == 1 ? 40 : 12));
    const std::int64_t reach = (g.kernel.back() - 1) * dilation.back() + 1;
    const std::int64_t room = transposed ? (g.in.back() - 1) * stride.back() + reach - begin.back() - end.back()
                                         : (g.in.back() + begin.back() + end.back() - reach) / stride.back() + 1;
    g.out.push_back(std::max<std::int64_t>(room + (r.chance(90) ? 0 : r.between(-1, 3)), 0));
  }
  g.ints = {n};
  for (const auto* part : {&g.kernel, &stride, &dilation, &begin, &end}) g.ints.insert(g.ints.end(), part->begin(), part->end());
  return g;
}

Extents with(Extents first, const Extents& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

Case pool(Random& r) {
  Case c;
  c.op = r.chance(50) ? "max_pool" : "average_pool";
  const Geometry g = window(r, false);
  const std::int64_t images = r.between(1, 2), channels = r.pick(std::vector<std::int64_t>{1, 3, 9, 33});
  const bool last = r.chance(30);
  const Dtype dtype = r.pick(c.op == "max_pool" ? numbers : floats);
  const auto place = [&](const Extents& spatial) {
    return last ? with(with({images}, spatial), {channels}) : with({images, channels}, spatial);
  };
  c.in = {tensor(dtype, place(g.in))};
  c.out = {tensor(dtype, place(g.out))};
  if (c.op == "max_pool" && r.chance(50)) c.out.push_back(tensor(Dtype::int64, place(g.out)));
  c.ints = with(g.ints, {r.below(2)});
  if (last || r.chance(20)) c.ints = with(c.ints, {last ? 1 : 0, last ? 1 : 0});
  return c;
}

Case conv(Random& r) {
  Case c;
  c.op = r.pick(std::vector<std::string>{"conv", "conv_transpose", "conv_integer"});
  const bool transposed = c.op == "conv_transpose", integer = c.op == "conv_integer";
  const Geometry g = window(r, transposed);
  const std::int64_t images = r.between(1, 2), group = r.pick(std::vector<std::int64_t>{1, 1, 2, 5});
  const std::int64_t channels = r.pick(std::vector<std::int64_t>{1, 2, 3, 17}), maps = r.pick(std::vector<std::int64_t>{1, 2, 7, 20});
  const Extents weights = transposed ? Extents{group * channels, maps} : Extents{group * maps, channels};
  c.in = {tensor(integer ? r.pick(bytes) : Dtype::float32, with({images, group * channels}, g.in)),
          tensor(integer ? r.pick(bytes) : Dtype::float32, with(weights, g.kernel))};
  c.in[1].constant = r.chance(50);
  if (integer) {
    c.in.push_back(r.chance(50) ? tensor(c.in[0].dtype, {1}) : absent_tensor());
    c.in.push_back(r.chance(50) ? tensor(c.in[1].dtype, {r.chance(50) ? group * maps : 1}) : absent_tensor());
  } else if (r.chance(50)) {
    c.in.push_back(tensor(Dtype::float32, {group * maps}));
  }
  c.out = {tensor(integer ? Dtype::int32 : Dtype::float32, with({images, group * maps}, g.out))};
  c.ints = with({group}, g.ints);
  return c;
}

Case matmul(Random& r) {
  Case c;
  c.op = r.chance(50) ? "matmul" : "matmul_integer";
  const bool integer = c.op == "matmul_integer";
  const std::int64_t m = extent(r), k = extent(r), n = r.chance(50) ? extent(r) : r.between(1, 70);
  const Extents batch = shape(r, 0, 2);
  const bool a_t = !integer && r.chance(30), b_t = !integer && r.chance(30);
  c.in = {tensor(integer ? r.pick(bytes) : Dtype::float32, with(broadcastable(r, batch), a_t ? Extents{k, m} : Extents{m, k})),
          tensor(integer ? r.pick(bytes) : Dtype::float32, with(broadcastable(r, batch), b_t ? Extents{n, k} : Extents{k, n}))};
  c.in[1].constant = r.chance(50);
  c.out = {tensor(integer ? Dtype::int32 : Dtype::float32, with(batch, {m, n}))};
  if (integer) {
    c.in.push_back(r.chance(60) ? tensor(c.in[0].dtype, {r.chance(50) ? m : 1}) : absent_tensor());
    c.in.push_back(r.chance(60) ? tensor(c.in[1].dtype, {r.chance(50) ? n : 1}) : absent_tensor());
  } else {
    c.ints = {a_t ? 1 : 0, b_t ? 1 : 0};
    if (r.chance(30)) c.in.push_back(tensor(Dtype::float32, {n}));
  }
  return c;
}

Case copy(Random& r) {
  Case c;
  c.op = "copy";
  const Dtype dtype = r.pick(all);
  const Extents whole = shape(r, 1, 4);
  const auto rank = static_cast<std::int64_t>(whole.size());
  const Extents target = strides_of(whole);
  c.out = {tensor(dtype, whole)};
  const int kind = static_cast<int>(r.below(4));
  std::vector<std::int64_t> body;
  std::int64_t pieces = 0;
  const auto add = [&](const Extents& extents, const Extents& from, std::int64_t offset, const Extents& strides, std::int64_t at) {
    c.in.push_back(tensor(dtype, from));
    body = with(body, extents);
    body.push_back(offset);
    body = with(body, strides);
    body.push_back(at);
    body = with(body, target);
    ++pieces;
  };
  if (kind == 0) {  // transposed
    std::vector<std::size_t> order(whole.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[static_cast<std::size_t>(r.below(static_cast<std::int64_t>(i)))]);
    Extents from(whole.size()), strides(whole.size());
    for (std::size_t i = 0; i < order.size(); ++i) from[order[i]] = whole[i];
    const Extents own = strides_of(from);
    for (std::size_t i = 0; i < order.size(); ++i) strides[i] = own[order[i]];
    add(whole, from, 0, strides, 0);
  } else if (kind == 1) {  // sliced, maybe backwards, maybe repeated
    Extents from(whole.size()), strides(whole.size());
    std::int64_t offset = 0;
    std::vector<std::int64_t> step(whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
      step[i] = r.between(-2, 2);
      from[i] = std::max<std::int64_t>((whole[i] - 1) * std::abs(step[i]) + 1, 1) + r.below(2);
    }
    const Extents own = strides_of(from);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      strides[i] = step[i] * own[i];
      if (step[i] < 0) offset += std::max<std::int64_t>(whole[i] - 1, 0) * -step[i] * own[i];
    }
    add(whole, from, offset, strides, 0);
  } else {  // side by side, or within a fill
    const auto axis = static_cast<std::size_t>(r.below(rank));
    for (std::int64_t at = kind == 3 ? r.below(2) : 0; at < whole[axis];) {
      Extents part = whole;
      part[axis] = r.between(1, whole[axis] - at);
      add(part, part, 0, strides_of(part), at * target[axis]);
      at += part[axis] + (kind == 3 ? r.below(2) : 0);
    }
  }
  if (kind == 3 || pieces == 0) c.in.push_back(tensor(dtype, {1}));
  c.ints = with({pieces, rank}, body);
  return c;
}

Case gather(Random& r) {
  Case c;
  c.op = r.pick(std::vector<std::string>{"gather", "gather_elements", "gather_nd", "scatter_elements", "scatter_nd"});
  const Dtype dtype = r.pick(all);
  const Extents data = shape(r, 1, 4);
  const std::int64_t axis = r.below(static_cast<std::int64_t>(data.size()));
  const auto at = static_cast<std::size_t>(axis);
  c.in = {tensor(dtype, data)};
  const std::int64_t reduction = r.below(5);
  if (c.op == "gather") {
    const Extents count = shape(r, 0, 2);
    c.in.push_back(indices(r, count, data[at]));
    c.out = {tensor(dtype, with(with(Extents(data.begin(), data.begin() + axis), count), Extents(data.begin() + axis + 1, data.end())))};
    c.ints = {axis};
  } else if (c.op == "gather_elements" || c.op == "scatter_elements") {
    Extents count = data;
    for (std::size_t d = 0; d < count.size(); ++d) count[d] = d == at ? extent(r) : r.between(std::min<std::int64_t>(count[d], 1), count[d]);
    c.in.push_back(indices(r, count, data[at]));
    c.ints = {axis};
    c.out = {tensor(dtype, count)};
    if (c.op == "scatter_elements") {
      c.in.push_back(tensor(dtype, count));
      c.out = {tensor(dtype, data)};
      c.ints = {axis, reduction};
    }
  } else {
    const bool scatter = c.op == "scatter_nd";
    const std::int64_t batch = scatter ? 0 : r.below(static_cast<std::int64_t>(data.size()));
    const std::int64_t depth = r.between(1, static_cast<std::int64_t>(data.size()) - batch);
    Extents tuples(data.begin(), data.begin() + batch);
    tuples = with(tuples, shape(r, 0, 2));
    const Extents slice(data.begin() + batch + depth, data.end());
    c.in.push_back(indices(r, with(tuples, {depth}), *std::min_element(data.begin() + batch, data.begin() + batch + depth)));
    c.in[1].dtype = Dtype::int64;
    c.out = {tensor(dtype, with(tuples, slice))};
    c.ints = {batch};
    if (scatter) {
      c.in.push_back(c.out[0]);
      c.out = {tensor(dtype, data)};
      c.ints = {reduction};
    }
  }
  return c;
}

Case quantise(Random& r) {
  Case c;
  c.op = r.pick(std::vector<std::string>{"quantize_linear", "dequantize_linear", "requantize"});
  const Extents from = shape(r, 1, 3);
  const std::int64_t axis = r.below(static_cast<std::int64_t>(from.size())), block = r.chance(40) && c.op != "requantize" ? r.between(1, 5) : 0;
  const auto at = static_cast<std::size_t>(axis);
  Extents scale{r.chance(50) ? 1 : from[at]};
  if (block > 0) {
    scale = from;
    scale[at] = (from[at] + block - 1) / block;
  }
  const Dtype dtype = r.pick(c.op == "requantize" ? bytes : small);
  const bool up = c.op == "dequantize_linear";
  c.in = {tensor(up ? dtype : c.op == "requantize" ? Dtype::int32 : Dtype::float32, from), tensor(Dtype::float32, scale),
          r.chance(60) ? tensor(dtype, scale) : absent_tensor()};
  c.out = {tensor(up ? Dtype::float32 : dtype, from)};
  c.ints = {axis, block, 1};
  return c;
}

// Tables of trees, whose contents `fill` draws as indices: most are refused, and must be by name.
Case forest(Random& r) {
  Case c;
  c.op = "tree_ensemble";
  const std::int64_t rows = r.between(0, 20), features = r.between(1, 3), nodes = r.between(1, 6), leaves = r.between(1, 4);
  const std::int64_t targets = r.between(1, 3), pairs = r.between(1, 5), members = r.between(0, 3);
  const auto table = [&](Dtype dtype, std::int64_t n, std::int64_t range) {
    Tensor t = tensor(dtype, {n});
    t.constant = true;
    t.range = range;
    t.natural = true;
    c.in.push_back(t);
  };
  c.in = {tensor(Dtype::float32, {rows, features})};
  table(Dtype::int64, r.between(0, 3), r.between(1, nodes));
  table(Dtype::int64, nodes, features);
  table(Dtype::float32, nodes, 0);
  table(Dtype::uint8, nodes, 7);
  const std::int64_t ways = r.chance(60) ? leaves : std::max(nodes, leaves);  // small enough to be either, mostly
  for (int i = 0; i < 2; ++i) table(Dtype::int64, nodes, std::min(ways, r.chance(50) ? nodes : ways));
  for (int i = 0; i < 2; ++i) table(Dtype::boolean, nodes, r.chance(70) ? -1 : 2);
  table(Dtype::boolean, nodes, 2);
  table(Dtype::int64, leaves + 1, -pairs);
  table(Dtype::int64, pairs, targets);
  table(Dtype::float32, pairs, 0);
  table(Dtype::int64, nodes + 1, -members);
  table(Dtype::float32, members, 0);
  c.out = {tensor(Dtype::float32, {rows, targets})};
  c.ints = {r.below(4)};
  return c;
}

Case interpolate(Random& r) {
  Case c;
  c.op = "interpolate";
  const Extents from = shape(r, 1, 3);
  const std::int64_t axis = r.below(static_cast<std::int64_t>(from.size())), out = extent(r), taps = r.between(0, 4);
  Extents to = from;
  to[static_cast<std::size_t>(axis)] = out;
  c.in = {tensor(Dtype::float32, from), indices(r, {out, taps}, from[static_cast<std::size_t>(axis)]), tensor(Dtype::float32, {out, taps})};
  c.in[1].dtype = Dtype::int64;
  c.out = {tensor(Dtype::float32, to)};
  c.ints = {axis};
  return c;
}

}  // namespace

// The elements of a tensor.
void fill(Random& r, const Tensor& t, std::byte* data, std::int64_t elements) {
  const auto put = [&](std::int64_t i, auto value) { std::memcpy(data + i * static_cast<std::int64_t>(sizeof value), &value, sizeof value); };
  const bool wild = r.chance(15);
  for (std::int64_t i = 0; i < elements; ++i) {
    const std::uint64_t bits = r.next();
    if (t.natural && t.range != 0) {
      const std::int64_t ascending = t.dtype == Dtype::boolean ? 1 : -t.range * i / std::max<std::int64_t>(elements - 1, 1);
      const std::int64_t value = r.chance(2) && wild ? r.between(-1, 9) : t.range < 0 ? ascending : r.below(t.range);
      std::memcpy(data + i * item_size(t.dtype), &value, static_cast<std::size_t>(item_size(t.dtype)));  // little-endian
      continue;
    }
    if (t.range > 0 || t.dtype == Dtype::int64) {
      const std::int64_t range = std::max<std::int64_t>(t.range, 1);
      const std::int64_t value = r.chance(1) && wild ? static_cast<std::int64_t>(bits) : r.between(-range, range - 1);
      if (t.dtype == Dtype::int32) {
        put(i, static_cast<std::int32_t>(value));
      } else if (t.dtype == Dtype::int64) {
        put(i, value);
      } else {
        std::memcpy(data + i * item_size(t.dtype), &bits, static_cast<std::size_t>(item_size(t.dtype)));
      }
    } else if (t.dtype == Dtype::float32 && !wild) {
      put(i, static_cast<float>(static_cast<std::int64_t>(bits >> 40) - 8388608) * 0x1p-20F);
    } else if (t.dtype == Dtype::boolean) {
      put(i, static_cast<std::uint8_t>(bits & 1));
    } else {
      std::memcpy(data + i * item_size(t.dtype), &bits, static_cast<std::size_t>(item_size(t.dtype)));
    }
  }
}

void mutate(Random& r, Case& c) {
  const auto any_tensor = [&]() -> Tensor& {
    const std::int64_t i = r.below(static_cast<std::int64_t>(c.in.size() + c.out.size()));
    return i < static_cast<std::int64_t>(c.in.size()) ? c.in[static_cast<std::size_t>(i)] : c.out[static_cast<std::size_t>(i) - c.in.size()];
  };
  switch (r.below(9)) {
    case 0:
    case 1:
      if (!c.ints.empty()) {
        std::int64_t& value = c.ints[static_cast<std::size_t>(r.below(static_cast<std::int64_t>(c.ints.size())))];
        const std::vector<std::int64_t> odd{0, 1, -1, 2, 7, 64, 65, INT32_MAX, INT32_MIN, std::int64_t{1} << 62, INT64_MAX, INT64_MIN, INT64_MAX - 1};
        value = r.chance(50) ? r.pick(odd) : static_cast<std::int64_t>(static_cast<std::uint64_t>(value) + static_cast<std::uint64_t>(r.between(-2, 2)));
      }
      break;
    case 2:
      if (r.chance(50)) {
        c.ints.push_back(r.between(-1, 3));
      } else if (!c.ints.empty()) {
        c.ints.erase(c.ints.begin() + r.below(static_cast<std::int64_t>(c.ints.size())));
      }
      break;
    case 3:
    case 4:
      if (Tensor& t = any_tensor(); !t.shape.empty()) {
        std::int64_t& n = t.shape[static_cast<std::size_t>(r.below(static_cast<std::int64_t>(t.shape.size())))];
        n = r.chance(60) ? std::max<std::int64_t>(n + r.between(-1, 1), 0) : r.between(0, 4);
      }
      break;
    case 5:
      if (Tensor& t = any_tensor(); r.chance(50) || t.shape.empty()) {
        t.shape.insert(t.shape.begin() + r.below(static_cast<std::int64_t>(t.shape.size()) + 1), r.between(0, 2));
      } else {
        t.shape.erase(t.shape.begin() + r.below(static_cast<std::int64_t>(t.shape.size())));
      }
      break;
    case 6:
      any_tensor().dtype = r.pick(all);
      break;
    case 7:
      if (Tensor& t = any_tensor(); r.chance(50)) {
        t.absent = true;
      } else {
        t.constant = !t.constant;
      }
      break;
    default:
      if (r.chance(50)) {
        c.in.push_back(any_tensor());
      } else if (c.in.size() > 1) {
        c.in.pop_back();
      }
      if (!c.reals.empty()) c.reals[0] = static_cast<double>(r.between(-3, 3));
  }
}

Case sensible_case(Random& r) {
  static const std::vector<std::function<Case(Random&)>> makers{unary, binary, clip, reduce, along_axis, pool, conv, matmul, copy, gather, quantise, interpolate, forest, chain};
  return r.pick(makers)(r);
}

bool reasonable(const Case& c) {
  std::int64_t total = 0;
  for (const auto* list : {&c.in, &c.out}) {
    for (const Tensor& t : *list) {
      std::int64_t elements = 1;
      for (const std::int64_t n : t.shape) elements = std::min<std::int64_t>(elements * n, 1 << 20);
      total += elements;
    }
  }
  return total < 40000;
}

void Operands::add(Kind kind, const Tensor& t, std::int64_t elements, std::uint64_t data, std::byte before) {
  const std::int64_t bytes = elements * item_size(t.dtype);
  memory_.push_back(std::unique_ptr<std::byte[]>(new std::byte[static_cast<std::size_t>(bytes)]));
  std::byte* const start = memory_.back().get();
  if (kind == Kind::output) {
    std::fill_n(start, bytes, before);
    outputs_.push_back(start);
    output_bytes_.push_back(bytes);
    return;
  }
  Random random(data);
  fill(random, t, start, elements);
  (kind == Kind::constant ? constants_ : inputs_).push_back(start);
}

Outcome Operands::run(const std::vector<Buffer>& buffers, const std::vector<Step>& steps, const Isa& isa, int threads) const {
  return attempt([&](Outcome& outcome) {
    const Plan plan(buffers, constants_, steps, isa, {}, std::int64_t{1} << 30);
    outcome.made = true;
    plan.run(inputs_, outputs_, threads);
    for (std::size_t i = 0; i < outputs_.size(); ++i) outcome.outputs.emplace_back(outputs_[i], outputs_[i] + output_bytes_[i]);
  });
}

Outcome attempt(const std::function<void(Outcome&)>& body) {
  Outcome outcome;
  try {
    body(outcome);
  } catch (const Error& error) {
    outcome.refusal = error.what();
  } catch (const std::bad_alloc&) {
    outcome.refusal = "out of memory";
  }
  return outcome;
}

void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

namespace {

std::uint64_t current = 0;

void report(int) {
  char text[64];
  const int n = std::snprintf(text, sizeof text, "in case %llu\n", static_cast<unsigned long long>(current));
  if (write(2, text, static_cast<std::size_t>(n)) < 0) _exit(3);
  signal(SIGABRT, SIG_DFL);
  abort();
}

// Of the processor's time: a busy machine is no hang.
void limit_time(int seconds) {
  const itimerval limit{{0, 0}, {seconds, 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
}

}  // namespace

int campaign(int argc, char** argv, const char* what, const std::function<Fate(std::uint64_t)>& run_case) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10000;
  const std::uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const double seconds = argc > 3 ? std::strtod(argv[3], nullptr) : 1e9;
  const auto start = std::chrono::steady_clock::now();
  for (const int number : {SIGABRT, SIGPROF, SIGFPE}) signal(number, report);
  std::uint64_t ran = 0, refused = 0;
  for (current = first; current < first + count; ++current) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > seconds) break;
    limit_time(60);
    const Fate fate = run_case(current);
    ran += fate == Fate::ran;
    refused += fate == Fate::refused;
  }
  std::printf("%llu %s ran, %llu were refused\n", static_cast<unsigned long long>(ran), what, static_cast<unsigned long long>(refused));
  return 0;
}

}  // namespace fuzz

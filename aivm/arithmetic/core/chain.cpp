// The primitive `chain`: elementwise primitives one after the other, a block of elements at a time, so that what lies between
// them never leaves the first cache. Each link is the kernel of its primitive: the bits are those of the single steps.
//   in: operands, float32 or bool, which broadcast to y   out: y, float32
//   ints: for each link its primitive (an index of the table of primitives) and three operands: an input's number, or the
//   number of inputs plus an earlier link's, or -1; the last link is y
#include <algorithm>
#include <array>
#include <optional>

#include "extents.hpp"
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr std::int64_t block = 1024;  // elements: 4 kB for each intermediate result
constexpr std::int64_t grain = 8192;  // elements of a task
constexpr std::size_t most_values = 64;

enum class Kind : std::uint8_t { unary, function, binary, power, clip, compare, where };

struct Link {
  Kind kind = Kind::unary;
  int code = 0;                 // of the kind's enumeration
  std::array<int, 3> from{};    // values: inputs, then results of links
  int operands = 1;
  bool repeated = false;        // one element stands for all of a row
  std::size_t slot = 0;         // of the task's memory
};

template <typename Enum, std::size_t n>
std::optional<int> find_name(const std::string& name, const std::array<std::pair<const char*, Enum>, n>& names) {
  for (const auto& [known, code] : names) {
    if (name == known) return static_cast<int>(code);
  }
  return std::nullopt;
}

constexpr std::array<std::pair<const char*, UnaryOp>, 7> unary_names{{{"abs", UnaryOp::abs}, {"neg", UnaryOp::neg},
    {"sign", UnaryOp::sign}, {"floor", UnaryOp::floor}, {"ceil", UnaryOp::ceil}, {"round", UnaryOp::round},
    {"relu", UnaryOp::relu}}};
constexpr std::array<std::pair<const char*, BinaryOp>, 6> binary_names{{{"add", BinaryOp::add}, {"sub", BinaryOp::sub},
    {"mul", BinaryOp::mul}, {"div", BinaryOp::div}, {"min", BinaryOp::min}, {"max", BinaryOp::max}}};
constexpr std::array<std::pair<const char*, CompareOp>, 3> compare_names{{{"equal", CompareOp::equal},
    {"less", CompareOp::less}, {"less_or_equal", CompareOp::less_or_equal}}};

Link link_named(const std::string& name) {
  Link link;
  const auto found = [&](Kind kind, int code, int operands) {
    link.kind = kind;
    link.code = code;
    link.operands = operands;
    return link;
  };
  if (const auto code = find_name(name, unary_names)) return found(Kind::unary, *code, 1);
  if (const auto code = find_name(name, binary_names)) return found(Kind::binary, *code, 2);
  if (const auto code = find_name(name, compare_names)) return found(Kind::compare, *code, 2);
  for (int code = 0; code < function_count; ++code) {
    if (name == function_names[code]) return found(Kind::function, code, 1);
  }
  if (name == "pow") return found(Kind::power, 0, 2);
  if (name == "clip") return found(Kind::clip, 0, 3);
  if (name == "where") return found(Kind::where, 0, 3);
  throw Error("a chain has no link '" + name + "'");
}

struct Chain {
  std::size_t inputs = 0;
  std::vector<Link> links;
  std::vector<std::int64_t> items;  // bytes of an element of each value
  std::size_t slots = 0;
  Nest nest;  // the inputs'
  std::int64_t total = 0;
  std::vector<Ref> refs;
  Ref y = absent;
  ElementwiseKernels elementwise{};
  FunctionKernels functions{};

  void read(const Step& step, const Preparation& p);
  void give_slots();
  void run_link(const Link& link, const std::byte* const* at, std::byte* to, std::int64_t n) const;
  void run_row(const Walk& walk, std::int64_t column, std::int64_t n, const Context& context, std::byte* to,
               std::byte* memory) const;
};

void Chain::read(const Step& step, const Preparation& p) {
  inputs = step.in.size();
  p.require(inputs >= 1 && step.out.size() == 1, "takes operands and has one output");
  p.require(!step.ints.empty() && step.ints.size() % 4 == 0, "links are described by four integers each");
  p.require(inputs + step.ints.size() / 4 <= most_values, "has too many operands and links");
  const Buffer& out = p.out(step, 0);
  p.dtype(out, Dtype::float32);
  nest.extents = out.shape;
  std::vector<bool> truth, repeated;
  for (std::size_t i = 0; i < inputs; ++i) {
    const Buffer& operand = p.in(step, i);
    truth.push_back(operand.dtype == Dtype::boolean);
    if (!truth.back()) p.dtype(operand, Dtype::float32);
    nest.strides.push_back(broadcast_strides(operand.shape, out.shape, operand.name));
    refs.push_back(step.in[i]);
    items.push_back(item_size(operand.dtype));
  }
  nest = collapsed(nest);
  for (std::size_t i = 0; i < inputs; ++i) repeated.push_back(nest.strides[i].back() == 0);
  const std::vector<std::string> names = primitive_names();
  for (std::size_t at = 0; at < step.ints.size(); at += 4) {
    const std::int64_t name = step.ints[at];
    p.require(name >= 0 && name < static_cast<std::int64_t>(names.size()), "there is no such primitive");
    Link link = link_named(names[static_cast<std::size_t>(name)]);
    link.repeated = true;
    for (int i = 0; i < 3; ++i) {
      const std::int64_t from = step.ints[at + 1 + static_cast<std::size_t>(i)];
      const bool optional = link.kind == Kind::clip && i > 0;
      link.from[static_cast<std::size_t>(i)] = static_cast<int>(from);
      if (i >= link.operands || (optional && from == absent)) {
        p.require(from == absent, "a link has an operand too many");
        continue;
      }
      p.require(from >= 0 && from < static_cast<std::int64_t>(truth.size()), "a link reads what there is not yet");
      const auto value = static_cast<std::size_t>(from);
      p.require(truth[value] == (link.kind == Kind::where && i == 0), "a link reads a value of another dtype");
      p.require(!optional || (value < inputs && p.in(step, value).elements == 1), "a bound has to be one element of an input");
      if (!optional) link.repeated = link.repeated && repeated[value];
    }
    truth.push_back(link.kind == Kind::compare);
    repeated.push_back(link.repeated);
    items.push_back(link.kind == Kind::compare ? 1 : 4);
    links.push_back(link);
  }
  p.require(!truth.back(), "the last link gives no number");
  total = out.elements;
  y = step.out[0];
  elementwise = p.kernels.elementwise;
  functions = p.kernels.functions;
}

// A result's memory is used again after its last reader; at once by a reader that works in place.
void Chain::give_slots() {
  std::vector<std::size_t> last(inputs + links.size(), 0);
  for (std::size_t i = 0; i < links.size(); ++i) {
    for (const int from : links[i].from) {
      if (from >= 0) last[static_cast<std::size_t>(from)] = i;
    }
  }
  std::vector<std::size_t> idle;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const auto take = [&] {
      if (idle.empty()) idle.push_back(slots++);
      links[i].slot = idle.back();
      idle.pop_back();
    };
    const auto give_back = [&] {
      std::vector<int> read(links[i].from.begin(), links[i].from.end());
      std::sort(read.begin(), read.end());
      read.erase(std::unique(read.begin(), read.end()), read.end());
      for (const int from : read) {
        if (from < static_cast<int>(inputs) || last[static_cast<std::size_t>(from)] != i) continue;
        idle.push_back(links[static_cast<std::size_t>(from) - inputs].slot);
      }
    };
    // Not in place: what has elements of two sizes, and who reads one element again and again while it writes many.
    bool apart = links[i].kind == Kind::compare || links[i].kind == Kind::where;
    for (const int from : links[i].from) {
      if (from >= static_cast<int>(inputs) && links[static_cast<std::size_t>(from) - inputs].repeated) apart |= !links[i].repeated;
    }
    if (apart) take();
    give_back();
    if (!apart) take();
  }
}

void Chain::run_link(const Link& link, const std::byte* const* at, std::byte* to, std::int64_t n) const {
  const auto value = [&](int i) { return static_cast<std::size_t>(link.from[static_cast<std::size_t>(i)]); };
  const auto floats = [&](int i) { return reinterpret_cast<const float*>(at[value(i)]); };
  const auto step = [&](int i) -> std::int64_t {
    const std::size_t v = value(i);
    return (v < inputs ? nest.strides[v].back() == 0 : links[v - inputs].repeated) ? 0 : 1;
  };
  auto* const result = reinterpret_cast<float*>(to);
  switch (link.kind) {
    case Kind::unary: return elementwise.unary(static_cast<UnaryOp>(link.code), floats(0), result, n);
    case Kind::function: return functions.unary(static_cast<Function>(link.code), floats(0), result, n);
    case Kind::binary:
      return elementwise.binary(static_cast<BinaryOp>(link.code), floats(0), step(0), floats(1), step(1), result, n);
    case Kind::power: return functions.pow(floats(0), step(0), floats(1), step(1), result, n);
    case Kind::clip: {
      const float low = link.from[1] == absent ? -__builtin_inff() : *floats(1);
      const float high = link.from[2] == absent ? __builtin_inff() : *floats(2);
      return elementwise.clip(floats(0), low, high, result, n);
    }
    case Kind::compare:
      return elementwise.compare(static_cast<CompareOp>(link.code), floats(0), step(0), floats(1), step(1),
                                 reinterpret_cast<std::uint8_t*>(to), n);
    case Kind::where:
      return elementwise.where(4, reinterpret_cast<const std::uint8_t*>(at[value(0)]), step(0), at[value(1)], step(1),
                               at[value(2)], step(2), to, n);
  }
}

// n elements of one row, from `column` on.
void Chain::run_row(const Walk& walk, std::int64_t column, std::int64_t n, const Context& context, std::byte* to,
                    std::byte* memory) const {
  std::array<const std::byte*, most_values> at{};
  for (std::int64_t begin = 0; begin < n; begin += block) {
    const std::int64_t here = std::min(block, n - begin);
    for (std::size_t i = 0; i < inputs; ++i) {
      const std::int64_t place = walk.offset(i) + (column + begin) * nest.strides[i].back();
      at[i] = context.data<const std::byte>(refs[i]) + place * items[i];
    }
    for (std::size_t i = 0; i < links.size(); ++i) {
      const bool last = i + 1 == links.size();
      std::byte* const target = last ? to + begin * 4 : memory + static_cast<std::int64_t>(links[i].slot) * block * 4;
      run_link(links[i], at.data(), target, links[i].repeated ? 1 : here);
      at[inputs + i] = target;
    }
    if (links.back().repeated) std::fill_n(reinterpret_cast<float*>(to) + begin, here, *reinterpret_cast<float*>(to + begin * 4));
  }
}

}  // namespace

Runner prepare_chain(const Step& step, Preparation& p) {
  auto shared = std::make_shared<Chain>();
  shared->read(step, p);
  shared->give_slots();
  return [shared](Context& context) {
    const Chain& chain = *shared;
    const std::int64_t n = chain.nest.extents.back();
    context.parallel(ceil_div(chain.total, grain), [&](std::int64_t task, int worker) {
      auto* const memory = context.scratch<std::byte>(worker, chain.slots * static_cast<std::size_t>(block * 4));
      auto* const y = context.data<std::byte>(chain.y);
      std::int64_t at = task * grain;
      const std::int64_t end = std::min(chain.total, at + grain);
      Walk walk(chain.nest, at / n);
      while (at < end) {
        const std::int64_t column = at % n, here = std::min(n - column, end - at);
        chain.run_row(walk, column, here, context, y + at * 4, memory);
        at += here;
        if (at < end) walk.next();
      }
    });
  };
}

}  // namespace aivm

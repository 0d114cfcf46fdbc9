// Random steps, sensible ones and broken ones, against every instruction set: nothing may be read or written outside a
// tensor (build with -fsanitize=address,undefined), what is refused is refused by an Error, and what runs gives the same
// bits everywhere, whatever lay in the outputs before.
//
//   fuzz_primitives CASES [FIRST [SECONDS]]
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz_cases.hpp"

using namespace fuzz;

namespace {

// What a plan of this step alone gives.
Outcome run(const Case& c, std::uint64_t seed, const Isa& isa, int threads, std::byte before) {
  std::vector<Buffer> buffers;
  Operands operands;
  Step step;
  step.op = c.op;
  step.name = "step";
  step.ints = c.ints;
  step.reals = c.reals;
  const auto add = [&](const Tensor& t, Kind kind) {
    Buffer buffer;
    buffer.name = (kind == Kind::output ? "out" : "in") + std::to_string(buffers.size());
    buffer.dtype = t.dtype;
    buffer.shape = t.shape;
    buffer.kind = kind;
    operands.add(kind, t, product(t.shape), seed + 1000 * buffers.size(), before);
    buffers.push_back(std::move(buffer));
    return static_cast<Ref>(buffers.size() - 1);
  };
  for (const Tensor& t : c.in) step.in.push_back(t.absent ? absent : add(t, t.constant ? Kind::constant : Kind::input));
  for (const Tensor& t : c.out) step.out.push_back(t.absent ? absent : add(t, Kind::output));
  return operands.run(buffers, {step}, isa, threads);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<const Isa*> isas = available_isas();
  const std::vector<std::string> known = primitive_names();
  return campaign(argc, argv, "steps", [&](std::uint64_t number) {
    Random r(number);
    Case c = sensible_case(r);
    if (std::find(known.begin(), known.end(), c.op) == known.end()) return Fate::skipped;
    if (r.chance(40)) {
      for (std::int64_t n = r.between(1, 3); n > 0; --n) mutate(r, c);
    }
    if (!reasonable(c)) return Fate::skipped;
    const Outcome expected = run(c, number, *isas.front(), 1, std::byte{0xa5});
    for (const Isa* isa : isas) {
      const Outcome other = run(c, number, *isa, isa == isas.front() ? 2 : 1, std::byte{0x5a});
      if (other.refusal.empty() != expected.refusal.empty()) fail(c.op + ": refused by one: " + expected.refusal + other.refusal);
      if (other.outputs != expected.outputs) fail(c.op + ": " + isa->name + " gives other bits");
    }
    return expected.refusal.empty() ? Fate::ran : Fate::refused;
  });
}

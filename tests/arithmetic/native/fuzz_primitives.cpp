// Random steps, sensible ones and broken ones, against every instruction set: nothing may be read or written outside a
// tensor (build with -fsanitize=address,undefined), what is refused is refused by an Error, and what runs gives the same
// bits everywhere, whatever lay in the outputs before.
//
//   fuzz_primitives CASES [FIRST [SECONDS]]    runs the cases FIRST, FIRST + 1, … while there is time; a case depends on
//                                              its number alone
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "fuzz_cases.hpp"

using namespace fuzz;

namespace {

using Memory = std::unique_ptr<std::byte[]>;

// What a plan of this step gives: the outputs, or nothing and why not.
struct Outcome {
  std::string refusal;
  std::vector<std::vector<std::byte>> outputs;
};

Outcome run(const Case& c, std::uint64_t seed, const Isa& isa, int threads, std::byte before) {
  std::vector<Buffer> buffers;
  std::vector<Memory> memory;
  std::vector<const std::byte*> constants, inputs;
  std::vector<std::byte*> outputs;
  std::vector<std::int64_t> output_bytes;
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
    const std::int64_t elements = product(t.shape), bytes = elements * item_size(t.dtype);
    memory.push_back(Memory(new std::byte[static_cast<std::size_t>(bytes)]));  // exact, so that a byte too far is seen
    if (kind == Kind::output) {
      std::fill_n(memory.back().get(), bytes, before);
      outputs.push_back(memory.back().get());
      output_bytes.push_back(bytes);
    } else {
      Random data(seed + 1000 * buffers.size());
      fill(data, t, memory.back().get(), elements);
      (kind == Kind::constant ? constants : inputs).push_back(memory.back().get());
    }
    buffers.push_back(std::move(buffer));
    return static_cast<Ref>(buffers.size() - 1);
  };
  for (const Tensor& t : c.in) step.in.push_back(t.absent ? absent : add(t, t.constant ? Kind::constant : Kind::input));
  for (const Tensor& t : c.out) step.out.push_back(t.absent ? absent : add(t, Kind::output));
  Outcome outcome;
  try {
    const Plan plan(buffers, constants, {step}, isa, {}, std::int64_t{1} << 30);
    plan.run(inputs, outputs, threads);
  } catch (const Error& error) {
    outcome.refusal = error.what();
    return outcome;
  } catch (const std::bad_alloc&) {
    outcome.refusal = "out of memory";
    return outcome;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) outcome.outputs.emplace_back(outputs[i], outputs[i] + output_bytes[i]);
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10000;
  const std::uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  const double seconds = argc > 3 ? std::strtod(argv[3], nullptr) : 1e9;
  const auto start = std::chrono::steady_clock::now();
  report_failures();
  const std::vector<const Isa*> isas = available_isas();
  const std::vector<std::string> known = primitive_names();
  std::uint64_t ran = 0, refused = 0;
  for (current = first; current < first + count; ++current) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > seconds) break;
    Random r(current);
    Case c = sensible_case(r);
    if (std::find(known.begin(), known.end(), c.op) == known.end()) continue;
    if (r.chance(40)) {
      for (std::int64_t n = r.between(1, 3); n > 0; --n) mutate(r, c);
    }
    if (!reasonable(c)) continue;
    limit_time(60);
    const Outcome expected = run(c, current, *isas.front(), 1, std::byte{0xa5});
    for (const Isa* isa : isas) {
      const Outcome other = run(c, current, *isa, isa == isas.front() ? 2 : 1, std::byte{0x5a});
      if (other.refusal.empty() != expected.refusal.empty()) fail(c.op + ": refused by one: " + expected.refusal + other.refusal);
      if (other.outputs != expected.outputs) fail(c.op + ": " + isa->name + " gives other bits");
    }
    ++(expected.refusal.empty() ? ran : refused);
  }
  std::printf("%llu steps ran, %llu were refused\n", static_cast<unsigned long long>(ran), static_cast<unsigned long long>(refused));
  return 0;
}

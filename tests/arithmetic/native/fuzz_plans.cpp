// Random plans of several steps, which hand memory on through views and share it in the arena: what the core refuses, it
// refuses by an Error; what it accepts gives the same bits as the same plan with memory of its own for every tensor.
// Whatever the checks of a plan let through by mistake (a tensor that is overwritten while it is needed, a view of
// something else, a read of what nobody wrote) makes a difference, or is seen by the sanitizers.
//
//   fuzz_plans CASES [FIRST [SECONDS]]
#include <algorithm>
#include <string>
#include <vector>

#include "fuzz_cases.hpp"

using namespace fuzz;

namespace {

struct Draft {
  std::vector<Buffer> buffers;
  std::vector<Tensor> contents;  // how to fill inputs and constants
  std::vector<Step> steps;
};

std::int64_t bytes_of(const Buffer& buffer) { return product(buffer.shape) * item_size(buffer.dtype); }

Ref add(Draft& draft, const Tensor& t, Kind kind) {
  Buffer buffer;
  buffer.name = "t" + std::to_string(draft.buffers.size());
  buffer.dtype = t.dtype;
  buffer.shape = t.shape;
  buffer.kind = kind;
  draft.buffers.push_back(buffer);
  draft.contents.push_back(t);
  return static_cast<Ref>(draft.buffers.size() - 1);
}

// What an earlier step wrote, seen as this tensor; absent if nothing has its size.
Ref earlier(Random& r, Draft& draft, const Tensor& t) {
  std::vector<Ref> found;
  for (std::size_t i = 0; i < draft.buffers.size(); ++i) {
    const Buffer& buffer = draft.buffers[i];
    if (buffer.kind == Kind::arena && bytes_of(buffer) == product(t.shape) * item_size(t.dtype)) found.push_back(static_cast<Ref>(i));
  }
  if (found.empty() || t.range != 0) return absent;
  const Ref whole = r.pick(found);
  const Buffer& buffer = draft.buffers[static_cast<std::size_t>(whole)];
  if (buffer.dtype == t.dtype && buffer.shape == t.shape) return whole;
  const Ref view = add(draft, t, Kind::view);
  draft.buffers[static_cast<std::size_t>(view)].offset = whole;
  return view;
}

// A step of one operand on what an earlier step wrote, so that chains come about.
bool chain(Random& r, const Draft& draft, Case& c) {
  std::vector<Ref> found;
  for (std::size_t i = 0; i < draft.buffers.size(); ++i) {
    if (draft.buffers[i].kind == Kind::arena) found.push_back(static_cast<Ref>(i));
  }
  if (found.empty()) return false;
  const Buffer& buffer = draft.buffers[static_cast<std::size_t>(r.pick(found))];
  c = Case();
  const Tensor t = tensor(buffer.dtype, buffer.shape);
  c.in = {t};
  c.out = {t};
  if (buffer.dtype == Dtype::float32) {
    c.op = r.pick(std::vector<std::string>{"neg", "abs", "relu", "add", "mul", "max"});
  } else {
    c.op = "cast";
    c.out[0].dtype = r.pick(all);
    c.ints = {1};
  }
  if (c.op == "add" || c.op == "mul" || c.op == "max") c.in.push_back(t);
  return true;
}

Draft draft_of(Random& r) {
  Draft draft;
  for (std::int64_t n = r.between(2, 7); n > 0; --n) {
    Case c;
    if (!r.chance(60) || !chain(r, draft, c)) c = sensible_case(r);
    if (!reasonable(c)) continue;
    Step step;
    step.op = c.op;
    step.name = "step" + std::to_string(draft.steps.size());
    step.ints = c.ints;
    step.reals = c.reals;
    for (const Tensor& t : c.in) {
      Ref ref = absent;
      if (!t.absent) {
        if (!t.constant && r.chance(80)) ref = earlier(r, draft, t);
        if (ref == absent) ref = add(draft, t, t.constant ? Kind::constant : Kind::input);
      }
      step.in.push_back(ref);
    }
    for (const Tensor& t : c.out) step.out.push_back(t.absent ? absent : add(draft, t, r.chance(75) ? Kind::arena : Kind::output));
    draft.steps.push_back(step);
  }
  return draft;
}

// Places in the arena: each its own, or wherever, so that some share memory.
void place(Random& r, Draft& draft) {
  const bool crowded = r.chance(80);
  std::int64_t end = 0;
  std::vector<std::int64_t> places{0};
  for (Buffer& buffer : draft.buffers) {
    if (buffer.kind != Kind::arena) continue;
    const std::int64_t size = ceil_div(std::max<std::int64_t>(bytes_of(buffer), 1), alignment) * alignment;
    buffer.offset = crowded && r.chance(70) ? r.pick(places) : end;
    end = std::max(end, buffer.offset + size);
    places.push_back(buffer.offset);
    places.push_back(end);
  }
}

// The same with memory of its own for every tensor.
Draft spread(const Draft& draft) {
  Draft result = draft;
  std::int64_t end = 0;
  for (Buffer& buffer : result.buffers) {
    if (buffer.kind != Kind::arena) continue;
    buffer.offset = end;
    end += ceil_div(std::max<std::int64_t>(bytes_of(buffer), 1), alignment) * alignment;
  }
  return result;
}

void damage(Random& r, Draft& draft) {
  const std::vector<std::int64_t> odd{0, 1, -1, 63, 64, 65, 128, INT32_MAX, std::int64_t{1} << 62, INT64_MAX, INT64_MIN};
  const auto count = static_cast<std::int64_t>(draft.buffers.size());
  Buffer& buffer = draft.buffers[static_cast<std::size_t>(r.below(count))];
  Step& step = draft.steps[static_cast<std::size_t>(r.below(static_cast<std::int64_t>(draft.steps.size())))];
  std::vector<Ref>& refs = r.chance(60) ? step.in : step.out;
  switch (r.below(7)) {
    case 0:
      if (buffer.kind == Kind::arena || buffer.kind == Kind::view) buffer.offset = r.chance(50) ? r.pick(odd) : r.below(count);
      break;
    case 1:
    case 2:
      if (!refs.empty()) refs[static_cast<std::size_t>(r.below(static_cast<std::int64_t>(refs.size())))] = static_cast<Ref>(r.between(-2, count));
      break;
    case 3:
      buffer.kind = r.pick(std::vector<Kind>{Kind::input, Kind::constant, Kind::arena, Kind::output, Kind::view});
      if (buffer.kind == Kind::arena || buffer.kind == Kind::view) buffer.offset = r.below(count) * (buffer.kind == Kind::arena ? alignment : 1);
      break;
    case 4:
      std::swap(draft.steps.front(), draft.steps.back());
      break;
    case 5:
      if (!buffer.shape.empty()) buffer.shape[static_cast<std::size_t>(r.below(static_cast<std::int64_t>(buffer.shape.size())))] = r.chance(80) ? r.below(6) : r.pick(odd);
      break;
    default:
      if (!step.ints.empty()) step.ints[static_cast<std::size_t>(r.below(static_cast<std::int64_t>(step.ints.size())))] = r.pick(odd);
  }
}

bool small(const Draft& draft) {
  for (const Buffer& buffer : draft.buffers) {
    std::int64_t elements = 1;
    for (const std::int64_t n : buffer.shape) {
      if (n < 0 || n > (1 << 16)) return false;
      elements = std::min<std::int64_t>(elements * std::max<std::int64_t>(n, 1), 1 << 20);
    }
    if (elements > (1 << 16)) return false;
  }
  return true;
}

Outcome run(const Draft& draft, std::uint64_t seed, const Isa& isa, int threads) {
  if (!small(draft)) {  // the plan has to be refused before it looks at any contents
    return attempt([&](Outcome& outcome) {
      std::vector<Buffer> buffers = draft.buffers;
      check_plan(buffers, draft.steps, std::int64_t{1} << 30);
      outcome.refusal = "not run";
    });
  }
  Operands operands;
  for (std::size_t i = 0; i < draft.buffers.size(); ++i) {
    const Buffer& buffer = draft.buffers[i];
    if (buffer.kind == Kind::arena || buffer.kind == Kind::view) continue;
    Tensor t = draft.contents[i];
    t.dtype = buffer.dtype;
    operands.add(buffer.kind, t, product(buffer.shape), seed + 1000 * i);
  }
  return operands.run(draft.buffers, draft.steps, isa, threads);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<const Isa*> isas = available_isas();
  return campaign(argc, argv, "plans", [&](std::uint64_t number) {
    Random r(number);
    Draft draft = draft_of(r);
    if (draft.steps.empty()) return Fate::skipped;
    place(r, draft);
    if (r.chance(40)) {
      for (std::int64_t n = r.between(1, 2); n > 0; --n) damage(r, draft);
    }
    const Outcome one = run(draft, number, *isas.front(), 1);
    if (!one.made) return Fate::refused;
    // Wherever tensors lie, the plan that was accepted is the same program.
    const Outcome other = run(spread(draft), number, *r.pick(isas), 2);
    if (one.refusal.empty() != other.refusal.empty()) fail("refused by one: " + one.refusal + other.refusal);
    if (one.outputs != other.outputs) fail("tensors that share memory change the results");
    return one.refusal.empty() ? Fate::ran : Fate::refused;
  });
}

#include "plan.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <stdexcept>

#include "memory.hpp"

namespace aivm {
namespace {

std::string quoted(const std::string& text) { return "'" + text + "'"; }

std::string text_of(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

// Gives what goes wrong in a step the step's name.
template <typename Function>
void naming(const Step& step, const Function& function) {
  const std::string where = "step " + quoted(step.name) + " (" + step.op + ")";
  try {
    function();
  } catch (const OutOfMemory&) {
    throw;
  } catch (const Error& error) {
    throw Error(where + ": " + error.what(), error.hint);
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(where);
  } catch (const std::length_error&) {  // of a vector
    throw OutOfMemory(where);
  }
}

}  // namespace

void Preparation::require(bool condition, const std::string& what) {
  if (!condition) throw Error(what);
}

void Preparation::counts(const Step& step, std::size_t in_least, std::size_t in_most, std::size_t out,
                         std::size_t ints_least, std::size_t reals_least) const {
  require(step.in.size() >= in_least && step.in.size() <= in_most,
          "takes " + std::to_string(in_least) + " to " + std::to_string(in_most) + " inputs, not " +
              std::to_string(step.in.size()));
  require(step.out.size() == out, "has " + std::to_string(out) + " outputs, not " + std::to_string(step.out.size()));
  require(step.ints.size() >= ints_least, "needs " + std::to_string(ints_least) + " integer parameters");
  require(step.reals.size() >= reals_least, "needs " + std::to_string(reals_least) + " real parameters");
}

const Buffer& Preparation::in(const Step& step, std::size_t i) const {
  require(has(step, i), "input " + std::to_string(i) + " is missing");
  return buffer(step.in[i]);
}

const Buffer& Preparation::out(const Step& step, std::size_t i) const {
  require(i < step.out.size() && step.out[i] != absent, "output " + std::to_string(i) + " is missing");
  return buffer(step.out[i]);
}

void Preparation::dtype(const Buffer& buffer, Dtype wanted) const {
  require(buffer.dtype == wanted, "tensor " + quoted(buffer.name) + " is " + dtype_name(buffer.dtype) + ", not " +
                                      dtype_name(wanted));
}

void Preparation::rank(const Buffer& buffer, std::size_t wanted) const {
  require(buffer.shape.size() == wanted, "tensor " + quoted(buffer.name) + " has shape " + text_of(buffer.shape) +
                                             ", not " + std::to_string(wanted) + " dimensions");
}

void Preparation::shape(const Buffer& buffer, const std::vector<std::int64_t>& wanted) const {
  require(buffer.shape == wanted,
          "tensor " + quoted(buffer.name) + " has shape " + text_of(buffer.shape) + ", not " + text_of(wanted));
}

struct Plan::Arena {
  explicit Arena(std::int64_t bytes) {
    const std::size_t rounded = static_cast<std::size_t>(std::max<std::int64_t>(ceil_div(bytes, alignment), 1)) *
                                static_cast<std::size_t>(alignment);
    memory = static_cast<std::byte*>(std::aligned_alloc(static_cast<std::size_t>(alignment), rounded));
    if (memory == nullptr) throw OutOfMemory(std::to_string(bytes) + " bytes between steps");
  }
  ~Arena() { std::free(memory); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  std::byte* memory;
};

Plan::Plan(std::vector<Buffer> buffers, const std::vector<const std::byte*>& constants, std::vector<Step> steps,
           const Isa& isa, const Tiling& tiling, std::int64_t memory_limit)
    : buffers_(std::move(buffers)), constants_(buffers_.size(), nullptr), steps_(std::move(steps)), isa_(isa) {
  const FloatRules rules;
  arena_bytes_ = check_plan(buffers_, steps_, memory_limit);
  std::size_t next = 0;
  std::vector<int> uses(buffers_.size(), 0);
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    if (buffers_[i].kind != Kind::constant) continue;
    if (next == constants.size()) throw Error("constant " + quoted(buffers_[i].name) + " has no contents");
    constants_[i] = constants[next++];
  }
  for (std::size_t i = 0; i < buffers_.size(); ++i) constants_[i] = constants_[seen(buffers_, i)];
  if (next != constants.size()) throw Error("there are more constants' contents than constants");

  Preparation preparation(buffers_, constants_, isa_.kernels(), tiling);
  for (const Step& step : steps_) {
    for (const Ref ref : step.in) {
      if (ref != absent) ++uses[seen(buffers_, static_cast<std::size_t>(ref))];
    }
    const Primitive* const primitive = find_primitive(step.op);
    if (primitive == nullptr) throw Error("step " + quoted(step.name) + ": there is no primitive " + quoted(step.op));
    naming(step, [&] { runners_.push_back(primitive->prepare(step, preparation)); });
  }
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    keeps_.push_back(buffers_[i].kind == Kind::constant && uses[i] > preparation.released(i));
    if (!keeps_[seen(buffers_, i)]) constants_[i] = nullptr;
  }
}

Plan::~Plan() = default;

std::unique_ptr<Plan::Arena> Plan::take_arena() const {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!arenas_.empty()) {
      std::unique_ptr<Arena> arena = std::move(arenas_.back());
      arenas_.pop_back();
      return arena;
    }
  }
  return std::make_unique<Arena>(arena_bytes_);
}

void Plan::give_back(std::unique_ptr<Arena> arena) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (arenas_.empty()) arenas_.push_back(std::move(arena));  // one is kept: memory is worth more than a page fault
}

void Plan::run(const std::vector<const std::byte*>& inputs, const std::vector<std::byte*>& outputs, int threads,
               Observer* observer) const {
  const FloatRules rules;
  std::unique_ptr<Arena> arena = take_arena();
  std::vector<std::byte*> addresses(buffers_.size(), nullptr);
  std::size_t next_input = 0, next_output = 0;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    switch (buffers_[i].kind) {
      case Kind::input:
        if (next_input == inputs.size()) throw Error("input " + quoted(buffers_[i].name) + " was not given");
        addresses[i] = const_cast<std::byte*>(inputs[next_input++]);  // check_plan made sure that no step writes it
        break;
      case Kind::constant:
        addresses[i] = const_cast<std::byte*>(constants_[i]);
        break;
      case Kind::arena:
        addresses[i] = arena->memory + buffers_[i].offset;
        break;
      case Kind::output:
        if (next_output == outputs.size()) throw Error("output " + quoted(buffers_[i].name) + " has no memory");
        addresses[i] = outputs[next_output++];
        break;
      case Kind::view:
        addresses[i] = addresses[seen(buffers_, i)];
        break;
    }
  }
  PoolLease pool(threads);
  Context context(std::move(addresses), *pool);
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    naming(steps_[i], [&] { runners_[i](context); });
    if (observer != nullptr) observer->after(i, context);
  }
  give_back(std::move(arena));
}

}  // namespace aivm

#include "trace.hpp"

#include <cstring>

namespace aivm {

Watch::Watch(const Plan& plan, const std::vector<Ref>& refs) : by_step_(plan.steps().size()) {
  std::vector<std::ptrdiff_t> writer(plan.buffers().size(), -1);
  for (std::size_t step = 0; step < plan.steps().size(); ++step) {
    for (const Ref ref : plan.steps()[step].out) {
      if (ref != absent) writer[static_cast<std::size_t>(ref)] = static_cast<std::ptrdiff_t>(step);
    }
  }
  for (std::size_t position = 0; position < refs.size(); ++position) {
    const Ref ref = refs[position];
    if (ref < 0 || static_cast<std::size_t>(ref) >= writer.size()) {
      throw Error("there is no buffer " + std::to_string(ref) + " to watch");
    }
    const std::ptrdiff_t step = writer[static_cast<std::size_t>(ref)];
    if (step < 0) throw Error("'" + plan.buffers()[static_cast<std::size_t>(ref)].name + "' is written by no step");
    by_step_[static_cast<std::size_t>(step)].emplace_back(position, ref);
  }
}

void Tracer::after(std::size_t step, Context& context) {
  watch_.each(step, [&](std::size_t position, Ref ref) {
    const Buffer& buffer = plan_.buffers()[static_cast<std::size_t>(ref)];
    const auto* const data = context.data<const std::byte>(ref);
    roots[position] = merkle_root(data, buffer.bytes, dtypes_[position], context, known_sha256());
  });
}

void Copier::after(std::size_t step, Context& context) {
  watch_.each(step, [&](std::size_t position, Ref ref) {
    const auto bytes = static_cast<std::size_t>(plan_.buffers()[static_cast<std::size_t>(ref)].bytes);
    if (bytes != 0) std::memcpy(targets_[position], context.data<const std::byte>(ref), bytes);
  });
}

}  // namespace aivm

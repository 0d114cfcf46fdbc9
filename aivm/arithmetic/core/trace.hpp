// Runs that are watched: the Merkle roots of what steps write, or the contents.
#pragma once

#include <cstdint>
#include <vector>

#include "merkle.hpp"
#include "plan.hpp"

namespace aivm {

// Which buffers a run is asked about, grouped by the step that writes them.
class Watch {
 public:
  // Throws Error if one of them is written by no step.
  Watch(const Plan& plan, const std::vector<Ref>& refs);
  // Calls function(position in refs, ref) for what this step has written.
  template <typename Function>
  void each(std::size_t step, const Function& function) const {
    for (const auto& [position, ref] : by_step_[step]) function(position, ref);
  }

 private:
  std::vector<std::vector<std::pair<std::size_t, Ref>>> by_step_;
};

// Computes the roots of watched buffers right after they are written, while they are in the caches.
class Tracer final : public Observer {
 public:
  // `dtypes`, one per ref, say what the bits are taken for. All of them have to outlive the tracer.
  Tracer(const Plan& plan, const Watch& watch, const std::vector<Dtype>& dtypes)
      : roots(dtypes.size()), plan_(plan), watch_(watch), dtypes_(dtypes) {}
  void after(std::size_t step, Context& context) override;

  std::vector<Hash> roots;  // one per ref

 private:
  const Plan& plan_;
  const Watch& watch_;
  const std::vector<Dtype>& dtypes_;
};

// Copies watched buffers out of the run.
class Copier final : public Observer {
 public:
  // One address per ref, with room for its bytes.
  Copier(const Plan& plan, const std::vector<Ref>& refs, std::vector<std::byte*> targets)
      : plan_(plan), watch_(plan, refs), targets_(std::move(targets)) {}
  void after(std::size_t step, Context& context) override;

 private:
  const Plan& plan_;
  const Watch watch_;
  const std::vector<std::byte*> targets_;
};

}  // namespace aivm

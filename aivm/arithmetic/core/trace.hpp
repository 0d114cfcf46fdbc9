// Commitments to tensors: a Merkle tree over the canonical bytes of each (docs/trace.md), and a run that makes them.
#pragma once

#include <cstdint>
#include <vector>

#include "plan.hpp"
#include "sha256.hpp"

namespace aivm {

// Bytes of a leaf; the last one may be shorter. No element crosses a boundary, and sixteen blocks of SHA-256 fill it.
constexpr std::int64_t leaf_bytes = 1024;

// The root over `data`. Leaves are SHA-256(0 | bytes), nodes SHA-256(1 | left | right); pairs are formed from the start,
// and a node without a partner rises as it is, so that a leaf's number and the number of leaves say where it hangs.
// Every NaN counts as the canonical one of its type. A tensor without elements has the hash of nothing.
Hash merkle_root(const std::byte* data, std::int64_t bytes, Dtype dtype, Context& context, const Sha256& sha);

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
  Tracer(const Plan& plan, const std::vector<Ref>& refs, const Sha256& sha)
      : roots(refs.size()), plan_(plan), watch_(plan, refs), sha_(sha) {}
  void after(std::size_t step, Context& context) override;

  std::vector<Hash> roots;  // one per ref

 private:
  const Plan& plan_;
  const Watch watch_;
  const Sha256& sha_;
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

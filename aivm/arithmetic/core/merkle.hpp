// Commitments to tensors: a Merkle tree over the canonical bytes of each (docs/trace.md).
#pragma once

#include <cstdint>
#include <vector>

#include "plan.hpp"
#include "sha256.hpp"

namespace aivm {

// Bytes of a leaf; the last one may be shorter. No element crosses a boundary, and blocks of SHA-256 are filled, so that
// what follows in a message, the tag and the padding, is a block that all leaves have alike.
constexpr std::int64_t leaf_bytes = 2048;

using Shas = std::vector<const Sha256*>;

// The root over `data`. Leaves are SHA-256(bytes | 0), nodes SHA-256(left | right | 1); pairs are formed from the start,
// and a node without a partner rises as it is, so that a leaf's number and the number of leaves say where it hangs.
// Every NaN counts as the canonical one of its type. A tensor without elements has the hash of nothing.
Hash merkle_root(const std::byte* data, std::int64_t bytes, Dtype dtype, Context& context, const Shas& shas);

}  // namespace aivm

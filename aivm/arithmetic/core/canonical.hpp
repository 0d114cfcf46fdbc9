// The bytes of a tensor that its digest is about (docs/trace.md): its own, but for NaNs.
#pragma once

#include <cstdint>

#include "plan.hpp"

namespace aivm {

// Whether the bytes hold no NaN, so that they are the canonical ones.
bool is_canonical(Dtype dtype, const std::byte* data, std::int64_t bytes);
// Copies elements, with the one quiet NaN of the type instead of any.
void copy_canonical(Dtype dtype, const std::byte* from, std::uint8_t* to, std::int64_t bytes);

}  // namespace aivm

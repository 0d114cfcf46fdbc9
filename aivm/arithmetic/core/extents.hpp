// Extents, strides, and nests of loops over several tensors at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common.hpp"

namespace aivm {

using Extents = std::vector<std::int64_t>;

// Elements between neighbours along each axis, in C order.
Extents strides_of(const Extents& shape);
// The product of extents [from, to); they are those of a buffer, so it does not overflow.
std::int64_t product(const Extents& shape, std::size_t from, std::size_t to);
std::int64_t product(const Extents& shape);
// "[2, 3]"
std::string shape_text(const Extents& shape);

// Loops over `extents`, outermost first, in which operand i moves strides[i][axis] elements along each axis.
struct Nest {
  Extents extents;
  std::vector<Extents> strides;  // [operand][axis]
};

// The strides with which a tensor of `shape` is read where it is broadcast to `target`: 0 along repeated axes.
// Throws Error if it does not broadcast; `name` is the tensor's.
Extents broadcast_strides(const Extents& shape, const Extents& target, const std::string& name);

// The same loops, fewer of them: axes of extent 1 go, and neighbours that every operand walks as one axis become one.
// At least one axis stays.
Nest collapsed(const Nest& nest);

// A place in the outer axes of a nest, with each operand's offset there. The innermost axis is the caller's.
class Walk {
 public:
  // At `row`, counting the rows of the nest in C order.
  Walk(const Nest& nest, std::int64_t row);
  void next();
  std::int64_t offset(std::size_t operand) const { return offsets_[operand]; }

 private:
  const Nest& nest_;
  Extents position_, offsets_;
};

}  // namespace aivm

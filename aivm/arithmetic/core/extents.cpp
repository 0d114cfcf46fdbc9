#include "extents.hpp"

namespace aivm {

Extents strides_of(const Extents& shape) {
  Extents strides(shape.size());
  std::int64_t step = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

std::int64_t product(const Extents& shape, std::size_t from, std::size_t to) {
  std::int64_t result = 1;
  for (std::size_t axis = from; axis < to; ++axis) result *= shape[axis];
  return result;
}

std::int64_t product(const Extents& shape) { return product(shape, 0, shape.size()); }

std::string shape_text(const Extents& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

Extents broadcast_strides(const Extents& shape, const Extents& target, const std::string& name) {
  const std::size_t missing = target.size() - shape.size();
  bool fits = shape.size() <= target.size();
  Extents strides(target.size(), 0);
  if (fits) {
    const Extents own = strides_of(shape);
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      fits = fits && (shape[axis] == target[missing + axis] || shape[axis] == 1);
      strides[missing + axis] = shape[axis] == 1 ? 0 : own[axis];
    }
  }
  if (!fits) throw Error("tensor '" + name + "' of shape " + shape_text(shape) + " does not broadcast to " + shape_text(target));
  return strides;
}

Nest collapsed(const Nest& nest) {
  Nest result;
  result.strides.resize(nest.strides.size());
  for (std::size_t axis = 0; axis < nest.extents.size(); ++axis) {
    if (nest.extents[axis] == 1) continue;
    bool merge = !result.extents.empty();
    for (std::size_t i = 0; i < nest.strides.size() && merge; ++i) {
      merge = result.strides[i].back() == nest.strides[i][axis] * nest.extents[axis];
    }
    if (merge) {
      result.extents.back() *= nest.extents[axis];
    } else {
      result.extents.push_back(nest.extents[axis]);
    }
    for (std::size_t i = 0; i < nest.strides.size(); ++i) {
      if (merge) {
        result.strides[i].back() = nest.strides[i][axis];
      } else {
        result.strides[i].push_back(nest.strides[i][axis]);
      }
    }
  }
  if (result.extents.empty()) {
    result.extents.push_back(1);
    for (Extents& strides : result.strides) strides.push_back(1);
  }
  return result;
}

Walk::Walk(const Nest& nest, std::int64_t row)
    : nest_(nest), position_(nest.extents.size() - 1, 0), offsets_(nest.strides.size(), 0) {
  for (std::size_t axis = position_.size(); axis-- > 0;) {
    if (nest.extents[axis] == 0) return;  // there is no row
    position_[axis] = row % nest.extents[axis];
    row /= nest.extents[axis];
    for (std::size_t i = 0; i < offsets_.size(); ++i) offsets_[i] += position_[axis] * nest.strides[i][axis];
  }
}

void Walk::next() {
  for (std::size_t axis = position_.size(); axis-- > 0;) {
    for (std::size_t i = 0; i < offsets_.size(); ++i) offsets_[i] += nest_.strides[i][axis];
    if (++position_[axis] < nest_.extents[axis]) return;
    for (std::size_t i = 0; i < offsets_.size(); ++i) offsets_[i] -= position_[axis] * nest_.strides[i][axis];
    position_[axis] = 0;
  }
}

}  // namespace aivm

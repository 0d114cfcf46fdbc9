// Indices that are data: each is checked where it is used.
#pragma once

#include "dispatch.hpp"
#include "extents.hpp"
#include "plan.hpp"

namespace aivm {

// Indices into an axis of `extent`, the negative ones from its end.
struct IndexRule {
  std::int64_t extent;
  std::string data, indices;  // names of the tensors

  std::int64_t checked(std::int64_t index) const {
    const std::int64_t place = index < 0 ? index + extent : index;
    if (place < 0 || place >= extent) refuse(index);
    return place;
  }
  [[noreturn]] [[gnu::cold]] void refuse(std::int64_t index) const {
    throw Error("tensor '" + indices + "' holds index " + std::to_string(index) + ", and tensor '" + data + "' has " +
                std::to_string(extent) + " elements along that axis");
  }
};

template <typename Body>
auto for_indices(const Buffer& indices, Body body) {
  if (indices.dtype == Dtype::int32) return body(std::int32_t{});
  Preparation::require(indices.dtype == Dtype::int64, "tensor '" + indices.name + "' is " + dtype_name(indices.dtype) +
                                                          ", and indices are int32 or int64");
  return body(std::int64_t{});
}

// The axis of gather_elements and scatter_elements: indices have data's rank, and along other axes no greater extent.
inline std::size_t check_elements(std::int64_t axis, const Buffer& data, const Buffer& indices, const Preparation& p) {
  p.require(axis >= 0 && axis < static_cast<std::int64_t>(data.shape.size()),
            "tensor '" + data.name + "' has no axis " + std::to_string(axis));
  p.rank(indices, data.shape.size());
  for (std::size_t d = 0; d < data.shape.size(); ++d) {
    p.require(d == static_cast<std::size_t>(axis) || indices.shape[d] <= data.shape[d],
              "tensor '" + indices.name + "' of shape " + shape_text(indices.shape) + " reaches beyond '" + data.name +
                  "' of shape " + shape_text(data.shape));
  }
  return static_cast<std::size_t>(axis);
}

// Tuples of indices in the last axis of `indices`, into the axes of data from `first` on, of slices of what follows.
struct IndexTuples {
  std::int64_t depth = 0, slice = 1;
  std::vector<IndexRule> rules;
  Extents strides;

  std::int64_t offset(const std::int64_t* tuple) const {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < rules.size(); ++d) offset += rules[d].checked(tuple[d]) * strides[d];
    return offset;
  }
};

inline IndexTuples tuples_of(const Buffer& data, const Buffer& indices, std::size_t first, const Preparation& p) {
  p.require(!indices.shape.empty(), "tensor '" + indices.name + "' has no axis of index tuples");
  const std::int64_t depth = indices.shape.back();
  p.require(depth >= 1 && depth <= static_cast<std::int64_t>(data.shape.size() - first),
            "index tuples of " + std::to_string(depth) + " numbers do not fit tensor '" + data.name + "'");
  IndexTuples tuples;
  tuples.depth = depth;
  const Extents strides = strides_of(data.shape);
  for (std::size_t d = first; d < first + static_cast<std::size_t>(depth); ++d) {
    tuples.rules.push_back({data.shape[d], data.name, indices.name});
    tuples.strides.push_back(strides[d]);
  }
  tuples.slice = product(data.shape, first + static_cast<std::size_t>(depth), data.shape.size());
  return tuples;
}

}  // namespace aivm

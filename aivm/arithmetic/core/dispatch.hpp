// From a dtype to the C++ type of its elements.
#pragma once

#include "plan.hpp"

namespace aivm {

[[noreturn]] inline void refuse_dtype(const Buffer& buffer) {
  throw Error("tensor '" + buffer.name + "' is " + dtype_name(buffer.dtype) + ", for which this is not defined");
}

// Each calls body(T()) for the type of the buffer's elements, or throws Error if it is not one of those.
template <typename Body>
auto for_integers(const Buffer& buffer, Body body) {
  switch (buffer.dtype) {
    case Dtype::int8: return body(std::int8_t{});
    case Dtype::uint8: return body(std::uint8_t{});
    case Dtype::int16: return body(std::int16_t{});
    case Dtype::uint16: return body(std::uint16_t{});
    case Dtype::int32: return body(std::int32_t{});
    case Dtype::uint32: return body(std::uint32_t{});
    case Dtype::int64: return body(std::int64_t{});
    case Dtype::uint64: return body(std::uint64_t{});
    default: refuse_dtype(buffer);
  }
}

template <typename Body>
auto for_numbers(const Buffer& buffer, Body body) {
  if (buffer.dtype == Dtype::float32) return body(float{});
  if (buffer.dtype == Dtype::float64) return body(double{});
  return for_integers(buffer, body);
}

// By the size of an element alone, for what is only moved: an unsigned type of 1, 2, 4 or 8 bytes.
template <typename Body>
auto for_words(Dtype dtype, Body body) {
  switch (item_size(dtype)) {
    case 1: return body(std::uint8_t{});
    case 2: return body(std::uint16_t{});
    case 4: return body(std::uint32_t{});
    default: return body(std::uint64_t{});
  }
}

}  // namespace aivm

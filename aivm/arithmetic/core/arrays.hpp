// NumPy arrays as the core's memory, and back. For module.cpp alone: nothing else of the core knows Python.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "memory.hpp"
#include "plan.hpp"

namespace nb = nanobind;

namespace aivm {

using Array = nb::ndarray<nb::ro, nb::device::cpu, nb::c_contig>;

inline nb::dlpack::dtype dlpack_of(Dtype dtype) {
  const auto make = [](nb::dlpack::dtype_code code, int bits) {
    return nb::dlpack::dtype{static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(bits), 1};
  };
  const int bits = static_cast<int>(item_size(dtype)) * 8;
  switch (dtype) {
    case Dtype::float32: case Dtype::float64: case Dtype::float16:
      return make(nb::dlpack::dtype_code::Float, bits);
    case Dtype::bfloat16:
      return make(nb::dlpack::dtype_code::UInt, bits);  // NumPy has no such type: its bits travel as uint16
    case Dtype::int8: case Dtype::int16: case Dtype::int32: case Dtype::int64:
      return make(nb::dlpack::dtype_code::Int, bits);
    case Dtype::uint8: case Dtype::uint16: case Dtype::uint32: case Dtype::uint64:
      return make(nb::dlpack::dtype_code::UInt, bits);
    case Dtype::boolean:
      return make(nb::dlpack::dtype_code::Bool, bits);
  }
  throw Error("unknown element type");
}

inline std::string text_of_shape(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

// The address of an array that has to be exactly what the buffer says.
inline const std::byte* address_of(const nb::handle& object, const Buffer& buffer) {
  Array array;
  if (!nb::try_cast<Array>(object, array, false)) {
    throw Error(std::string(kind_name(buffer.kind)) + " '" + buffer.name + "' is not a contiguous array",
                      "Pass numpy.ascontiguousarray(...) of it.");
  }
  const nb::dlpack::dtype wanted = dlpack_of(buffer.dtype);
  if (array.dtype() != wanted) {
    throw Error(std::string(kind_name(buffer.kind)) + " '" + buffer.name + "' has another element type than " +
                          dtype_name(buffer.dtype),
                      "Convert it yourself: nothing is converted silently.");
  }
  std::vector<std::int64_t> shape;
  for (std::size_t i = 0; i < array.ndim(); ++i) shape.push_back(static_cast<std::int64_t>(array.shape(i)));
  if (shape != buffer.shape) {
    throw Error(std::string(kind_name(buffer.kind)) + " '" + buffer.name + "' has shape " + text_of_shape(shape) +
                      ", not " + text_of_shape(buffer.shape));
  }
  return static_cast<const std::byte*>(array.data());
}

// Memory for an output, as a NumPy array that owns it.
inline nb::object make_output(const Buffer& buffer, std::byte*& address) {
  constexpr auto unit = static_cast<std::size_t>(alignment);
  const std::size_t bytes = (static_cast<std::size_t>(buffer.bytes) + unit) / unit * unit;
  std::unique_ptr<std::byte, decltype(&std::free)> memory(static_cast<std::byte*>(std::aligned_alloc(unit, bytes)), &std::free);
  if (memory == nullptr) {
    throw OutOfMemory("output '" + buffer.name + "' of shape " + text_of_shape(buffer.shape) + " takes " +
                      std::to_string(buffer.bytes) + " bytes");
  }
  address = memory.get();
  const nb::capsule owner(address, [](void* pointer) noexcept { std::free(pointer); });
  static_cast<void>(memory.release());  // it is the capsule's
  std::vector<std::size_t> shape(buffer.shape.begin(), buffer.shape.end());
  return nb::cast(nb::ndarray<nb::numpy>(address, shape.size(), shape.data(), owner, nullptr, dlpack_of(buffer.dtype)));
}

// The address of an array that is exactly this, contiguous and aligned; nullptr of anything else. Throws nothing.
inline const std::byte* address_if(const nb::handle& object, const nb::dlpack::dtype& dtype,
                                   const std::vector<std::int64_t>& shape) {
  Array array;
  if (!nb::try_cast<Array>(object, array, false) || array.dtype() != dtype || array.ndim() != shape.size()) return nullptr;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (static_cast<std::int64_t>(array.shape(i)) != shape[i]) return nullptr;
  }
  const auto address = reinterpret_cast<std::uintptr_t>(array.data());
  if (address % array.itemsize() != 0) return nullptr;
  return static_cast<const std::byte*>(array.data());
}

}  // namespace aivm

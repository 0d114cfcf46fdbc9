// Names and sizes of element types and buffer kinds.
#include "plan.hpp"

namespace aivm {
namespace {

struct Described {
  const char* name;
  std::int64_t size;
};

// In the order of Dtype.
constexpr Described dtypes[] = {{"float32", 4}, {"float64", 8}, {"float16", 2}, {"bfloat16", 2}, {"int8", 1},
                                {"uint8", 1},   {"int16", 2},   {"uint16", 2},  {"int32", 4},    {"uint32", 4},
                                {"int64", 8},   {"uint64", 8},  {"bool", 1}};
static_assert(sizeof dtypes / sizeof dtypes[0] == static_cast<std::size_t>(Dtype::boolean) + 1, "one entry per Dtype");

// In the order of Kind.
constexpr const char* kinds[] = {"input", "constant", "arena", "output", "view"};

}  // namespace

std::int64_t item_size(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)].size; }
const char* dtype_name(Dtype dtype) { return dtypes[static_cast<std::size_t>(dtype)].name; }

Dtype dtype_from_name(const std::string& name) {
  for (std::size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; ++i) {
    if (name == dtypes[i].name) return static_cast<Dtype>(i);
  }
  throw Error("there is no element type '" + name + "'");
}

const char* kind_name(Kind kind) { return kinds[static_cast<std::size_t>(kind)]; }

Kind kind_from_name(const std::string& name) {
  for (std::size_t i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
    if (name == kinds[i]) return static_cast<Kind>(i);
  }
  throw Error("there is no kind of buffer '" + name + "'");
}

}  // namespace aivm

// The primitives by name: a plan is a list of these and nothing else.
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr Primitive primitives[] = {
    // name, prepare, may write where it reads
    {"add", prepare_add, true},
    {"div", prepare_div, true},
    {"matmul", prepare_matmul, false},
    {"mul", prepare_mul, true},
    {"sub", prepare_sub, true},
};

}  // namespace

const Primitive* find_primitive(const std::string& name) {
  for (const Primitive& primitive : primitives) {
    if (name == primitive.name) return &primitive;
  }
  return nullptr;
}

std::vector<std::string> primitive_names() {
  std::vector<std::string> names;
  for (const Primitive& primitive : primitives) names.emplace_back(primitive.name);
  return names;
}

}  // namespace aivm

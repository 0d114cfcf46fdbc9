// When memory runs out: an error like the others, with the name of what wanted it.
#pragma once

#include <string>

#include "common.hpp"

namespace aivm {

class OutOfMemory : public Error {
 public:
  explicit OutOfMemory(const std::string& what) : Error(what + ": there is not enough memory", "Give the model smaller inputs.") {}
};

}  // namespace aivm

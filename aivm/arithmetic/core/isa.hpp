// The instruction sets that the kernels are compiled for, and the choice among them at run time.
#pragma once

#include <string>
#include <vector>

#include "kernels.hpp"

namespace aivm {

struct Isa {
  const char* name;
  const Kernels& (*kernels)();
  bool (*supported)();
};

// Those that were compiled in and this machine can run, best first.
std::vector<const Isa*> available_isas();
// By name; "" takes AIVM_ISA from the environment or else the best. Throws Error when the machine or the build lacks it.
const Isa& choose_isa(const std::string& name);

}  // namespace aivm

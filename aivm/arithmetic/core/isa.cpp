#include "isa.hpp"

#include <cstdlib>

#include "common.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace aivm {

const Kernels& avx512_kernels();
const Kernels& avx2_kernels();
const Kernels& neon_kernels();
const Kernels& portable_kernels();

namespace {

bool always() { return true; }

#if defined(__x86_64__)

struct Features {
  bool avx2 = false;
  bool avx512 = false;
};

// Asked of the processor itself, each time: it may answer differently under a mask that hides features.
Features features() {
  Features found;
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  const bool saves_state = (c & bit_OSXSAVE) != 0 && (c & bit_AVX) != 0;
  const bool fma = (c & bit_FMA) != 0 && (c & bit_F16C) != 0;
  if (!saves_state || !fma) return found;
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  const unsigned avx2 = bit_AVX2 | bit_BMI | bit_BMI2;
  found.avx2 = (low & 0x6) == 0x6 && (b & avx2) == avx2;
  const unsigned avx512 = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
  found.avx512 = found.avx2 && (low & 0xe6) == 0xe6 && (b & avx512) == avx512;
  return found;
}

bool has_avx2() { return features().avx2; }
bool has_avx512() { return features().avx512; }

#endif

const Isa isas[] = {
#if defined(AIVM_HAVE_AVX512)
    {"avx512", avx512_kernels, has_avx512},
#endif
#if defined(AIVM_HAVE_AVX2)
    {"avx2", avx2_kernels, has_avx2},
#endif
#if defined(AIVM_HAVE_NEON)
    {"neon", neon_kernels, always},
#endif
    {"portable", portable_kernels, always},
};

}  // namespace

std::vector<const Isa*> available_isas() {
  std::vector<const Isa*> found;
  for (const Isa& isa : isas) {
    if (isa.supported()) found.push_back(&isa);
  }
  return found;
}

const Isa& choose_isa(const std::string& name) {
  std::string wanted = name;
  if (wanted.empty()) {
    const char* const forced = std::getenv("AIVM_ISA");
    if (forced != nullptr) wanted = forced;
  }
  const std::vector<const Isa*> available = available_isas();
  if (wanted.empty()) return *available.front();
  std::string names;
  for (const Isa* isa : available) {
    if (wanted == isa->name) return *isa;
    names += (names.empty() ? "" : ", ") + std::string(isa->name);
  }
  throw Error("the instruction set '" + wanted + "' is not available on this machine",
              "Unset AIVM_ISA, or set it to one of: " + names + ".");
}

}  // namespace aivm

// An independent second opinion on the elementary functions: binary64 approximations by other methods than the core's
// (Taylor series, integer range reduction; no polynomial, table or routine is shared), whose relative error is below
// `bound` by a wide margin. A rounding that this does not decide is decided by MPFR (prove_functions.py).
//
// The margin: every function below is a chain of fewer than 300 roundings of 2^-53, of which fewer than 2^5 are ever
// amplified, by less than 2^3 (each place where terms of different sign meet says why), and the series are cut below
// 2^-60. That is less than 2^-44 for each; `bound` allows sixteen times as much. prove_functions.py compares random
// inputs with MPFR, too.
#pragma once

#include <cstddef>

namespace oracle {

constexpr double bound = 0x1p-40;

struct Entry {
  const char* name;
  // z[i] = the value at x[i], for a finite x[i] at which the function is finite, or +-infinity at a pole; NaN outside the
  // domain; any number where x[i] is not finite. Results beyond binary32's range may be any number beyond it.
  void (*evaluate)(const float* x, double* z, std::size_t n);
};

// nullptr if there is none of that name.
const Entry* find(const char* name);

}  // namespace oracle

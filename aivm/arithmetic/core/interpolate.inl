// Interpolation, compiled once per instruction set. See interpolate.hpp.
#pragma once

#include "interpolate.hpp"

namespace aivm {
namespace AIVM_ISA {

static void interpolate_rows(const float* const* sources, const float* weights, std::int64_t taps, float* y, std::int64_t n) {
  std::int64_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    F32 a = broadcast(0.0F), b = a;
    for (std::int64_t t = 0; t < taps; ++t) {
      const F32 w = broadcast(weights[t]);
      a = fma(w, load(sources[t] + j), a);
      b = fma(w, load(sources[t] + j + lanes), b);
    }
    store(y + j, canonical(a));
    store(y + j + lanes, canonical(b));
  }
  for (; j < n; j += lanes) {
    const std::int64_t left = n - j < lanes ? n - j : lanes;
    F32 a = broadcast(0.0F);
    for (std::int64_t t = 0; t < taps; ++t) a = fma(broadcast(weights[t]), load_partial(sources[t] + j, left), a);
    store_partial(y + j, canonical(a), left);
  }
}

static void interpolate_line(const float* x, const std::int32_t* indices, const float* weights, std::int64_t taps, float* y,
                             std::int64_t n) {
  std::int64_t o = 0;
  for (; o + lanes <= n; o += lanes) {
    F32 a = broadcast(0.0F);
    for (std::int64_t t = 0; t < taps; ++t) a = fma(load(weights + t * n + o), gather(x, load(indices + t * n + o)), a);
    store(y + o, canonical(a));
  }
  if (o < n) {
    const std::int64_t left = n - o;
    F32 a = broadcast(0.0F);
    for (std::int64_t t = 0; t < taps; ++t) {
      // Lanes beyond the end look at index 0.
      a = fma(load_partial(weights + t * n + o, left), gather(x, load_partial(indices + t * n + o, left)), a);
    }
    store_partial(y + o, canonical(a), left);
  }
}

constexpr InterpolateKernels interpolate_kernels{interpolate_rows, interpolate_line};

}  // namespace AIVM_ISA
}  // namespace aivm

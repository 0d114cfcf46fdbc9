// The elementary functions over arrays.
#pragma once

#include "lanes.inl"

namespace aivm {
namespace AIVM_ISA {

template <typename Map>
AIVM_INLINE void unary_loop(const float* x, float* y, std::int64_t n, Map map) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, canonical(map(load(x + i))));
  if (i < n) store_partial(y + i, canonical(map(load_partial(x + i, n - i))), n - i);
}

// How many vectors of binary32 are worked on at once (lanes.inl); emulated operations leave nothing to overlap.
constexpr int group = AIVM_HARDWARE_FMA ? 2 : 1;

AIVM_TEMPLATE void store_narrowed(float* p, Wide<n> v) {
  for (int i = 0; i < n; i += 2) store(p + i * half_lanes, narrow(v.v[i], v.v[i + 1]));
}
AIVM_TEMPLATE void store_canonical(float* p, Wide<n> v) {
  for (int i = 0; i < n; i += 2) store(p + i * half_lanes, canonical(narrow(v.v[i], v.v[i + 1])));
}

// One vector of binary32 through a function of Wide.
#define AIVM_OF_BINARY32(name, v) of_binary32(v, [](auto wide) __attribute__((always_inline)) { return name(wide); })

// Each is a function of its own, so that one's registers do not weigh on another's.
#define AIVM_FUNCTION(name)                                                                           \
  [[gnu::noinline]] static void name##_array(const float* x, float* y, std::int64_t n) {              \
    std::int64_t i = 0;                                                                               \
    for (; i + group * lanes <= n; i += group * lanes) {                                              \
      store_canonical(y + i, name(load_widened<2 * group>(x + i)));                                   \
    }                                                                                                 \
    unary_loop(x + i, y + i, n - i, [](F32 v) { return AIVM_OF_BINARY32(name, v); });                 \
  }

// With a shorter way for vectors whose lanes are all ordinary, which gives no NaN.
#define AIVM_FUNCTION_WITH_ORDINARY(name, is_ordinary)                                                \
  [[gnu::noinline]] static void name##_array(const float* x, float* y, std::int64_t n) {              \
    std::int64_t i = 0;                                                                               \
    for (; i + group * lanes <= n; i += group * lanes) {                                              \
      M32 ordinary = is_ordinary(load(x + i));                                                        \
      for (int k = 1; k < group; ++k) ordinary = ordinary & is_ordinary(load(x + i + k * lanes));     \
      if (__builtin_expect(all(ordinary), true)) {                                                    \
        store_narrowed(y + i, name##_of_ordinary(load_widened<2 * group>(x + i)));                    \
      } else {                                                                                        \
        unary_loop(x + i, y + i, group * lanes, [](F32 v) { return AIVM_OF_BINARY32(name, v); });     \
      }                                                                                               \
    }                                                                                                 \
    unary_loop(x + i, y + i, n - i, [](F32 v) { return AIVM_OF_BINARY32(name, v); });                 \
  }

}  // namespace AIVM_ISA
}  // namespace aivm

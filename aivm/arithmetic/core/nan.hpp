// To Clang one NaN is as good as any other: where it sees that an operation made one, it leaves out that the NaN is
// replaced by the canonical one. hide_origin(value) keeps it from seeing where the value comes from; it is no instruction.
#pragma once

#include <cstddef>

namespace aivm {

#if !defined(__clang__)
template <typename T>
[[gnu::always_inline]] inline void hide_origin(T&) {}
#else
#if defined(__x86_64__)
#define AIVM_FLOAT_REGISTER "+v"
#elif defined(__aarch64__)
#define AIVM_FLOAT_REGISTER "+w"
#else
#error "a register class of floating-point numbers has to be named for this processor"
#endif
template <typename T>
[[gnu::always_inline]] inline void hide_origin(T& value) {
  __asm__("" : AIVM_FLOAT_REGISTER(value));
}
template <typename T, std::size_t n>
[[gnu::always_inline]] inline void hide_origin(T (&values)[n]) {
  for (T& value : values) hide_origin(value);
}
#undef AIVM_FLOAT_REGISTER
#endif

}  // namespace aivm

// What every file of the core may rely on: the float rules of docs/arithmetic.md and the one error type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "fast-math is on: results would depend on the compiler (docs/arithmetic.md)"
#endif

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace aivm {

// The one quiet NaN that an operator may return.
constexpr std::uint32_t canonical_nan_bits = 0x7fc00000U;

// Sets round-to-nearest-even with subnormals kept for as long as it lives, whatever the program around us chose:
// one library linked with -ffast-math turns flush-to-zero on for every thread of the process.
class FloatRules {
 public:
  FloatRules() : before_(read()) { write(wanted); }
  ~FloatRules() { write(before_); }
  FloatRules(const FloatRules&) = delete;
  FloatRules& operator=(const FloatRules&) = delete;

 private:
#if defined(__x86_64__)
  using Word = unsigned;
  static constexpr Word wanted = 0x1f80;  // all exceptions masked, nearest even, no FTZ, no DAZ
  static Word read() { return _mm_getcsr(); }
  static void write(Word word) { _mm_setcsr(word); }
#elif defined(__aarch64__)
  using Word = std::uint64_t;
  static constexpr Word wanted = 0;  // nearest even, no flush to zero, NaNs propagate
  static Word read() {
    Word word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void write(Word word) { __asm__ volatile("msr fpcr, %0" : : "r"(word)); }
#endif
  Word before_;
};

// What went wrong, for a person: `what()` says it with the names of the step and the tensor; `hint` says what to do.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string hint = "") : std::runtime_error(message), hint(std::move(hint)) {}
  std::string hint;
};

// a * b for extents; an Error instead of a wrapped product.
inline std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t product;
  if (__builtin_mul_overflow(a, b, &product)) throw Error("an extent overflows 64 bits");
  return product;
}

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace aivm

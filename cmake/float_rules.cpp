// Does this compiler, with these flags, compute what docs/arithmetic.md says? Exit code 0, or a line per broken rule.
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "fast-math is on: results would depend on the compiler"
#endif
static_assert(FLT_EVAL_METHOD == 0, "float expressions are evaluated in a wider type");
static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559, "not IEEE 754");
static_assert(sizeof(float) == 4 && sizeof(double) == 8 && sizeof(void*) == 8, "a 64-bit machine is needed");
#if !(defined(__x86_64__) || defined(__aarch64__))
#error "x86-64 and aarch64 are the processors that aivm.arithmetic is tested on"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a little-endian machine is needed"
#endif

namespace {

int broken = 0;

void rule(const char* text, bool holds) {
  if (!holds) {
    std::printf("broken: %s\n", text);
    ++broken;
  }
}

// Out of line, so that the optimiser has to keep each operation.
[[gnu::noinline]] float multiply_add(float a, float b, float c) { return a * b + c; }
[[gnu::noinline]] float associate(float a, float b) { return (a + b) - a; }
[[gnu::noinline]] float add_zero(float a) { return a + 0.0F; }
[[gnu::noinline]] float divide(float a, float b) { return a / b; }
[[gnu::noinline]] float half(float a) { return a * 0.5F; }
[[gnu::noinline]] bool differs_from_itself(float a) { return a != a; }
[[gnu::noinline]] float sum(const float* x, int n) {
  float s = 0;
  for (int i = 0; i < n; ++i) s += x[i];
  return s;
}

}  // namespace

int main() {
  const float e = FLT_EPSILON;
  rule("a * b + c rounds twice", multiply_add(1 + e, 1 - e, -1) == 0.0F);
  rule("sums are not reassociated", associate(16777216.0F, 1.0F) == 0.0F);
  rule("-0 + 0 is +0", !std::signbit(add_zero(-0.0F)));
  rule("division is correctly rounded", divide(5.0F, 3.0F) == 0x1.aaaaaap+0F);
  rule("subnormals are kept", half(FLT_MIN) > 0.0F && half(FLT_TRUE_MIN * 2) == FLT_TRUE_MIN);
  rule("ties go to even", half(FLT_TRUE_MIN) == 0.0F && half(FLT_TRUE_MIN * 3) == FLT_TRUE_MIN * 2);
  rule("a NaN differs from itself", differs_from_itself(divide(0.0F, add_zero(0.0F))));
  const float cancelling[] = {1e8F, 1.0F, -1e8F, 1.0F, 1e8F, 1.0F, -1e8F, 1.0F};
  rule("a loop adds in order", sum(cancelling, 8) == 1.0F);
  return broken;
}

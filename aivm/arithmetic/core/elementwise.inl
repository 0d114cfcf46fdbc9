// Elementwise kernels, compiled once per instruction set. See elementwise.hpp.
#pragma once

#include "elementwise.hpp"
#include "extremes.inl"

namespace aivm {
namespace AIVM_ISA {

template <typename Function>
static inline void map_loop(const float* x, float* y, std::int64_t n, Function function) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, canonical(function(load(x + i))));
  if (i < n) store_partial(y + i, canonical(function(load_partial(x + i, n - i))), n - i);
}

static void map(UnaryOp op, const float* x, float* y, std::int64_t n) {
  const F32 zero = broadcast(0.0F), one = broadcast(1.0F);
  switch (op) {
    case UnaryOp::abs: return map_loop(x, y, n, [](F32 p) { return abs(p); });
    case UnaryOp::neg: return map_loop(x, y, n, [](F32 p) { return -p; });
    case UnaryOp::sign:
      return map_loop(x, y, n, [=](F32 p) {
        return select(p > zero, one, select(p < zero, -one, select(p == zero, zero, p)));
      });
    case UnaryOp::floor: return map_loop(x, y, n, [](F32 p) { return floor(p); });
    case UnaryOp::ceil: return map_loop(x, y, n, [](F32 p) { return ceil(p); });
    case UnaryOp::round: return map_loop(x, y, n, [](F32 p) { return roundeven(p); });
    case UnaryOp::relu: return map_loop(x, y, n, [=](F32 p) { return select(p <= zero, zero, p); });
  }
}

template <typename Function>
static inline void binary_loop(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y,
                               std::int64_t n, Function function) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const F32 left = a_step == 0 ? broadcast(*a) : load(a + i);
    const F32 right = b_step == 0 ? broadcast(*b) : load(b + i);
    store(y + i, canonical(function(left, right)));
  }
  if (i < n) {
    const F32 left = a_step == 0 ? broadcast(*a) : load_partial(a + i, n - i);
    const F32 right = b_step == 0 ? broadcast(*b) : load_partial(b + i, n - i);
    store_partial(y + i, canonical(function(left, right)), n - i);
  }
}

// Loops of constant steps, which the compiler then need not ask about. A single element that is repeated is copied
// first: y may be the memory of an operand.
template <typename Function>
static inline void binary_steps(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y,
                                std::int64_t n, Function function) {
  if (a_step != 0 && b_step != 0) return binary_loop(a, 1, b, 1, y, n, function);
  const float a0 = *a, b0 = *b;
  if (a_step != 0) return binary_loop(a, 1, &b0, 0, y, n, function);
  if (b_step != 0) return binary_loop(&a0, 0, b, 1, y, n, function);
  return binary_loop(&a0, 0, &b0, 0, y, n, function);
}

static void binary(BinaryOp op, const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, float* y,
                   std::int64_t n) {
  switch (op) {
    case BinaryOp::add: return binary_steps(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p + q; });
    case BinaryOp::sub: return binary_steps(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p - q; });
    case BinaryOp::mul: return binary_steps(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p * q; });
    case BinaryOp::div: return binary_steps(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p / q; });
    case BinaryOp::min: return binary_steps(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return minimum(p, q); });
    case BinaryOp::max: return binary_steps(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return maximum(p, q); });
  }
}

// A byte of 0 or 1 for each lane.
#if defined(__AVX512BW__)
AIVM_INLINE void store_truth(std::uint8_t* y, M32 m) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm_maskz_set1_epi8(m.v, 1));
}
#elif defined(__AVX2__)
AIVM_INLINE void store_truth(std::uint8_t* y, M32 m) {
  const __m128i low = _mm256_castsi256_si128(m.v), high = _mm256_extracti128_si256(m.v, 1);
  const __m128i words = _mm_packs_epi32(low, high), truth = _mm_packs_epi16(words, words);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(y), _mm_and_si128(truth, _mm_set1_epi8(1)));
}
#else
AIVM_INLINE void store_truth(std::uint8_t* y, M32 m) {
  float truth[lanes];
  store(truth, select(m, broadcast(1.0F), broadcast(0.0F)));
  for (int i = 0; i < lanes; ++i) y[i] = truth[i] != 0.0F;
}
#endif

template <typename Function>
static inline void compare_steps(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, std::uint8_t* y,
                                 std::int64_t n, Function function) {
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const F32 left = a_step == 0 ? broadcast(*a) : load(a + i);
    const F32 right = b_step == 0 ? broadcast(*b) : load(b + i);
    store_truth(y + i, function(left, right));
  }
  if (i < n) {
    std::uint8_t truth[lanes];
    const F32 left = a_step == 0 ? broadcast(*a) : load_partial(a + i, n - i);
    const F32 right = b_step == 0 ? broadcast(*b) : load_partial(b + i, n - i);
    store_truth(truth, function(left, right));
    for (std::int64_t j = i; j < n; ++j) y[j] = truth[j - i];
  }
}

template <typename Function>
static inline void compare_loop(const float* a, std::int64_t a_step, const float* b, std::int64_t b_step, std::uint8_t* y,
                                std::int64_t n, Function function) {
  if (a_step != 0 && b_step != 0) return compare_steps(a, 1, b, 1, y, n, function);
  if (a_step != 0) return compare_steps(a, 1, b, 0, y, n, function);
  if (b_step != 0) return compare_steps(a, 0, b, 1, y, n, function);
  compare_steps(a, 0, b, 0, y, n, function);
}

static void compare(CompareOp op, const float* a, std::int64_t a_step, const float* b, std::int64_t b_step,
                    std::uint8_t* y, std::int64_t n) {
  switch (op) {
    case CompareOp::equal: return compare_loop(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p == q; });
    case CompareOp::less: return compare_loop(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p < q; });
    case CompareOp::less_or_equal:
      return compare_loop(a, a_step, b, b_step, y, n, [](F32 p, F32 q) { return p <= q; });
  }
}

static void clip(const float* x, float low, float high, float* y, std::int64_t n) {
  const F32 least = broadcast(low), most = broadcast(high);
  map_loop(x, y, n, [=](F32 p) {
    p = select(p < least, least, p);
    return select(p > most, most, p);
  });
}

// Exact, so that the compiler may make vectors of it as it likes.
template <typename T>
static inline void where_words(const std::uint8_t* c, std::int64_t c_step, const void* a_bytes, std::int64_t a_step,
                               const void* b_bytes, std::int64_t b_step, void* y_bytes, std::int64_t n) {
  const T* const a = static_cast<const T*>(a_bytes);
  const T* const b = static_cast<const T*>(b_bytes);
  T* const y = static_cast<T*>(y_bytes);
  const T a0 = *a, b0 = *b;
  if (c_step == 0) {
    const bool first = *c != 0;
    for (std::int64_t i = 0; i < n; ++i) y[i] = first ? a[i * a_step] : b[i * b_step];
  } else if (a_step != 0 && b_step != 0) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T p = a[i], q = b[i];
      y[i] = c[i] != 0 ? p : q;
    }
  } else if (a_step != 0) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T p = a[i];
      y[i] = c[i] != 0 ? p : b0;
    }
  } else if (b_step != 0) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T q = b[i];
      y[i] = c[i] != 0 ? a0 : q;
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) y[i] = c[i] != 0 ? a0 : b0;
  }
}

static void where(std::int64_t item, const std::uint8_t* c, std::int64_t c_step, const void* a, std::int64_t a_step,
                  const void* b, std::int64_t b_step, void* y, std::int64_t n) {
  switch (item) {
    case 1: return where_words<std::uint8_t>(c, c_step, a, a_step, b, b_step, y, n);
    case 2: return where_words<std::uint16_t>(c, c_step, a, a_step, b, b_step, y, n);
    case 4: return where_words<std::uint32_t>(c, c_step, a, a_step, b, b_step, y, n);
    default: return where_words<std::uint64_t>(c, c_step, a, a_step, b, b_step, y, n);
  }
}

constexpr ElementwiseKernels elementwise_kernels{map, binary, compare, clip, where};

}  // namespace AIVM_ISA
}  // namespace aivm

// Pooling of binary32, compiled once per instruction set. See pool.hpp.
#pragma once

#include "extremes.inl"
#include "pool.hpp"

namespace aivm {
namespace AIVM_ISA {

constexpr int pool_vectors = 4;  // results in flight: one needs not wait for another

template <int vectors_at_once, typename Combine>
static inline void combine_sources(const float* const* sources, std::int64_t count, std::int64_t i, F32* acc, Combine combine) {
  for (std::int64_t k = 0; k < count; ++k) {
    const float* const x = sources[k] + i;
    for (int v = 0; v < vectors_at_once; ++v) acc[v] = combine(acc[v], load(x + v * lanes));
  }
}

template <typename Start, typename Combine, typename Finish>
static inline void pool_loop(const float* const* sources, std::int64_t count, float* y, std::int64_t n, Start start,
                             Combine combine, Finish finish) {
  std::int64_t i = 0;
  for (; i + pool_vectors * lanes <= n; i += pool_vectors * lanes) {
    F32 acc[pool_vectors];
    for (F32& a : acc) a = start;
    combine_sources<pool_vectors>(sources, count, i, acc, combine);
    for (int v = 0; v < pool_vectors; ++v) store(y + i + v * lanes, finish(acc[v], i + v * lanes, lanes));
  }
  for (; i + lanes <= n; i += lanes) {
    F32 acc[1] = {start};
    combine_sources<1>(sources, count, i, acc, combine);
    store(y + i, finish(acc[0], i, lanes));
  }
  if (i < n) {
    F32 acc = start;
    for (std::int64_t k = 0; k < count; ++k) acc = combine(acc, load_partial(sources[k] + i, n - i));
    store_partial(y + i, finish(acc, i, n - i), n - i);
  }
}

static void pool_greatest(const float* const* sources, std::int64_t count, float* y, std::int64_t n) {
  pool_loop(sources, count, y, n, broadcast(-__builtin_inff()), [](F32 a, F32 b) { return maximum(a, b); },
            [](F32 a, std::int64_t, std::int64_t) { return canonical(a); });
}

static void pool_mean(const float* const* sources, std::int64_t count, const float* divisors, std::int64_t divisor_step,
                      float* y, std::int64_t n) {
  pool_loop(sources, count, y, n, broadcast(0.0F), [](F32 a, F32 b) { return a + b; },
            [=](F32 a, std::int64_t i, std::int64_t here) {
              const F32 divisor = divisor_step == 0 ? broadcast(*divisors)
                                  : here == lanes   ? load(divisors + i)
                                                    : load_partial(divisors + i, here);
              return canonical(a / divisor);
            });
}

// Rows are short: a call for each would take longer than this.
static void pool_copy(const float* x, std::int64_t x_row, float* y, std::int64_t y_row, std::int64_t rows, std::int64_t n) {
  const std::int64_t whole = n / lanes * lanes, rest = n - whole;
  for (; rows > 0; --rows, x += x_row, y += y_row) {
    for (std::int64_t i = 0; i < whole; i += lanes) store(y + i, load(x + i));
    if (rest > 0) store_partial(y + whole, load_partial(x + whole, rest), rest);
  }
}

// Moves alone, which the compiler may turn into what permutations the instruction set has.
AIVM_INLINE void split_vectors(const float* __restrict x, float* __restrict even, float* __restrict odd) {
  for (int k = 0; k < lanes; ++k) even[k] = x[2 * k];
  for (int k = 0; k < lanes; ++k) odd[k] = x[2 * k + 1];
}

static inline void split_row(const float* x, float* even, float* odd, std::int64_t n) {
  const std::int64_t pairs = n / 2 * 2;
  std::int64_t i = 0;
  for (; i + 2 * lanes <= pairs; i += 2 * lanes) split_vectors(x + i, even + i / 2, odd + i / 2);
  if (i < pairs && i > 0) {  // once more what was there before, and the rest
    i = pairs - 2 * lanes;
    split_vectors(x + i, even + i / 2, odd + i / 2);
    i = pairs;
  }
  for (; i < pairs; i += 2) {
    even[i / 2] = x[i];
    odd[i / 2] = x[i + 1];
  }
  if (i < n) even[i / 2] = x[i];
}

static void pool_split(const float* x, std::int64_t x_row, float* even, float* odd, std::int64_t y_row, std::int64_t rows,
                       std::int64_t n) {
  for (; rows > 0; --rows, x += x_row, even += y_row, odd += y_row) split_row(x, even, odd, n);
}

constexpr PoolKernels pool_kernels{{pool_greatest, pool_mean, pool_copy, pool_split}};

}  // namespace AIVM_ISA
}  // namespace aivm

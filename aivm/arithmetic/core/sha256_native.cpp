// SHA-256 by the processor's own instructions, several messages at a time: one alone waits for each round's result.
#include "sha256.hpp"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#define AIVM_SHA __attribute__((target("sha,sse4.1,ssse3")))
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_neon.h>
#include <sys/auxv.h>
#define AIVM_SHA __attribute__((target("+crypto")))  // arm_neon.h of GCC 12 wants AES beside SHA-2
#endif

namespace aivm {

#if defined(AIVM_SHA)
namespace {

constexpr int lanes = 3;

#if defined(__x86_64__)

// Registers hold a b e f and c d g h, the first in the high word.
AIVM_SHA void hash(const std::uint8_t* const* messages, std::int64_t blocks, const Sha256Block& last,
                   Hash* digests) {
  const std::uint32_t* const initial = sha256_constants.initial;
  const auto word = [initial](int i) { return static_cast<int>(initial[i]); };
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);  // big-endian words
  __m128i abef[lanes], cdgh[lanes];
  for (int lane = 0; lane < lanes; ++lane) {
    abef[lane] = _mm_set_epi32(word(0), word(1), word(4), word(5));
    cdgh[lane] = _mm_set_epi32(word(2), word(3), word(6), word(7));
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    __m128i x[lanes], y[lanes], w[lanes][4];
    for (int lane = 0; lane < lanes; ++lane) {
      x[lane] = abef[lane];
      y[lane] = cdgh[lane];
      for (int i = 0; i < 4; ++i) {
        const std::uint8_t* const from = messages[lane] + block * Sha256::block + 16 * i;
        w[lane][i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), swap);
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      const __m128i k = _mm_loadu_si128(reinterpret_cast<const __m128i*>(sha256_constants.round + 4 * i));
#pragma GCC unroll 4
      for (int lane = 0; lane < lanes; ++lane) {
        __m128i* const v = w[lane];
        if (i >= 4) {
          const __m128i seventh = _mm_alignr_epi8(v[(i + 3) % 4], v[(i + 2) % 4], 4);
          const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(v[i % 4], v[(i + 1) % 4]), seventh);
          v[i % 4] = _mm_sha256msg2_epu32(sum, v[(i + 3) % 4]);
        }
        const __m128i terms = _mm_add_epi32(v[i % 4], k);
        y[lane] = _mm_sha256rnds2_epu32(y[lane], x[lane], terms);
        x[lane] = _mm_sha256rnds2_epu32(x[lane], y[lane], _mm_shuffle_epi32(terms, 0x0e));
      }
    }
    for (int lane = 0; lane < lanes; ++lane) {
      abef[lane] = _mm_add_epi32(abef[lane], x[lane]);
      cdgh[lane] = _mm_add_epi32(cdgh[lane], y[lane]);
    }
  }
  __m128i x[lanes], y[lanes];
  for (int lane = 0; lane < lanes; ++lane) {
    x[lane] = abef[lane];
    y[lane] = cdgh[lane];
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    const __m128i terms = _mm_loadu_si128(reinterpret_cast<const __m128i*>(last.terms.data() + 4 * i));
#pragma GCC unroll 4
    for (int lane = 0; lane < lanes; ++lane) {
      y[lane] = _mm_sha256rnds2_epu32(y[lane], x[lane], terms);
      x[lane] = _mm_sha256rnds2_epu32(x[lane], y[lane], _mm_shuffle_epi32(terms, 0x0e));
    }
  }
  for (int lane = 0; lane < lanes; ++lane) {
    abef[lane] = _mm_add_epi32(abef[lane], x[lane]);
    cdgh[lane] = _mm_add_epi32(cdgh[lane], y[lane]);
  }
  const __m128i reverse = _mm_set_epi64x(0x0001020304050607LL, 0x08090a0b0c0d0e0fLL);
  for (int lane = 0; lane < lanes; ++lane) {
    auto* const to = reinterpret_cast<__m128i*>(digests[lane].data());
    const __m128i abcd = _mm_unpackhi_epi64(cdgh[lane], abef[lane]), efgh = _mm_unpacklo_epi64(cdgh[lane], abef[lane]);
    _mm_storeu_si128(to, _mm_shuffle_epi8(abcd, reverse));
    _mm_storeu_si128(to + 1, _mm_shuffle_epi8(efgh, reverse));
  }
}

bool supported() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_SSE4_1) == 0 || (c & bit_SSSE3) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1U << 29)) != 0;
}
constexpr Sha256 native{"sha-ni", lanes, 23, hash, supported};

#else

AIVM_SHA void hash(const std::uint8_t* const* messages, std::int64_t blocks, const Sha256Block& last,
                   Hash* digests) {
  uint32x4_t abcd[lanes], efgh[lanes];
  for (int lane = 0; lane < lanes; ++lane) {
    abcd[lane] = vld1q_u32(sha256_constants.initial);
    efgh[lane] = vld1q_u32(sha256_constants.initial + 4);
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    uint32x4_t x[lanes], y[lanes], w[lanes][4];
    for (int lane = 0; lane < lanes; ++lane) {
      x[lane] = abcd[lane];
      y[lane] = efgh[lane];
      for (int i = 0; i < 4; ++i) {
        w[lane][i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(messages[lane] + block * Sha256::block + 16 * i)));
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      const uint32x4_t k = vld1q_u32(sha256_constants.round + 4 * i);
#pragma GCC unroll 4
      for (int lane = 0; lane < lanes; ++lane) {
        uint32x4_t* const v = w[lane];
        if (i >= 4) {
          v[i % 4] = vsha256su1q_u32(vsha256su0q_u32(v[i % 4], v[(i + 1) % 4]), v[(i + 2) % 4], v[(i + 3) % 4]);
        }
        const uint32x4_t terms = vaddq_u32(v[i % 4], k), before = x[lane];
        x[lane] = vsha256hq_u32(x[lane], y[lane], terms);
        y[lane] = vsha256h2q_u32(y[lane], before, terms);
      }
    }
    for (int lane = 0; lane < lanes; ++lane) {
      abcd[lane] = vaddq_u32(abcd[lane], x[lane]);
      efgh[lane] = vaddq_u32(efgh[lane], y[lane]);
    }
  }
  uint32x4_t x[lanes], y[lanes];
  for (int lane = 0; lane < lanes; ++lane) {
    x[lane] = abcd[lane];
    y[lane] = efgh[lane];
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    const uint32x4_t terms = vld1q_u32(last.terms.data() + 4 * i);
#pragma GCC unroll 4
    for (int lane = 0; lane < lanes; ++lane) {
      const uint32x4_t before = x[lane];
      x[lane] = vsha256hq_u32(x[lane], y[lane], terms);
      y[lane] = vsha256h2q_u32(y[lane], before, terms);
    }
  }
  for (int lane = 0; lane < lanes; ++lane) {
    abcd[lane] = vaddq_u32(abcd[lane], x[lane]);
    efgh[lane] = vaddq_u32(efgh[lane], y[lane]);
  }
  for (int lane = 0; lane < lanes; ++lane) {
    vst1q_u8(digests[lane].data(), vrev32q_u8(vreinterpretq_u8_u32(abcd[lane])));
    vst1q_u8(digests[lane].data() + 16, vrev32q_u8(vreinterpretq_u8_u32(efgh[lane])));
  }
}

bool supported() {
  constexpr unsigned long sha2 = 1UL << 6;  // HWCAP_SHA2
  return (getauxval(AT_HWCAP) & sha2) != 0;
}
constexpr Sha256 native{"sha2", lanes, 23, hash, supported};

#endif

}  // namespace

const Sha256* const sha256_native = &native;

#else

const Sha256* const sha256_native = nullptr;

#endif

}  // namespace aivm

// SHA-256 of sixteen messages at once, one in each lane of AVX-512's registers; or of two times sixteen, since in each of
// them a round waits for the one before.
#include "sha256.hpp"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "isa.hpp"

// GCC 12 takes its own _mm512_undefined_epi32() for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#define AIVM_AVX512 [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]]
#endif

namespace aivm {

#if defined(__x86_64__)
namespace {

constexpr int group_lanes = 16;
using Words = __m512i;  // one word of each message

// The truth tables of FIPS 180-4's functions of three words, bit by bit.
constexpr int parity = 0x96, choice = 0xca, majority = 0xe8;

AIVM_AVX512 inline Words add(Words a, Words b) { return _mm512_add_epi32(a, b); }
AIVM_AVX512 inline Words large_sigma_0(Words x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 2), _mm512_ror_epi32(x, 13), _mm512_ror_epi32(x, 22), parity);
}
AIVM_AVX512 inline Words large_sigma_1(Words x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 6), _mm512_ror_epi32(x, 11), _mm512_ror_epi32(x, 25), parity);
}
AIVM_AVX512 inline Words small_sigma_0(Words x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18), _mm512_srli_epi32(x, 3), parity);
}
AIVM_AVX512 inline Words small_sigma_1(Words x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19), _mm512_srli_epi32(x, 10), parity);
}

// Rows of words become columns: word j of row i goes to word i of row j.
AIVM_AVX512 inline void transpose(Words (&r)[16]) {
  Words t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 8; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}

// One round; `i` is known at compile time, so that instead of moving eight variables along, their names move.
AIVM_AVX512 inline void round(Words (&v)[8], int i, Words term) {
  const Words a = v[(0 - i) & 7], b = v[(1 - i) & 7], c = v[(2 - i) & 7], e = v[(4 - i) & 7], f = v[(5 - i) & 7],
              g = v[(6 - i) & 7];
  Words& d = v[(3 - i) & 7];
  Words& h = v[(7 - i) & 7];
  // What is known first is added first: only `e` and `a` are as late as the round before.
  const Words first = add(add(h, term), _mm512_ternarylogic_epi32(e, f, g, choice));
  const Words sum = add(first, large_sigma_1(e));
  d = add(d, sum);
  h = add(sum, add(large_sigma_0(a), _mm512_ternarylogic_epi32(a, b, c, majority)));
}

AIVM_AVX512 inline Words everywhere(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }

// Words of sixteen messages that were rows become what the rounds need, and digests rows: big-endian either way.
AIVM_AVX512 inline Words swapped(Words row) {
  return _mm512_shuffle_epi8(row, _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
}

template <int Groups>
AIVM_AVX512 inline void compress(Words (&state)[Groups][8], Words (&w)[Groups][group_lanes]) {
  Words v[Groups][8];
  std::memcpy(v, state, sizeof v);
  const std::uint32_t* k = sha256_constants.round;
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
#pragma GCC unroll 2
    for (int group = 0; group < Groups; ++group) round(v[group], i, add(w[group][i], everywhere(k[i])));
  }
  // Unrolled any further it would be larger than the caches for instructions.
#pragma GCC unroll 1
  for (int part = 1; part < 4; ++part) {
    k += 16;
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
#pragma GCC unroll 2
      for (int group = 0; group < Groups; ++group) {
        Words& term = w[group][i];
        term = add(add(term, small_sigma_0(w[group][(i + 1) % 16])),
                   add(w[group][(i + 9) % 16], small_sigma_1(w[group][(i + 14) % 16])));
        round(v[group], i, add(term, everywhere(k[i])));
      }
    }
  }
  for (int group = 0; group < Groups; ++group) {
    for (int i = 0; i < 8; ++i) state[group][i] = add(state[group][i], v[group][i]);
  }
}

template <int Groups>
AIVM_AVX512 inline void compress_last(Words (&state)[Groups][8], const Sha256Block& last) {
  Words v[Groups][8];
  std::memcpy(v, state, sizeof v);
#pragma GCC unroll 1
  for (int part = 0; part < 4; ++part) {
    const std::uint32_t* const terms = last.terms.data() + 16 * part;
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
#pragma GCC unroll 2
      for (int group = 0; group < Groups; ++group) round(v[group], i, everywhere(terms[i]));
    }
  }
  for (int group = 0; group < Groups; ++group) {
    for (int i = 0; i < 8; ++i) state[group][i] = add(state[group][i], v[group][i]);
  }
}

template <int Groups>
AIVM_AVX512 void hash(const std::uint8_t* const* messages, std::int64_t blocks, const Sha256Block& last, Hash* digests) {
  Words state[Groups][8];
  for (int group = 0; group < Groups; ++group) {
    for (int i = 0; i < 8; ++i) state[group][i] = everywhere(sha256_constants.initial[i]);
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    Words w[Groups][group_lanes];
    for (int group = 0; group < Groups; ++group) {
#pragma GCC unroll 16
      for (int lane = 0; lane < group_lanes; ++lane) {
        w[group][lane] = swapped(_mm512_loadu_si512(messages[group_lanes * group + lane] + block * Sha256::block));
      }
      transpose(w[group]);
    }
    compress<Groups>(state, w);
  }
  compress_last<Groups>(state, last);
  for (int group = 0; group < Groups; ++group) {
    Words rows[group_lanes] = {};
    std::memcpy(rows, state[group], sizeof state[group]);
    transpose(rows);
    for (int lane = 0; lane < group_lanes; ++lane) {
      const __m256i words = _mm512_castsi512_si256(swapped(rows[lane]));
      std::memcpy(digests[group_lanes * group + lane].data(), &words, sizeof words);
    }
  }
}

bool supported() {
  for (const Isa* isa : available_isas()) {
    if (std::strcmp(isa->name, "avx512") == 0) return true;
  }
  return false;
}

constexpr Sha256 wide{"avx512-32", 2 * group_lanes, 110, hash<2>, supported};
constexpr Sha256 narrow{"avx512-16", group_lanes, 90, hash<1>, supported};

}  // namespace

const Sha256* const sha256_avx512[2] = {&wide, &narrow};

#else

const Sha256* const sha256_avx512[2] = {nullptr, nullptr};

#endif

}  // namespace aivm

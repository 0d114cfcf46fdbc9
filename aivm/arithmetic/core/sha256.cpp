// SHA-256 with one message in each lane of a vector, for whatever vectors there are.
#include "sha256.hpp"

#include <cstring>

#if defined(__x86_64__)
#include "isa.hpp"
#endif

namespace aivm {
namespace {

using Wide = unsigned __int128;

// floor(root(prime << shift)): the low 32 bits are the first fractional bits of the root of the prime.
constexpr std::uint32_t root_bits(std::uint64_t prime, bool cube) {
  const Wide target = static_cast<Wide>(prime) << (cube ? 96 : 64);
  std::uint64_t low = 0, high = std::uint64_t{1} << 37;  // primes below 32^2 and 32^3
  while (high - low > 1) {
    const std::uint64_t middle = (low + high) / 2;
    const Wide square = static_cast<Wide>(middle) * middle;
    ((cube ? square * middle : square) <= target ? low : high) = middle;
  }
  return static_cast<std::uint32_t>(low);
}

constexpr Sha256Constants make_constants() {
  Sha256Constants constants{};
  int found = 0;
  for (std::uint64_t candidate = 2; found < 64; ++candidate) {
    bool prime = true;
    for (std::uint64_t divisor = 2; divisor * divisor <= candidate; ++divisor) prime = prime && candidate % divisor != 0;
    if (!prime) continue;
    if (found < 8) constants.initial[found] = root_bits(candidate, false);
    constants.round[found++] = root_bits(candidate, true);
  }
  return constants;
}

}  // namespace

constexpr Sha256Constants constants = make_constants();
static_assert(constants.initial[0] == 0x6a09e667 && constants.round[63] == 0xc67178f2, "as in FIPS 180-4");
extern const Sha256Constants sha256_constants = constants;

namespace {

#define AIVM_INLINE __attribute__((always_inline)) inline
#define AIVM_LAMBDA __attribute__((always_inline))

template <int Lanes>
struct Vector {
  using Words [[gnu::vector_size(4 * Lanes)]] = std::uint32_t;
};
template <>
struct Vector<1> {
  using Words = std::uint32_t;
};

template <int Count, typename Words>
static AIVM_INLINE Words rotate(const Words& x) {
  return (x >> Count) | (x << (32 - Count));
}

// Eight variables through 64 rounds; term(i) is what the schedule adds in round i.
template <typename Words, typename Term>
static AIVM_INLINE void compress(Words (&state)[8], const Term& term) {
  Words v[8];
  for (int i = 0; i < 8; ++i) v[i] = state[i];
#pragma GCC unroll 64
  for (int i = 0; i < 64; ++i) {
    // Instead of moving eight variables along, the names move.
    const Words a = v[(0 - i) & 7], b = v[(1 - i) & 7], c = v[(2 - i) & 7], e = v[(4 - i) & 7], f = v[(5 - i) & 7],
                g = v[(6 - i) & 7];
    Words& d = v[(3 - i) & 7];
    Words& h = v[(7 - i) & 7];
    h += (rotate<6>(e) ^ rotate<11>(e) ^ rotate<25>(e)) + (g ^ (e & (f ^ g))) + term(i);
    d += h;
    h += (rotate<2>(a) ^ rotate<13>(a) ^ rotate<22>(a)) + ((a & b) | (c & (a | b)));
  }
  for (int i = 0; i < 8; ++i) state[i] += v[i];
}

// Word i of the schedule, for i from 0 to 63 in order; the last sixteen are kept in `w`.
template <typename Words>
static AIVM_INLINE const Words& scheduled(Words (&w)[16], int i) {
  Words& term = w[i % 16];
  if (i >= 16) {
    const Words& old = w[(i - 15) % 16];
    const Words& recent = w[(i - 2) % 16];
    term += (rotate<7>(old) ^ rotate<18>(old) ^ (old >> 3)) + w[(i - 7) % 16] +
            (rotate<17>(recent) ^ rotate<19>(recent) ^ (recent >> 10));
  }
  return term;
}

AIVM_INLINE std::uint32_t word_at(const std::uint8_t* address) {
  std::uint32_t word;
  std::memcpy(&word, address, sizeof word);
  return __builtin_bswap32(word);
}

template <int Lanes, typename Words = typename Vector<Lanes>::Words>
static AIVM_INLINE void hash_lanes(const std::uint8_t* const* messages, std::int64_t blocks, const Sha256Block& last,
                                   Hash* digests) {
  Words state[8];
  for (int i = 0; i < 8; ++i) state[i] = Words{} + constants.initial[i];
  for (std::int64_t block = 0; block < blocks; ++block) {
    Words w[16];
    for (int i = 0; i < 16; ++i) {
      std::uint32_t words[Lanes];
      for (int lane = 0; lane < Lanes; ++lane) words[lane] = word_at(messages[lane] + block * Sha256::block + 4 * i);
      std::memcpy(&w[i], words, sizeof words);
    }
    compress(state, [&](int i) AIVM_LAMBDA { return scheduled(w, i) + constants.round[i]; });
  }
  compress(state, [&](int i) AIVM_LAMBDA { return Words{} + last.terms[static_cast<std::size_t>(i)]; });
  for (int i = 0; i < 8; ++i) {
    std::uint32_t words[Lanes];
    std::memcpy(words, &state[i], sizeof words);
    for (int lane = 0; lane < Lanes; ++lane) {
      const std::uint32_t word = __builtin_bswap32(words[lane]);
      std::memcpy(digests[lane].data() + 4 * i, &word, 4);
    }
  }
}

bool always() { return true; }
void hash_1(const std::uint8_t* const* messages, std::int64_t blocks, const Sha256Block& last, Hash* digests) {
  hash_lanes<1>(messages, blocks, last, digests);
}
constexpr Sha256 plain{"plain", 1, 54, hash_1, always};

#if defined(__x86_64__)

bool has_avx2() {
  for (const Isa* isa : available_isas()) {
    if (std::strcmp(isa->name, "avx2") == 0) return true;
  }
  return false;
}
[[gnu::target("avx2")]] void hash_8(const std::uint8_t* const* messages, std::int64_t blocks, const Sha256Block& last,
                                    Hash* digests) {
  hash_lanes<8>(messages, blocks, last, digests);
}
constexpr Sha256 avx2{"avx2", 8, 115, hash_8, has_avx2};

#endif

}  // namespace

std::vector<const Sha256*> available_sha256() {
#if defined(__x86_64__)
  const Sha256* const all[] = {sha256_avx512[0], sha256_avx512[1], sha256_native, &avx2, &plain};
#else
  const Sha256* const all[] = {sha256_native, &plain};
#endif
  std::vector<const Sha256*> found;
  for (const Sha256* sha : all) {
    if (sha != nullptr && sha->supported()) found.push_back(sha);
  }
  return found;
}

const std::vector<const Sha256*>& known_sha256() {
  static const std::vector<const Sha256*> known = available_sha256();
  return known;
}

const Sha256& choose_sha256(const std::vector<const Sha256*>& from, std::int64_t messages) {
  const Sha256* best = from.front();
  std::int64_t least = INT64_MAX;
  for (const Sha256* sha : from) {
    const std::int64_t cost = (messages + sha->lanes - 1) / sha->lanes * sha->cost;
    if (cost < least) {
      best = sha;
      least = cost;
    }
  }
  return *best;
}

void sha256_pad(std::uint8_t* message, std::int64_t bytes) {
  const std::int64_t end = sha256_blocks(bytes) * Sha256::block;
  std::memset(message + bytes, 0, static_cast<std::size_t>(end - bytes));
  message[bytes] = 0x80;
  const std::uint64_t bits = __builtin_bswap64(static_cast<std::uint64_t>(bytes) * 8);
  std::memcpy(message + end - 8, &bits, 8);
}

Sha256Block sha256_schedule(const std::uint8_t* block) {
  std::uint32_t w[16];
  for (int i = 0; i < 16; ++i) w[i] = word_at(block + 4 * i);
  Sha256Block made;
  for (int i = 0; i < 64; ++i) made.terms[static_cast<std::size_t>(i)] = scheduled(w, i) + constants.round[i];
  return made;
}

Hash sha256(const Sha256& sha, const void* data, std::int64_t bytes) {
  const std::int64_t before = sha256_blocks(bytes) - 1;
  std::vector<std::uint8_t> message(static_cast<std::size_t>((before + 1) * Sha256::block));
  if (bytes != 0) std::memcpy(message.data(), data, static_cast<std::size_t>(bytes));
  sha256_pad(message.data(), bytes);
  const std::uint8_t* messages[Sha256::most_lanes];
  Hash digests[Sha256::most_lanes];
  for (const std::uint8_t*& lane : messages) lane = message.data();
  sha.hash(messages, before, sha256_schedule(message.data() + before * Sha256::block), digests);
  return digests[0];
}

}  // namespace aivm

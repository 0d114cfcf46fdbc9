// SHA-256 (FIPS 180-4) of many short messages at once: what a trace is made of, and what the EVM has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace aivm {

using Hash = std::array<std::uint8_t, 32>;

// One way to compute it. All give the same digests; they differ in time alone.
struct Sha256 {
  static constexpr int block = 64;
  static constexpr int most_lanes = 16;

  const char* name;
  int lanes;  // messages at once
  // Digests of `lanes` messages of `blocks` blocks each, padding included.
  void (*hash)(const std::uint8_t* const* messages, std::int64_t blocks, Hash* digests);
  bool (*supported)();
};

// Those that this machine can run, best first.
std::vector<const Sha256*> available_sha256();
const Sha256& best_sha256();

// Blocks that a message of this many bytes takes with its padding.
constexpr std::int64_t sha256_blocks(std::int64_t bytes) { return (bytes + 8) / Sha256::block + 1; }
// Writes the padding behind a message of this many bytes, which has room for sha256_blocks(bytes) blocks.
void sha256_pad(std::uint8_t* message, std::int64_t bytes);
// The digest of one message.
Hash sha256(const Sha256& sha, const void* data, std::int64_t bytes);

// Fractional bits of the square and cube roots of the first primes, computed at compile time.
struct Sha256Constants {
  std::uint32_t initial[8];
  std::uint32_t round[64];
};
extern const Sha256Constants sha256_constants;

// sha256_native.cpp: by instructions for it; nullptr where the compiler's target has none.
extern const Sha256* const sha256_native;

}  // namespace aivm

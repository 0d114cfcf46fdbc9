// SHA-256 (FIPS 180-4) of many messages at once: what a trace is made of, and what the EVM has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace aivm {

using Hash = std::array<std::uint8_t, 32>;

// A block that is the same in many messages, as its rounds need it: 64 words of its schedule, the constants added.
struct Sha256Block {
  std::array<std::uint32_t, 64> terms;
};

// One way to compute it. All give the same digests; they differ in time alone.
struct Sha256 {
  static constexpr int block = 64;
  static constexpr int most_lanes = 32;

  const char* name;
  int lanes;  // messages at once
  int cost;   // of a block of them all, to choose by: tens of cycles of one processor
  // Digests of `lanes` messages: `blocks` blocks from each address, then `last`, which holds the padding.
  void (*hash)(const std::uint8_t* const* messages, std::int64_t blocks, const Sha256Block& last, Hash* digests);
  bool (*supported)();
};

// Those that this machine can run, the best for many messages first.
std::vector<const Sha256*> available_sha256();
// The same, found out once.
const std::vector<const Sha256*>& known_sha256();
// Which of them to use for the next of so many messages of one length.
const Sha256& choose_sha256(const std::vector<const Sha256*>& from, std::int64_t messages);

// Blocks that a message of this many bytes takes with its padding.
constexpr std::int64_t sha256_blocks(std::int64_t bytes) { return (bytes + 8) / Sha256::block + 1; }
// Writes the padding behind a message of this many bytes, which has room for sha256_blocks(bytes) blocks.
void sha256_pad(std::uint8_t* message, std::int64_t bytes);
// The schedule of a block.
Sha256Block sha256_schedule(const std::uint8_t* block);
// The digest of one message.
Hash sha256(const Sha256& sha, const void* data, std::int64_t bytes);

// Fractional bits of the square and cube roots of the first primes, computed at compile time.
struct Sha256Constants {
  std::uint32_t initial[8];
  std::uint32_t round[64];
};
extern const Sha256Constants sha256_constants;

// By instructions of some processors; nullptr where the compiler's target has none.
extern const Sha256* const sha256_native;     // sha256_native.cpp
extern const Sha256* const sha256_avx512[2];  // sha256_avx512.cpp

}  // namespace aivm

#include "canonical.hpp"

#include <cstring>
#include <type_traits>

namespace aivm {
namespace {

// A floating-point type as unsigned integers see it.
template <typename Word>
struct Float {
  using Bits = Word;
  Word infinity, quiet;
};
constexpr Float<std::uint64_t> binary64{0x7ffULL << 52, 0x7ff8ULL << 48};
constexpr Float<std::uint32_t> binary32{0x7f800000U, 0x7fc00000U};
constexpr Float<std::uint16_t> binary16{0x7c00, 0x7e00};
constexpr Float<std::uint16_t> brain16{0x7f80, 0x7fc0};

// Magnitudes are compared as signed numbers, which vectors of every x86-64 can.
template <typename Word>
constexpr bool is_nan(Word word, Float<Word> type) {
  using Signed = std::make_signed_t<Word>;
  constexpr Word magnitude = static_cast<Word>(static_cast<Word>(~Word{0}) >> 1);
  return static_cast<Signed>(word & magnitude) > static_cast<Signed>(type.infinity);
}

template <typename Word>
__attribute__((always_inline)) inline bool without_nan(const std::byte* data, std::int64_t bytes, Float<Word> type) {
  Word found = 0;
  for (std::int64_t i = 0; i < bytes; i += static_cast<std::int64_t>(sizeof(Word))) {
    Word word;
    std::memcpy(&word, data + i, sizeof word);
    found = static_cast<Word>(found | static_cast<Word>(is_nan(word, type)));
  }
  return found == 0;
}

__attribute__((always_inline)) inline bool look(Dtype dtype, const std::byte* data, std::int64_t bytes) {
  switch (dtype) {
    case Dtype::float64: return without_nan(data, bytes, binary64);
    case Dtype::float32: return without_nan(data, bytes, binary32);
    case Dtype::float16: return without_nan(data, bytes, binary16);
    case Dtype::bfloat16: return without_nan(data, bytes, brain16);
    default: return true;
  }
}

bool look_plainly(Dtype dtype, const std::byte* data, std::int64_t bytes) { return look(dtype, data, bytes); }

#if defined(__x86_64__)
[[gnu::target("avx2")]] bool look_widely(Dtype dtype, const std::byte* data, std::int64_t bytes) {
  return look(dtype, data, bytes);
}
#endif

using Look = bool (*)(Dtype, const std::byte*, std::int64_t);

Look choose() {
#if defined(__x86_64__)
  for (const Isa* isa : available_isas()) {
    if (std::strcmp(isa->name, "avx2") == 0) return look_widely;
  }
#endif
  return look_plainly;
}

template <typename Word>
void copy(const std::byte* from, std::uint8_t* to, std::int64_t bytes, Float<Word> type) {
  for (std::int64_t i = 0; i < bytes; i += static_cast<std::int64_t>(sizeof(Word))) {
    Word word;
    std::memcpy(&word, from + i, sizeof word);
    if (is_nan(word, type)) word = type.quiet;
    std::memcpy(to + i, &word, sizeof word);
  }
}

}  // namespace

bool is_canonical(Dtype dtype, const std::byte* data, std::int64_t bytes) {
  static const Look chosen = choose();
  return chosen(dtype, data, bytes);
}

void copy_canonical(Dtype dtype, const std::byte* from, std::uint8_t* to, std::int64_t bytes) {
  switch (dtype) {
    case Dtype::float64: return copy(from, to, bytes, binary64);
    case Dtype::float32: return copy(from, to, bytes, binary32);
    case Dtype::float16: return copy(from, to, bytes, binary16);
    case Dtype::bfloat16: return copy(from, to, bytes, brain16);
    default: std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
}

}  // namespace aivm

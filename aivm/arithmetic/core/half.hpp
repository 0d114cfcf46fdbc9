// binary16 and bfloat16: what is moved and cast, not computed with.
#pragma once

#include <cstdint>

#include "scalars.hpp"

namespace aivm {

struct Half { std::uint16_t bits; };   // binary16
struct Brain { std::uint16_t bits; };  // bfloat16: the upper half of a binary32

inline float widen(Brain x) { return canonical_nan(bits_as<float>(static_cast<std::uint32_t>(x.bits) << 16)); }

inline float widen(Half x) {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000) << 16;
  const std::uint32_t magnitude = x.bits & 0x7fffU;
  if (magnitude >= 0x7c00) return magnitude > 0x7c00 ? bits_as<float>(canonical_nan_bits) : bits_as<float>(sign | 0x7f800000U);
  if (magnitude >= 0x0400) return bits_as<float>(sign | ((magnitude << 13) + (112U << 23)));
  return with_sign(static_cast<float>(magnitude) * 0x1p-24F, bits_as<float>(sign));
}

// A binary64 rounded once to a format of `fraction` bits after the point, exponent bias `bias` and 15 bits beside the sign.
template <int fraction, int bias>
std::uint16_t narrowed(double x) {
  const auto word = bits_as<std::uint64_t>(x);
  const auto sign = static_cast<std::uint16_t>(word >> 48 & 0x8000);
  const std::uint64_t magnitude = word & 0x7fffffffffffffff;
  constexpr std::uint64_t infinity = 0x7ff0000000000000;
  constexpr std::uint16_t target_infinity = static_cast<std::uint16_t>((2 * bias + 1) << fraction);
  if (magnitude > infinity) return target_infinity | (1U << (fraction - 1));  // without a sign
  const int exponent = static_cast<int>(magnitude >> 52) - 1023 + bias;       // in the target's terms
  if (exponent >= 2 * bias + 1) return sign | target_infinity;
  // The target's mantissa with its leading one, and what is cut off; subnormals have exponent 1 and no leading one.
  const std::uint64_t mantissa = (magnitude & 0xfffffffffffff) | (std::uint64_t{1} << 52);
  const int cut = 52 - fraction + (exponent < 1 ? 1 - exponent : 0);
  if (cut > 53) return sign;
  std::uint64_t kept = mantissa >> cut;
  const std::uint64_t rest = mantissa & ((std::uint64_t{1} << cut) - 1), half = std::uint64_t{1} << (cut - 1);
  kept += rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0;
  // A carry out of the mantissa is a carry into the exponent, up to infinity.
  const std::uint64_t base = exponent < 1 ? 0 : static_cast<std::uint64_t>(exponent - 1) << fraction;
  return static_cast<std::uint16_t>(sign | (base + kept));
}

inline Half to_half(double x) { return {narrowed<10, 15>(x)}; }
inline Brain to_brain(double x) { return {narrowed<7, 127>(x)}; }

inline Brain to_brain(float x) {
  const auto word = bits_as<std::uint32_t>(x);
  if ((word & 0x7fffffff) > 0x7f800000) return {0x7fc0};
  return {static_cast<std::uint16_t>((word + 0x7fff + (word >> 16 & 1)) >> 16)};  // ties to even
}

}  // namespace aivm

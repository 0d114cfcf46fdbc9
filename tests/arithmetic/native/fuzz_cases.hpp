// Random steps for the fuzzers: sensible ones, and mutations that break them. A case depends on its number alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "extents.hpp"
#include "plan.hpp"

namespace fuzz {

using namespace aivm;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n)); }
  std::int64_t between(std::int64_t low, std::int64_t high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  template <typename T>
  const T& pick(const std::vector<T>& from) { return from[static_cast<std::size_t>(below(static_cast<std::int64_t>(from.size())))]; }

 private:
  std::uint64_t state_;
};

struct Tensor {
  Dtype dtype = Dtype::float32;
  Extents shape;
  bool absent = false, constant = false;
  // What the elements are, when it matters: indices in [-range, range).
  std::int64_t range = 0;
  // Or numbers in [0, range); ascending from 0 to -range if that is negative, of booleans all true.
  bool natural = false;
};

struct Case {
  std::string op;
  std::vector<Tensor> in, out;
  std::vector<std::int64_t> ints;
  std::vector<double> reals;
};

extern const std::vector<Dtype> all;

Tensor tensor(Dtype dtype, Extents extents);

// A step that its primitive takes, mostly.
Case sensible_case(Random& r);
// Changes something about it.
void mutate(Random& r, Case& c);
// Whether its tensors are small enough to be run in great numbers.
bool reasonable(const Case& c);
// The elements of a tensor.
void fill(Random& r, const Tensor& t, std::byte* data, std::int64_t elements);

// From here on a failure prints the number of the case that is `current`.
void report_failures();
extern std::uint64_t current;
// Of the processor's time: a busy machine is no hang.
void limit_time(int seconds);
[[noreturn]] void fail(const std::string& what);

}  // namespace fuzz

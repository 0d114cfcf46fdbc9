// Random steps for the fuzzers: sensible ones, and mutations that break them. A case depends on its number alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
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

// What running a plan came to.
struct Outcome {
  bool made = false;    // the plan
  std::string refusal;  // of the plan, or of the values that it was run on
  std::vector<std::vector<std::byte>> outputs;
};

// The memory of a plan's inputs, constants and outputs, each of its exact size, so that a byte too far is seen.
class Operands {
 public:
  // The next of them, of so many elements; outputs begin as the byte `before`, the others are drawn from `data`.
  void add(Kind kind, const Tensor& t, std::int64_t elements, std::uint64_t data, std::byte before = std::byte{0});
  Outcome run(const std::vector<Buffer>& buffers, const std::vector<Step>& steps, const Isa& isa, int threads) const;

 private:
  std::vector<std::unique_ptr<std::byte[]>> memory_;
  std::vector<const std::byte*> constants_, inputs_;
  std::vector<std::byte*> outputs_;
  std::vector<std::int64_t> output_bytes_;
};

// Calls the body; an Error, or too little memory, becomes the outcome's refusal.
Outcome attempt(const std::function<void(Outcome&)>& body);

[[noreturn]] void fail(const std::string& what);

enum class Fate { ran, refused, skipped };

// A fuzzer's main(): CASES [FIRST [SECONDS]] runs the cases FIRST, FIRST + 1, … while there is time, and counts them. A
// case depends on its number alone, which a failure prints.
int campaign(int argc, char** argv, const char* what, const std::function<Fate(std::uint64_t number)>& run_case);

}  // namespace fuzz

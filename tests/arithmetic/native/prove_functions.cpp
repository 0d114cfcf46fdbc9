// Runs a function of the core on all 2^32 inputs, on several instruction sets at once, against the oracle.
//
//   prove_functions NAME ISA[,ISA…] THREADS UNDECIDED    all inputs; a summary as JSON on stdout
//   prove_functions NAME oracle < binary32               the oracle's values as binary64 on stdout
//   prove_functions isas                                 the instruction sets of this machine, best first
//
// UNDECIDED becomes a file of pairs of words (x, f(x) of the first instruction set) whose rounding the oracle's error
// bound does not decide; MPFR has to. The exit code is 1 if any decided result is wrong or two instruction sets differ.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common.hpp"
#include "functions.hpp"
#include "isa.hpp"
#include "oracle.hpp"

namespace {

using Pair = std::pair<std::uint32_t, std::uint32_t>;

constexpr std::uint32_t block = 1U << 16;
constexpr std::uint32_t blocks = 1U << 16;

float from_bits(std::uint32_t word) {
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}
std::uint32_t bits(float value) {
  std::uint32_t word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}

struct Verdict {
  bool decided;
  std::uint32_t expected;
};

// What follows from continuity alone: zeros keep their sign through odd functions, infinities are limits.
bool special(const std::string& name, float x, std::uint32_t& expected) {
  const std::uint32_t word = bits(x), sign = word & 0x80000000U;
  const std::uint32_t infinity = 0x7f800000U, nan = aivm::canonical_nan_bits;
  const auto one_of = [&](std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (x != x) {
    expected = nan;
    return true;
  }
  if (x == 0) {
    if (name == "reciprocal") expected = sign | infinity;
    else if (one_of({"asin", "asinh", "atan", "atanh", "erf", "sin", "sinh", "sqrt", "tan", "tanh"})) expected = word;
    else return false;
    return true;
  }
  if (std::isinf(x)) {
    const bool negative = sign != 0;
    if (one_of({"sin", "cos", "tan", "acos", "asin", "atanh"})) expected = nan;
    else if (one_of({"erf", "tanh"})) expected = sign | bits(1.0F);
    else if (one_of({"asinh", "sinh"})) expected = word;
    else if (name == "atan") expected = sign | bits(1.57079637F);  // of pi / 2 = 1.570796326…, spacing 1.2e-7
    else if (name == "cosh") expected = infinity;
    else if (name == "exp") expected = negative ? 0 : infinity;
    else if (name == "sigmoid") expected = negative ? 0 : bits(1.0F);
    else if (name == "reciprocal") expected = sign;
    else expected = negative ? nan : infinity;  // acosh, log, sqrt
    return true;
  }
  return false;
}

Verdict judge(const std::string& name, const oracle::Entry& entry, float x) {
  std::uint32_t expected;
  if (special(name, x, expected)) return {true, expected};
  const double z = entry.evaluate(static_cast<double>(x));
  if (z != z) return {true, aivm::canonical_nan_bits};
  const double margin = std::fabs(z) < std::numeric_limits<double>::infinity() ? std::fabs(z) * oracle::bound : 0;
  const std::uint32_t low = bits(static_cast<float>(z - margin)), high = bits(static_cast<float>(z + margin));
  return {low == high, low};
}

struct Findings {
  std::mutex mutex;
  std::vector<Pair> undecided;
  std::vector<std::string> wrong;
  std::uint64_t decided = 0, wrong_count = 0;

  void report(std::string line) {
    ++wrong_count;
    if (wrong.size() < 100) wrong.push_back(std::move(line));
  }
};

std::string hexadecimal(std::uint32_t word) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(word));
  return text;
}

void run_block(std::uint32_t index, const std::string& name, aivm::Function function, const oracle::Entry& entry,
               const std::vector<const aivm::Isa*>& isas, Findings& findings) {
  thread_local std::vector<float> x(block), y(block), other(block);
  for (std::uint32_t i = 0; i < block; ++i) x[i] = from_bits(index * block + i);
  isas.front()->kernels().functions.unary(function, x.data(), y.data(), block);
  std::vector<Pair> undecided;
  std::vector<std::string> wrong;
  for (std::size_t k = 1; k < isas.size(); ++k) {
    isas[k]->kernels().functions.unary(function, x.data(), other.data(), block);
    for (std::uint32_t i = 0; i < block; ++i) {
      if (bits(y[i]) == bits(other[i])) continue;
      wrong.push_back(hexadecimal(index * block + i) + " gives " + hexadecimal(bits(y[i])) + " on " + isas.front()->name +
                      " and " + hexadecimal(bits(other[i])) + " on " + isas[k]->name);
    }
  }
  for (std::uint32_t i = 0; i < block; ++i) {
    const Verdict verdict = judge(name, entry, x[i]);
    if (!verdict.decided) undecided.emplace_back(index * block + i, bits(y[i]));
    else if (verdict.expected != bits(y[i])) {
      wrong.push_back(hexadecimal(index * block + i) + " gives " + hexadecimal(bits(y[i])) + ", not " +
                      hexadecimal(verdict.expected));
    }
  }
  const std::lock_guard<std::mutex> lock(findings.mutex);
  findings.decided += block - undecided.size();
  findings.undecided.insert(findings.undecided.end(), undecided.begin(), undecided.end());
  for (std::string& line : wrong) findings.report(std::move(line));
}

int prove(const std::string& name, const std::string& isa_names, int threads, const char* path) {
  const oracle::Entry* const entry = oracle::find(name.c_str());
  int code = 0;
  while (code < aivm::function_count && name != aivm::function_names[code]) ++code;
  if (entry == nullptr || code == aivm::function_count) throw aivm::Error("there is no function '" + name + "'");
  std::vector<const aivm::Isa*> isas;
  std::istringstream stream(isa_names);
  for (std::string isa; std::getline(stream, isa, ',');) isas.push_back(&aivm::choose_isa(isa));
  if (isas.empty()) throw aivm::Error("name an instruction set");

  Findings findings;
  std::atomic<std::uint32_t> next{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      const aivm::FloatRules rules;
      for (std::uint32_t i; (i = next.fetch_add(1)) < blocks;) {
        // Neighbouring blocks cost the same: a stride that visits all spreads them.
        run_block(i * 40503U % blocks, name, static_cast<aivm::Function>(code), *entry, isas, findings);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();

  std::sort(findings.undecided.begin(), findings.undecided.end());
  std::FILE* const file = std::fopen(path, "wb");
  if (file == nullptr) throw aivm::Error(std::string("cannot write ") + path);
  for (const Pair& pair : findings.undecided) {
    const std::uint32_t words[] = {pair.first, pair.second};
    std::fwrite(words, sizeof words[0], 2, file);
  }
  if (std::fclose(file) != 0) throw aivm::Error(std::string("cannot write ") + path);

  std::printf("{\"function\": \"%s\", \"isas\": \"%s\", \"decided\": %llu, \"undecided\": %zu, \"wrong\": %llu, \"examples\": [",
              name.c_str(), isa_names.c_str(), static_cast<unsigned long long>(findings.decided), findings.undecided.size(),
              static_cast<unsigned long long>(findings.wrong_count));
  std::sort(findings.wrong.begin(), findings.wrong.end());
  for (std::size_t i = 0; i < findings.wrong.size(); ++i) {
    std::printf("%s\"%s\"", i == 0 ? "" : ", ", findings.wrong[i].c_str());
  }
  std::printf("]}\n");
  return findings.wrong_count == 0 ? 0 : 1;
}

int print_oracle(const char* name) {
  const oracle::Entry* const entry = oracle::find(name);
  if (entry == nullptr) throw aivm::Error(std::string("there is no function '") + name + "'");
  float x;
  while (std::fread(&x, sizeof x, 1, stdin) == 1) {
    const double z = entry->evaluate(static_cast<double>(x));
    std::fwrite(&z, sizeof z, 1, stdout);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count == 2 && std::strcmp(arguments[1], "isas") == 0) {
      for (const aivm::Isa* isa : aivm::available_isas()) std::printf("%s\n", isa->name);
      return 0;
    }
    if (count == 3 && std::strcmp(arguments[2], "oracle") == 0) return print_oracle(arguments[1]);
    if (count == 5) return prove(arguments[1], arguments[2], std::max(1, std::atoi(arguments[3])), arguments[4]);
    std::fprintf(stderr, "usage: prove_functions NAME ISA[,ISA...] THREADS UNDECIDED | prove_functions NAME oracle\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prove_functions: %s\n", error.what());
  }
  return 2;
}

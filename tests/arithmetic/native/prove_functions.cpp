// Runs a function of the core on all 2^32 arguments, on several instruction sets at once, against the oracle.
//
//   prove_functions NAME ISA[/N][,ISA[/N]...] THREADS UNDECIDED
//       all arguments; ISA/N, which cannot come first, takes every Nth. A summary as JSON on stdout, progress on stderr.
//       "results" is the SHA-256 over the SHA-256 of each 2^16 results, in the order of their arguments' words.
//       UNDECIDED becomes a file of pairs of words (x, f(x) of the first instruction set) whose rounding the oracle's
//       error bound does not decide; MPFR has to. Exit code 1 if a decided result is wrong or instruction sets differ.
//   prove_functions oracle NAME < binary32
//       the oracle's values as binary64 on stdout
//   prove_functions sample ISA N DIRECTORY
//       every Nth argument of each function, some powers, and the worst cases in DIRECTORY (tests/vectors/arithmetic/
//       worst_cases): digests of the results, which have to be the same everywhere, on stdout. Exit code 1 if a worst
//       case comes out wrong. For processors that are only emulated here.
//   prove_functions isas
//       the instruction sets of this machine, best first
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>
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
#include "sha256.hpp"

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

// What f(x) has to be, if z is the oracle's opinion.
Verdict judge(const std::string& name, float x, double z) {
  std::uint32_t expected;
  if (special(name, x, expected)) return {true, expected};
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
  std::vector<aivm::Hash> hashes = std::vector<aivm::Hash>(blocks);

  void report(std::string line) {
    ++wrong_count;
    if (wrong.size() < 100) wrong.push_back(std::move(line));
  }
};

// Whether every y[i] is what both ends of the oracle's interval round to, so that nothing else has to be asked. That
// holds for nearly all blocks but those with zeros, infinities and NaNs.
bool all_decided_and_right(const double* z, const float* y) {
  std::uint32_t differences = 0;
  for (std::uint32_t i = 0; i < block; ++i) {
    const double margin = std::fabs(z[i]) * oracle::bound;
    const std::uint32_t found = bits(y[i]);
    differences |= bits(static_cast<float>(z[i] - margin)) ^ found;
    differences |= bits(static_cast<float>(z[i] + margin)) ^ found;
  }
  return differences == 0;
}

aivm::Hash hash_of(const void* data, std::size_t bytes) {
  // The best is made for many messages at once.
  const bool native = aivm::sha256_native != nullptr && aivm::sha256_native->supported();
  const aivm::Sha256& sha = native ? *aivm::sha256_native : *aivm::known_sha256().front();
  return aivm::sha256(sha, data, static_cast<std::int64_t>(bytes));
}
std::string hexadecimal(const aivm::Hash& hash) {
  std::string text;
  char two[3];
  for (const std::uint8_t byte : hash) {
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(byte));
    text += two;
  }
  return text;
}
std::string hexadecimal(std::uint32_t word) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(word));
  return text;
}

// An instruction set, and which arguments it is asked for.
struct Subject {
  const aivm::Isa* isa;
  std::uint32_t step;
};

std::vector<Subject> parse_subjects(const std::string& text) {
  std::vector<Subject> subjects;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    const std::size_t slash = part.find('/');
    const unsigned long step = slash == std::string::npos ? 1 : std::stoul(part.substr(slash + 1));
    if (step == 0 || (subjects.empty() && step != 1)) throw aivm::Error("the first instruction set takes all arguments");
    subjects.push_back({&aivm::choose_isa(part.substr(0, slash)), static_cast<std::uint32_t>(step)});
  }
  if (subjects.empty()) throw aivm::Error("name an instruction set");
  return subjects;
}

// In pieces that are too short for the loop over groups of vectors: the kernels' other way through a function.
void apply_in_pieces(const aivm::Kernels& kernels, aivm::Function function, const float* x, float* y, std::size_t n) {
  const auto most = static_cast<std::size_t>(2 * kernels.lanes - 1);
  for (std::size_t i = 0; i < n; i += most) {
    kernels.functions.unary(function, x + i, y + i, static_cast<std::int64_t>(std::min(most, n - i)));
  }
}

// Compares `found` at those of the block's arguments that are multiples of `step` with `y`.
void compare(const char* isa, const std::vector<float>& found, const std::vector<float>& y, const std::vector<float>& x,
             std::uint32_t first, std::uint32_t step, std::vector<std::string>& wrong) {
  if (step == 1 && std::memcmp(found.data(), y.data(), block * sizeof y[0]) == 0) return;
  for (std::uint32_t i = first, k = 0; i < block; i += step, ++k) {
    if (bits(found[k]) == bits(y[i])) continue;
    wrong.push_back(hexadecimal(bits(x[i])) + " gives " + hexadecimal(bits(y[i])) + " and, on " + isa + ", " +
                    hexadecimal(bits(found[k])));
  }
}

void run_block(std::uint32_t index, const std::string& name, aivm::Function function, const oracle::Entry& entry,
               const std::vector<Subject>& subjects, Findings& findings) {
  thread_local std::vector<float> x(block), y(block), some(block), found(block);
  thread_local std::vector<double> z(block);
  for (std::uint32_t i = 0; i < block; ++i) x[i] = from_bits(index * block + i);
  subjects.front().isa->kernels().functions.unary(function, x.data(), y.data(), block);
  std::vector<Pair> undecided;
  std::vector<std::string> wrong;
  for (const Subject& subject : subjects) {
    const aivm::Kernels& kernels = subject.isa->kernels();
    const auto past = static_cast<std::uint32_t>(static_cast<std::uint64_t>(index) * block % subject.step);
    const std::uint32_t first = past == 0 ? 0 : subject.step - past;
    std::uint32_t n = 0;
    for (std::uint32_t i = first; i < block; i += subject.step) some[n++] = x[i];
    if (&subject != &subjects.front()) {
      kernels.functions.unary(function, some.data(), found.data(), n);
      compare(subject.isa->name, found, y, x, first, subject.step, wrong);
    }
    apply_in_pieces(kernels, function, some.data(), found.data(), n);
    compare(subject.isa->name, found, y, x, first, subject.step, wrong);
  }
  findings.hashes[index] = hash_of(y.data(), block * sizeof y[0]);
  entry.evaluate(x.data(), z.data(), block);
  const bool ordinary = std::isfinite(x[0]) && x[0] != 0;  // and so are all: an exponent is that of 2^23 neighbours
  for (std::uint32_t i = ordinary && all_decided_and_right(z.data(), y.data()) ? block : 0; i < block; ++i) {
    const Verdict verdict = judge(name, x[i], z[i]);
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

int find_function(const std::string& name) {
  int code = 0;
  while (code < aivm::function_count && name != aivm::function_names[code]) ++code;
  if (code == aivm::function_count) throw aivm::Error("there is no function '" + name + "'");
  return code;
}

int prove(const std::string& name, const std::string& subject_names, int threads, const char* path) {
  const auto function = static_cast<aivm::Function>(find_function(name));
  const oracle::Entry* const entry = oracle::find(name.c_str());
  const std::vector<Subject> subjects = parse_subjects(subject_names);

  Findings findings;
  std::atomic<std::uint32_t> next{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      const aivm::FloatRules rules;
      for (std::uint32_t i; (i = next.fetch_add(1)) < blocks;) {
        // Neighbouring blocks cost the same: a stride that visits all spreads them.
        run_block(i * 40503U % blocks, name, function, *entry, subjects, findings);
        if (i % (blocks / 20) == 0) std::fprintf(stderr, "%s: %u %%\n", name.c_str(), i * 100 / blocks);
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

  const aivm::Hash results = hash_of(findings.hashes.data(), blocks * sizeof findings.hashes[0]);
  std::printf("{\"function\": \"%s\", \"results\": \"%s\", \"decided\": %llu, \"undecided\": %zu, \"wrong\": %llu, "
              "\"examples\": [", name.c_str(), hexadecimal(results).c_str(),
              static_cast<unsigned long long>(findings.decided), findings.undecided.size(),
              static_cast<unsigned long long>(findings.wrong_count));
  std::sort(findings.wrong.begin(), findings.wrong.end());
  for (std::size_t i = 0; i < findings.wrong.size(); ++i) {
    std::printf("%s\"%s\"", i == 0 ? "" : ", ", findings.wrong[i].c_str());
  }
  std::printf("]}\n");
  return findings.wrong_count == 0 ? 0 : 1;
}

// The words after each "key": "0x… of a file of worst cases.
std::vector<float> read_words(const std::string& text, const std::string& key) {
  const std::string before = "\"" + key + "\": \"0x";
  std::vector<float> words;
  for (std::size_t at = text.find(before); at != std::string::npos; at = text.find(before, at + 1)) {
    words.push_back(from_bits(static_cast<std::uint32_t>(std::stoul(text.substr(at + before.size(), 8), nullptr, 16))));
  }
  return words;
}

std::string digest(const std::vector<float>& y) { return hexadecimal(hash_of(y.data(), y.size() * sizeof y[0])); }

// Bases of all kinds; exponents with which a good part of the powers is neither infinite nor zero.
void sample_powers(const aivm::Kernels& kernels, std::size_t n, std::vector<float>& y) {
  std::vector<float> base(n), exponent(n);
  std::uint64_t state = 1;
  const auto random = [&state] {  // Knuth's MMIX
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state >> 32);
  };
  for (std::size_t i = 0; i < n; ++i) {
    base[i] = from_bits(i % 2 == 0 ? random() : 0x3f000000U + (random() >> 7));  // or from 1/2 to 8
    exponent[i] = i % 3 == 0 ? static_cast<float>(random() % 129) * 0.25F - 16 : from_bits((random() & 0x83ffffffU) + 0x3e000000U);
  }
  y.resize(n);
  kernels.functions.pow(base.data(), 1, exponent.data(), 1, y.data(), static_cast<std::int64_t>(n));
}

int sample(const std::string& isa, std::uint32_t step, const std::string& directory) {
  const aivm::Kernels& kernels = aivm::choose_isa(isa).kernels();
  const aivm::FloatRules rules;
  bool right = true;
  for (int code = 0; code < aivm::function_count; ++code) {
    const char* const name = aivm::function_names[code];
    std::vector<float> x;
    for (std::uint64_t word = 0; word <= 0xffffffffU; word += step) x.push_back(from_bits(static_cast<std::uint32_t>(word)));
    std::vector<float> y(x.size());
    kernels.functions.unary(static_cast<aivm::Function>(code), x.data(), y.data(), static_cast<std::int64_t>(x.size()));

    std::ifstream file(directory + "/" + name + ".json");
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const std::vector<float> cases = read_words(text, "x"), expected = read_words(text, "y");
    if (cases.empty() || cases.size() != expected.size()) throw aivm::Error("no worst cases of " + std::string(name));
    std::vector<float> found(cases.size());
    kernels.functions.unary(static_cast<aivm::Function>(code), cases.data(), found.data(),
                            static_cast<std::int64_t>(cases.size()));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) wrong += bits(found[i]) != bits(expected[i]);
    right = right && wrong == 0;
    std::printf("%s: %zu of every %u: %s; %zu of %zu worst cases wrong\n", name, x.size(), step, digest(y).c_str(), wrong,
                cases.size());
  }
  std::vector<float> powers;
  const std::size_t count = std::min<std::size_t>(1U << 20, 0xffffffffU / step + 1);
  sample_powers(kernels, count, powers);
  std::printf("pow: %zu random: %s\n", count, digest(powers).c_str());
  return right ? 0 : 1;
}

int print_oracle(const char* name) {
  const oracle::Entry* const entry = oracle::find(name);
  if (entry == nullptr) throw aivm::Error(std::string("there is no function '") + name + "'");
  std::vector<float> x(block);
  std::vector<double> z(block);
  for (std::size_t n; (n = std::fread(x.data(), sizeof x[0], block, stdin)) > 0;) {
    entry->evaluate(x.data(), z.data(), n);
    std::fwrite(z.data(), sizeof z[0], n, stdout);
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::string verb = count > 1 ? arguments[1] : "";
    if (count == 2 && verb == "isas") {
      for (const aivm::Isa* isa : aivm::available_isas()) std::printf("%s\n", isa->name);
      return 0;
    }
    if (count == 3 && verb == "oracle") return print_oracle(arguments[2]);
    if (count == 5 && verb == "sample") {
      return sample(arguments[2], static_cast<std::uint32_t>(std::max(1, std::atoi(arguments[3]))), arguments[4]);
    }
    if (count == 5) return prove(verb, arguments[2], std::max(1, std::atoi(arguments[3])), arguments[4]);
    std::fprintf(stderr, "usage: prove_functions NAME ISA[/N][,ISA[/N]...] THREADS UNDECIDED | oracle NAME | "
                         "sample ISA N DIRECTORY | isas\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "prove_functions: %s\n", error.what());
  }
  return 2;
}

// Runs plans from a file, without Python, and compares the SHA-256 of each output with the file's.
//
//   replay FILE [ISA [THREADS]]
//
// scripts/arithmetic/check_golden.py --export writes the file: the golden vectors as plans. It is lines of words; the
// bytes of constants and inputs follow their line. Exit code 1 if an output differs.
//
//   plan NAME
//   buffer DTYPE KIND PLACE RANK EXTENT…
//   data REF BYTES              then that many bytes and a newline; constants and inputs
//   step OP INPUTS REF… OUTPUTS REF… INTS INT… REALS HEX…
//   expect REF SHA256           of each output
//   run
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "plan.hpp"
#include "sha256.hpp"

namespace {

struct Program {
  std::string name;
  std::vector<aivm::Buffer> buffers;
  std::vector<aivm::Step> steps;
  std::map<aivm::Ref, std::vector<std::byte>> data;
  std::map<aivm::Ref, std::string> expected;
};

template <typename T>
T word(std::istream& line) {
  T value;
  if (!(line >> value)) throw aivm::Error("a line of the file ends too early");
  return value;
}

template <typename T>
std::vector<T> words(std::istream& line) {
  std::vector<T> values(word<std::size_t>(line));
  for (T& value : values) value = word<T>(line);
  return values;
}

// Streams do not read hexadecimal floating point numbers.
std::vector<double> reals(std::istream& line) {
  std::vector<double> values;
  for (const std::string& text : words<std::string>(line)) values.push_back(std::strtod(text.c_str(), nullptr));
  return values;
}

std::string hexadecimal(const aivm::Hash& hash) {
  std::string text;
  for (const std::uint8_t byte : hash) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

// The number of outputs that differ.
int run(const Program& program, const aivm::Isa& isa, int threads) {
  std::vector<const std::byte*> constants, inputs;
  std::vector<std::vector<std::byte>> outputs;
  std::vector<aivm::Ref> refs;
  for (std::size_t i = 0; i < program.buffers.size(); ++i) {
    const aivm::Kind kind = program.buffers[i].kind;
    const auto found = program.data.find(static_cast<aivm::Ref>(i));
    if (kind == aivm::Kind::constant || kind == aivm::Kind::input) {
      if (found == program.data.end()) throw aivm::Error("a constant or an input has no data");
      (kind == aivm::Kind::constant ? constants : inputs).push_back(found->second.data());
    } else if (kind == aivm::Kind::output) {
      refs.push_back(static_cast<aivm::Ref>(i));
    }
  }
  const aivm::Plan plan(program.buffers, constants, program.steps, isa, aivm::Tiling{}, std::int64_t{1} << 40);
  std::vector<std::byte*> addresses;
  for (const aivm::Ref ref : refs) {
    outputs.emplace_back(static_cast<std::size_t>(plan.buffers()[static_cast<std::size_t>(ref)].bytes));
  }
  for (std::vector<std::byte>& output : outputs) addresses.push_back(output.data());
  plan.run(inputs, addresses, threads);
  int wrong = 0;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const auto bytes = static_cast<std::int64_t>(outputs[i].size());
    const std::string actual = hexadecimal(aivm::sha256(aivm::choose_sha256(aivm::known_sha256(), 1), outputs[i].data(), bytes));
    const std::string& expected = program.expected.at(refs[i]);
    if (actual == expected) continue;
    std::cout << "mismatch " << program.name << " buffer " << refs[i] << " " << actual << " not " << expected << "\n";
    ++wrong;
  }
  return wrong;
}

aivm::Ref ref_of(std::istream& line, const Program& program) {
  const auto ref = word<aivm::Ref>(line);
  if (ref < 0 || static_cast<std::size_t>(ref) >= program.buffers.size()) throw aivm::Error("there is no such buffer");
  return ref;
}

int replay(std::istream& file, const aivm::Isa& isa, int threads) {
  int plans = 0, wrong = 0;
  Program program;
  std::string text;
  while (std::getline(file, text)) {
    std::istringstream line(text);
    const auto what = word<std::string>(line);
    if (what == "plan") {
      program = Program();
      program.name = word<std::string>(line);
    } else if (what == "buffer") {
      aivm::Buffer buffer;
      buffer.name = std::to_string(program.buffers.size());
      buffer.dtype = aivm::dtype_from_name(word<std::string>(line));
      buffer.kind = aivm::kind_from_name(word<std::string>(line));
      buffer.offset = word<std::int64_t>(line);
      buffer.shape = words<std::int64_t>(line);
      program.buffers.push_back(buffer);
    } else if (what == "data") {
      std::vector<std::byte>& bytes = program.data[ref_of(line, program)];
      bytes.resize(word<std::size_t>(line) + 1);  // never empty, so that it has an address
      file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    } else if (what == "step") {
      aivm::Step step;
      step.op = step.name = word<std::string>(line);
      step.in = words<aivm::Ref>(line);
      step.out = words<aivm::Ref>(line);
      step.ints = words<std::int64_t>(line);
      step.reals = reals(line);
      program.steps.push_back(step);
    } else if (what == "expect") {
      const aivm::Ref ref = ref_of(line, program);
      program.expected[ref] = word<std::string>(line);
    } else if (what == "run") {
      wrong += run(program, isa, threads);
      ++plans;
    } else {
      throw aivm::Error("a line of the file begins with '" + what + "'");
    }
  }
  std::cout << plans << " plans on " << isa.name << " with " << aivm::known_sha256().front()->name << " for SHA-256, " << wrong
            << " mismatches\n";
  return wrong == 0 && plans > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::cerr << "usage: replay FILE [ISA [THREADS]]\n";
    return 2;
  }
  try {
    std::ifstream file(argv[1], std::ios::binary);
    if (!file) throw aivm::Error(std::string("cannot read ") + argv[1]);
    return replay(file, aivm::choose_isa(argc > 2 ? argv[2] : ""), argc > 3 ? std::atoi(argv[3]) : 1);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}

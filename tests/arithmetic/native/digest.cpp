// Sums of products on random shapes and awkward numbers: every instruction set that this machine has, several thread counts
// and tile sizes have to agree bit for bit. Prints one digest of all results, which has to be the same on every machine.
//
//   digest [cases]
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "plan.hpp"

namespace {

using aivm::Buffer;
using aivm::Dtype;
using aivm::Kind;

class Random {
 public:
  std::uint64_t word() {  // splitmix64
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(word() % static_cast<std::uint64_t>(n)); }
  // Made of bits alone, so that it is the same number everywhere.
  float number(bool special) {
    static const std::uint32_t awkward[] = {0,          0x80000000, 1,          0x80000001, 0x00400000, 0x7f7fffff,
                                            0xff7fffff, 0x7f800000, 0xff800000, 0x7fc12345, 0x3f800000, 0x1a000000};
    const std::uint64_t w = word();
    std::uint32_t bits = static_cast<std::uint32_t>(w >> 41 << 9 >> 9) & 0x7fffff;
    bits |= (static_cast<std::uint32_t>(112 + (w & 31)) << 23) | (static_cast<std::uint32_t>(w >> 40 & 1) << 31);
    if (special && (w >> 5 & 63) == 0) bits = awkward[(w >> 11) % (sizeof awkward / sizeof awkward[0])];
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
  }

 private:
  std::uint64_t state_ = 20260101;
};

struct Case {
  std::string op;
  std::vector<std::vector<std::int64_t>> shapes;  // operands, then the result
  std::vector<std::int64_t> ints;
};

Case matmul_case(Random& random) {
  const bool at = random.below(2) != 0, bt = random.below(2) != 0;
  const std::int64_t m = 1 + random.below(random.below(2) != 0 ? 30 : 5), k = 1 + random.below(80), n = 1 + random.below(90);
  Case c{"matmul", {}, {at, bt, random.below(2)}};
  c.shapes.push_back(at ? std::vector<std::int64_t>{k, m} : std::vector<std::int64_t>{m, k});
  c.shapes.push_back(bt ? std::vector<std::int64_t>{n, k} : std::vector<std::int64_t>{k, n});
  c.shapes.push_back({n});
  c.shapes.push_back({m, n});
  return c;
}

Case conv_case(Random& random) {
  for (;;) {
    const bool transposed = random.below(3) == 0;
    const std::int64_t kind = random.below(3);
    const std::int64_t groups = kind == 0 ? 1 + random.below(40) : kind == 1 ? 1 + random.below(3) : 1;
    const std::int64_t in = kind == 0 ? 1 : 1 + random.below(12), out = kind == 0 ? 1 : 1 + random.below(40);
    Case c{transposed ? "conv_transpose" : "conv", {}, {groups, 2}};
    std::int64_t size[2], kernel[2], stride[2], dilation[2], begin[2], result[2];
    bool fits = true;
    for (int d = 0; d < 2; ++d) {
      size[d] = 1 + random.below(12);
      kernel[d] = 1 + random.below(4);
      stride[d] = 1 + random.below(3);
      dilation[d] = 1 + random.below(2);
      begin[d] = random.below(3);
      const std::int64_t span = dilation[d] * (kernel[d] - 1) + 1;
      result[d] = transposed ? stride[d] * (size[d] - 1) + span - 2 * begin[d]
                             : (size[d] + 2 * begin[d] < span ? 0 : (size[d] + 2 * begin[d] - span) / stride[d] + 1);
      fits = fits && result[d] > 0;
    }
    if (!fits) continue;
    for (const auto* values : {&kernel, &stride, &dilation, &begin, &begin}) {
      c.ints.push_back((*values)[0]);
      c.ints.push_back((*values)[1]);
    }
    const bool last = random.below(2) != 0;
    c.ints.insert(c.ints.end(), {random.below(2), last, last});
    const std::int64_t images = 1 + random.below(2), channels = groups * in, outputs = groups * out;
    const auto layout = [&](std::int64_t count, const std::int64_t* e) {
      return last ? std::vector<std::int64_t>{images, e[0], e[1], count} : std::vector<std::int64_t>{images, count, e[0], e[1]};
    };
    c.shapes.push_back(layout(channels, size));
    c.shapes.push_back({transposed ? channels : outputs, transposed ? out : in, kernel[0], kernel[1]});
    c.shapes.push_back({outputs});
    c.shapes.push_back(layout(outputs, result));
    return c;
  }
}

std::vector<float> run(const Case& c, const std::vector<std::vector<float>>& operands, const aivm::Isa& isa, bool constant,
                       const aivm::Tiling& tiling, int threads) {
  std::vector<Buffer> buffers;
  std::vector<const std::byte*> inputs, constants;
  aivm::Step step{c.op, "case", {}, {}, c.ints, {}};
  for (std::size_t i = 0; i < c.shapes.size(); ++i) {
    Buffer buffer;
    buffer.name = std::to_string(i);
    buffer.shape = c.shapes[i];
    const bool result = i + 1 == c.shapes.size();
    buffer.kind = result ? Kind::output : constant && i == 1 ? Kind::constant : Kind::input;
    if (!result) {
      (buffer.kind == Kind::constant ? constants : inputs).push_back(reinterpret_cast<const std::byte*>(operands[i].data()));
    }
    buffers.push_back(buffer);
    (result ? step.out : step.in).push_back(static_cast<aivm::Ref>(i));
  }
  const aivm::Plan plan(buffers, constants, {step}, isa, tiling, std::int64_t{1} << 40);
  std::vector<float> result(static_cast<std::size_t>(plan.buffers().back().elements));
  plan.run(inputs, {reinterpret_cast<std::byte*>(result.data())}, threads);
  return result;
}

void mix(std::uint64_t& digest, const std::vector<float>& values) {  // FNV-1a over the bytes
  for (const float value : values) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    for (int i = 0; i < 4; ++i) digest = (digest ^ (bits >> (8 * i) & 0xff)) * 0x100000001b3ULL;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const long cases = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 1000;
  Random random, sizes;  // by itself: how many tile sizes are tried depends on the machine
  std::uint64_t digest = 0xcbf29ce484222325ULL;
  long results = 0, differences = 0;
  for (long i = 0; i < cases; ++i) {
    const Case c = i % 2 == 0 ? matmul_case(random) : conv_case(random);
    const bool special = random.below(2) != 0;
    std::vector<std::vector<float>> operands;
    for (std::size_t s = 0; s + 1 < c.shapes.size(); ++s) {
      std::int64_t n = 1;
      for (const std::int64_t extent : c.shapes[s]) n *= extent;
      std::vector<float> values(static_cast<std::size_t>(n));
      for (float& value : values) value = random.number(special);
      operands.push_back(std::move(values));
    }
    std::vector<float> first;
    for (const aivm::Isa* isa : aivm::available_isas()) {
      for (int variant = 0; variant < 4; ++variant) {
        aivm::Tiling tiling;
        if (variant > 1) tiling = {1 + sizes.below(50), 1 + sizes.below(30), 1 + sizes.below(80)};
        const std::vector<float> found = run(c, operands, *isa, variant % 2 != 0, tiling, 1 + variant % 3);
        ++results;
        if (first.empty()) {
          first = found;
        } else if (std::memcmp(first.data(), found.data(), first.size() * 4) != 0) {
          ++differences;
          std::printf("case %ld (%s) differs on %s, variant %d\n", i, c.op.c_str(), isa->name, variant);
        }
      }
    }
    mix(digest, first);
  }
  std::string names;
  for (const aivm::Isa* isa : aivm::available_isas()) names += std::string(" ") + isa->name;
  std::printf("%ld cases, %ld results on%s, %ld differences\n", cases, results, names.c_str(), differences);
  std::printf("digest %016llx\n", static_cast<unsigned long long>(digest));
  return differences == 0 ? 0 : 1;
}

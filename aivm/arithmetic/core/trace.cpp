#include "trace.hpp"

#include <algorithm>
#include <cstring>

namespace aivm {
namespace {

constexpr std::uint8_t leaf_tag = 0, node_tag = 1;
constexpr std::int64_t node_bytes = 1 + 2 * static_cast<std::int64_t>(sizeof(Hash));
// Leaves of a task: a power of two, so that the tree over each task's leaves is part of the whole tree.
constexpr std::int64_t task_leaves = 64;

// Copies elements, with one quiet NaN instead of any.
template <typename Word>
void copy_floats(const std::byte* from, std::uint8_t* to, std::int64_t bytes, Word infinity, Word quiet) {
  constexpr auto size = static_cast<std::int64_t>(sizeof(Word));
  const Word magnitude = static_cast<Word>(~(Word{1} << (8 * size - 1)));
  for (std::int64_t i = 0; i < bytes; i += size) {
    Word word;
    std::memcpy(&word, from + i, sizeof word);
    // Magnitudes are compared as signed numbers, which vectors of every x86-64 can.
    using Signed = std::make_signed_t<Word>;
    if (static_cast<Signed>(word & magnitude) > static_cast<Signed>(infinity)) word = quiet;
    std::memcpy(to + i, &word, sizeof word);
  }
}

void copy_canonical(Dtype dtype, const std::byte* from, std::uint8_t* to, std::int64_t bytes) {
  switch (dtype) {
    case Dtype::float32: return copy_floats<std::uint32_t>(from, to, bytes, 0x7f800000U, 0x7fc00000U);
    case Dtype::float64: return copy_floats<std::uint64_t>(from, to, bytes, 0x7ffULL << 52, 0x7ff8ULL << 48);
    case Dtype::float16: return copy_floats<std::uint16_t>(from, to, bytes, 0x7c00, 0x7e00);
    case Dtype::bfloat16: return copy_floats<std::uint16_t>(from, to, bytes, 0x7f80, 0x7fc0);
    default: std::memcpy(to, from, static_cast<std::size_t>(bytes));
  }
}

// Messages of one length, hashed as many at a time as there are lanes.
template <std::int64_t Bytes>
class Batch {
 public:
  explicit Batch(const Sha256& sha) : sha_(sha) {
    for (int lane = 0; lane < sha.lanes; ++lane) {
      sha256_pad(messages_[lane], Bytes);
      addresses_[lane] = messages_[lane];
    }
  }

  // fill(i, message) writes message i; store(i, digest) takes its digest.
  template <typename Fill, typename Store>
  void run(std::int64_t count, const Fill& fill, const Store& store) {
    for (std::int64_t begin = 0; begin < count; begin += sha_.lanes) {
      const int filled = static_cast<int>(std::min<std::int64_t>(sha_.lanes, count - begin));
      for (int lane = 0; lane < filled; ++lane) fill(begin + lane, messages_[lane]);
      sha_.hash(addresses_, sha256_blocks(Bytes), digests_);  // lanes beyond `filled` hash what they held
      for (int lane = 0; lane < filled; ++lane) store(begin + lane, digests_[lane]);
    }
  }

 private:
  const Sha256& sha_;
  alignas(64) std::uint8_t messages_[Sha256::most_lanes][sha256_blocks(Bytes) * Sha256::block] = {};
  const std::uint8_t* addresses_[Sha256::most_lanes];
  Hash digests_[Sha256::most_lanes];
};

// Turns nodes into their root, in place.
void reduce(Hash* nodes, std::int64_t count, const Sha256& sha) {
  if (count == 1) return;
  Batch<node_bytes> batch(sha);
  for (; count > 1; count = ceil_div(count, 2)) {
    batch.run(
        count / 2,
        [&](std::int64_t i, std::uint8_t* message) {
          message[0] = node_tag;
          std::memcpy(message + 1, &nodes[2 * i], 2 * sizeof(Hash));
        },
        [&](std::int64_t i, const Hash& digest) { nodes[i] = digest; });
    if (count % 2 != 0) nodes[count / 2] = nodes[count - 1];
  }
}

// The root over at most task_leaves leaves.
Hash hash_leaves(const std::byte* data, std::int64_t bytes, Dtype dtype, const Sha256& sha) {
  Hash nodes[task_leaves];
  const std::int64_t whole = bytes / leaf_bytes, rest = bytes % leaf_bytes;
  if (whole != 0) {
    Batch<1 + leaf_bytes> batch(sha);
    batch.run(
        whole,
        [&](std::int64_t i, std::uint8_t* message) {
          message[0] = leaf_tag;
          copy_canonical(dtype, data + i * leaf_bytes, message + 1, leaf_bytes);
        },
        [&](std::int64_t i, const Hash& digest) { nodes[i] = digest; });
  }
  if (rest != 0) {
    std::uint8_t message[1 + leaf_bytes] = {leaf_tag};
    copy_canonical(dtype, data + whole * leaf_bytes, message + 1, rest);
    nodes[whole] = sha256(sha, message, 1 + rest);
  }
  reduce(nodes, whole + (rest != 0), sha);
  return nodes[0];
}

}  // namespace

Hash merkle_root(const std::byte* data, std::int64_t bytes, Dtype dtype, Context& context, const Sha256& sha) {
  if (bytes == 0) return sha256(sha, nullptr, 0);
  const std::int64_t tasks = ceil_div(bytes, task_leaves * leaf_bytes);
  if (tasks == 1) return hash_leaves(data, bytes, dtype, sha);  // not worth waking anybody
  std::vector<Hash> nodes(static_cast<std::size_t>(tasks));
  context.parallel(tasks, [&](std::int64_t task, int) {
    const std::int64_t begin = task * task_leaves * leaf_bytes;
    const std::int64_t size = std::min(task_leaves * leaf_bytes, bytes - begin);
    nodes[static_cast<std::size_t>(task)] = hash_leaves(data + begin, size, dtype, sha);
  });
  reduce(nodes.data(), tasks, sha);
  return nodes[0];
}

Watch::Watch(const Plan& plan, const std::vector<Ref>& refs) : by_step_(plan.steps().size()) {
  std::vector<std::ptrdiff_t> writer(plan.buffers().size(), -1);
  for (std::size_t step = 0; step < plan.steps().size(); ++step) {
    for (const Ref ref : plan.steps()[step].out) {
      if (ref != absent) writer[static_cast<std::size_t>(ref)] = static_cast<std::ptrdiff_t>(step);
    }
  }
  for (std::size_t position = 0; position < refs.size(); ++position) {
    const Ref ref = refs[position];
    if (ref < 0 || static_cast<std::size_t>(ref) >= writer.size()) {
      throw Error("there is no buffer " + std::to_string(ref) + " to watch");
    }
    const std::ptrdiff_t step = writer[static_cast<std::size_t>(ref)];
    if (step < 0) throw Error("'" + plan.buffers()[static_cast<std::size_t>(ref)].name + "' is written by no step");
    by_step_[static_cast<std::size_t>(step)].emplace_back(position, ref);
  }
}

void Tracer::after(std::size_t step, Context& context) {
  watch_.each(step, [&](std::size_t position, Ref ref) {
    const Buffer& buffer = plan_.buffers()[static_cast<std::size_t>(ref)];
    roots[position] = merkle_root(context.data<const std::byte>(ref), buffer.bytes, buffer.dtype, context, sha_);
  });
}

void Copier::after(std::size_t step, Context& context) {
  watch_.each(step, [&](std::size_t position, Ref ref) {
    const auto bytes = static_cast<std::size_t>(plan_.buffers()[static_cast<std::size_t>(ref)].bytes);
    if (bytes != 0) std::memcpy(targets_[position], context.data<const std::byte>(ref), bytes);
  });
}

}  // namespace aivm

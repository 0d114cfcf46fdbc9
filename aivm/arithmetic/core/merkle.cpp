#include "merkle.hpp"

#include <algorithm>
#include <cstring>

#include "canonical.hpp"

namespace aivm {
namespace {

constexpr std::uint8_t leaf_tag = 0, node_tag = 1;
constexpr std::int64_t node_bytes = 2 * static_cast<std::int64_t>(sizeof(Hash));
static_assert(leaf_bytes % Sha256::block == 0 && node_bytes % Sha256::block == 0, "tags begin a block");
// Leaves of a task: a power of two, so that the tree over each task's leaves is part of the whole tree.
constexpr std::int64_t task_leaves = 128;

// The block behind the contents of a message of so many bytes: its tag, and the padding.
Sha256Block ending(std::int64_t bytes, std::uint8_t tag) {
  std::uint8_t message[std::max(leaf_bytes, node_bytes) + Sha256::block] = {};
  message[bytes] = tag;
  sha256_pad(message, bytes + 1);
  return sha256_schedule(message + bytes);
}

// Digests of `count` messages of `bytes` each, one behind the other; they may be written over messages already read.
void hash_all(const std::uint8_t* data, std::int64_t bytes, std::int64_t count, const Sha256Block& last, const Shas& shas,
              Hash* digests) {
  for (std::int64_t begin = 0; begin < count;) {
    const Sha256& sha = choose_sha256(shas, count - begin);
    const auto filled = std::min<std::int64_t>(sha.lanes, count - begin);
    const std::uint8_t* messages[Sha256::most_lanes];
    Hash made[Sha256::most_lanes];
    for (std::int64_t lane = 0; lane < sha.lanes; ++lane) {
      messages[lane] = data + (begin + std::min(lane, filled - 1)) * bytes;
    }
    sha.hash(messages, bytes / Sha256::block, last, made);
    std::copy_n(made, filled, digests + begin);
    begin += filled;
  }
}

// Turns nodes into their root, in place.
void reduce(Hash* nodes, std::int64_t count, const Shas& shas) {
  static const Sha256Block last = ending(node_bytes, node_tag);
  for (; count > 1; count = ceil_div(count, 2)) {
    hash_all(nodes->data(), node_bytes, count / 2, last, shas, nodes);
    if (count % 2 != 0) nodes[count / 2] = nodes[count - 1];
  }
}

void hash_leaves(const std::byte* data, std::int64_t count, Dtype dtype, const Shas& shas, Hash* digests) {
  static const Sha256Block last = ending(leaf_bytes, leaf_tag);
  constexpr std::int64_t part = Sha256::most_lanes;  // what the nearest cache holds
  std::vector<std::uint8_t> copy;
  for (std::int64_t begin = 0; begin < count; begin += part) {
    const std::int64_t leaves = std::min(part, count - begin), bytes = leaves * leaf_bytes;
    const std::byte* const from = data + begin * leaf_bytes;
    const auto* source = reinterpret_cast<const std::uint8_t*>(from);
    if (!is_canonical(dtype, from, bytes)) {
      copy.resize(static_cast<std::size_t>(part * leaf_bytes));
      copy_canonical(dtype, from, copy.data(), bytes);
      source = copy.data();
    }
    hash_all(source, leaf_bytes, leaves, last, shas, digests + begin);
  }
}

// The last leaf, if it is shorter.
Hash hash_rest(const std::byte* data, std::int64_t bytes, Dtype dtype, const Shas& shas) {
  std::uint8_t message[leaf_bytes];
  copy_canonical(dtype, data, message, bytes);
  message[bytes] = leaf_tag;
  return sha256(choose_sha256(shas, 1), message, bytes + 1);
}

// The root over at most task_leaves leaves.
Hash hash_part(const std::byte* data, std::int64_t bytes, Dtype dtype, const Shas& shas) {
  Hash nodes[task_leaves];
  const std::int64_t whole = bytes / leaf_bytes, rest = bytes % leaf_bytes;
  hash_leaves(data, whole, dtype, shas, nodes);
  if (rest != 0) nodes[whole] = hash_rest(data + whole * leaf_bytes, rest, dtype, shas);
  reduce(nodes, whole + (rest != 0), shas);
  return nodes[0];
}

}  // namespace

Hash merkle_root(const std::byte* data, std::int64_t bytes, Dtype dtype, Context& context, const Shas& shas) {
  if (bytes == 0) return sha256(choose_sha256(shas, 1), nullptr, 0);
  const std::int64_t tasks = ceil_div(bytes, task_leaves * leaf_bytes);
  if (tasks == 1) return hash_part(data, bytes, dtype, shas);  // not worth waking anybody
  std::vector<Hash> nodes(static_cast<std::size_t>(tasks));
  context.parallel(tasks, [&](std::int64_t task, int) {
    const std::int64_t begin = task * task_leaves * leaf_bytes;
    const std::int64_t size = std::min(task_leaves * leaf_bytes, bytes - begin);
    nodes[static_cast<std::size_t>(task)] = hash_part(data + begin, size, dtype, shas);
  });
  reduce(nodes.data(), tasks, shas);
  return nodes[0];
}

}  // namespace aivm

// The primitive `tree_ensemble`: the leaves that the trees end in, aggregated per target.
//   in: x [N, F] (float32), then the tables, all constants:
//     roots (int64), and per node: features (int64), splits (float32), modes (uint8), trues, falses (int64), true_leafs,
//     false_leafs, missing_tracks_true (bool); per leaf the pairs leaf_starts[i] … leaf_starts[i + 1] (int64) of
//     leaf_targets (int64) and leaf_weights (float32); and per node the set member_starts[node] … of members (float32)
//   out: y [N, targets] (float32)   ints: aggregate
// A node looks at feature f of the row: mode 0 x <= split, 1 <, 2 >=, 3 >, 4 =, 5 not =, 6 x is in the node's set. If that
// holds, or x is a NaN and missing_tracks_true, the way goes to trues[node], else to falses[node]: a leaf if the flag says
// so, else a node. Trees are taken in the order of the roots, and a leaf's pairs in theirs: sum (aggregate 1) is
// acc = +0, then acc + weight; average (0) that divided by the number of roots; min (2) and max (3) those of the weights
// that there are for the target, and 0 if there are none.
#include <algorithm>

#include "extents.hpp"
#include "primitives.hpp"
#include "scalars.hpp"

namespace aivm {
namespace {

constexpr std::int64_t row_block = 64, tree_block = 64;  // whose leaves are found before they are summed
constexpr int together = 8;  // walks in step: one need not wait for another's memory

struct Node {
  float split;
  std::int32_t feature;
  std::int32_t next[2];  // if the test fails, if it holds
};

struct Forest {
  std::vector<Node> nodes;  // the branches, then the leaves, which lead to themselves
  std::vector<std::uint8_t> modes, missing;
  std::vector<std::int64_t> member_starts;
  std::vector<float> members;
  std::vector<std::int32_t> roots, depths;
  std::vector<std::int64_t> leaf_starts;
  std::vector<std::int32_t> targets;
  std::vector<float> weights;
  std::int64_t branches = 0, features = 0, target_count = 0;
  std::int64_t aggregate = 1;
  bool plain = true;   // all tests are x <= split, and no NaN passes one
  bool simple = true;  // one target and one pair per leaf
};

bool holds(const Forest& forest, std::int32_t node, float x) {
  const auto i = static_cast<std::size_t>(node);
  const float split = forest.nodes[i].split;
  bool result = false;
  switch (forest.modes[i]) {
    case 0: result = x <= split; break;
    case 1: result = x < split; break;
    case 2: result = x >= split; break;
    case 3: result = x > split; break;
    case 4: result = x == split; break;
    case 5: result = x != split; break;
    default:
      for (std::int64_t m = forest.member_starts[i]; m < forest.member_starts[i + 1] && !result; ++m) {
        result = forest.members[static_cast<std::size_t>(m)] == x;
      }
  }
  return result || (x != x && forest.missing[i] != 0);
}

// From nodes to leaves, `count` <= together walks of at most `depth` branches.
template <bool plain>
void walk(const Forest& forest, const float* const* rows, std::int32_t* at, int count, std::int32_t depth) {
  const Node* const nodes = forest.nodes.data();
  if (plain && count == together) {
    for (std::int32_t d = 0; d < depth; ++d) {
      for (int i = 0; i < together; ++i) {
        const Node& node = nodes[at[i]];
        at[i] = node.next[rows[i][node.feature] <= node.split ? 1 : 0];
      }
      if (d % 4 == 3) {
        bool done = true;
        for (int i = 0; i < together; ++i) done = done && at[i] >= forest.branches;
        if (done) return;
      }
    }
    return;
  }
  for (int i = 0; i < count; ++i) {
    while (at[i] < forest.branches) {
      const Node& node = nodes[at[i]];
      const float x = rows[i][node.feature];
      at[i] = node.next[(plain ? x <= node.split : holds(forest, at[i], x)) ? 1 : 0];
    }
  }
}

// leaves[tree * stride + row] for some trees and rows.
void find_leaves(const Forest& forest, const float* x, std::int64_t rows, std::int64_t first_tree, std::int64_t trees,
                 std::int32_t* leaves, std::int64_t stride) {
  const float* sources[together];
  std::int32_t at[together];
  const auto go = [&](int count, std::int32_t depth) {
    forest.plain ? walk<true>(forest, sources, at, count, depth) : walk<false>(forest, sources, at, count, depth);
  };
  if (rows < together) {  // in step along trees
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t t = 0; t < trees; t += together) {
        const int count = static_cast<int>(std::min<std::int64_t>(together, trees - t));
        std::int32_t depth = 0;
        for (int i = 0; i < count; ++i) {
          const auto tree = static_cast<std::size_t>(first_tree + t + i);
          sources[i] = x + row * forest.features;
          at[i] = forest.roots[tree];
          depth = std::max(depth, forest.depths[tree]);
        }
        go(count, depth);
        for (int i = 0; i < count; ++i) leaves[(t + i) * stride + row] = at[i];
      }
    }
    return;
  }
  for (std::int64_t t = 0; t < trees; ++t) {
    const auto tree = static_cast<std::size_t>(first_tree + t);
    for (std::int64_t row = 0; row < rows; row += together) {
      const int count = static_cast<int>(std::min<std::int64_t>(together, rows - row));
      for (int i = 0; i < count; ++i) {
        sources[i] = x + (row + i) * forest.features;
        at[i] = forest.roots[tree];
      }
      go(count, forest.depths[tree]);
      for (int i = 0; i < count; ++i) leaves[t * stride + row + i] = at[i];
    }
  }
}

// Takes the leaves of some trees, in order, into y [rows, targets]. `seen` says for min and max which targets have a weight.
void take_leaves(const Forest& forest, const std::int32_t* leaves, std::int64_t stride, std::int64_t trees, std::int64_t rows,
                 float* y, std::uint8_t* seen) {
  for (std::int64_t t = 0; t < trees; ++t) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto leaf = static_cast<std::size_t>(leaves[t * stride + row] - forest.branches);
      if (forest.simple && forest.aggregate <= 1) {
        y[row] = y[row] + forest.weights[leaf];
        continue;
      }
      for (std::int64_t i = forest.leaf_starts[leaf]; i < forest.leaf_starts[leaf + 1]; ++i) {
        const std::int64_t place = row * forest.target_count + forest.targets[static_cast<std::size_t>(i)];
        const float weight = forest.weights[static_cast<std::size_t>(i)];
        if (forest.aggregate <= 1) {
          y[place] = y[place] + weight;
        } else {
          y[place] = seen[place] == 0 ? weight : forest.aggregate == 2 ? lesser(y[place], weight) : greater(y[place], weight);
          seen[place] = 1;
        }
      }
    }
  }
}

void finish(const Forest& forest, float* y, std::int64_t n) {
  const float divisor = forest.aggregate == 0 ? static_cast<float>(forest.roots.size()) : 1.0F;
  for (std::int64_t i = 0; i < n; ++i) y[i] = canonical_nan(y[i] / divisor);
}

// The most branches on a way from each root. Refuses a tree in which a way never ends.
void measure_depths(Forest& forest) {
  std::vector<std::int32_t> depth(forest.nodes.size(), -1);  // -1: not known, -2: being looked at
  std::fill(depth.begin() + static_cast<std::ptrdiff_t>(forest.branches), depth.end(), 0);
  std::vector<std::int32_t> stack;
  for (const std::int32_t root : forest.roots) {
    stack.assign(1, root);
    while (!stack.empty()) {
      const auto node = static_cast<std::size_t>(stack.back());
      if (depth[node] >= 0) {
        stack.pop_back();
        continue;
      }
      const auto a = static_cast<std::size_t>(forest.nodes[node].next[0]), b = static_cast<std::size_t>(forest.nodes[node].next[1]);
      if (depth[node] == -2) {  // both ways are known now
        Preparation::require(depth[a] >= 0 && depth[b] >= 0, "a way through a tree never ends");
        depth[node] = std::max(depth[a], depth[b]) + 1;
        stack.pop_back();
        continue;
      }
      depth[node] = -2;
      for (const std::size_t child : {a, b}) {
        Preparation::require(depth[child] != -2, "a way through a tree never ends");
        if (depth[child] == -1) stack.push_back(static_cast<std::int32_t>(child));
      }
    }
    forest.depths.push_back(depth[static_cast<std::size_t>(root)]);
  }
}

// A table of the plan's constants.
template <typename T>
std::vector<T> table(const Step& step, const Preparation& p, std::size_t i, Dtype dtype) {
  const Buffer& buffer = p.in(step, i);
  p.dtype(buffer, dtype);
  const T* const data = p.constant<T>(step.in[i]);
  p.require(data != nullptr || buffer.elements == 0, "table '" + buffer.name + "' is not a constant");
  return std::vector<T>(data, data + buffer.elements);
}

std::int32_t checked_place(std::int64_t place, std::size_t count, const char* what) {
  Preparation::require(place >= 0 && static_cast<std::uint64_t>(place) < count,
                       std::string(what) + " " + std::to_string(place) + " is out of range");
  return static_cast<std::int32_t>(place);
}

// Starts of `count` ranges within `size` elements.
void check_starts(const std::vector<std::int64_t>& starts, std::size_t count, std::size_t size, const char* what) {
  bool fine = starts.size() == count + 1 && starts.front() >= 0 && static_cast<std::uint64_t>(starts.back()) <= size;
  for (std::size_t i = 1; fine && i < starts.size(); ++i) fine = starts[i - 1] <= starts[i];
  Preparation::require(fine, std::string("the ranges of ") + what + " are out of range");
}

Forest read_forest(const Step& step, const Preparation& p) {
  const auto roots = table<std::int64_t>(step, p, 1, Dtype::int64);
  const auto features = table<std::int64_t>(step, p, 2, Dtype::int64);
  const auto splits = table<float>(step, p, 3, Dtype::float32);
  const auto modes = table<std::uint8_t>(step, p, 4, Dtype::uint8);
  const auto trues = table<std::int64_t>(step, p, 5, Dtype::int64), falses = table<std::int64_t>(step, p, 6, Dtype::int64);
  const auto true_leafs = table<std::uint8_t>(step, p, 7, Dtype::boolean);
  const auto false_leafs = table<std::uint8_t>(step, p, 8, Dtype::boolean);
  const auto missing = table<std::uint8_t>(step, p, 9, Dtype::boolean);
  const auto targets = table<std::int64_t>(step, p, 11, Dtype::int64);
  Forest forest;
  forest.leaf_starts = table<std::int64_t>(step, p, 10, Dtype::int64);
  forest.weights = table<float>(step, p, 12, Dtype::float32);
  forest.member_starts = table<std::int64_t>(step, p, 13, Dtype::int64);
  forest.members = table<float>(step, p, 14, Dtype::float32);
  forest.modes = modes;
  forest.missing = missing;
  forest.features = p.in(step, 0).shape[1];
  forest.target_count = p.out(step, 0).shape[1];
  forest.aggregate = step.ints[0];
  const std::size_t count = features.size();
  p.require(splits.size() == count && modes.size() == count && trues.size() == count && falses.size() == count &&
                true_leafs.size() == count && false_leafs.size() == count && missing.size() == count,
            "the tables of nodes differ in length");
  p.require(!forest.leaf_starts.empty(), "leaf_starts is empty");
  const std::size_t leaves = forest.leaf_starts.size() - 1;
  p.require(count + leaves < (std::size_t{1} << 31), "there are too many nodes");
  p.require(targets.size() == forest.weights.size(), "the tables of leaves differ in length");
  check_starts(forest.leaf_starts, leaves, targets.size(), "leaves");
  check_starts(forest.member_starts, count, forest.members.size(), "members");
  forest.branches = static_cast<std::int64_t>(count);
  for (const std::int64_t target : targets) {
    forest.targets.push_back(checked_place(target, static_cast<std::size_t>(forest.target_count), "target"));
  }
  for (const std::int64_t root : roots) forest.roots.push_back(checked_place(root, count, "root"));
  for (std::size_t i = 0; i < count; ++i) {
    Node node;
    node.split = splits[i];
    node.feature = checked_place(features[i], static_cast<std::size_t>(std::min<std::int64_t>(forest.features, INT32_MAX)), "feature");
    const auto way = [&](std::int64_t to, std::uint8_t leaf) {
      return leaf != 0 ? static_cast<std::int32_t>(count) + checked_place(to, leaves, "leaf") : checked_place(to, count, "node");
    };
    node.next[0] = way(falses[i], false_leafs[i]);
    node.next[1] = way(trues[i], true_leafs[i]);
    p.require(modes[i] <= 6, "there is no mode " + std::to_string(modes[i]));
    forest.plain = forest.plain && modes[i] == 0 && missing[i] == 0;
    forest.nodes.push_back(node);
  }
  for (std::size_t i = 0; i < leaves; ++i) {
    const auto self = static_cast<std::int32_t>(count + i);
    forest.nodes.push_back({0.0F, 0, {self, self}});
  }
  forest.simple = forest.target_count == 1 && targets.size() == leaves;
  for (std::size_t i = 0; forest.simple && i <= leaves; ++i) {
    forest.simple = forest.leaf_starts[i] == static_cast<std::int64_t>(i);
  }
  measure_depths(forest);
  return forest;
}

}  // namespace

Runner prepare_tree_ensemble(const Step& step, Preparation& p) {
  p.counts(step, 15, 15, 1, 1);
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  p.dtype(x, Dtype::float32);
  p.dtype(y, Dtype::float32);
  p.rank(x, 2);
  p.rank(y, 2);
  p.require(x.shape[0] == y.shape[0], "tensors '" + x.name + "' and '" + y.name + "' differ in rows");
  p.require(step.ints[0] >= 0 && step.ints[0] <= 3, "there is no aggregate " + std::to_string(step.ints[0]));
  const auto forest = std::make_shared<const Forest>(read_forest(step, p));
  for (std::size_t i = 1; i < step.in.size(); ++i) {
    if (p.buffer(step.in[i]).elements > 0) p.release(step.in[i]);
  }
  const Ref x_ref = step.in[0], y_ref = step.out[0];
  const std::int64_t rows = x.shape[0], trees = static_cast<std::int64_t>(forest->roots.size());
  if (y.elements == 0) return [](Context&) {};
  return [=](Context& context) {
    const Forest& f = *forest;
    const float* const from = context.data<const float>(x_ref);
    float* const to = context.data<float>(y_ref);
    const std::int64_t width = f.target_count;
    if (rows < row_block && trees > tree_block && context.threads() > 1) {
      // Few rows: threads share out the trees, and one takes the leaves in order.
      std::vector<std::int32_t> leaves(static_cast<std::size_t>(rows * trees));
      context.parallel(ceil_div(trees, tree_block), [&](std::int64_t task, int) {
        const std::int64_t first = task * tree_block;
        find_leaves(f, from, rows, first, std::min(tree_block, trees - first), leaves.data() + first * rows, rows);
      });
      std::vector<std::uint8_t> seen(static_cast<std::size_t>(rows * width), 0);
      std::fill_n(to, rows * width, 0.0F);
      take_leaves(f, leaves.data(), rows, trees, rows, to, seen.data());
      finish(f, to, rows * width);
      return;
    }
    context.parallel(ceil_div(rows, row_block), [&](std::int64_t task, int) {
      std::int32_t leaves[row_block * tree_block];
      const std::int64_t first = task * row_block, here = std::min(row_block, rows - first);
      float* const result = to + first * width;
      std::vector<std::uint8_t> seen(f.aggregate > 1 ? static_cast<std::size_t>(here * width) : 0, 0);
      std::fill_n(result, here * width, 0.0F);
      for (std::int64_t tree = 0; tree < trees; tree += tree_block) {
        const std::int64_t n = std::min(tree_block, trees - tree);
        find_leaves(f, from + first * f.features, here, tree, n, leaves, row_block);
        take_leaves(f, leaves, row_block, n, here, result, seen.data());
      }
      finish(f, result, here * width);
    });
  };
}

}  // namespace aivm

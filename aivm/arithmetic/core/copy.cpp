// The primitive `copy`: blocks of elements from one place to another, which is what transpose, slice, concat, split,
// expand, pad and tile come down to.
//   in: one operand per piece, then optional one element to fill with   out: y, all of one dtype
//   ints: pieces, rank, then for each piece: extents[rank], source offset, source strides[rank], target offset,
//   target strides[rank], in elements; source strides may be zero or negative
// Pieces do not overlap in y. Without a fill they cover it.
#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "dispatch.hpp"
#include "extents.hpp"
#include "move.hpp"
#include "primitives.hpp"

namespace aivm {
namespace {

constexpr std::int64_t least_bytes = 65536;  // of a task
constexpr std::int64_t square = 64;          // rows and columns of a transposed block

struct Piece {
  Ref source = absent;
  std::int64_t source_offset = 0, target_offset = 0, elements = 1;
  Nest nest;  // operand 0 is the source, 1 the target; by descending target strides, at least two axes
  bool transposed = false;  // along the last but one axis the source is contiguous, along the last the target
};

std::int64_t checked_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum;
  if (__builtin_add_overflow(a, b, &sum)) throw Error("a place overflows 64 bits");
  return sum;
}

// The least and greatest place that strides lead to, which have to be within a tensor.
void check_places(const Extents& extents, std::int64_t offset, const Extents& strides, const Buffer& buffer) {
  std::int64_t least = offset, most = offset;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    const std::int64_t way = checked_product(extents[axis] - 1, strides[axis]);
    std::int64_t& end = way < 0 ? least : most;
    end = checked_sum(end, way);
  }
  Preparation::require(least >= 0 && most < buffer.elements,
                       "a piece reaches from " + std::to_string(least) + " to " + std::to_string(most) + " in tensor '" +
                           buffer.name + "' of " + std::to_string(buffer.elements) + " elements");
}

// Which elements of the target are written, one bit each.
class Marks {
 public:
  explicit Marks(std::int64_t elements) : words_(static_cast<std::size_t>(ceil_div(elements, 64)), 0) {}
  // False if one was marked before.
  bool mark(std::int64_t from, std::int64_t n) {
    while (n > 0) {
      const std::int64_t bit = from % 64, here = std::min<std::int64_t>(64 - bit, n);
      const std::uint64_t mask = (here == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1) << bit;
      std::uint64_t& word = words_[static_cast<std::size_t>(from / 64)];
      if ((word & mask) != 0) return false;
      word |= mask;
      from += here;
      n -= here;
    }
    return true;
  }

 private:
  std::vector<std::uint64_t> words_;
};

void mark(const Piece& piece, Marks& marks) {
  const std::int64_t n = piece.nest.extents.back(), step = piece.nest.strides[1].back();
  Walk walk(piece.nest, 0);
  for (std::int64_t row = 0; row < piece.elements / n; ++row, walk.next()) {
    const std::int64_t from = piece.target_offset + walk.offset(1);
    bool fresh = true;
    if (step == 1) {
      fresh = marks.mark(from, n);
    } else {
      for (std::int64_t i = 0; i < n; ++i) fresh = fresh && marks.mark(from + i * step, 1);
    }
    Preparation::require(fresh, "pieces overlap");
  }
}

Nest by_target_stride(const Extents& extents, const Extents& source, const Extents& target) {
  std::vector<std::size_t> order(extents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return target[a] > target[b]; });
  Nest nest;
  nest.strides.resize(2);
  for (const std::size_t axis : order) {
    if (extents[axis] == 1) continue;
    nest.extents.push_back(extents[axis]);
    nest.strides[0].push_back(source[axis]);
    nest.strides[1].push_back(target[axis]);
  }
  return nest;
}

// Where the source is contiguous along another axis than the target, that axis comes next to the last.
void find_transposition(Piece& piece) {
  Nest& nest = piece.nest;
  if (nest.strides[1].back() != 1 || nest.strides[0].back() == 0 || nest.strides[0].back() == 1) return;
  const std::size_t last = nest.extents.size() - 1;
  for (std::size_t axis = 0; axis < last; ++axis) {
    if (nest.strides[0][axis] != 1 || nest.extents[axis] < 4 || nest.extents[last] < 4) continue;
    const auto move_to_end = [&](Extents& values) { std::rotate(values.begin() + static_cast<std::ptrdiff_t>(axis), values.begin() + static_cast<std::ptrdiff_t>(axis) + 1, values.end() - 1); };
    move_to_end(nest.extents);
    for (Extents& strides : nest.strides) move_to_end(strides);
    piece.transposed = true;
    return;
  }
}

Piece read_piece(const Step& step, std::size_t position, std::size_t rank, const Buffer& source, const Buffer& target) {
  const auto next = [&](std::size_t count) {
    const auto from = step.ints.begin() + static_cast<std::ptrdiff_t>(position);
    position += count;
    return Extents(from, from + static_cast<std::ptrdiff_t>(count));
  };
  Piece piece;
  const Extents extents = next(rank);
  piece.source_offset = next(1)[0];
  const Extents source_strides = next(rank);
  piece.target_offset = next(1)[0];
  const Extents target_strides = next(rank);
  for (const std::int64_t extent : extents) {
    Preparation::require(extent >= 0, "an extent is negative");
    piece.elements = checked_product(piece.elements, std::max<std::int64_t>(extent, 1));
  }
  if (std::count(extents.begin(), extents.end(), 0) != 0) piece.elements = 0;
  if (piece.elements == 0) return piece;
  check_places(extents, piece.source_offset, source_strides, source);
  check_places(extents, piece.target_offset, target_strides, target);
  piece.nest = by_target_stride(extents, source_strides, target_strides);
  // Each axis steps over all that lies within: no place is written twice.
  std::int64_t within = 1;
  for (std::size_t axis = piece.nest.extents.size(); axis-- > 0;) {
    Preparation::require(piece.nest.strides[1][axis] >= within, "a piece overlaps itself in tensor '" + target.name + "'");
    within = checked_sum(within, checked_product(piece.nest.extents[axis] - 1, piece.nest.strides[1][axis]));
  }
  piece.nest = collapsed(piece.nest);
  if (piece.nest.extents.size() == 1) {
    piece.nest.extents.insert(piece.nest.extents.begin(), 1);
    for (Extents& strides : piece.nest.strides) strides.insert(strides.begin(), 0);
  }
  find_transposition(piece);
  return piece;
}

// A block of two axes: the outer with strides *_row, the inner with *_step.
template <typename T>
struct Block {
  const T* source;
  T* target;
  std::int64_t rows, n, source_row, target_row, source_step, target_step;
};

template <typename T>
void copy_block(const Block<T>& b) {
  for (std::int64_t r = 0; r < b.rows; ++r) {
    const T* const from = b.source + r * b.source_row;
    T* const to = b.target + r * b.target_row;
    if (b.target_step != 1) {
      for (std::int64_t i = 0; i < b.n; ++i) to[i * b.target_step] = from[i * b.source_step];
    } else if (b.source_step == 1) {
      if (b.n * static_cast<std::int64_t>(sizeof(T)) >= 64) {
        std::memcpy(to, from, static_cast<std::size_t>(b.n) * sizeof(T));
      } else {
        for (std::int64_t i = 0; i < b.n; ++i) to[i] = from[i];
      }
    } else if (b.source_step == 0) {
      std::fill_n(to, b.n, *from);
    } else if (b.source_step == 2) {
      for (std::int64_t i = 0; i < b.n; ++i) to[i] = from[i * 2];
    } else {
      for (std::int64_t i = 0; i < b.n; ++i) to[i] = from[i * b.source_step];
    }
  }
}

// to[v][u] = from[u][v] for u in [0, n), v in [0, rows).
template <typename T>
void transpose_square(const T* from, std::int64_t from_row, T* to, std::int64_t to_row, std::int64_t n, std::int64_t rows) {
  for (std::int64_t v = 0; v < rows; ++v) {
    for (std::int64_t u = 0; u < n; ++u) to[v * to_row + u] = from[u * from_row + v];
  }
}

// In squares, so that both sides stay in the first cache.
template <typename T>
void transpose_block(const Block<T>& b, const MoveKernels& kernels) {
  for (std::int64_t r = 0; r < b.rows; r += square) {
    const std::int64_t rows = std::min(square, b.rows - r);
    for (std::int64_t i = 0; i < b.n; i += square) {
      const std::int64_t n = std::min(square, b.n - i);
      const T* const from = b.source + r + i * b.source_step;
      T* const to = b.target + r * b.target_row + i;
      if constexpr (sizeof(T) == 4) {
        kernels.transpose(from, b.source_step, to, b.target_row, n, rows);
      } else if constexpr (sizeof(T) == 1) {
        kernels.transpose_bytes(from, b.source_step, to, b.target_row, n, rows);
      } else {
        transpose_square(from, b.source_step, to, b.target_row, n, rows);
      }
    }
  }
}

template <typename T>
void run_piece(const Piece& piece, Context& context, T* y, const MoveKernels& kernels) {
  const Nest& nest = piece.nest;
  const std::size_t last = nest.extents.size() - 1;
  const std::int64_t rows = nest.extents[last - 1], n = nest.extents[last];
  const std::int64_t outer_count = piece.elements / (rows * n);
  // Blocks of whole rows, or of parts of one if they are long.
  const std::int64_t wanted = least_bytes / static_cast<std::int64_t>(sizeof(T));
  std::int64_t block_rows = std::clamp<std::int64_t>(wanted / n, 1, rows);
  if (piece.transposed) block_rows = std::min(rows, ceil_div(block_rows, square) * square);
  const std::int64_t block_n = piece.transposed ? std::min(n, std::max<std::int64_t>(wanted / block_rows, square))
                                                : std::min(n, std::max<std::int64_t>(wanted, 1));
  const std::int64_t across = ceil_div(n, block_n), down = ceil_div(rows, block_rows);
  const std::int64_t blocks = outer_count * across * down;
  const std::int64_t per_task = std::max<std::int64_t>(wanted / (block_rows * block_n), 1);
  const T* const x = context.data<const T>(piece.source) + piece.source_offset;
  context.parallel(ceil_div(blocks, per_task), [&](std::int64_t task, int) {
    const std::int64_t end = std::min(blocks, (task + 1) * per_task);
    std::int64_t place = task * per_task / (across * down);
    const auto at = [&](std::int64_t index) {  // offsets of the outer axes
      std::array<std::int64_t, 2> offsets{0, 0};
      for (std::size_t axis = last - 1; axis-- > 0;) {
        const std::int64_t coordinate = index % nest.extents[axis];
        index /= nest.extents[axis];
        offsets[0] += coordinate * nest.strides[0][axis];
        offsets[1] += coordinate * nest.strides[1][axis];
      }
      return offsets;
    };
    std::array<std::int64_t, 2> offsets = at(place);
    for (std::int64_t block = task * per_task; block < end; ++block) {
      if (block / (across * down) != place) {
        place = block / (across * down);
        offsets = at(place);
      }
      const std::int64_t row = block / across % down * block_rows, column = block % across * block_n;
      Block<T> b;
      b.source_row = nest.strides[0][last - 1];
      b.target_row = nest.strides[1][last - 1];
      b.source_step = nest.strides[0][last];
      b.target_step = nest.strides[1][last];
      b.source = x + offsets[0] + row * b.source_row + column * b.source_step;
      b.target = y + piece.target_offset + offsets[1] + row * b.target_row + column * b.target_step;
      b.rows = std::min(block_rows, rows - row);
      b.n = std::min(block_n, n - column);
      if (piece.transposed) {
        transpose_block(b, kernels);
      } else {
        copy_block(b);
      }
    }
  });
}

}  // namespace

Runner prepare_copy(const Step& step, Preparation& p) {
  p.require(step.out.size() == 1 && step.ints.size() >= 2, "has one output, and says how many pieces of which rank");
  const Buffer& y = p.out(step, 0);
  const std::int64_t count = step.ints[0], rank = step.ints[1];
  p.require(count >= 0 && rank >= 0 && rank <= 64 && (step.in.size() == static_cast<std::size_t>(count) ||
                                                      step.in.size() == static_cast<std::size_t>(count) + 1),
            "has one operand per piece, and one more to fill with");
  const std::size_t per_piece = 3 * static_cast<std::size_t>(rank) + 2;
  p.require(step.ints.size() == 2 + static_cast<std::size_t>(count) * per_piece, "the pieces are incomplete");
  const bool fill = step.in.size() > static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < step.in.size(); ++i) p.dtype(p.in(step, i), y.dtype);
  const Ref fill_ref = fill ? step.in.back() : absent;
  p.require(!fill || p.buffer(fill_ref).elements == 1, "the fill is more than one element");

  std::vector<Piece> pieces;
  std::int64_t written = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    Piece piece = read_piece(step, 2 + i * per_piece, static_cast<std::size_t>(rank), p.in(step, i), y);
    piece.source = step.in[i];
    if (piece.elements == 0) continue;
    written = checked_sum(written, piece.elements);
    pieces.push_back(std::move(piece));
  }
  p.require(written == y.elements || (fill && written < y.elements),
            "the pieces have " + std::to_string(written) + " elements, and tensor '" + y.name + "' has " +
                std::to_string(y.elements));
  if (pieces.size() > 1) {
    Marks marks(y.elements);
    for (const Piece& piece : pieces) mark(piece, marks);
  }
  const bool filled = fill && written < y.elements;
  const Ref y_ref = step.out[0];
  const std::int64_t elements = y.elements;
  const MoveKernels kernels = p.kernels.move;
  return for_words(y.dtype, [&](auto zero) -> Runner {
    using T = decltype(zero);
    return [=](Context& context) {
      T* const target = context.data<T>(y_ref);
      if (filled) {
        const T value = *context.data<const T>(fill_ref);
        const std::int64_t per_task = least_bytes / static_cast<std::int64_t>(sizeof(T));
        context.parallel(ceil_div(elements, per_task), [&](std::int64_t task, int) {
          std::fill_n(target + task * per_task, std::min(per_task, elements - task * per_task), value);
        });
      }
      for (const Piece& piece : pieces) run_piece(piece, context, target, kernels);
    };
  });
}

}  // namespace aivm

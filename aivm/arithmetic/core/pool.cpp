// The primitives `max_pool` and `average_pool`.
//   in: x [N, C, …]   out: y [N, C, …], for max_pool also int64 indices?
//   ints: window, then for max_pool: column_major, for average_pool: count_include_pad; then optional: channels are last,
//   in x and in y
// Positions outside the input are left out. The sum of a window runs over its positions in C order from +0, and is
// divided once by their number (with count_include_pad by the number of those within the padded input). An index counts
// the elements of x in C order (column_major: the spatial axes in Fortran order), and is that of the first greatest
// element, a NaN being the greatest and +0 greater than -0. A window without elements gives minus infinity or the least
// integer with index -1, or for the mean NaN.
#include "pool.hpp"

#include <algorithm>
#include <array>

#include "dispatch.hpp"
#include "extents.hpp"
#include "primitives.hpp"
#include "scalars.hpp"
#include "windows.hpp"

namespace aivm {
namespace {

using Three = std::array<std::int64_t, window_axes>;

constexpr std::int64_t least_elements = 16384;  // of a task

// The kernel positions of one output coordinate that lie within the input, from `first` on, and how many of all positions
// count for the mean.
struct Reach {
  std::int64_t base;  // of position 0 in the input
  std::int64_t first, end;
  std::int64_t counted;
};

struct Pool3 {
  bool max = true, include_pad = false, column_major = false, channels_last = false;
  Window window;
  Three in{}, out{};
  std::int64_t images = 1, channels = 1;
  std::int64_t in_positions = 1, out_positions = 1;
  Ref x = absent, y = absent, indices = absent;
  std::array<std::vector<Reach>, window_axes> reach;  // of each output coordinate
};

Reach reach_of(const Pool3& pool, std::size_t axis, std::int64_t o) {
  const Window& w = pool.window;
  const std::int64_t base = o * w.stride[axis] - w.begin[axis], dilation = w.dilation[axis], kernel = w.kernel[axis];
  const auto until = [&](std::int64_t limit) {  // positions k with base + k dilation < limit
    return limit <= base ? 0 : std::min(kernel, ceil_div(limit - base, dilation));
  };
  Reach reach{base, until(0), until(pool.in[axis]), 0};
  reach.counted = pool.include_pad ? until(pool.in[axis] + w.end[axis]) - until(-w.begin[axis]) : reach.end - reach.first;
  return reach;
}

template <typename T>
struct Plain {
  static void greatest(const T* const* sources, std::int64_t count, T* y, std::int64_t n) {
    constexpr std::int64_t block = 256;
    for (std::int64_t i = 0; i < n; i += block) {
      T acc[block];
      const std::int64_t here = std::min(block, n - i);
      std::fill_n(acc, here, lowest<T>());
      for (std::int64_t k = 0; k < count; ++k) {
        const T* const x = sources[k] + i;
        for (std::int64_t j = 0; j < here; ++j) acc[j] = greater(acc[j], x[j]);
      }
      std::copy_n(acc, here, y + i);
    }
  }
  static void mean(const T* const* sources, std::int64_t count, const T* divisors, std::int64_t divisor_step, T* y,
                   std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      T sum = 0;
      for (std::int64_t k = 0; k < count; ++k) sum = sum + sources[k][i];
      y[i] = canonical_nan(sum / divisors[i * divisor_step]);
    }
  }
  static void copy(const T* x, std::int64_t x_row, T* y, std::int64_t y_row, std::int64_t rows, std::int64_t n) {
    for (; rows > 0; --rows, x += x_row, y += y_row) std::copy_n(x, n, y);
  }
  static void split(const T* x, std::int64_t x_row, T* even, T* odd, std::int64_t y_row, std::int64_t rows, std::int64_t n) {
    for (; rows > 0; --rows, x += x_row, even += y_row, odd += y_row) {
      for (std::int64_t i = 0; i < n; ++i) (i % 2 == 0 ? even : odd)[i / 2] = x[i];
    }
  }
};

template <typename T>
PoolLoops<T> loops_for(const Preparation& p) {
  if constexpr (std::is_same_v<T, float>) return p.kernels.pool.loops;
  else return {Plain<T>::greatest, Plain<T>::mean, Plain<T>::copy, Plain<T>::split};
}

// Any geometry, one output after the other; this alone tells indices.
template <typename T>
void pool_slowly(const Pool3& pool, const T* x, T* y, std::int64_t* indices, std::int64_t plane) {
  const Three& in = pool.in;
  const std::int64_t sizes[] = {in[1] * in[2], in[2], 1};
  const std::int64_t column_sizes[] = {1, in[0], in[0] * in[1]};
  std::int64_t out = 0;
  for (std::int64_t a = 0; a < pool.out[0]; ++a) {
    const Reach& ra = pool.reach[0][static_cast<std::size_t>(a)];
    for (std::int64_t b = 0; b < pool.out[1]; ++b) {
      const Reach& rb = pool.reach[1][static_cast<std::size_t>(b)];
      for (std::int64_t c = 0; c < pool.out[2]; ++c, ++out) {
        const Reach& rc = pool.reach[2][static_cast<std::size_t>(c)];
        T best = lowest<T>(), sum = 0;
        std::int64_t place = -1;
        for (std::int64_t i = ra.first; i < ra.end; ++i) {
          const std::int64_t za = ra.base + i * pool.window.dilation[0];
          for (std::int64_t j = rb.first; j < rb.end; ++j) {
            const std::int64_t zb = rb.base + j * pool.window.dilation[1];
            for (std::int64_t k = rc.first; k < rc.end; ++k) {
              const std::int64_t zc = rc.base + k * pool.window.dilation[2];
              const T v = x[za * sizes[0] + zb * sizes[1] + zc * sizes[2]];
              if (!pool.max) {
                sum = wrap::add(sum, v);
                continue;
              }
              // A NaN stays; a greater number, or +0 after -0, takes the place.
              const bool nan = std::is_floating_point_v<T> && v != v;
              const bool better = v > best || nan || (v == best && negative(best) && !negative(v));
              if (place < 0 || (better && best == best)) {
                best = v;
                place = pool.column_major ? za * column_sizes[0] + zb * column_sizes[1] + zc * column_sizes[2]
                                          : za * sizes[0] + zb * sizes[1] + zc * sizes[2];
              }
            }
          }
        }
        if constexpr (std::is_floating_point_v<T>) {
          if (!pool.max) best = sum / static_cast<T>(ra.counted * rb.counted * rc.counted);
        }
        y[out] = canonical_nan(best);
        if (indices != nullptr) indices[out] = place < 0 ? -1 : plane * pool.in_positions + place;
      }
    }
  }
}

// Channels last: for each output position the channels of its window's positions. Positions are `pitch` apart.
template <typename T>
void pool_position(const Pool3& pool, const PoolLoops<T>& loops, const T* image, std::int64_t pitch, std::int64_t channels,
                   std::int64_t position, T* y, std::vector<const T*>& sources) {
  const Three& out = pool.out;
  const Reach& ra = pool.reach[0][static_cast<std::size_t>(position / (out[1] * out[2]))];
  const Reach& rb = pool.reach[1][static_cast<std::size_t>(position / out[2] % out[1])];
  const Reach& rc = pool.reach[2][static_cast<std::size_t>(position % out[2])];
  sources.clear();
  for (std::int64_t i = ra.first; i < ra.end; ++i) {
    for (std::int64_t j = rb.first; j < rb.end; ++j) {
      const std::int64_t row = ((ra.base + i * pool.window.dilation[0]) * pool.in[1] + rb.base + j * pool.window.dilation[1]) *
                               pool.in[2];
      for (std::int64_t k = rc.first; k < rc.end; ++k) {
        sources.push_back(image + (row + rc.base + k * pool.window.dilation[2]) * pitch);
      }
    }
  }
  const auto count = static_cast<std::int64_t>(sources.size());
  if (pool.max) {
    loops.greatest(sources.data(), count, y, channels);
  } else if constexpr (std::is_floating_point_v<T>) {
    const T divisor = static_cast<T>(ra.counted * rb.counted * rc.counted);
    loops.mean(sources.data(), count, &divisor, 0, y, channels);
  }
}

// Channels first: all outputs of a plane at once. A plane is laid out with its padding, in one array for each remainder of
// a position divided by the stride, in either direction, so that what a kernel position shows to all outputs lies in one
// piece: output (b, c) looks for tap (j, k) at the padded position (b stride + j dilation, c stride + k dilation), that is,
// in the array of the remainders of (j dilation, k dilation) at row b + (j dilation) / stride, and so on. Rows of results
// are then as long as those of the arrays; what is beyond the outputs is left out at the end.
struct Layout {
  std::int64_t rows = 0, pitch = 0;       // of an array
  std::int64_t down = 1, across = 1;      // strides: so many arrays
  std::int64_t results = 0;               // elements of a plane of results
  std::int64_t slice = 0, slack = 0;      // elements of all arrays of a plane, and beyond them, which may be looked at
  bool in_place = false;                  // the plane itself is laid out so

  std::int64_t place(std::int64_t row, std::int64_t column) const {
    return ((row % down * across + column % across) * rows + row / down) * pitch + column / across;
  }
};

// Valid where `small_enough`.
Layout layout_of(const Pool3& pool) {
  const Window& w = pool.window;
  Layout layout;
  const auto padded = [&](std::size_t axis) {
    const std::int64_t reached = (pool.out[axis] - 1) * w.stride[axis] + (w.kernel[axis] - 1) * w.dilation[axis] + 1;
    return std::max(reached, w.begin[axis] + pool.in[axis]);
  };
  layout.down = w.stride[1];
  layout.across = w.stride[2];
  layout.rows = ceil_div(padded(1), layout.down);
  layout.pitch = ceil_div(padded(2), layout.across);
  layout.results = pool.out[1] * layout.pitch;
  layout.slice = layout.down * layout.across * layout.rows * layout.pitch;
  layout.slack = layout.pitch;
  layout.in_place = layout.down == 1 && layout.across == 1 && w.begin[1] == 0 && w.begin[2] == 0 &&
                    layout.rows == pool.in[1] && layout.pitch == pool.in[2];
  return layout;
}

// Whether the padded planes are small beside the tensors; if not, the geometry is odd enough to go slowly.
bool small_enough(const Pool3& pool) {
  const Window& w = pool.window;
  for (std::size_t axis = 0; axis < window_axes; ++axis) {
    const std::int64_t reached = (pool.out[axis] - 1) * w.stride[axis] + (w.kernel[axis] - 1) * w.dilation[axis] + 1;
    if (w.begin[axis] < 0 || std::max(reached, w.begin[axis] + pool.in[axis]) + w.stride[axis] > 4 * pool.in[axis] + 64) return false;
  }
  const double plane = (4.0 * static_cast<double>(pool.in[1]) + 64) * (4.0 * static_cast<double>(pool.in[2]) + 64);
  return pool.in_positions > 0 && plane * static_cast<double>(pool.in[0]) < 64e6;
}

template <typename T>
void lay_out(const Pool3& pool, const PoolLoops<T>& loops, const Layout& layout, const T* plane, T outside, T* arrays,
             bool fresh) {
  // Outside stays what it is from plane to plane.
  if (fresh) std::fill_n(arrays, layout.slice + layout.slack, outside);
  const std::int64_t begin = pool.window.begin[2], across = layout.across;
  // Rows that come to lie in one array.
  for (std::int64_t top = 0; top < std::min(layout.down, pool.in[1]); ++top) {
    const T* const from = plane + top * pool.in[2];
    const std::int64_t from_row = layout.down * pool.in[2], rows = ceil_div(pool.in[1] - top, layout.down);
    const auto place = [&](std::int64_t column) { return arrays + layout.place(top + pool.window.begin[1], column + begin); };
    if (across == 1) {
      loops.copy(from, from_row, place(0), layout.pitch, rows, pool.in[2]);
      continue;
    }
    if (across == 2) {
      loops.split(from, from_row, place(0), place(1), layout.pitch, rows, pool.in[2]);
      continue;
    }
    for (std::int64_t phase = 0; phase < across; ++phase) {
      // The first column at a padded position of this remainder.
      const std::int64_t first = ((phase - begin) % across + across) % across;
      const std::int64_t count = first < pool.in[2] ? (pool.in[2] - first - 1) / across + 1 : 0;
      T* const to = place(first);
      for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t i = 0; i < count; ++i) to[row * layout.pitch + i] = from[row * from_row + first + across * i];
      }
    }
  }
}

// The memory of a task.
template <typename T>
struct PoolScratch {
  T* arrays;    // of all slices of a plane that is not in place
  T* columns;   // for a maximum in two steps
  T* results;
  T* divisors;
};

std::int64_t scratch_size(const Pool3& pool, const Layout& layout) {
  return pool.in[0] * layout.slice + layout.slack + layout.across * (layout.results + layout.slack) + 2 * (layout.results + layout.slack);
}

template <typename T>
PoolScratch<T> divide_scratch(const Pool3& pool, const Layout& layout, T* memory) {
  PoolScratch<T> scratch;
  scratch.arrays = memory;
  scratch.columns = scratch.arrays + pool.in[0] * layout.slice + layout.slack;
  scratch.results = scratch.columns + layout.across * (layout.results + layout.slack);
  scratch.divisors = scratch.results + layout.results + layout.slack;
  return scratch;
}

template <typename T>
void pool_plane(const Pool3& pool, const PoolLoops<T>& loops, const Layout& layout, const T* x, T* y,
                const PoolScratch<T>& scratch, std::vector<const T*>& sources, bool fresh) {
  const Window& w = pool.window;
  const std::int64_t size = pool.in[1] * pool.in[2], slice = layout.in_place ? size : layout.slice;
  const T* laid_out = x;
  if (!layout.in_place) {
    for (std::int64_t a = 0; a < pool.in[0]; ++a) {
      lay_out(pool, loops, layout, x + a * size, pool.max ? lowest<T>() : T{0}, scratch.arrays + a * slice, fresh);
    }
    laid_out = scratch.arrays;
  }
  // Results need not go beyond the last output.
  const std::int64_t n = layout.results - layout.pitch + pool.out[2];
  // A maximum goes down the columns first, if that is less work: the greatest is the greatest of the columns' greatest.
  const bool two_steps = pool.max && w.kernel[1] * std::min(layout.across, w.kernel[2]) + w.kernel[2] < w.kernel[1] * w.kernel[2];
  const bool direct = layout.pitch == pool.out[2];
  for (std::int64_t a = 0; a < pool.out[0]; ++a, y += pool.out[1] * pool.out[2]) {
    const Reach& ra = pool.reach[0][static_cast<std::size_t>(a)];
    T* const results = direct ? y : scratch.results;
    const auto add_column = [&](std::int64_t phase) {
      for (std::int64_t i = ra.first; i < ra.end; ++i) {
        const T* const plane = laid_out + (ra.base + i * w.dilation[0]) * slice;
        for (std::int64_t j = 0; j < w.kernel[1]; ++j) sources.push_back(plane + layout.place(j * w.dilation[1], phase));
      }
    };
    sources.clear();
    if (two_steps) {
      const std::int64_t stride = layout.results + layout.slack;
      for (std::int64_t phase = 0; phase < layout.across; ++phase) {
        sources.clear();
        add_column(phase);
        loops.greatest(sources.data(), static_cast<std::int64_t>(sources.size()), scratch.columns + phase * stride, layout.results);
      }
      sources.clear();
      for (std::int64_t k = 0; k < w.kernel[2]; ++k) {
        const std::int64_t at = k * w.dilation[2];
        sources.push_back(scratch.columns + at % layout.across * stride + at / layout.across);
      }
    } else {
      for (std::int64_t i = ra.first; i < ra.end; ++i) {
        const T* const plane = laid_out + (ra.base + i * w.dilation[0]) * slice;
        for (std::int64_t j = 0; j < w.kernel[1]; ++j) {
          for (std::int64_t k = 0; k < w.kernel[2]; ++k) sources.push_back(plane + layout.place(j * w.dilation[1], k * w.dilation[2]));
        }
      }
    }
    const auto count = static_cast<std::int64_t>(sources.size());
    if (pool.max) {
      loops.greatest(sources.data(), count, results, n);
    } else if constexpr (std::is_floating_point_v<T>) {
      if (fresh || pool.out[0] > 1) {
        for (std::int64_t b = 0; b < pool.out[1]; ++b) {
          const std::int64_t counted = ra.counted * pool.reach[1][static_cast<std::size_t>(b)].counted;
          for (std::int64_t c = 0; c < layout.pitch; ++c) {
            const bool inside = c < pool.out[2];
            scratch.divisors[b * layout.pitch + c] =
                inside ? static_cast<T>(counted * pool.reach[2][static_cast<std::size_t>(c)].counted) : T{1};
          }
        }
      }
      loops.mean(sources.data(), count, scratch.divisors, 1, results, n);
    }
    if (!direct) loops.copy(results, layout.pitch, y, pool.out[2], pool.out[1], pool.out[2]);
  }
}

// Few outputs in a plane: planes are laid side by side, as if channels were last, some at a time.
constexpr std::int64_t planes_at_once = 64;

template <typename T>
void transpose_plane(const T* x, std::int64_t x_row, T* y, std::int64_t y_row, std::int64_t rows, std::int64_t columns,
                     const MoveKernels& kernels) {
  if constexpr (sizeof(T) == 4) {
    kernels.transpose(reinterpret_cast<const std::uint32_t*>(x), x_row, reinterpret_cast<std::uint32_t*>(y), y_row, rows, columns);
  } else {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) y[c * y_row + r] = x[r * x_row + c];
    }
  }
}

template <typename T>
void pool_side_by_side(const Pool3& pool, const PoolLoops<T>& loops, const MoveKernels& kernels, const T* x, T* y,
                       std::int64_t planes, T* scratch, std::vector<const T*>& sources) {
  for (std::int64_t first = 0; first < planes; first += planes_at_once) {
    const std::int64_t here = std::min(planes_at_once, planes - first);
    T* const results = scratch + pool.in_positions * here;
    transpose_plane(x + first * pool.in_positions, pool.in_positions, scratch, here, here, pool.in_positions, kernels);
    for (std::int64_t o = 0; o < pool.out_positions; ++o) {
      pool_position(pool, loops, scratch, here, here, o, results + o * here, sources);
    }
    transpose_plane(results, here, y + first * pool.out_positions, pool.out_positions, pool.out_positions, here, kernels);
  }
}

template <typename T>
Runner runner_for(std::shared_ptr<const Pool3> shared, const Preparation& p) {
  const Pool3& pool = *shared;
  const PoolLoops<T> loops = loops_for<T>(p);
  const MoveKernels kernels = p.kernels.move;
  const std::int64_t planes = pool.images * pool.channels;
  const double taps = static_cast<double>(std::min(pool.window.taps(), pool.in_positions)) + 1;
  const auto units_per_task = [](double elements) {
    return std::max<std::int64_t>(static_cast<std::int64_t>(2.0 * least_elements / elements), 1);
  };
  if (pool.channels_last) {
    const std::int64_t outputs = pool.images * pool.out_positions;
    const std::int64_t per_task = units_per_task(static_cast<double>(pool.channels) * taps);
    return [=](Context& context) {
      context.parallel(ceil_div(outputs, per_task), [&](std::int64_t task, int) {
        std::vector<const T*> sources;
        const std::int64_t end = std::min(outputs, (task + 1) * per_task);
        for (std::int64_t o = task * per_task; o < end; ++o) {
          const T* const image =
              context.data<const T>(shared->x) + o / shared->out_positions * shared->in_positions * shared->channels;
          pool_position(*shared, loops, image, shared->channels, shared->channels, o % shared->out_positions,
                        context.data<T>(shared->y) + o * shared->channels, sources);
        }
      });
    };
  }
  const bool slow = pool.indices != absent || !small_enough(pool);
  const bool few = !slow && pool.out_positions < 16 && planes > 1 && pool.in_positions < 4096;
  const Layout layout = slow || few ? Layout{} : layout_of(pool);
  const std::int64_t least_planes = units_per_task(static_cast<double>(pool.out_positions) * taps + static_cast<double>(pool.in_positions));
  const std::int64_t scratch_elements = slow  ? 0
                                        : few ? (pool.in_positions + pool.out_positions) * planes_at_once
                                              : scratch_size(pool, layout);
  return [=](Context& context) {
    const Pool3& pool = *shared;
    // What is around the planes, and the divisors, are made once for a task: the fewer, the better.
    std::int64_t planes_per_task = std::max(least_planes, ceil_div(planes, 4 * std::int64_t{context.threads()}));
    if (few) planes_per_task = ceil_div(planes_per_task, planes_at_once) * planes_at_once;
    context.parallel(ceil_div(planes, planes_per_task), [&](std::int64_t task, int worker) {
      std::vector<const T*> sources;
      const std::int64_t first = task * planes_per_task, end = std::min(planes, first + planes_per_task);
      const T* const x = context.data<const T>(pool.x);
      T* const y = context.data<T>(pool.y);
      T* const memory = context.scratch<T>(worker, static_cast<std::size_t>(scratch_elements));
      if (few) {
        pool_side_by_side(pool, loops, kernels, x + first * pool.in_positions, y + first * pool.out_positions, end - first,
                          memory, sources);
        return;
      }
      const PoolScratch<T> scratch = slow ? PoolScratch<T>{} : divide_scratch(pool, layout, memory);
      for (std::int64_t plane = first; plane < end; ++plane) {
        const T* const from = x + plane * pool.in_positions;
        T* const to = y + plane * pool.out_positions;
        if (slow) {
          std::int64_t* const indices =
              pool.indices == absent ? nullptr : context.data<std::int64_t>(pool.indices) + plane * pool.out_positions;
          pool_slowly(pool, from, to, indices, plane);
        } else {
          pool_plane(pool, loops, layout, from, to, scratch, sources, plane == first);
        }
      }
    });
  };
}

Pool3 read_pool(const Step& step, Preparation& p) {
  Pool3 pool;
  pool.max = step.op == "max_pool";
  p.require(step.in.size() == 1 && !step.out.empty() && step.out.size() <= (pool.max ? 2 : 1), "takes one tensor");
  std::size_t position = 0;
  pool.window = read_window(step, position, p);
  p.require(step.ints.size() == position + 1 || step.ints.size() == position + 3, "needs one parameter after the window, or three");
  (pool.max ? pool.column_major : pool.include_pad) = step.ints[position] != 0;
  if (step.ints.size() > position + 1) {
    pool.channels_last = step.ints[position + 1] != 0;
    p.require(pool.channels_last == (step.ints[position + 2] != 0), "the order of axes is not changed");
  }
  const Buffer& x = p.in(step, 0);
  const Buffer& y = p.out(step, 0);
  const std::size_t rank = pool.window.n + 2;
  p.rank(x, rank);
  p.rank(y, rank);
  p.dtype(y, x.dtype);
  const std::size_t channel_axis = pool.channels_last ? rank - 1 : 1;
  pool.images = x.shape[0];
  pool.channels = x.shape[channel_axis];
  p.require(y.shape[0] == pool.images && y.shape[channel_axis] == pool.channels,
            "tensors '" + x.name + "' and '" + y.name + "' differ in images or channels");
  pool.in = spatial_extents(x, pool.window, pool.channels_last);
  pool.out = spatial_extents(y, pool.window, pool.channels_last);
  pool.in_positions = pool.in[0] * pool.in[1] * pool.in[2];
  pool.out_positions = pool.out[0] * pool.out[1] * pool.out[2];
  pool.x = step.in[0];
  pool.y = step.out[0];
  if (step.out.size() > 1 && step.out[1] != absent) {
    const Buffer& indices = p.buffer(step.out[1]);
    p.dtype(indices, Dtype::int64);
    p.shape(indices, y.shape);
    p.require(!pool.channels_last, "indices are told with channels first alone");
    pool.indices = step.out[1];
  }
  for (std::size_t axis = 0; axis < window_axes && y.elements > 0; ++axis) {
    for (std::int64_t o = 0; o < pool.out[axis]; ++o) pool.reach[axis].push_back(reach_of(pool, axis, o));
  }
  return pool;
}

}  // namespace

Runner prepare_pool(const Step& step, Preparation& p) {
  const auto pool = std::make_shared<const Pool3>(read_pool(step, p));
  const Buffer& x = p.in(step, 0);
  if (p.out(step, 0).elements == 0) return [](Context&) {};
  if (!pool->max) {
    if (x.dtype == Dtype::float64) return runner_for<double>(pool, p);
    p.dtype(x, Dtype::float32);
    return runner_for<float>(pool, p);
  }
  return for_numbers(x, [&](auto zero) -> Runner { return runner_for<decltype(zero)>(pool, p); });
}

}  // namespace aivm

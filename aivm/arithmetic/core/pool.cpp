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

struct Pool3 {
  bool max = true, include_pad = false, column_major = false, channels_last = false;
  Window window;
  Three in{}, out{};
  std::int64_t images = 1, channels = 1;
  std::int64_t in_positions = 1, out_positions = 1;
  Ref x = absent, y = absent, indices = absent;
};

// The kernel positions of one output coordinate that lie within the input, from `first` on, and how many of all positions
// count for the mean.
struct Reach {
  std::int64_t base;  // of position 0 in the input
  std::int64_t first, end;
  std::int64_t counted;
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
};

template <typename T>
PoolLoops<T> loops_for(const Preparation& p) {
  if constexpr (std::is_same_v<T, float>) return p.kernels.pool.loops;
  else return {Plain<T>::greatest, Plain<T>::mean};
}

// Any geometry, one output after the other; this alone tells indices.
template <typename T>
void pool_slowly(const Pool3& pool, const T* x, T* y, std::int64_t* indices, std::int64_t plane, std::int64_t in_step,
                 std::int64_t out_step) {
  const Three& in = pool.in;
  const std::int64_t sizes[] = {in[1] * in[2], in[2], 1};
  const std::int64_t column_sizes[] = {1, in[0], in[0] * in[1]};
  std::int64_t out = 0;
  for (std::int64_t a = 0; a < pool.out[0]; ++a) {
    const Reach ra = reach_of(pool, 0, a);
    for (std::int64_t b = 0; b < pool.out[1]; ++b) {
      const Reach rb = reach_of(pool, 1, b);
      for (std::int64_t c = 0; c < pool.out[2]; ++c, ++out) {
        const Reach rc = reach_of(pool, 2, c);
        T best = lowest<T>(), sum = 0;
        std::int64_t place = -1;
        for (std::int64_t i = ra.first; i < ra.end; ++i) {
          const std::int64_t za = ra.base + i * pool.window.dilation[0];
          for (std::int64_t j = rb.first; j < rb.end; ++j) {
            const std::int64_t zb = rb.base + j * pool.window.dilation[1];
            for (std::int64_t k = rc.first; k < rc.end; ++k) {
              const std::int64_t zc = rc.base + k * pool.window.dilation[2];
              const T v = x[(za * sizes[0] + zb * sizes[1] + zc * sizes[2]) * in_step];
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
        y[out * out_step] = canonical_nan(best);
        if (indices != nullptr) indices[out] = place < 0 ? -1 : plane * pool.in_positions + place;
      }
    }
  }
}

// Channels last: for each output position the channels of its window's positions.
template <typename T>
void pool_position(const Pool3& pool, const PoolLoops<T>& loops, const T* image, std::int64_t position, T* y,
                   std::vector<const T*>& sources) {
  const Three& out = pool.out;
  const Reach ra = reach_of(pool, 0, position / (out[1] * out[2])), rb = reach_of(pool, 1, position / out[2] % out[1]),
              rc = reach_of(pool, 2, position % out[2]);
  sources.clear();
  for (std::int64_t i = ra.first; i < ra.end; ++i) {
    for (std::int64_t j = rb.first; j < rb.end; ++j) {
      const std::int64_t row = ((ra.base + i * pool.window.dilation[0]) * pool.in[1] + rb.base + j * pool.window.dilation[1]) *
                               pool.in[2];
      for (std::int64_t k = rc.first; k < rc.end; ++k) {
        sources.push_back(image + (row + rc.base + k * pool.window.dilation[2]) * pool.channels);
      }
    }
  }
  const auto count = static_cast<std::int64_t>(sources.size());
  if (pool.max) {
    loops.greatest(sources.data(), count, y, pool.channels);
  } else if constexpr (std::is_floating_point_v<T>) {
    const T divisor = static_cast<T>(ra.counted * rb.counted * rc.counted);
    loops.mean(sources.data(), count, &divisor, 0, y, pool.channels);
  }
}

// Channels first: a row of outputs at once. Rows of the input are laid out with their padding, one array for each remainder
// of a position divided by the stride, so that a kernel position of all outputs of a row lies in one piece:
// output o looks for k at padded position o stride + k dilation, that is, at element o + (k dilation) / stride of the array
// of (k dilation) mod stride.
struct RowLayout {
  std::int64_t stride = 1, length = 0;  // of an array
  std::int64_t padded = 0;              // elements of a row with its padding
  std::int64_t row = 0;                 // elements of all arrays of a row
  bool in_place = false;                // the input itself is laid out so
};

RowLayout layout_of(const Pool3& pool) {
  const Window& w = pool.window;
  RowLayout layout;
  layout.stride = w.stride[2];
  const std::int64_t reached = (pool.out[2] - 1) * w.stride[2] + (w.kernel[2] - 1) * w.dilation[2] + 1;
  layout.padded = std::max(reached, w.begin[2] + pool.in[2]);
  layout.length = ceil_div(layout.padded, layout.stride);
  layout.row = layout.length * layout.stride;
  layout.in_place = layout.stride == 1 && w.begin[2] == 0 && reached <= pool.in[2];
  return layout;
}

template <typename T>
void split(const T* padded, const RowLayout& layout, T* arrays) {
  const std::int64_t stride = layout.stride, length = layout.length;
  if (stride == 2) {
    T* const odd = arrays + length;
    for (std::int64_t i = 0; i < length; ++i) {
      arrays[i] = padded[2 * i];
      odd[i] = padded[2 * i + 1];
    }
    return;
  }
  for (std::int64_t phase = 0; phase < stride; ++phase) {
    for (std::int64_t i = 0; i < length; ++i) arrays[phase * length + i] = padded[i * stride + phase];
  }
}

// The greatest element is the greatest of the columns' greatest elements.
template <typename T>
void max_plane(const Pool3& pool, const PoolLoops<T>& loops, const RowLayout& layout, const T* x, T* y, T* padded,
               T* arrays, std::vector<const T*>& sources) {
  const Window& w = pool.window;
  const std::int64_t width = pool.in[2], stride = layout.stride;
  for (std::int64_t a = 0; a < pool.out[0]; ++a) {
    const Reach ra = reach_of(pool, 0, a);
    for (std::int64_t b = 0; b < pool.out[1]; ++b, y += pool.out[2]) {
      const Reach rb = reach_of(pool, 1, b);
      sources.clear();
      for (std::int64_t i = ra.first; i < ra.end; ++i) {
        for (std::int64_t j = rb.first; j < rb.end; ++j) {
          sources.push_back(x + ((ra.base + i * w.dilation[0]) * pool.in[1] + rb.base + j * w.dilation[1]) * width);
        }
      }
      const T* from = padded;
      if (layout.in_place && sources.size() == 1) {
        from = sources[0];
      } else {
        loops.greatest(sources.data(), static_cast<std::int64_t>(sources.size()), padded + w.begin[2], width);
        if (stride > 1) {
          split(padded, layout, arrays);
          from = arrays;
        }
      }
      sources.clear();
      for (std::int64_t k = 0; k < w.kernel[2]; ++k) {
        const std::int64_t at = k * w.dilation[2];
        sources.push_back(from + at % stride * layout.length + at / stride);
      }
      loops.greatest(sources.data(), w.kernel[2], y, pool.out[2]);
    }
  }
}

template <typename T>
void mean_plane(const Pool3& pool, const PoolLoops<T>& loops, const RowLayout& layout, const std::vector<Reach>& columns,
                const T* x, T* y, T* padded, T* arrays, std::vector<const T*>& sources) {
  const Window& w = pool.window;
  const std::int64_t width = pool.in[2], stride = layout.stride, rows = pool.in[0] * pool.in[1];
  const T* laid_out = x;
  std::int64_t row_size = width;
  T* const divisors = padded + layout.row;
  if (!layout.in_place) {  // zeros outside the input change no sum
    for (std::int64_t r = 0; r < rows; ++r) {
      std::copy_n(x + r * width, width, padded + w.begin[2]);
      if (stride > 1) {
        split(padded, layout, arrays + r * layout.row);
      } else {
        std::copy_n(padded, layout.row, arrays + r * layout.row);
      }
    }
    laid_out = arrays;
    row_size = layout.row;
  }
  std::int64_t counted = -1;
  for (std::int64_t a = 0; a < pool.out[0]; ++a) {
    const Reach ra = reach_of(pool, 0, a);
    for (std::int64_t b = 0; b < pool.out[1]; ++b, y += pool.out[2]) {
      const Reach rb = reach_of(pool, 1, b);
      if (counted != ra.counted * rb.counted) {
        counted = ra.counted * rb.counted;
        for (std::int64_t c = 0; c < pool.out[2]; ++c) {
          divisors[c] = static_cast<T>(counted * columns[static_cast<std::size_t>(c)].counted);
        }
      }
      sources.clear();
      for (std::int64_t i = ra.first; i < ra.end; ++i) {
        for (std::int64_t j = rb.first; j < rb.end; ++j) {
          const T* const row =
              laid_out + ((ra.base + i * w.dilation[0]) * pool.in[1] + rb.base + j * w.dilation[1]) * row_size;
          for (std::int64_t k = 0; k < w.kernel[2]; ++k) {
            const std::int64_t at = k * w.dilation[2];
            sources.push_back(row + at % stride * layout.length + at / stride);
          }
        }
      }
      loops.mean(sources.data(), static_cast<std::int64_t>(sources.size()), divisors, 1, y, pool.out[2]);
    }
  }
}

// Few outputs in a plane: several planes at once, since each sum is a chain of additions.
template <typename T>
void mean_planes(const Pool3& pool, const T* x, T* y, std::int64_t planes) {
  constexpr std::int64_t at_once = 8;
  const std::int64_t plane = pool.in_positions;
  std::int64_t out = 0;
  for (std::int64_t a = 0; a < pool.out[0]; ++a) {
    const Reach ra = reach_of(pool, 0, a);
    for (std::int64_t b = 0; b < pool.out[1]; ++b) {
      const Reach rb = reach_of(pool, 1, b);
      for (std::int64_t c = 0; c < pool.out[2]; ++c, ++out) {
        const Reach rc = reach_of(pool, 2, c);
        const T divisor = static_cast<T>(ra.counted * rb.counted * rc.counted);
        for (std::int64_t first = 0; first < planes; first += at_once) {
          const std::int64_t here = std::min(at_once, planes - first);
          T sums[at_once] = {};
          for (std::int64_t i = ra.first; i < ra.end; ++i) {
            for (std::int64_t j = rb.first; j < rb.end; ++j) {
              const T* row = x + first * plane +
                             ((ra.base + i * pool.window.dilation[0]) * pool.in[1] + rb.base + j * pool.window.dilation[1]) *
                                 pool.in[2] +
                             rc.base;
              for (std::int64_t k = rc.first; k < rc.end; ++k) {
                const T* const v = row + k * pool.window.dilation[2];
                if (here == at_once) {
                  for (std::int64_t q = 0; q < at_once; ++q) sums[q] = sums[q] + v[q * plane];
                } else {
                  for (std::int64_t q = 0; q < here; ++q) sums[q] = sums[q] + v[q * plane];
                }
              }
            }
          }
          for (std::int64_t q = 0; q < here; ++q) y[(first + q) * pool.out_positions + out] = canonical_nan(sums[q] / divisor);
        }
      }
    }
  }
}

template <typename T>
Runner runner_for(const Pool3& pool, const Preparation& p) {
  const PoolLoops<T> loops = loops_for<T>(p);
  const std::int64_t planes = pool.images * pool.channels;
  const double taps = static_cast<double>(std::min(pool.window.taps(), pool.in_positions)) + 1;
  const auto units_per_task = [](double elements) {
    return std::max<std::int64_t>(static_cast<std::int64_t>(2.0 * least_elements / elements), 1);
  };
  const std::int64_t planes_per_task = units_per_task(static_cast<double>(pool.out_positions) * taps);
  if (pool.channels_last) {
    const std::int64_t outputs = pool.images * pool.out_positions;
    const std::int64_t per_task = units_per_task(static_cast<double>(pool.channels) * taps);
    return [=](Context& context) {
      context.parallel(ceil_div(outputs, per_task), [&](std::int64_t task, int) {
        std::vector<const T*> sources;
        const std::int64_t end = std::min(outputs, (task + 1) * per_task);
        for (std::int64_t o = task * per_task; o < end; ++o) {
          const T* const image = context.data<const T>(pool.x) + o / pool.out_positions * pool.in_positions * pool.channels;
          pool_position(pool, loops, image, o % pool.out_positions, context.data<T>(pool.y) + o * pool.channels, sources);
        }
      });
    };
  }
  const RowLayout layout = layout_of(pool);
  // Scratch stays small beside the tensors, or else the geometry is odd enough to go slowly.
  const bool small = pool.in_positions > 0 && pool.window.begin[2] >= 0 && layout.row <= 4 * pool.in[2] + 1024 &&
                     layout.row <= (std::int64_t{1} << 22) / (pool.in[0] * pool.in[1]) &&
                     pool.window.kernel[2] <= layout.row;
  const bool slow = pool.indices != absent || !small;
  const bool few = !slow && !pool.max && pool.out[2] < 8;
  std::vector<Reach> columns;
  for (std::int64_t c = 0; c < pool.out[2]; ++c) columns.push_back(reach_of(pool, 2, c));
  const std::int64_t array_rows = pool.max ? 1 : pool.in[0] * pool.in[1];
  const std::int64_t scratch = slow || few ? 0 : layout.row + pool.out[2] + array_rows * layout.row;
  return [=](Context& context) {
    context.parallel(ceil_div(planes, planes_per_task), [&](std::int64_t task, int worker) {
      std::vector<const T*> sources;
      const std::int64_t first = task * planes_per_task, end = std::min(planes, first + planes_per_task);
      const T* const x = context.data<const T>(pool.x);
      T* const y = context.data<T>(pool.y);
      if constexpr (std::is_floating_point_v<T>) {
        if (few) return mean_planes(pool, x + first * pool.in_positions, y + first * pool.out_positions, end - first);
      }
      T* const padded = context.scratch<T>(worker, static_cast<std::size_t>(scratch));
      T* const arrays = padded + layout.row + pool.out[2];
      if (!slow) std::fill_n(padded, layout.row, pool.max ? lowest<T>() : T{0});
      for (std::int64_t plane = first; plane < end; ++plane) {
        const T* const from = x + plane * pool.in_positions;
        T* const to = y + plane * pool.out_positions;
        if (slow) {
          std::int64_t* const indices =
              pool.indices == absent ? nullptr : context.data<std::int64_t>(pool.indices) + plane * pool.out_positions;
          pool_slowly(pool, from, to, indices, plane, 1, 1);
        } else if (pool.max) {
          max_plane(pool, loops, layout, from, to, padded, arrays, sources);
        } else if constexpr (std::is_floating_point_v<T>) {
          mean_plane(pool, loops, layout, columns, from, to, padded, arrays, sources);
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
  return pool;
}

}  // namespace

Runner prepare_pool(const Step& step, Preparation& p) {
  const Pool3 pool = read_pool(step, p);
  const Buffer& x = p.in(step, 0);
  if (p.out(step, 0).elements == 0) return [](Context&) {};
  if (!pool.max) {
    if (x.dtype == Dtype::float64) return runner_for<double>(pool, p);
    p.dtype(x, Dtype::float32);
    return runner_for<float>(pool, p);
  }
  return for_numbers(x, [&](auto zero) -> Runner { return runner_for<decltype(zero)>(pool, p); });
}

}  // namespace aivm

#include "windows.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace aivm {
namespace {

constexpr std::int64_t largest = std::int64_t{1} << 31;  // of a window's parameter: sums of products stay in 64 bits

// Sorts output coordinates, which come in ascending order, into classes and runs.
class AxisBuilder {
 public:
  void add(std::int64_t out, std::int64_t base, const std::vector<Tap>& taps) {
    std::vector<std::pair<std::int64_t, std::int64_t>> key;
    key.reserve(taps.size());
    for (const Tap& tap : taps) key.emplace_back(tap.index, tap.position);
    const auto [found, fresh] = classes_.try_emplace(std::move(key), axis_.taps.size());
    if (fresh) {
      axis_.taps.push_back(taps);
      open_.push_back(none);
    }
    std::size_t& open = open_[found->second];
    if (open != none) {
      Run& run = axis_.runs[open];
      const std::int64_t out_step = out - (run.out + (run.count - 1) * run.out_step);
      const std::int64_t base_step = base - (run.base + (run.count - 1) * run.base_step);
      if (run.count == 1) {
        run.out_step = out_step;
        run.base_step = base_step;
      }
      if (run.out_step == out_step && run.base_step == base_step) {
        ++run.count;
        return;
      }
    }
    open = axis_.runs.size();
    axis_.runs.push_back({out, 0, base, 0, 1, found->second});
  }
  Axis take() { return std::move(axis_); }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  Axis axis_;
  std::map<std::vector<std::pair<std::int64_t, std::int64_t>>, std::size_t> classes_;
  std::vector<std::size_t> open_;  // the run of each class that may still grow
};

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

}  // namespace

Window read_window(const Step& step, std::size_t& position, const Preparation& p) {
  Window window;
  p.require(position < step.ints.size(), "the window is missing");
  const std::int64_t n = step.ints[position];
  p.require(n >= 0 && n <= static_cast<std::int64_t>(window_axes), "a window has at most three axes");
  window.n = static_cast<std::size_t>(n);
  p.require(step.ints.size() - position - 1 >= 5 * window.n, "the window is incomplete");
  const std::size_t first = window_axes - window.n;
  std::size_t at = position + 1;
  for (auto* values : {&window.kernel, &window.stride, &window.dilation, &window.begin, &window.end}) {
    for (std::size_t d = 0; d < window.n; ++d) (*values)[first + d] = step.ints[at++];
  }
  position = at;
  for (std::size_t d = 0; d < window_axes; ++d) {
    for (const std::int64_t value : {window.kernel[d], window.stride[d], window.dilation[d]}) {
      p.require(value >= 1 && value < largest, "a kernel extent, stride or dilation has to be positive");
    }
    for (const std::int64_t value : {window.begin[d], window.end[d]}) {
      p.require(value > -largest && value < largest, "a pad is out of range");
    }
  }
  static_cast<void>(checked_product(checked_product(window.kernel[0], window.kernel[1]), window.kernel[2]));
  return window;
}

std::array<std::int64_t, window_axes> spatial_extents(const Buffer& buffer, const Window& window, bool channels_last) {
  std::array<std::int64_t, window_axes> extents{1, 1, 1};
  for (std::size_t d = 0; d < window.n; ++d) {
    extents[window_axes - window.n + d] = buffer.shape[(channels_last ? 1 : 2) + d];
    Preparation::require(extents[window_axes - window.n + d] < largest, "'" + buffer.name + "' is too large for a window");
  }
  return extents;
}

Axis window_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                 std::int64_t begin) {
  AxisBuilder builder;
  std::vector<Tap> taps;
  for (std::int64_t o = 0; o < out; ++o) {
    const std::int64_t base = o * stride - begin;
    taps.clear();
    for (std::int64_t k = 0; k < kernel; ++k) {
      if (base + k * dilation >= 0 && base + k * dilation < in) taps.push_back({k, k * dilation});
    }
    builder.add(o, base, taps);
  }
  return builder.take();
}

Axis transposed_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                     std::int64_t begin) {
  AxisBuilder builder;
  std::vector<Tap> taps;
  for (std::int64_t o = 0; o < out; ++o) {
    const std::int64_t base = floor_div(o + begin, stride);
    taps.clear();
    for (std::int64_t k = 0; k < kernel; ++k) {
      const std::int64_t there = o + begin - k * dilation;
      if (there >= 0 && there % stride == 0 && there / stride < in) taps.push_back({k, there / stride - base});
    }
    builder.add(o, base, taps);
  }
  return builder.take();
}

Lines make_lines(const std::array<Axis, window_axes>& axes, const Window& window,
                 const std::array<std::int64_t, window_axes>& in, const std::array<std::int64_t, window_axes>& out,
                 std::int64_t wanted) {
  const std::int64_t in_stride[] = {in[1] * in[2], in[2], 1}, out_stride[] = {out[1] * out[2], out[2], 1};
  Lines result;
  std::map<std::array<std::size_t, window_axes>, std::size_t> patterns;
  for (const Run& z : axes[0].runs) {
    for (const Run& y : axes[1].runs) {
      for (const Run& x : axes[2].runs) {
        const auto [found, fresh] = patterns.try_emplace({z.taps, y.taps, x.taps}, result.patterns.size());
        if (fresh) {
          std::vector<TapOffset> taps;
          for (const Tap& a : axes[0].taps[z.taps]) {
            for (const Tap& b : axes[1].taps[y.taps]) {
              for (const Tap& c : axes[2].taps[x.taps]) {
                taps.push_back({(a.index * window.kernel[1] + b.index) * window.kernel[2] + c.index,
                                a.position * in_stride[0] + b.position * in_stride[1] + c.position});
              }
            }
          }
          result.patterns.push_back(std::move(taps));
        }
        // A series per axis: first, step and count in input and output. Two that continue each other become one.
        struct Series {
          std::int64_t in_step, out_step, count;
        };
        Series series[window_axes] = {{z.base_step * in_stride[0], z.out_step * out_stride[0], z.count},
                                      {y.base_step * in_stride[1], y.out_step * out_stride[1], y.count},
                                      {x.base_step, x.out_step, x.count}};
        for (std::size_t d = window_axes - 1; d > 0; --d) {
          Series& inner = series[d];
          Series& outer = series[d - 1];
          if (inner.count == 1) continue;
          if (outer.count == 1) {
            std::swap(inner, outer);
          } else if (outer.in_step == inner.count * inner.in_step && outer.out_step == inner.count * inner.out_step) {
            outer = {inner.in_step, inner.out_step, inner.count * outer.count};
            inner = {0, 0, 1};
          }
        }
        std::size_t along = window_axes - 1;
        for (std::size_t d = window_axes; d-- > 0;) {
          if (series[along].count >= wanted) break;
          if (series[d].count > series[along].count) along = d;
        }
        const std::size_t others[2] = {along == 0 ? std::size_t{1} : std::size_t{0},
                                       along == 2 ? std::size_t{1} : std::size_t{2}};
        const std::int64_t in_first = z.base * in_stride[0] + y.base * in_stride[1] + x.base;
        const std::int64_t out_first = z.out * out_stride[0] + y.out * out_stride[1] + x.out;
        for (std::int64_t i = 0; i < series[others[0]].count; ++i) {
          for (std::int64_t j = 0; j < series[others[1]].count; ++j) {
            result.lines.push_back({in_first + i * series[others[0]].in_step + j * series[others[1]].in_step,
                                    series[along].in_step,
                                    out_first + i * series[others[0]].out_step + j * series[others[1]].out_step,
                                    series[along].out_step, series[along].count, found->second});
          }
        }
      }
    }
  }
  std::stable_sort(result.lines.begin(), result.lines.end(), [](const Line& a, const Line& b) { return a.out < b.out; });
  return result;
}

}  // namespace aivm

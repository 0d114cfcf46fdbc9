// Which elements of an input a convolution or a pool looks at for each element of its output, as lists that are made
// once, when the plan is made.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "plan.hpp"

namespace aivm {

constexpr std::size_t window_axes = 3;  // fewer are filled up in front, with an extent of one

// The integers of a window in docs/primitives.md: n, kernel[n], strides[n], dilations[n], pads_begin[n], pads_end[n].
struct Window {
  std::size_t n = 0;
  std::array<std::int64_t, window_axes> kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1}, begin{0, 0, 0}, end{0, 0, 0};
  std::int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
};

// Reads it from step.ints at `position`, which then is behind it. Throws Error.
Window read_window(const Step& step, std::size_t& position, const Preparation& p);

// The three extents that follow the first two of a shape [N, C, …], or precede the last of [N, …, C].
std::array<std::int64_t, window_axes> spatial_extents(const Buffer& buffer, const Window& window, bool channels_last);

// One axis of a window: output coordinates that look at the same taps form a class, and regular series of them a run.
struct Tap {
  std::int64_t index;     // of the kernel
  std::int64_t position;  // in the input, relative to the run's base
};
struct Run {
  std::int64_t out, out_step;    // first output coordinate, and from one to the next
  std::int64_t base, base_step;  // the same in the input
  std::int64_t count;
  std::size_t taps;  // which of Axis::taps
};
struct Axis {
  std::vector<std::vector<Tap>> taps;  // ascending kernel index; those outside the input are left out
  std::vector<Run> runs;
};

// Output o looks at input o * stride - begin + k * dilation.
Axis window_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                 std::int64_t begin);
// The transpose of that: output o looks at those inputs i for which i * stride - begin + k * dilation is o.
Axis transposed_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t dilation,
                     std::int64_t begin);

// Outputs on a line, all with the same taps: positions in elements of one channel, counted in C order.
struct Line {
  std::int64_t in, in_step;
  std::int64_t out, out_step;
  std::int64_t count;
  std::size_t pattern;
};
struct TapOffset {
  std::int64_t tap;       // kernel position, counted in C order
  std::int64_t position;  // in the input, relative to the line's
};
struct Lines {
  std::vector<Line> lines;
  std::vector<std::vector<TapOffset>> patterns;  // ascending tap
};
// All outputs of one channel of one image. Lines follow that axis along which they are at least `wanted` long, if any.
Lines make_lines(const std::array<Axis, window_axes>& axes, const Window& window,
                 const std::array<std::int64_t, window_axes>& in, const std::array<std::int64_t, window_axes>& out,
                 std::int64_t wanted);

}  // namespace aivm

// The primitives `conv` and `conv_transpose`: for every output the sum over the kernel's positions in C order, and for each
// of them over the input channels of the group; positions outside the input are left out. Then bias, residual, activation.
//   in: x [N, C, …], w ([M, C / group, …], transposed [C, M / group, …]), optional bias [M], optional residual as y
//   out: y [N, M, …]
//   ints: [group, window, then optional: Activation, x has its channels last, y has them last]
//   reals: [low, high] if the activation is clip
//
// The kernels work with channels last; a tensor that has them first is copied there and back.
#include <algorithm>

#include "primitives.hpp"
#include "windows.hpp"

namespace aivm {
namespace {

struct Extents {
  std::int64_t images, in_channels, out_channels, groups;
  std::int64_t group_in, group_out;  // channels of a group
  std::int64_t in, out;              // positions of an image
  std::int64_t taps, terms;          // terms = taps * group_in
};

// Everything about a step that does not change from run to run.
struct Convolution {
  Extents e{};
  Window window;
  bool transposed = false, x_last = false, y_last = false, channelwise = false, plain = false;
  Ref x = absent, w = absent, bias = absent, residual = absent, y = absent;
  Epilogue epilogue;
  GemmKernels kernels;
  Tiling tiling;
  Lines lines;
  std::vector<TermTile> tiles;
  std::vector<Segment> segments;
  std::vector<TermList> lists;
  std::int64_t blocks = 1, tallest = 0;
  std::int64_t packed_group = 0;  // floats of one group's weights
  std::vector<float> packed;      // if the weights are constant

  void cut_tiles();
  void list_terms();
  void pack(const float* weights, float* target) const;
  void run(Context& context) const;
  void run_tasks(Context& context, const float* x_data, const float* weights, const float* residual_data,
                 float* y_data) const;
};

// Tiles of nearly equal height along each line.
void Convolution::cut_tiles() {
  const std::int64_t most = channelwise ? kernels.channel_rows : kernels.rows;
  for (const Line& line : lines.lines) {
    const std::int64_t count = ceil_div(line.count, most);
    std::int64_t position = 0;
    for (std::int64_t t = 0; t < count; ++t) {
      const std::int64_t rows = line.count / count + (t < line.count % count ? 1 : 0);
      tiles.push_back({(line.in + position * line.in_step) * e.in_channels,
                       (line.out + position * line.out_step) * e.out_channels, line.in_step * e.in_channels,
                       line.out_step * e.out_channels, static_cast<std::int32_t>(rows),
                       static_cast<std::int32_t>(line.pattern)});
      tallest = std::max(tallest, rows);
      position += rows;
    }
  }
}

std::ptrdiff_t triples_step(const Segment* segments, std::size_t count) {
  if (count == 0 || count % 3 != 0) return 0;
  const std::ptrdiff_t step = segments[1].a - segments[0].a;
  for (std::size_t i = 0; i < count; i += 3) {
    for (std::size_t j = i + 1; j < i + 3; ++j) {
      if (segments[j].a - segments[j - 1].a != step || segments[j].b != segments[j - 1].b + 1) return 0;
    }
  }
  return step;
}

// The terms of each pattern as segments, in blocks of k such that a block of weights stays in the first cache.
void Convolution::list_terms() {
  constexpr std::int64_t default_block = 256;
  std::int64_t block = tiling.k > 0 ? tiling.k : default_block;
  if (channelwise || (tiling.k == 0 && tiles.size() <= 2)) block = std::max<std::int64_t>(e.terms, 1);
  blocks = std::max<std::int64_t>(ceil_div(e.terms, block), 1);
  block = ceil_div(e.terms, blocks);
  struct Extent {
    std::size_t begin, end;
    bool first, last;
  };
  std::vector<Extent> extents;
  const std::int64_t b_term = channelwise ? 1 : kernels.columns;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t from = b * block, to = std::min(from + block, e.terms);
    for (const std::vector<TapOffset>& taps : lines.patterns) {
      const std::size_t begin = segments.size();
      bool first = taps.empty() && b == 0, last = first;
      for (std::size_t t = 0; t < taps.size(); ++t) {
        const std::int64_t term = taps[t].tap * e.group_in;
        const std::int64_t start = std::max(from, term), end = std::min(to, term + e.group_in);
        if (start >= end) continue;
        first |= t == 0 && start == term;
        last |= t + 1 == taps.size() && end == term + e.group_in;
        const Segment next{taps[t].position * e.in_channels + (start - term), start * b_term, end - start};
        if (!channelwise && segments.size() > begin && segments.back().a + segments.back().k == next.a &&
            segments.back().b + segments.back().k * b_term == next.b) {
          segments.back().k += next.k;
        } else {
          segments.push_back(next);
        }
      }
      extents.push_back({begin, segments.size(), first, last});
    }
  }
  for (const Extent& x : extents) {
    lists.push_back({segments.data() + x.begin, static_cast<std::int32_t>(x.end - x.begin), x.first, x.last,
                     channelwise ? triples_step(segments.data() + x.begin, x.end - x.begin) : 0});
  }
}

// Weights as the kernels read them: channelwise [tap, channel], else per group a packed matrix [terms, group_out].
void Convolution::pack(const float* weights, float* target) const {
  if (channelwise) {
    kernels.transpose(weights, e.taps, target, e.out_channels, e.out_channels, e.taps);
    return;
  }
  std::vector<float> matrix(static_cast<std::size_t>(e.terms * e.group_out));
  for (std::int64_t g = 0; g < e.groups; ++g) {
    for (std::int64_t m = 0; m < e.group_out; ++m) {
      for (std::int64_t c = 0; c < e.group_in; ++c) {
        const std::int64_t row = transposed ? (g * e.group_in + c) * e.group_out + m : (g * e.group_out + m) * e.group_in + c;
        for (std::int64_t t = 0; t < e.taps; ++t) {
          matrix[static_cast<std::size_t>((t * e.group_in + c) * e.group_out + m)] = weights[row * e.taps + t];
        }
      }
    }
    kernels.pack_b(matrix.data(), e.group_out, 1, e.terms, e.group_out, target + g * packed_group);
  }
}

// [channels, positions] of each image to [positions, channels], or back.
void move_channels(Context& context, const GemmKernels& kernels, const float* from, float* to, std::int64_t images,
                   std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t chunk = 256;
  const std::int64_t by_rows = ceil_div(rows, chunk), by_columns = ceil_div(columns, chunk);
  context.parallel(images * by_rows * by_columns, [&](std::int64_t task, int) {
    const std::int64_t image = task / (by_rows * by_columns) * rows * columns;
    const std::int64_t row = task / by_columns % by_rows * chunk, column = task % by_columns * chunk;
    kernels.transpose(from + image + row * columns + column, columns, to + image + column * rows + row, rows,
                      std::min(chunk, rows - row), std::min(chunk, columns - column));
  });
}

void Convolution::run(Context& context) const {
  if (e.images == 0 || e.out == 0 || e.out_channels == 0) return;
  const float* weights = packed.data();
  if (packed.empty()) {
    auto* const target = context.shared<float>(0, static_cast<std::size_t>(packed_group * e.groups));
    pack(context.data<const float>(w), target);
    weights = target;
  }
  const float* x_data = context.data<const float>(x);
  if (!x_last && e.in_channels > 1 && e.in > 1) {
    auto* const copy = context.shared<float>(1, static_cast<std::size_t>(e.images * e.in_channels * e.in));
    move_channels(context, kernels, x_data, copy, e.images, e.in_channels, e.in);
    x_data = copy;
  }
  const bool move_y = !y_last && e.out_channels > 1 && e.out > 1;
  const std::size_t y_size = static_cast<std::size_t>(e.images * e.out_channels * e.out);
  float* const y_data = move_y ? context.shared<float>(2, y_size) : context.data<float>(y);
  const float* residual_data = residual == absent ? nullptr : context.data<const float>(residual);
  if (residual_data != nullptr && move_y) {
    auto* const copy = context.shared<float>(3, y_size);
    move_channels(context, kernels, residual_data, copy, e.images, e.out_channels, e.out);
    residual_data = copy;
  }
  run_tasks(context, x_data, weights, residual_data, y_data);
  if (move_y) move_channels(context, kernels, y_data, context.data<float>(y), e.images, e.out, e.out_channels);
}

// A task is some images, or some tiles of one image, by some columns of one group. Only time depends on the choice.
struct Grid {
  std::int64_t images, tiles, columns;
};

Grid make_grid(const Convolution& c, int threads) {
  const Extents& e = c.e;
  const auto tiles = static_cast<std::int64_t>(c.tiles.size());
  const std::int64_t unit = c.channelwise ? 64 : c.kernels.columns;
  Grid grid{e.images, tiles, ceil_div(e.group_out, unit) * unit};
  if (c.channelwise) grid.columns = e.out_channels;
  // The part of the input that a task reads once for each panel has to stay in the second cache.
  constexpr std::int64_t cached = 256 * 1024 / 4;
  const std::int64_t image = std::max<std::int64_t>(e.in_channels * e.in, 1);
  if (image <= cached) {
    grid.images = std::clamp<std::int64_t>(cached / image, 1, e.images);
  } else {
    grid.images = 1;
    grid.tiles = ceil_div(tiles, ceil_div(image, cached));
  }
  if (threads > 1) {
    constexpr double least = 2e6;
    const double work = 2.0 * static_cast<double>(e.images * e.out) * static_cast<double>(e.out_channels) *
                        static_cast<double>(std::max<std::int64_t>(e.terms, 1));
    const auto wanted = static_cast<std::int64_t>(std::min(work / least, 8.0 * threads));
    const auto count = [&] {
      const std::int64_t columns = c.channelwise ? e.out_channels : e.group_out;
      return ceil_div(e.images, grid.images) * ceil_div(tiles, grid.tiles) * ceil_div(columns, grid.columns) *
             (c.channelwise ? 1 : e.groups);
    };
    const bool weights_first = e.terms * e.group_out > image && grid.columns > unit && !c.channelwise;
    if (weights_first && count() < wanted) {
      grid.columns = ceil_div(ceil_div(grid.columns, ceil_div(wanted, count())), unit) * unit;
    }
    if (count() < wanted) grid.images = ceil_div(grid.images, ceil_div(wanted, count()));
    if (count() < wanted) grid.tiles = ceil_div(grid.tiles, ceil_div(wanted, count()));
  }
  if (c.tiling.rows > 0) {
    grid.images = 1;
    grid.tiles = ceil_div(c.tiling.rows, c.channelwise ? c.kernels.channel_rows : c.kernels.rows);
  }
  if (c.tiling.columns > 0) grid.columns = ceil_div(c.tiling.columns, unit) * unit;
  return grid;
}

void Convolution::run_tasks(Context& context, const float* x_data, const float* weights, const float* residual_data,
                            float* y_data) const {
  const Grid grid = make_grid(*this, context.threads());
  const std::int64_t columns = channelwise ? e.out_channels : e.group_out;
  const std::int64_t groups = channelwise ? 1 : e.groups;
  const auto tile_count = static_cast<std::int64_t>(tiles.size());
  const std::int64_t by_images = ceil_div(e.images, grid.images), by_tiles = ceil_div(tile_count, grid.tiles);
  const std::int64_t by_columns = ceil_div(columns, grid.columns);
  const float* const bias_data = bias == absent ? nullptr : context.data<const float>(bias);
  context.parallel(by_images * groups * by_columns * by_tiles, [&](std::int64_t task, int worker) {
    const std::int64_t tile = task % by_tiles * grid.tiles;
    const std::int64_t column = task / by_tiles % by_columns * grid.columns;
    const std::int64_t group = task / (by_tiles * by_columns) % groups;
    const std::int64_t image = task / (by_tiles * by_columns * groups) * grid.images;
    const std::int64_t images = std::min(grid.images, e.images - image);
    const std::int64_t a_image = e.in * e.in_channels, c_image = e.out * e.out_channels;
    const std::int64_t channel = group * e.group_out + column;
    const float* const a = x_data + image * a_image + (channelwise ? column : group * e.group_in);
    const std::int64_t at = image * c_image + channel;
    Epilogue finish = epilogue;
    if (bias_data != nullptr) finish.bias = bias_data + channel;
    if (residual_data != nullptr) finish.residual = residual_data + at;
    if (channelwise) {
      ChannelBlock block{};
      block.tiles = tiles.data() + tile;
      block.tile_count = std::min(grid.tiles, tile_count - tile);
      block.lists = lists.data();
      block.b = weights + column;
      block.b_tap = e.out_channels;
      block.columns = std::min(grid.columns, columns - column);
      block.epilogue = finish;
      for (std::int64_t i = 0; i < images; ++i) {
        block.a = a + i * a_image;
        block.c = y_data + at + i * c_image;
        if (residual_data != nullptr) block.epilogue.residual = finish.residual + i * c_image;
        kernels.channels(block);
      }
      return;
    }
    const float* const b = weights + group * packed_group + column * e.terms;
    if (plain) {  // one term list for all outputs: a matrix product
      const TermTile& first = tiles[static_cast<std::size_t>(tile)];
      GemmBlock block{};
      for (std::int64_t t = tile; t < std::min(tile + grid.tiles, tile_count); ++t) {
        block.rows += tiles[static_cast<std::size_t>(t)].rows;
      }
      block.columns = std::min(grid.columns, columns - column);
      block.k = e.terms;
      block.a_row = first.a_row;
      block.a_k = 1;
      block.b = b;
      block.packed = true;
      block.c_row = first.c_row;
      block.k_block = tiling.k;
      block.epilogue = finish;
      for (std::int64_t i = 0; i < images; ++i) {
        block.a = a + i * a_image + first.a + segments[0].a;
        block.c = y_data + at + i * c_image + first.c;
        if (residual_data != nullptr) block.epilogue.residual = finish.residual + i * c_image + first.c;
        kernels.block(block, context.scratch<float>(worker, static_cast<std::size_t>(kernels.block_scratch(block))));
      }
      return;
    }
    TermBlock block{};
    block.tiles = tiles.data() + tile;
    block.tile_count = std::min(grid.tiles, tile_count - tile);
    block.lists = lists.data();
    block.patterns = static_cast<std::int64_t>(lines.patterns.size());
    block.blocks = blocks;
    block.tallest = tallest;
    block.images = images;
    block.a_image = a_image;
    block.c_image = c_image;
    block.a = a;
    block.b = b;
    block.c = y_data + at;
    block.columns = std::min(grid.columns, columns - column);
    block.k = e.terms;
    block.epilogue = finish;
    kernels.terms(block);
  });
}

Runner prepare(const Step& step, Preparation& p, bool transposed) {
  p.counts(step, 2, 4, 1, 2);
  auto shared = std::make_shared<Convolution>();
  Convolution& c = *shared;
  Extents& e = c.e;
  const Buffer& x = p.in(step, 0);
  const Buffer& w = p.in(step, 1);
  const Buffer& y = p.out(step, 0);
  std::size_t position = 1;
  c.window = read_window(step, position, p);
  const auto option = [&](std::size_t i) { return position + i < step.ints.size() ? step.ints[position + i] : 0; };
  p.require(option(0) >= 0 && option(0) <= static_cast<std::int64_t>(Activation::clip), "there is no such activation");
  c.epilogue.activation = static_cast<Activation>(option(0));
  if (c.epilogue.activation == Activation::clip) {
    p.require(step.reals.size() >= 2, "clip needs its two bounds");
    c.epilogue.low = static_cast<float>(step.reals[0]);
    c.epilogue.high = static_cast<float>(step.reals[1]);
  }
  c.transposed = transposed;
  c.x_last = option(1) != 0;
  c.y_last = option(2) != 0;
  for (const Buffer* buffer : {&x, &w, &y}) {
    p.dtype(*buffer, Dtype::float32);
    p.rank(*buffer, c.window.n + 2);
  }
  const std::size_t last = c.window.n + 1;
  e.images = x.shape[0];
  e.in_channels = x.shape[c.x_last ? last : 1];
  e.out_channels = y.shape[c.y_last ? last : 1];
  e.groups = step.ints[0];
  p.require(e.groups >= 1 && e.in_channels % e.groups == 0 && e.out_channels % e.groups == 0,
            "the channels of '" + x.name + "' and '" + y.name + "' do not divide into " + std::to_string(e.groups) + " groups");
  e.group_in = e.in_channels / e.groups;
  e.group_out = e.out_channels / e.groups;
  p.require(y.shape[0] == e.images, "'" + y.name + "' has not as many images as '" + x.name + "'");
  std::vector<std::int64_t> w_shape = transposed ? std::vector<std::int64_t>{e.in_channels, e.group_out}
                                                 : std::vector<std::int64_t>{e.out_channels, e.group_in};
  for (std::size_t d = window_axes - c.window.n; d < window_axes; ++d) w_shape.push_back(c.window.kernel[d]);
  p.shape(w, w_shape);

  const auto in = spatial_extents(x, c.window, c.x_last), out = spatial_extents(y, c.window, c.y_last);
  std::array<Axis, window_axes> axes;
  for (std::size_t d = 0; d < window_axes; ++d) {
    const Window& v = c.window;
    if (transposed) {
      axes[d] = transposed_axis(in[d], out[d], v.kernel[d], v.stride[d], v.dilation[d], v.begin[d]);
      continue;
    }
    const std::int64_t span = in[d] + v.begin[d] + v.end[d] - v.dilation[d] * (v.kernel[d] - 1) - 1;
    p.require(out[d] == (span < 0 ? 0 : span / v.stride[d] + 1),
              "'" + y.name + "' has extents that do not follow from the window");
    axes[d] = window_axis(in[d], out[d], v.kernel[d], v.stride[d], v.dilation[d], v.begin[d]);
  }
  e.in = in[0] * in[1] * in[2];
  e.out = out[0] * out[1] * out[2];
  e.taps = c.window.taps();
  e.terms = checked_product(e.taps, e.group_in);

  c.x = step.in[0];
  c.w = step.in[1];
  c.y = step.out[0];
  if (p.has(step, 2)) {
    p.dtype(p.in(step, 2), Dtype::float32);
    p.shape(p.in(step, 2), {e.out_channels});
    c.bias = step.in[2];
  }
  if (p.has(step, 3)) {
    p.dtype(p.in(step, 3), Dtype::float32);
    p.shape(p.in(step, 3), y.shape);
    c.residual = step.in[3];
  }
  if (e.images == 0 || e.out == 0 || e.out_channels == 0) return [](Context&) {};

  c.kernels = p.kernels.gemm;
  c.tiling = p.tiling;
  c.channelwise = e.group_in == 1 && e.group_out == 1;
  c.lines = make_lines(axes, c.window, in, out, c.channelwise ? c.kernels.channel_rows : c.kernels.rows);
  c.cut_tiles();
  c.list_terms();
  c.plain = !c.channelwise && e.taps == 1 && c.lines.lines.size() == 1 && c.lines.patterns[0].size() == 1 && e.group_in > 0;
  c.packed_group = c.channelwise ? e.taps * e.out_channels / e.groups : c.kernels.packed_size(e.terms, e.group_out);
  if (const auto* const constant = p.constant<float>(step.in[1]); constant != nullptr && w.elements > 0) {
    c.packed.resize(static_cast<std::size_t>(c.packed_group * e.groups));
    c.pack(constant, c.packed.data());
    p.release(step.in[1]);
  }
  return [shared](Context& context) { shared->run(context); };
}

}  // namespace

Runner prepare_conv(const Step& step, Preparation& preparation) { return prepare(step, preparation, false); }
Runner prepare_conv_transpose(const Step& step, Preparation& preparation) { return prepare(step, preparation, true); }

}  // namespace aivm

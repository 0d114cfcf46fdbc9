// Whether a plan makes sense, before any step of it is looked at by its primitive.
#include <algorithm>

#include "plan.hpp"

namespace aivm {
namespace {

struct Life {
  std::ptrdiff_t written = -1;  // step
  std::ptrdiff_t last_read = -1;
};

[[noreturn]] void refuse(const Step& step, const std::string& what) {
  throw Error("step '" + step.name + "' (" + step.op + "): " + what);
}

std::int64_t measure(Buffer& buffer, std::int64_t memory_limit) {
  if (buffer.shape.size() > 64) throw Error("tensor '" + buffer.name + "' has more than 64 dimensions");
  std::int64_t elements = 1;
  for (const std::int64_t extent : buffer.shape) {
    if (extent < 0) throw Error("tensor '" + buffer.name + "' has a negative extent");
    // An overflow counts even where a later extent is zero.
    if (__builtin_mul_overflow(elements, std::max<std::int64_t>(extent, 1), &elements)) {
      throw Error("tensor '" + buffer.name + "' has more elements than 64 bits can count");
    }
  }
  for (const std::int64_t extent : buffer.shape) {
    if (extent == 0) elements = 0;
  }
  buffer.elements = elements;
  if (__builtin_mul_overflow(elements, item_size(buffer.dtype), &buffer.bytes)) {
    throw Error("tensor '" + buffer.name + "' has more bytes than 64 bits can count");
  }
  if (buffer.kind != Kind::arena) return 0;
  std::int64_t end;
  if (buffer.offset < 0 || buffer.offset % alignment != 0 || __builtin_add_overflow(buffer.offset, buffer.bytes, &end)) {
    throw Error("tensor '" + buffer.name + "' has an offset that is not a place in the arena");
  }
  if (end > memory_limit) {
    throw Error("tensor '" + buffer.name + "' ends at byte " + std::to_string(end) + " of the arena, and " +
                    std::to_string(memory_limit) + " is the limit",
                "Allow the model more memory, or give it smaller inputs.");
  }
  return end;
}

bool overlap(const Buffer& a, const Buffer& b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

}  // namespace

std::int64_t check_plan(std::vector<Buffer>& buffers, const std::vector<Step>& steps, std::int64_t memory_limit) {
  std::int64_t arena = 0;
  for (Buffer& buffer : buffers) arena = std::max(arena, measure(buffer, memory_limit));
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i].kind != Kind::view) continue;
    const std::int64_t whole = buffers[i].offset;
    if (whole < 0 || static_cast<std::size_t>(whole) >= i || buffers[static_cast<std::size_t>(whole)].kind == Kind::view) {
      throw Error("view '" + buffers[i].name + "' sees no earlier buffer");
    }
    if (buffers[static_cast<std::size_t>(whole)].bytes != buffers[i].bytes) {
      throw Error("view '" + buffers[i].name + "' has another size than what it sees");
    }
  }

  std::vector<Life> lives(buffers.size());
  const auto at = [&](const Step& step, Ref ref) {
    if (ref < 0 || static_cast<std::size_t>(ref) >= buffers.size()) {
      refuse(step, "there is no buffer " + std::to_string(ref));
    }
    return static_cast<std::size_t>(ref);
  };
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const Step& step = steps[s];
    for (const Ref ref : step.in) {
      if (ref == absent) continue;
      const std::size_t i = seen(buffers, at(step, ref));
      const bool given = buffers[i].kind == Kind::input || buffers[i].kind == Kind::constant;
      if (!given && lives[i].written < 0) refuse(step, "reads '" + buffers[i].name + "', which nothing has written");
      lives[i].last_read = static_cast<std::ptrdiff_t>(s);
    }
    for (const Ref ref : step.out) {
      if (ref == absent) continue;
      const std::size_t i = at(step, ref);
      if (buffers[i].kind != Kind::arena && buffers[i].kind != Kind::output) {
        refuse(step, "writes '" + buffers[i].name + "', which is not its to write");
      }
      if (lives[i].written >= 0) refuse(step, "writes '" + buffers[i].name + "', which is written already");
      lives[i].written = static_cast<std::ptrdiff_t>(s);
    }
  }
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i].kind == Kind::output && lives[i].written < 0) {
      throw Error("output '" + buffers[i].name + "' is written by no step");
    }
  }

  // What is alive must not share memory with what is written.
  std::vector<std::size_t> alive;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const Step& step = steps[s];
    const auto now = static_cast<std::ptrdiff_t>(s);
    alive.erase(std::remove_if(alive.begin(), alive.end(), [&](std::size_t i) { return lives[i].last_read < now; }),
                alive.end());
    const Primitive* const primitive = find_primitive(step.op);
    const bool in_place = primitive != nullptr && primitive->in_place;
    for (const Ref ref : step.out) {
      if (ref == absent || buffers[static_cast<std::size_t>(ref)].kind != Kind::arena) continue;
      const Buffer& out = buffers[static_cast<std::size_t>(ref)];
      for (const std::size_t i : alive) {
        const Buffer& other = buffers[i];
        if (!overlap(out, other)) continue;
        const bool dies_here = lives[i].last_read == now && lives[i].written < now;
        if (in_place && dies_here && other.offset == out.offset && other.bytes == out.bytes) continue;
        refuse(step, "'" + out.name + "' would overwrite '" + other.name + "', which is still needed");
      }
      alive.push_back(static_cast<std::size_t>(ref));
    }
  }
  return arena;
}

}  // namespace aivm

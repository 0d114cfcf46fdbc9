// The plan: a flat list of primitive steps over buffers of fixed shape, run in one call.
//
// How to add a primitive:
//   1. write `Runner prepare_<op>(const Step&, Preparation&)` in a file of its own. It is called once, when the plan is
//      made. It checks everything (counts, dtypes, extents, ranges of every integer), throwing Error, packs constants
//      if that helps, and returns a closure that runs the step. What is checked there is not checked again.
//   2. the closure takes a Context: `context.data<float>(ref)` is a tensor's memory, `context.parallel(tasks, f)` runs
//      f(task, worker) on all threads, `context.scratch(worker, bytes)` is memory for one task.
//   3. declare it in primitives.hpp, add a line to primitives.cpp, and describe it in docs/primitives.md.
// Inner loops that gain from an instruction set live in <subject>.inl, are compiled once per instruction set, and are
// called through `preparation.kernels` (isa.hpp). Results must not depend on threads, tiles or instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common.hpp"
#include "isa.hpp"
#include "threads.hpp"

namespace aivm {

enum class Dtype : std::uint8_t {
  float32, float64, float16, bfloat16, int8, uint8, int16, uint16, int32, uint32, int64, uint64, boolean
};
std::int64_t item_size(Dtype dtype);
const char* dtype_name(Dtype dtype);
Dtype dtype_from_name(const std::string& name);  // "float32", …, "bool"; throws Error

// Where a buffer lives: given by the caller at each run; given when the plan is made; in the plan's own arena; given
// back to the caller; or in the memory of an earlier buffer of as many bytes, seen in another shape.
enum class Kind : std::uint8_t { input, constant, arena, output, view };
const char* kind_name(Kind kind);
Kind kind_from_name(const std::string& name);

using Ref = std::int32_t;         // index of a buffer
constexpr Ref absent = -1;        // an optional operand that is not there
constexpr std::int64_t alignment = 64;  // of arena offsets and outputs

struct Buffer {
  std::string name;  // the ONNX tensor's
  Dtype dtype = Dtype::float32;
  std::vector<std::int64_t> shape;
  Kind kind = Kind::arena;
  std::int64_t offset = 0;    // in the arena, a multiple of `alignment`; of a view, the buffer that it sees
  std::int64_t elements = 0;  // product of the shape
  std::int64_t bytes = 0;
};

// The buffer whose memory this one is: itself, or what a view sees.
inline std::size_t seen(const std::vector<Buffer>& buffers, std::size_t i) {
  return buffers[i].kind == Kind::view ? static_cast<std::size_t>(buffers[i].offset) : i;
}

struct Step {
  std::string op;    // name of the primitive
  std::string name;  // the ONNX node's
  std::vector<Ref> in, out;
  std::vector<std::int64_t> ints;
  std::vector<double> reals;
};

// Sizes that change time alone; tests set them to show that. Zero leaves the choice to the kernel.
struct Tiling {
  std::int64_t k = 0;        // terms of a sum before the accumulator is stored and loaded again
  std::int64_t rows = 0;     // rows of a task
  std::int64_t columns = 0;  // columns of a task
};

// What a running step sees.
class Context {
 public:
  Context(std::vector<std::byte*> addresses, Pool& pool) : addresses_(std::move(addresses)), pool_(pool) {}

  template <typename T>
  T* data(Ref ref) const {
    return reinterpret_cast<T*>(addresses_[static_cast<std::size_t>(ref)]);
  }
  template <typename Function>
  void parallel(std::int64_t tasks, const Function& function) {
    pool_.parallel(tasks, function);
  }
  template <typename T = std::byte>
  T* scratch(int worker, std::size_t elements) {
    return static_cast<T*>(pool_.scratch(worker).get(elements * sizeof(T)));
  }
  // Memory that all tasks of a step share; taken outside of parallel(). A step may use each `which` once.
  template <typename T = std::byte>
  T* shared(int which, std::size_t elements) {
    return static_cast<T*>(pool_.shared(which).get(elements * sizeof(T)));
  }
  int threads() const { return pool_.threads(); }

 private:
  std::vector<std::byte*> addresses_;
  Pool& pool_;
};

using Runner = std::function<void(Context&)>;

// What a step sees when the plan is made, with checks that name the tensor.
class Preparation {
 public:
  Preparation(const std::vector<Buffer>& buffers, const std::vector<const std::byte*>& constants, const Kernels& kernels,
              const Tiling& tiling)
      : kernels(kernels), tiling(tiling), buffers_(buffers), constants_(constants), released_(buffers.size(), 0) {}

  const Kernels& kernels;
  const Tiling tiling;

  const Buffer& buffer(Ref ref) const { return buffers_[static_cast<std::size_t>(ref)]; }
  // The contents of a constant, or nullptr if the buffer is none.
  template <typename T>
  const T* constant(Ref ref) const {
    return reinterpret_cast<const T*>(constants_[static_cast<std::size_t>(ref)]);
  }
  // Says that this step will not read the constant again (it was packed), so that its memory can be given back.
  void release(Ref ref) { ++released_[seen(buffers_, static_cast<std::size_t>(ref))]; }
  int released(std::size_t ref) const { return released_[ref]; }

  // Checks, each an Error that names what is wrong.
  void counts(const Step& step, std::size_t in_least, std::size_t in_most, std::size_t out, std::size_t ints_least = 0,
              std::size_t reals_least = 0) const;
  const Buffer& in(const Step& step, std::size_t i) const;   // refuses an absent one
  const Buffer& out(const Step& step, std::size_t i) const;  // refuses an absent one
  bool has(const Step& step, std::size_t i) const { return i < step.in.size() && step.in[i] != absent; }
  void dtype(const Buffer& buffer, Dtype wanted) const;
  void rank(const Buffer& buffer, std::size_t wanted) const;
  void shape(const Buffer& buffer, const std::vector<std::int64_t>& wanted) const;
  static void require(bool condition, const std::string& what);

 private:
  const std::vector<Buffer>& buffers_;
  const std::vector<const std::byte*>& constants_;
  std::vector<int> released_;
};

using Prepare = Runner (*)(const Step&, Preparation&);

struct Primitive {
  const char* name;
  Prepare prepare;
  bool in_place;  // an output may be the same memory as an input of the same extent
};
const Primitive* find_primitive(const std::string& name);
std::vector<std::string> primitive_names();

// Sees a run step by step. Called on the calling thread, when all outputs of the step are written.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void after(std::size_t step, Context& context) = 0;
};

class Plan {
 public:
  // `constants` holds an address per buffer of kind constant, in the order of the buffers; the memory has to outlive the
  // plan unless `keeps` says that it is not needed. Throws Error.
  Plan(std::vector<Buffer> buffers, const std::vector<const std::byte*>& constants, std::vector<Step> steps,
       const Isa& isa, const Tiling& tiling, std::int64_t memory_limit);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  // Runs all steps. One address per buffer of kind input, then one per buffer of kind output, each in the order of the
  // buffers. Any number of runs may be under way at once.
  void run(const std::vector<const std::byte*>& inputs, const std::vector<std::byte*>& outputs, int threads,
           Observer* observer = nullptr) const;

  const std::vector<Buffer>& buffers() const { return buffers_; }
  const std::vector<Step>& steps() const { return steps_; }
  const Isa& isa() const { return isa_; }
  bool keeps(Ref ref) const { return keeps_[static_cast<std::size_t>(ref)]; }
  std::int64_t arena_bytes() const { return arena_bytes_; }

 private:
  struct Arena;
  std::unique_ptr<Arena> take_arena() const;
  void give_back(std::unique_ptr<Arena> arena) const;

  std::vector<Buffer> buffers_;
  std::vector<const std::byte*> constants_;  // per buffer; nullptr for the other kinds
  std::vector<Step> steps_;
  std::vector<Runner> runners_;
  std::vector<bool> keeps_;
  const Isa& isa_;
  std::int64_t arena_bytes_ = 0;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Arena>> arenas_;  // idle ones
};

// Everything about a plan that can be wrong before any step is prepared: refs, extents, offsets, kinds, the order of
// writes and reads, overlaps in the arena. Fills in `elements` and `bytes`. Throws Error; returns the arena's size.
std::int64_t check_plan(std::vector<Buffer>& buffers, const std::vector<Step>& steps, std::int64_t memory_limit);

}  // namespace aivm

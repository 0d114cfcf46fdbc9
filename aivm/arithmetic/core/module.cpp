// The Python module aivm.arithmetic._core: plans, and which instruction sets there are. See _core.pyi.
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>

#include "arrays.hpp"
#include "memory.hpp"
#include "plan.hpp"
#include "processors.hpp"
#include "trace.hpp"

using namespace nb::literals;
using aivm::address_of;
using aivm::Array;
using aivm::make_output;

namespace {

nb::bytes bytes_of(const aivm::Hash& hash) { return nb::bytes(hash.data(), hash.size()); }

void check_threads(int threads) {
  if (threads < 1 || threads > 1024) throw aivm::Error("threads has to be 1 to 1024");
}

// The arguments of one run, checked, and memory for its results.
struct Call {
  Call(const aivm::Plan& plan, const nb::sequence& inputs, int threads) : plan(plan), threads(threads) {
    check_threads(threads);
    std::size_t next = 0;
    const std::size_t given = nb::len(inputs);
    for (const aivm::Buffer& buffer : plan.buffers()) {
      if (buffer.kind == aivm::Kind::input) {
        if (next == given) throw aivm::Error("input '" + buffer.name + "' was not given");
        held.push_back(nb::object(inputs[next++]));
        in.push_back(address_of(held.back(), buffer));
      } else if (buffer.kind == aivm::Kind::output) {
        std::byte* address = nullptr;
        results.append(make_output(buffer, address));
        out.push_back(address);
      }
    }
    if (next != given) throw aivm::Error("more inputs were given than the plan has");
  }
  void go(aivm::Observer* observer) const {
    const nb::gil_scoped_release release;
    plan.run(in, out, threads, observer);
  }

  const aivm::Plan& plan;
  const int threads;
  std::vector<nb::object> held;  // what is read without the interpreter's lock; the caller's list may change meanwhile
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  nb::list results;
};

// All ways to compute SHA-256 on this machine, or the one of a name.
aivm::Shas shas_named(const std::string& name) {
  if (name.empty()) return aivm::known_sha256();
  for (const aivm::Sha256* sha : aivm::known_sha256()) {
    if (name == sha->name) return {sha};
  }
  throw aivm::Error("there is no '" + name + "' to compute SHA-256 on this machine");
}

// Digests one behind the other: one object, however many there are.
nb::bytes bytes_of(const std::vector<aivm::Hash>& hashes) {
  static_assert(sizeof(aivm::Hash) == 32, "without gaps");
  return nb::bytes(hashes.data(), hashes.size() * sizeof(aivm::Hash));
}

// What the bits of watched buffers are taken for.
std::vector<aivm::Dtype> dtypes_named(const aivm::Plan& plan, const std::vector<aivm::Ref>& watched,
                                      const std::vector<std::string>& names) {
  if (watched.size() != names.size()) throw aivm::Error("there has to be one dtype for each watched buffer");
  std::vector<aivm::Dtype> dtypes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    dtypes.push_back(aivm::dtype_from_name(names[i]));
    const aivm::Dtype own = plan.buffers()[static_cast<std::size_t>(watched[i])].dtype;
    if (aivm::item_size(dtypes[i]) != aivm::item_size(own)) throw aivm::Error("an element is not as large as " + names[i]);
  }
  return dtypes;
}

nb::bytes merkle_root(const Array& array, const std::string& dtype_name, int threads, const std::string& by) {
  const aivm::Dtype dtype = aivm::dtype_from_name(dtype_name);
  if (static_cast<std::int64_t>(array.itemsize()) != aivm::item_size(dtype)) {
    throw aivm::Error("an element of the array has another size than " + dtype_name);
  }
  check_threads(threads);
  const aivm::Shas shas = shas_named(by);
  aivm::Hash root;
  {
    const nb::gil_scoped_release release;
    aivm::PoolLease pool(threads);
    aivm::Context context({}, *pool);
    root = aivm::merkle_root(static_cast<const std::byte*>(array.data()), static_cast<std::int64_t>(array.nbytes()), dtype,
                             context, shas);
  }
  return bytes_of(root);
}

class PyPlan {
 public:
  PyPlan(std::vector<aivm::Buffer> buffers, const nb::list& constants, std::vector<aivm::Step> steps,
         const std::string& isa, const aivm::Tiling& tiling, std::int64_t memory_limit) {
    std::vector<const std::byte*> addresses;
    std::vector<std::size_t> refs;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      if (buffers[i].kind == aivm::Kind::constant) refs.push_back(i);
    }
    if (refs.size() != constants.size()) throw aivm::Error("there has to be one array per constant");
    for (std::size_t i = 0; i < refs.size(); ++i) addresses.push_back(address_of(constants[i], buffers[refs[i]]));
    plan_ = std::make_unique<aivm::Plan>(std::move(buffers), addresses, std::move(steps), aivm::choose_isa(isa), tiling,
                                         memory_limit);
    for (std::size_t i = 0; i < refs.size(); ++i) {
      if (plan_->keeps(static_cast<aivm::Ref>(refs[i]))) kept_.append(constants[i]);
    }
  }

  nb::list run(const nb::sequence& inputs, int threads) const {
    Call call(*plan_, inputs, threads);
    call.go(nullptr);
    return call.results;
  }

  // A run, and the Merkle roots of the watched buffers, which steps have to write; in order, one behind the other.
  std::pair<nb::list, nb::bytes> trace(const nb::sequence& inputs, const std::vector<aivm::Ref>& watched,
                                       const std::vector<std::string>& dtype_names, int threads) const {
    Call call(*plan_, inputs, threads);
    const aivm::Watch watch(*plan_, watched);
    const std::vector<aivm::Dtype> dtypes = dtypes_named(*plan_, watched, dtype_names);
    aivm::Tracer tracer(*plan_, watch, dtypes);
    call.go(&tracer);
    return {call.results, bytes_of(tracer.roots)};
  }

  // A run, and the contents of each watched buffer.
  std::pair<nb::list, nb::list> inspect(const nb::sequence& inputs, const std::vector<aivm::Ref>& watched,
                                        int threads) const {
    Call call(*plan_, inputs, threads);
    nb::list contents;
    std::vector<std::byte*> targets;
    for (const aivm::Ref ref : watched) {
      if (ref < 0 || static_cast<std::size_t>(ref) >= plan_->buffers().size()) throw aivm::Error("there is no such buffer");
      std::byte* address = nullptr;
      contents.append(make_output(plan_->buffers()[static_cast<std::size_t>(ref)], address));
      targets.push_back(address);
    }
    aivm::Copier copier(*plan_, watched, std::move(targets));
    call.go(&copier);
    return {call.results, contents};
  }

  const aivm::Plan& plan() const { return *plan_; }

 private:
  nb::list kept_;  // constants whose memory the plan reads
  std::unique_ptr<aivm::Plan> plan_;
};

// A plan that is all of a model, with the model's names and shapes: inputs that are exactly these go straight into it.
class PyDirect {
 public:
  PyDirect(const PyPlan& plan, const nb::handle& array_type, const std::vector<aivm::Buffer>& ports,
           std::vector<std::size_t> feeds, const std::vector<aivm::Buffer>& results, std::vector<std::size_t> sources,
           const std::vector<aivm::Ref>& watched, const std::vector<std::string>& dtypes)
      : plan_(plan.plan()), array_type_(reinterpret_cast<PyTypeObject*>(array_type.ptr())), feeds_(std::move(feeds)),
        results_(results), sources_(std::move(sources)), watch_(plan_, watched),
        dtypes_(dtypes_named(plan_, watched, dtypes)) {
    for (const aivm::Buffer& port : ports) {
      ports_.push_back({nb::str(port.name.c_str(), port.name.size()), aivm::dlpack_of(port.dtype), port.shape, port.dtype,
                        bytes_of_buffer(port)});
    }
    std::vector<std::int64_t> in, out;
    for (const aivm::Buffer& buffer : plan_.buffers()) {
      if (buffer.kind == aivm::Kind::input) in.push_back(buffer.bytes);
      if (buffer.kind == aivm::Kind::output) out.push_back(buffer.bytes);
    }
    bool fits = feeds_.size() == in.size() && sources_.size() == results_.size() && results_.size() == out.size();
    for (std::size_t i = 0; fits && i < feeds_.size(); ++i) {
      fits = feeds_[i] < ports.size() && bytes_of_buffer(ports[feeds_[i]]) == in[i];
    }
    std::vector<bool> used(out.size(), false);
    for (std::size_t i = 0; fits && i < sources_.size(); ++i) {
      results_[i].bytes = bytes_of_buffer(results_[i]);
      fits = sources_[i] < out.size() && !used[sources_[i]] && results_[i].bytes == out[sources_[i]];
      if (fits) used[sources_[i]] = true;
      result_names_.emplace_back(nb::str(results_[i].name.c_str(), results_[i].name.size()));
    }
    if (!fits) throw aivm::Error("the names and shapes are not those of the plan's inputs and outputs");
  }

  // The outputs by name, or None if the inputs are not exactly these.
  nb::object run(const nb::dict& inputs, int threads) const {
    const Given given = take(inputs, threads);
    if (!given.fits) return nb::none();
    nb::dict results;
    go(given, results, threads, nullptr);
    return results;
  }

  // The Merkle roots of the inputs and of what is watched, one behind the other, or None if the inputs are not these.
  nb::object trace(const nb::dict& inputs, int threads) const {
    const Given given = take(inputs, threads);
    if (!given.fits) return nb::none();
    std::vector<aivm::Hash> roots;
    {
      const nb::gil_scoped_release release;
      aivm::PoolLease pool(threads);
      aivm::Context context({}, *pool);
      for (std::size_t i = 0; i < ports_.size(); ++i) {
        roots.push_back(
            aivm::merkle_root(given.addresses[i], ports_[i].bytes, ports_[i].type, context, aivm::known_sha256()));
      }
    }
    aivm::Tracer tracer(plan_, watch_, dtypes_);
    nb::dict results;
    go(given, results, threads, &tracer);
    roots.insert(roots.end(), tracer.roots.begin(), tracer.roots.end());
    return bytes_of(roots);
  }

 private:
  struct Port {
    nb::str name;
    nb::dlpack::dtype dtype;
    std::vector<std::int64_t> shape;
    aivm::Dtype type;
    std::int64_t bytes;
  };
  struct Given {
    bool fits = false;
    std::vector<nb::object> held;  // while they are read, whatever another thread does with the dictionary
    std::vector<const std::byte*> addresses;  // one per port
  };

  Given take(const nb::dict& inputs, int threads) const {
    check_threads(threads);
    Given given;
    if (inputs.size() != ports_.size()) return given;
    for (const Port& port : ports_) {
      PyObject* const value = PyDict_GetItemWithError(inputs.ptr(), port.name.ptr());
      if (value == nullptr || Py_TYPE(value) != array_type_) return given;
      given.held.push_back(nb::borrow(value));
      given.addresses.push_back(aivm::address_if(value, port.dtype, port.shape));
      if (given.addresses.back() == nullptr) return given;
    }
    given.fits = true;
    return given;
  }

  void go(const Given& given, nb::dict& results, int threads, aivm::Observer* observer) const {
    std::vector<const std::byte*> in;
    for (const std::size_t feed : feeds_) in.push_back(given.addresses[feed]);
    std::vector<std::byte*> out(results_.size());
    for (std::size_t i = 0; i < results_.size(); ++i) {
      results[result_names_[i]] = make_output(results_[i], out[sources_[i]]);
    }
    const nb::gil_scoped_release release;
    plan_.run(in, out, threads, observer);
  }

  static std::int64_t bytes_of_buffer(const aivm::Buffer& buffer) {
    std::int64_t bytes = aivm::item_size(buffer.dtype);
    for (const std::int64_t extent : buffer.shape) bytes = aivm::checked_product(bytes, extent);
    return bytes;
  }

  const aivm::Plan& plan_;
  PyTypeObject* const array_type_;  // numpy.ndarray, which lives as long as the process
  std::vector<Port> ports_;
  std::vector<std::size_t> feeds_;  // the port of each input of the plan
  std::vector<aivm::Buffer> results_;
  std::vector<nb::str> result_names_;
  std::vector<std::size_t> sources_;  // the plan's output that each of them is
  const aivm::Watch watch_;
  const std::vector<aivm::Dtype> dtypes_;  // one per watched buffer
};

void raise_python(const char* name, const aivm::Error& error) {
  const nb::object type = nb::module_::import_("aivm.arithmetic.errors").attr(name);
  const nb::object instance = type(error.what(), "hint"_a = error.hint);
  PyErr_SetObject(type.ptr(), instance.ptr());
}

}  // namespace

NB_MODULE(_core, m) {
  m.doc() = "The core of aivm.arithmetic: plans of primitive steps, run in one call.";
  m.attr("compiler_flags") = AIVM_COMPILER_FLAGS;

  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const aivm::OutOfMemory& error) {
      raise_python("GraphMemoryError", error);
    } catch (const aivm::Error& error) {
      raise_python("PlanError", error);
    }
  });

  nb::class_<aivm::Buffer>(m, "Buffer")
      .def("__init__",
           [](aivm::Buffer* self, std::string name, const std::string& dtype, std::vector<std::int64_t> shape,
              const std::string& kind, std::int64_t offset) {
             auto* const buffer = new (self) aivm::Buffer;
             buffer->name = std::move(name);
             buffer->shape = std::move(shape);
             buffer->offset = offset;
             buffer->dtype = aivm::dtype_from_name(dtype);
             buffer->kind = aivm::kind_from_name(kind);
           },
           "name"_a, "dtype"_a, "shape"_a, "kind"_a, "offset"_a = 0)
      .def_ro("name", &aivm::Buffer::name)
      .def_prop_ro("dtype", [](const aivm::Buffer& b) { return aivm::dtype_name(b.dtype); })
      .def_ro("shape", &aivm::Buffer::shape)
      .def_prop_ro("kind", [](const aivm::Buffer& b) { return aivm::kind_name(b.kind); })
      .def_ro("offset", &aivm::Buffer::offset)
      .def_ro("bytes", &aivm::Buffer::bytes);

  nb::class_<aivm::Step>(m, "Step")
      .def("__init__",
           [](aivm::Step* self, std::string op, std::string name, std::vector<aivm::Ref> inputs,
              std::vector<aivm::Ref> outputs, std::vector<std::int64_t> ints, std::vector<double> reals) {
             new (self) aivm::Step{std::move(op),      std::move(name), std::move(inputs),
                                   std::move(outputs), std::move(ints), std::move(reals)};
           },
           "op"_a, "name"_a, "inputs"_a, "outputs"_a, "ints"_a = std::vector<std::int64_t>{},
           "reals"_a = std::vector<double>{})
      .def_ro("op", &aivm::Step::op)
      .def_ro("name", &aivm::Step::name)
      .def_ro("inputs", &aivm::Step::in)
      .def_ro("outputs", &aivm::Step::out)
      .def_ro("ints", &aivm::Step::ints)
      .def_ro("reals", &aivm::Step::reals);

  nb::class_<aivm::Tiling>(m, "Tiling")
      .def("__init__",
           [](aivm::Tiling* self, std::int64_t k, std::int64_t rows, std::int64_t columns) {
             new (self) aivm::Tiling{k, rows, columns};
             if (k < 0 || rows < 0 || columns < 0) throw aivm::Error("a tile size cannot be negative");
           },
           "k"_a = 0, "rows"_a = 0, "columns"_a = 0);

  nb::class_<PyPlan>(m, "Plan")
      .def(nb::init<std::vector<aivm::Buffer>, const nb::list&, std::vector<aivm::Step>, const std::string&,
                    const aivm::Tiling&, std::int64_t>(),
           "buffers"_a, "constants"_a, "steps"_a, nb::kw_only(), "isa"_a = "", "tiling"_a = aivm::Tiling{},
           "memory_limit"_a = std::int64_t{1} << 46)
      .def("run", &PyPlan::run, "inputs"_a, "threads"_a = 1)
      .def("trace", &PyPlan::trace, "inputs"_a, "watched"_a, "dtypes"_a, "threads"_a = 1)
      .def("inspect", &PyPlan::inspect, "inputs"_a, "watched"_a, "threads"_a = 1)
      .def_prop_ro("buffers", [](const PyPlan& p) { return p.plan().buffers(); })
      .def_prop_ro("steps", [](const PyPlan& p) { return p.plan().steps(); })
      .def_prop_ro("isa", [](const PyPlan& p) { return p.plan().isa().name; })
      .def_prop_ro("arena_bytes", [](const PyPlan& p) { return p.plan().arena_bytes(); });

  nb::class_<PyDirect>(m, "Direct")
      .def(nb::init<const PyPlan&, const nb::handle&, const std::vector<aivm::Buffer>&, std::vector<std::size_t>,
                    const std::vector<aivm::Buffer>&, std::vector<std::size_t>, const std::vector<aivm::Ref>&,
                    const std::vector<std::string>&>(),
           "plan"_a, "array_type"_a, "ports"_a, "feeds"_a, "results"_a, "sources"_a,
           "watched"_a = std::vector<aivm::Ref>{}, "dtypes"_a = std::vector<std::string>{}, nb::keep_alive<1, 2>())
      .def("run", &PyDirect::run, "inputs"_a, "threads"_a = 1)
      .def("trace", &PyDirect::trace, "inputs"_a, "threads"_a = 1);

  m.def("isas", [] {
    std::vector<std::string> names;
    for (const aivm::Isa* isa : aivm::available_isas()) names.emplace_back(isa->name);
    return names;
  });
  m.def("isa", [](const std::string& name) { return aivm::choose_isa(name).name; }, "name"_a = "");
  m.def("hardware_fma", [](const std::string& isa) { return aivm::choose_isa(isa).kernels().hardware_fma; }, "isa"_a = "");
  m.def("available_threads", &aivm::available_threads);
  m.def("primitives", &aivm::primitive_names);
  m.def("merkle_root", &merkle_root, nb::arg("array").noconvert(), "dtype"_a, "threads"_a = 1, "sha256"_a = "");
  m.def("sha256", [](const nb::bytes& data, const std::string& by) {
    return bytes_of(aivm::sha256(aivm::choose_sha256(shas_named(by), 1), data.data(), static_cast<std::int64_t>(data.size())));
  }, "data"_a, "by"_a = "");
  m.def("sha256_implementations", [] {
    std::vector<std::string> names;
    for (const aivm::Sha256* sha : aivm::known_sha256()) names.emplace_back(sha->name);
    return names;
  });
  m.def("works_in_place",
        [](const std::string& name) {
          const aivm::Primitive* const primitive = aivm::find_primitive(name);
          return primitive != nullptr && primitive->in_place;
        },
        "primitive"_a);
}

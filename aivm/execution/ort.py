"""ONNX Runtime, with exactly the options of the manifest: set, then read back.

Beyond the manifest's own options, every session has these, so that nothing is left to a default that may move:

- `session.disable_cpu_ep_fallback`: with CUDA, an operator that has no CUDA kernel is an error;
- `session.x64quantprecision`: U8S8 products without saturation, so that integer operators are exact on every x86-64;
- `session.set_denormal_as_zero`: the manifest's `flush_to_zero`;
- `mlas.enable_gemm_fastmath_arm64_bfloat16`: off, since it computes float32 products in bfloat16;
- spinning off: idle threads of one validator do not take the processor from the others.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.environment.elf import ElfError, read_build
from aivm.environment.parts import EngineBuild, EngineInfo
from aivm.environment.processor import measure_floating_point
from aivm.execution.engine import (
    ConflictingDistributionsError,
    EngineUnavailableError,
    EngineVersionError,
    ForeignRuntimeError,
    ModelFailedError,
    ModelRejectedError,
    OptionMismatchError,
    ProviderUnavailableError,
    only_tensors,
    wanted_outputs,
)
from aivm.manifest.enums import ExecutionMode, GraphOptimization, Provider
from aivm.manifest.parts import OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from aivm.manifest import Manifest, Runtime
    from aivm.tensors import Array, Tensors

#: Distributions that install the same import package; the one written last wins, whatever was asked for.
DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")

_PROVIDERS = {Provider.CPU: "CPUExecutionProvider", Provider.CUDA: "CUDAExecutionProvider"}
_EXTRAS = {Provider.CPU: "ort", Provider.CUDA: "gpu"}
_LEVELS = {
    GraphOptimization.NONE: "ORT_DISABLE_ALL",
    GraphOptimization.BASIC: "ORT_ENABLE_BASIC",
    GraphOptimization.EXTENDED: "ORT_ENABLE_EXTENDED",
    GraphOptimization.ALL: "ORT_ENABLE_ALL",
}
_MODES = {ExecutionMode.SEQUENTIAL: "ORT_SEQUENTIAL", ExecutionMode.PARALLEL: "ORT_PARALLEL"}
_FATAL = 4


class OnnxRuntimeKind:
    """The kind of engine that the manifest calls `onnxruntime`."""

    def describe(self, runtime: Runtime) -> EngineInfo:
        """Imports ONNX Runtime and checks version and provider against the manifest.

        Raises:
            EngineError: it is missing, doubled, of another version, or without the provider.
        """
        module = import_runtime(runtime)
        if runtime.provider is Provider.CUDA:
            _start_device(module)
        return EngineInfo(
            name="onnxruntime",
            version=module.__version__,
            provider=str(runtime.provider),
            build=_build(module),
        )

    def open(self, manifest: Manifest, model: bytes, *, threads: int) -> OnnxEngine:
        """Loads a model from memory; external data has no folder to come from and is rejected.

        Raises:
            EngineError: the runtime is not what the manifest asks for, or it rejects the model.
            MemoryError: memory ran out.
        """
        info = self.describe(manifest.runtime)
        module = import_runtime(manifest.runtime)
        options = session_options(module, manifest, threads)
        provider = _PROVIDERS[manifest.runtime.provider]
        settings = _cuda_settings(manifest) if provider == "CUDAExecutionProvider" else {}

        def load() -> Any:
            # Fallback off: without this the Python layer retries on the CPU when a provider fails.
            return module.InferenceSession(model, options, providers=[(provider, settings)], enable_fallback=0)

        session = _translate(load, ModelRejectedError, "ONNX Runtime does not load the model")
        _read_back(session, options, provider, settings)
        _check_subnormals(manifest)
        names = wanted_outputs(manifest, [output.name for output in session.get_outputs()])
        return OnnxEngine(info=info, session=session, outputs=names)


class OnnxEngine:
    """A session of ONNX Runtime."""

    __slots__ = ("_outputs", "_session", "info")

    def __init__(self, *, info: EngineInfo, session: Any, outputs: list[str]) -> None:
        self.info = info
        self._session = session
        self._outputs = outputs

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """Runs the graph once.

        Raises:
            ModelFailedError: the graph failed on these inputs, or gave something that is no tensor.
            MemoryError: memory ran out.
        """
        values = _translate(
            lambda: self._session.run(self._outputs, dict(inputs)), ModelFailedError, "the model failed while it ran"
        )
        return only_tensors(dict(zip(self._outputs, values, strict=True)))


def import_runtime(runtime: Runtime) -> ModuleType:
    """The `onnxruntime` module, if it is the one that the manifest asks for.

    Raises:
        ForeignRuntimeError: the manifest asks for another engine.
        ConflictingDistributionsError: two distributions overwrite each other.
        EngineUnavailableError: none is installed.
        EngineVersionError: it is of another version.
        ProviderUnavailableError: it was built without the provider.
    """
    runtime = _own(runtime)
    extra = _EXTRAS[runtime.provider]
    installed = [name for name in DISTRIBUTIONS if _is_installed(name)]
    if len(installed) > 1:
        raise ConflictingDistributionsError(
            f"{' and '.join(installed)} are both installed and overwrite each other's files",
            hint=f"run: pip uninstall --yes {' '.join(installed)}\n  then: pip install 'aivm[{extra}]'",
        )
    try:
        onnxruntime = importlib.import_module("onnxruntime")  # takes a tenth of a second, and is optional
    except ImportError as error:
        raise EngineUnavailableError(
            f"ONNX Runtime cannot be imported: {error}", hint=f"run: pip install 'aivm[{extra}]'"
        ) from error
    if onnxruntime.__version__ != runtime.version:
        package = installed[0] if installed else "onnxruntime"
        raise EngineVersionError(
            f"the manifest wants ONNX Runtime {runtime.version}, installed is {onnxruntime.__version__}",
            hint=f"run: pip install {package}=={runtime.version}",
        )
    provider = _PROVIDERS[runtime.provider]
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise ProviderUnavailableError(
            f"the manifest wants {provider}, this ONNX Runtime has {', '.join(available)}",
            hint=f"run: pip uninstall --yes {' '.join(installed)}\n  then: pip install 'aivm[{extra}]'",
        )
    return onnxruntime


def _own(runtime: Runtime) -> OnnxRuntime:
    if not isinstance(runtime, OnnxRuntime):
        raise ForeignRuntimeError(
            f"this is ONNX Runtime, and the manifest wants the engine {runtime.name}",
            hint="take the engine by the manifest's name: aivm.execution.engine.engine_kind",
        )
    return runtime


def _start_device(module: ModuleType) -> None:
    """Loads the CUDA libraries and opens the device, which a worker cannot do any more once it is confined."""
    try:
        module.preload_dlls()  # those that pip installed; others are found by LD_LIBRARY_PATH
        module.OrtValue.ortvalue_from_numpy(np.zeros(1, np.float32), "cuda", 0)
    except Exception as cause:  # its exceptions share no base class
        raise ProviderUnavailableError(
            f"the CUDA device cannot be used: {cause}", hint="check the driver, and the CUDA and cuDNN libraries"
        ) from cause


def session_options(module: ModuleType, manifest: Manifest, threads: int) -> Any:
    """The manifest's options as ONNX Runtime's.

    Raises:
        ForeignRuntimeError: the manifest asks for another engine.
    """
    chosen = _own(manifest.runtime).options
    options = module.SessionOptions()
    options.graph_optimization_level = getattr(module.GraphOptimizationLevel, _LEVELS[chosen.graph_optimization])
    options.execution_mode = getattr(module.ExecutionMode, _MODES[chosen.execution_mode])
    # 0 would mean "as many as there are cores" to ONNX Runtime, and it turns "parallel" off where there is one thread.
    options.intra_op_num_threads = chosen.intra_op_threads or threads
    parallel = chosen.execution_mode is ExecutionMode.PARALLEL
    options.inter_op_num_threads = chosen.inter_op_threads or max(threads, 2 if parallel else 1)
    options.use_deterministic_compute = chosen.deterministic
    options.log_severity_level = _FATAL  # what matters arrives as an exception
    for key, value in _entries(manifest).items():
        options.add_session_config_entry(key, value)
    return options


def _entries(manifest: Manifest) -> dict[str, str]:
    return {
        "session.disable_cpu_ep_fallback": str(int(manifest.runtime.provider is not Provider.CPU)),
        "session.x64quantprecision": "1",
        "session.set_denormal_as_zero": str(int(manifest.numerics.flush_to_zero)),
        "session.intra_op.allow_spinning": "0",
        "session.inter_op.allow_spinning": "0",
        "mlas.enable_gemm_fastmath_arm64_bfloat16": "0",
    }


def _cuda_settings(manifest: Manifest) -> dict[str, str]:
    return {
        "use_tf32": str(int(manifest.numerics.tf32)),
        # The default times the algorithms and takes the fastest: another one on another day.
        "cudnn_conv_algo_search": "DEFAULT",
    }


def _read_back(session: Any, wanted: Any, provider: str, settings: dict[str, str]) -> None:
    """Checks that the session is what was asked for; ONNX Runtime falls back with no more than a log line."""
    providers = session.get_providers()
    if not providers or providers[0] != provider:
        raise ProviderUnavailableError(
            f"the manifest wants {provider}, the session has {', '.join(providers)}",
            hint="check the driver and the CUDA libraries: ONNX Runtime could not load the provider",
        )
    actual = session.get_session_options()
    pairs = [
        (name, getattr(wanted, name), getattr(actual, name))
        for name in (
            "graph_optimization_level",
            "execution_mode",
            "intra_op_num_threads",
            "inter_op_num_threads",
            "use_deterministic_compute",
        )
    ]
    pairs += [(key, wanted.get_session_config_entry(key), actual.get_session_config_entry(key)) for key in _KEYS]
    have = session.get_provider_options().get(provider, {})
    pairs += [(key, value, have.get(key)) for key, value in settings.items()]
    for name, want, got in pairs:
        if want != got:
            raise OptionMismatchError(f"ONNX Runtime was given {name} = {want} and has {got}")


def _check_subnormals(manifest: Manifest) -> None:
    """The first session of a process decides for its threads, whatever later ones ask for: measured, not believed."""
    want, state = manifest.numerics.flush_to_zero, measure_floating_point()
    if not want == state.flush_to_zero == state.denormals_are_zero:
        raise OptionMismatchError(
            f"the manifest wants flush_to_zero {want}, this thread has {state.flush_to_zero}",
            hint="run the kernel in a process of its own, as the sandbox does",
        )


_KEYS = (
    "session.disable_cpu_ep_fallback",
    "session.x64quantprecision",
    "session.set_denormal_as_zero",
    "session.intra_op.allow_spinning",
    "session.inter_op.allow_spinning",
    "mlas.enable_gemm_fastmath_arm64_bfloat16",
)


def _translate(action: Callable[[], Any], error: type[ModelFailedError | ModelRejectedError], what: str) -> Any:
    try:
        return action()
    except MemoryError:
        raise
    except Exception as cause:  # its exceptions share no base class
        text = str(cause)
        if "bad_alloc" in text or "Failed to allocate memory" in text:
            raise MemoryError(text) from cause
        raise error(f"{what}: {text}") from cause


def _build(module: ModuleType) -> EngineBuild:
    """How the native library was built, as far as it says."""
    directory = Path(str(module.__file__)).parent / "capi"
    flags = next(
        (
            value.strip()
            for key, _, value in (part.partition(":") for part in module.get_build_info().split(", "))
            if key.strip() == "cmake cxx flags"
        ),
        None,
    )
    try:
        return read_build(next(directory.glob("onnxruntime_pybind11_state*.so")), compiler_flags=flags)
    except (StopIteration, ElfError):
        return EngineBuild(compiler_flags=flags)


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True

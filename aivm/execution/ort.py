"""ONNX Runtime, with exactly the options of the manifest (`aivm.execution.ort_options`): set, then read back."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from aivm.environment.libraries import onnxruntime_build
from aivm.environment.parts import EngineInfo
from aivm.environment.processor import measure_floating_point
from aivm.execution.accelerated import require_switches
from aivm.execution.engine import (
    STRICT,
    ConflictingDistributionsError,
    EngineUnavailableError,
    EngineVersionError,
    ModelFailedError,
    ModelRejectedError,
    OptionMismatchError,
    ProviderUnavailableError,
    only_tensors,
    wanted_outputs,
)
from aivm.execution.ort_options import PROVIDERS, own, provider_settings, read_back, read_options, session_options
from aivm.extras import install_command
from aivm.manifest.enums import Provider

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from aivm.manifest import Manifest, Numerics, Runtime
    from aivm.tensors import Array, Tensors

#: Distributions that install the same import package; the one written last wins, whatever was asked for.
DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")

_EXTRAS = {Provider.CPU: "ort", Provider.CUDA: "gpu"}


class OnnxRuntimeKind:
    """The kind of engine that the manifest calls `onnxruntime`."""

    def describe(self, runtime: Runtime, *, numerics: Numerics = STRICT, threads: int = 1) -> EngineInfo:
        """Imports ONNX Runtime, checks version and provider against the manifest, and takes its options.

        Raises:
            EngineError: it is missing, doubled, of another version, or without the provider or its switches.
        """
        module = import_runtime(runtime)
        require_switches(runtime, numerics)
        if runtime.provider is Provider.CUDA:
            _start_device(module)
        options = session_options(module, runtime, numerics, threads)
        return EngineInfo(
            name="onnxruntime",
            version=module.__version__,
            provider=str(runtime.provider),
            build=onnxruntime_build(module),
            options=read_options(module, options, provider_settings(runtime, numerics)),
        )

    def open(self, manifest: Manifest, model: bytes, *, threads: int) -> OnnxEngine:
        """Loads a model from memory; external data has no folder to come from and is rejected.

        Raises:
            EngineError: the runtime is not what the manifest asks for, or it rejects the model.
            MemoryError: memory ran out.
        """
        runtime, numerics = manifest.runtime, manifest.numerics
        info = self.describe(runtime, numerics=numerics, threads=threads)
        module = import_runtime(runtime)
        options = session_options(module, runtime, numerics, threads)
        provider, settings = PROVIDERS[runtime.provider], provider_settings(runtime, numerics)

        def load() -> Any:
            # Fallback off: without this the Python layer retries on the CPU when a provider fails.
            return module.InferenceSession(model, options, providers=[(provider, settings)], enable_fallback=0)

        session = _translate(load, ModelRejectedError, "ONNX Runtime does not load the model")
        read_back(module, session, provider, info.options)
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
    runtime = own(runtime)
    extra = _EXTRAS[runtime.provider]
    installed = [name for name in DISTRIBUTIONS if _is_installed(name)]
    if len(installed) > 1:
        raise ConflictingDistributionsError(
            f"{' and '.join(installed)} are both installed and overwrite each other's files",
            hint=f"run: pip uninstall --yes {' '.join(installed)}\n  then: {install_command(extra)}",
        )
    try:
        onnxruntime = importlib.import_module("onnxruntime")  # takes a tenth of a second, and is optional
    except ImportError as error:
        raise EngineUnavailableError(
            f"ONNX Runtime cannot be imported: {error}", hint=f"run: {install_command(extra)}"
        ) from error
    if onnxruntime.__version__ != runtime.version:
        package = installed[0] if installed else "onnxruntime"
        raise EngineVersionError(
            f"the manifest wants ONNX Runtime {runtime.version}, installed is {onnxruntime.__version__}",
            hint=f"run: pip install {package}=={runtime.version}",
        )
    provider = PROVIDERS[runtime.provider]
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise ProviderUnavailableError(
            f"the manifest wants {provider}, this ONNX Runtime has {', '.join(available)}",
            hint=f"run: pip uninstall --yes {' '.join(installed)}\n  then: {install_command(extra)}",
        )
    return onnxruntime


def _start_device(module: ModuleType) -> None:
    """Loads the CUDA libraries and opens the device, which a worker cannot do any more once it is confined."""
    try:
        module.preload_dlls()  # those that pip installed; others are found by LD_LIBRARY_PATH
        module.OrtValue.ortvalue_from_numpy(np.zeros(1, np.float32), "cuda", 0)
    except Exception as cause:  # its exceptions share no base class
        raise ProviderUnavailableError(
            f"the CUDA device cannot be used: {cause}", hint="check the driver, and the CUDA and cuDNN libraries"
        ) from cause


def _check_subnormals(manifest: Manifest) -> None:
    """The first session of a process decides for its threads, whatever later ones ask for: measured, not believed."""
    want, state = manifest.numerics.flush_to_zero, measure_floating_point()
    if not want == state.flush_to_zero == state.denormals_are_zero:
        raise OptionMismatchError(
            f"the manifest wants flush_to_zero {want}, this thread has {state.flush_to_zero}",
            hint="run the kernel in a process of its own, as the sandbox does",
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


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True

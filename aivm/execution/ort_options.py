"""The options of an ONNX Runtime session: what the manifest says, and what it has no word for; all of them read back.

Beyond the manifest's own options, every session has these, so that nothing is left to a default that may move:

- `session.disable_cpu_ep_fallback`: with CUDA, an operator that has no CUDA kernel is an error;
- `session.x64quantprecision`: U8S8 products without saturation, so that integer operators are exact on every x86-64;
- `session.set_denormal_as_zero`: the manifest's `flush_to_zero`;
- `mlas.enable_gemm_fastmath_arm64_bfloat16`: off, since it computes float32 products in bfloat16;
- spinning off: idle threads of one validator do not take the processor from the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aivm.execution.engine import ForeignRuntimeError, OptionMismatchError, ProviderUnavailableError
from aivm.manifest.enums import ExecutionMode, GraphOptimization, Provider
from aivm.manifest.parts import OnnxRuntime

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from aivm.manifest import Numerics, Runtime

PROVIDERS: Final = {Provider.CPU: "CPUExecutionProvider", Provider.CUDA: "CUDAExecutionProvider"}
_LEVELS: Final = {
    GraphOptimization.NONE: "ORT_DISABLE_ALL",
    GraphOptimization.BASIC: "ORT_ENABLE_BASIC",
    GraphOptimization.EXTENDED: "ORT_ENABLE_EXTENDED",
    GraphOptimization.ALL: "ORT_ENABLE_ALL",
}
_MODES: Final = {ExecutionMode.SEQUENTIAL: "ORT_SEQUENTIAL", ExecutionMode.PARALLEL: "ORT_PARALLEL"}
_FATAL: Final = 4
_ENTRIES: Final = (
    "session.disable_cpu_ep_fallback",
    "session.x64quantprecision",
    "session.set_denormal_as_zero",
    "session.intra_op.allow_spinning",
    "session.inter_op.allow_spinning",
    "mlas.enable_gemm_fastmath_arm64_bfloat16",
)
#: What goes before the names of a provider's settings among the options.
_CUDA: Final = "cuda."


def own(runtime: Runtime) -> OnnxRuntime:
    """The runtime, if it is ONNX Runtime.

    Raises:
        ForeignRuntimeError: the manifest asks for another engine.
    """
    if not isinstance(runtime, OnnxRuntime):
        raise ForeignRuntimeError(
            f"this is ONNX Runtime, and the manifest wants the engine {runtime.name}",
            hint="take the engine by the manifest's name: aivm.execution.engine.engine_kind",
        )
    return runtime


def session_options(module: ModuleType, runtime: Runtime, numerics: Numerics, threads: int) -> Any:
    """The manifest's options as ONNX Runtime's.

    Raises:
        ForeignRuntimeError: the manifest asks for another engine.
    """
    chosen = own(runtime).options
    options = module.SessionOptions()
    # Where the manifest leaves it free, what ONNX Runtime does when it is not told.
    free = chosen.graph_optimization is GraphOptimization.ANY
    level = GraphOptimization.ALL if free else chosen.graph_optimization
    options.graph_optimization_level = getattr(module.GraphOptimizationLevel, _LEVELS[level])
    options.execution_mode = getattr(module.ExecutionMode, _MODES[chosen.execution_mode])
    # 0 would mean "as many as there are cores" to ONNX Runtime, and it turns "parallel" off where there is one thread.
    options.intra_op_num_threads = chosen.intra_op_threads or threads
    parallel = chosen.execution_mode is ExecutionMode.PARALLEL
    options.inter_op_num_threads = chosen.inter_op_threads or max(threads, 2 if parallel else 1)
    options.use_deterministic_compute = chosen.deterministic
    options.log_severity_level = _FATAL  # what matters arrives as an exception
    on_cpu = runtime.provider is Provider.CPU
    for key, value in zip(_ENTRIES, (not on_cpu, True, numerics.flush_to_zero, False, False, False), strict=True):
        options.add_session_config_entry(key, str(int(value)))
    return options


def provider_settings(runtime: Runtime, numerics: Numerics) -> dict[str, str]:
    """What the provider is told: nothing on the processor."""
    if runtime.provider is Provider.CPU:
        return {}
    return {
        "use_tf32": str(int(numerics.tf32)),
        # The default times the algorithms and takes the fastest: another one on another day.
        "cudnn_conv_algo_search": "DEFAULT",
    }


def read_options(module: ModuleType, options: Any, settings: Mapping[str, str]) -> dict[str, str]:
    """Options of ONNX Runtime as an environment record has them: by the manifest's names and by its own.

    Args:
        module: `onnxruntime`.
        options: of a session, or for one.
        settings: of its provider.
    """
    levels = {getattr(module.GraphOptimizationLevel, name): str(level) for level, name in _LEVELS.items()}
    modes = {getattr(module.ExecutionMode, name): str(mode) for mode, name in _MODES.items()}
    return {
        "graph_optimization": levels[options.graph_optimization_level],
        "execution_mode": modes[options.execution_mode],
        "intra_op_threads": str(options.intra_op_num_threads),
        "inter_op_threads": str(options.inter_op_num_threads),
        "deterministic": str(options.use_deterministic_compute).lower(),
        "enable_cpu_mem_arena": str(options.enable_cpu_mem_arena).lower(),
        "enable_mem_pattern": str(options.enable_mem_pattern).lower(),
        "enable_mem_reuse": str(options.enable_mem_reuse).lower(),
        **{key: options.get_session_config_entry(key) for key in _ENTRIES},
        **{f"{_CUDA}{key}": value for key, value in settings.items()},
    }


def read_back(module: ModuleType, session: Any, provider: str, wanted: Mapping[str, str]) -> None:
    """Checks that a session is what was asked for; ONNX Runtime falls back with no more than a log line.

    Args:
        module: `onnxruntime`.
        session: the session.
        provider: that it has to run on.
        wanted: what `read_options` gave before.

    Raises:
        ProviderUnavailableError: it runs on another provider.
        OptionMismatchError: an option is another one.
    """
    providers = session.get_providers()
    if not providers or providers[0] != provider:
        raise ProviderUnavailableError(
            f"the manifest wants {provider}, the session has {', '.join(providers)}",
            hint="check the driver and the CUDA libraries: ONNX Runtime could not load the provider",
        )
    settings = session.get_provider_options().get(provider, {}) if provider == PROVIDERS[Provider.CUDA] else {}
    have = read_options(module, session.get_session_options(), settings)
    for name, want in wanted.items():
        if have.get(name) != want:
            raise OptionMismatchError(f"ONNX Runtime was given {name} = {want} and has {have.get(name)}")

"""Kernel manifests: typed, canonical, every rule checked.

>>> manifest = Manifest.from_record(data)
>>> manifest.runtime.provider, manifest.digest().hex()
(<Provider.CPU: 'cpu'>, '0x…')

The parts are `parts`, the words `enums`, the rules between members `rules`; all names are exported here.
"""

from aivm.manifest.enums import (
    AggregationRule,
    AnswerConvention,
    DeterminismClass,
    Distribution,
    Dtype,
    ExecutionMode,
    GraphOptimization,
    HardwareKind,
    Provider,
    SeedPolicy,
)
from aivm.manifest.parts import (
    EXACT,
    Aggregation,
    Answer,
    Build,
    Case,
    Exact,
    Hamming,
    Hardware,
    Limits,
    Model,
    NoOptions,
    Numerics,
    OnnxRuntime,
    OnnxRuntimeOptions,
    OutputSpec,
    Promise,
    RandomInput,
    Reproducible,
    Runtime,
    Seeds,
    TensorSpec,
)
from aivm.manifest.record import Manifest
from aivm.manifest.rules import ManifestError
from aivm.manifest.schema import json_schema

__all__ = [
    "EXACT",
    "Aggregation",
    "AggregationRule",
    "Answer",
    "AnswerConvention",
    "Build",
    "Case",
    "DeterminismClass",
    "Distribution",
    "Dtype",
    "Exact",
    "ExecutionMode",
    "GraphOptimization",
    "Hamming",
    "Hardware",
    "HardwareKind",
    "Limits",
    "Manifest",
    "ManifestError",
    "Model",
    "NoOptions",
    "Numerics",
    "OnnxRuntime",
    "OnnxRuntimeOptions",
    "OutputSpec",
    "Promise",
    "Provider",
    "RandomInput",
    "Reproducible",
    "Runtime",
    "SeedPolicy",
    "Seeds",
    "TensorSpec",
    "json_schema",
]

"""A complete manifest to start from, as JSON values and as a type; nothing in it refers to a real model."""

from __future__ import annotations

import copy
from typing import Any

import msgspec

from aivm import canonical
from aivm.cid import Cid
from aivm.digests import Digest
from aivm.manifest import Manifest

_DIGITS: dict[str, Any] = {
    "type": "aivm/manifest",
    "version": 1,
    "name": "digits",
    "kernel_version": "1.0.0",
    "model": {
        "cid": str(Cid.raw(bytes(Digest.of(b"model")))),
        "size": 4242,
        "profile": "unixfs-v1-2025",
        "opsets": {"ai.onnx": 21},
        "operators": ["ai.onnx::Gemm", "ai.onnx::Relu"],
    },
    "build": {
        "operating_system": "linux",
        "compiler": "gcc",
        "compiler_version": "14.2.1",
        "compiler_flags": None,
    },
    "runtime": {
        "name": "onnxruntime",
        "version": "1.31.1",
        "options": {
            "provider": "cpu",
            "graph_optimization": "basic",
            "intra_op_threads": 1,
            "inter_op_threads": 1,
            "execution_mode": "sequential",
            "deterministic": True,
        },
    },
    "hardware": {"kind": "cpu", "features": ["avx2", "fma"], "features_off": [], "memory_bytes": 1 << 28},
    "numerics": {"flush_to_zero": False, "fma_contraction": True, "tf32": False},
    "seeds": {
        "policy": "verifiable",
        "fixed_seed": None,
        "generator": "philox4x32-10/1",
        "random_inputs": [{"name": "noise", "distribution": "normal"}],
    },
    "inputs": [
        {
            "name": "image",
            "dtype": "F32",
            "shape": ["batch", 64],
            "minimum": "0",
            "maximum": "16",
            "description": "pixels",
        },
        {
            "name": "noise",
            "dtype": "F32",
            "shape": ["batch", 64],
            "minimum": None,
            "maximum": None,
            "description": "",
        },
    ],
    "outputs": [{"name": "logits", "dtype": "F32", "shape": [1, 10], "description": "one score a digit"}],
    "answer": {"convention": "argmax", "output": "logits"},
    "aggregation": {"rule": "exact", "sketch": None, "tolerance": 0},
    "limits": {"time_ms": 5000, "memory_bytes": 1 << 30, "output_bytes": 1 << 16},
    "determinism": "pinned",
    "author_fee": "1000000000000",
    "cases": [
        {"name": "seven", "input": Digest.of(b"in").hex(), "output": Digest.of(b"out").hex()},
    ],
    "licence": "Apache-2.0",
    "description": "Digits, seen through noise: é ≠ e",
    "model_card": None,
    "calibration": None,
}

#: Changes that make the example one of the reproducible engine.
REPRODUCIBLE: dict[str, Any] = {
    "runtime": {"name": "reproducible", "version": "aivm-arithmetic-1", "options": {}},
    "numerics.fma_contraction": False,
}


def manifest_value(**changes: Any) -> dict[str, Any]:
    """The example as JSON; a change is named by its path with dots for separators, such as `inputs.0.dtype="U8"`."""
    value = copy.deepcopy(_DIGITS)
    for path, new in changes.items():
        place: Any = value
        *parents, last = path.split(".")
        for step in parents:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[int(last) if isinstance(place, list) else last] = copy.deepcopy(new)
    return value


def example_manifest(**changes: Any) -> Manifest:
    """The example as a manifest, with every rule checked."""
    return Manifest.from_record(canonical.encode(manifest_value(**changes)))


def unchecked_manifest(**changes: Any) -> Manifest:
    """The example with changes that may break the rules between members."""
    return msgspec.convert(manifest_value(**changes), Manifest)

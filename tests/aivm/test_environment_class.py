"""The environment class differs exactly when something that can change bits differs, member by member of the record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm import canonical, records
from aivm.environment import EngineBuild, EngineInfo, Environment, Implementation
from aivm.environment.parts import Accelerator, Library, Tf32

ROOT = Path(__file__).parents[2]
BUILD = EngineBuild(operating_system="linux", compiler="gcc", compiler_version="14.2.1", compiler_flags="-O2")
ORT = EngineInfo(
    name="onnxruntime",
    version="1.31.1",
    provider="cpu",
    build=BUILD,
    options={"graph_optimization": "all", "intra_op_threads": "2", "session.x64quantprecision": "1"},
)
CUDA = msgspec.structs.replace(ORT, provider="cuda")
DEFINED = EngineInfo(
    name="reproducible",
    version="aivm-arithmetic-1",
    provider="cpu",
    build=BUILD,
    implementation=Implementation(version="0.1.0", instruction_set="avx2", hardware_fma=True),
    options={"threads": "2"},
)
HERE = Environment.capture(ORT)
RECORDS = {
    name: msgspec.structs.replace(
        HERE,
        engine=engine,
        accelerator=Accelerator(name="NVIDIA H200", driver="570.1", count=1, tf32=Tf32.SELECTABLE),
        libraries=tuple(
            Library(name=library, version="1", build=BUILD, uses=("a",)) for library in ("aivm", "cudnn", "openblas")
        ),
        variables={
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2",
            "MKL_CBWR": "COMPATIBLE",
            "MALLOC_PERTURB_": "1",
            "OMP_NUM_THREADS": "2",
        },
    )
    for name, engine in (("ort", ORT), ("cuda", CUDA), ("defined", DEFINED), ("program", None))
}
#: What can change bits, by the beginning of a member's path; the rest of the record cannot.
ENGINE = {"engine.name", "engine.version", "engine.provider", "engine.build", "processor.architecture"}
ENGINE |= {"engine.options.graph_optimization", "engine.options.session.x64quantprecision"}
MACHINE = {"processor.features", "floating_point", "operating_system.libc", "variables.GLIBC_TUNABLES"}
CARD = {"accelerator", "libraries.cudnn", "variables.CUBLAS_WORKSPACE_CONFIG"}
DECIDES = {
    "ort": ENGINE | MACHINE,
    "cuda": ENGINE | MACHINE | CARD,
    "defined": ENGINE | {"engine.implementation"},
    "program": MACHINE
    | {"processor.architecture", "libraries.cudnn", "libraries.openblas", "variables.MKL_CBWR"}
    | {"libraries.aivm.name"},  # under another name it is another library
}


def leaves(value, path=""):
    """Every member of a record that has no members itself, by its path; a library's goes by its name."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for item in value:
            yield from leaves(item, f"{path}.{item['name']}")
    elif path not in ("type", "version"):
        yield path


def as_json(record):
    return json.loads(record.record())


def changed(value, path):
    """The record's value with one member changed to another that its type allows."""
    built = as_json(value)
    place, rest = built, path
    while True:
        if isinstance(place, list):
            step = next(item for item in place if rest.startswith(item["name"]))
            place, rest = step, rest[len(step["name"]) + 1 :]
            continue
        name = next((key for key in place if key == rest), None)
        if name is not None:
            place[name] = _other(name, place[name])
            return records.decode(canonical.encode(built), Environment)
        name = next(key for key in place if rest.startswith(f"{key}."))
        place, rest = place[name], rest[len(name) + 1 :]


def _other(name, value):
    enumerated = {"rounding": "up", "tf32": "forced"}
    if name in enumerated:
        return enumerated[name]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [*value, "another"]
    return f"{value}0" if value is not None else "another"


#: Parts that these records have not: what has none of their members cannot change one.
ABSENT = ("engine", "engine.implementation")
PATHS = [(kind, path) for kind, record in RECORDS.items() for path in leaves(as_json(record)) if path not in ABSENT]
BY_KIND = {kind: [path for other, path in PATHS if other == kind] for kind in RECORDS}


def decides(kind, path):
    return any(path == prefix or path.startswith((f"{prefix}.", f"{prefix}_")) for prefix in DECIDES[kind])


def test_every_kind_of_member_is_tried():
    paths = {path for _, path in PATHS}
    assert len(paths) > 40
    for wanted in (
        "floating_point.rounding",
        "python.hash_seed",
        "region.time_zone",
        "engine.options.intra_op_threads",
    ):
        assert wanted in paths


@pytest.mark.parametrize(("kind", "path"), PATHS)
def test_one_member_changes_the_digest_and_changes_the_class_exactly_if_it_decides_bits(kind, path):
    record, other = RECORDS[kind], changed(RECORDS[kind], path)
    assert other.digest() != record.digest()
    assert (other.class_record() != record.class_record()) == decides(kind, path)


@st.composite
def kinds_with_members(draw):
    kind = draw(st.sampled_from(sorted(RECORDS)))
    return kind, draw(st.sets(st.sampled_from(BY_KIND[kind]), max_size=6))


@given(kinds_with_members())
def test_several_members_change_the_class_exactly_if_one_of_them_decides_bits(drawn):
    kind, paths = drawn
    other = RECORDS[kind]
    for path in sorted(paths, key=lambda p: (p.endswith(".name"), p)):  # a library's name is part of its path
        other = changed(other, path)
    assert (other.class_record() != RECORDS[kind].class_record()) == any(decides(kind, path) for path in paths)
    assert (other.digest() != RECORDS[kind].digest()) == bool(paths)


def test_restarts_leave_record_and_class_of_a_program_as_they_are():
    """A program's record lists what is loaded; addresses, which the list comes in, differ from process to process."""
    program = (
        "import scipy.linalg, sklearn.mixture, onnxruntime\n"
        "from aivm.environment import Environment\n"
        "e = Environment.capture(); print(e.digest(), [(l.name, l.version) for l in e.libraries])"
    )
    found = {
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(3)
    }
    assert len(found) == 1
    (said,) = found
    for name in ("aivm", "numpy", "onnxruntime", "openblas", "openmp"):
        assert f"'{name}'" in said

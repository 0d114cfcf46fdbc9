"""Environments: what is measured, what stays the same, and what a manifest may ask for."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import struct
import subprocess
import sys
from pathlib import Path

import msgspec
import onnxruntime
import pytest
from manifest_examples import REPRODUCIBLE, example_manifest, unchecked_manifest

from aivm import records
from aivm.environment import (
    Compiler,
    ElfError,
    EngineBuild,
    EngineInfo,
    Environment,
    EnvironmentMismatchError,
    Implementation,
    compilers,
    compliance,
    read_build,
    require_compliance,
)
from aivm.environment.accelerator import capture_accelerator, driver_version
from aivm.environment.control import ControlError, flush_subnormals, read_control
from aivm.environment.libraries import blas_name, capture_libraries
from aivm.environment.parts import Accelerator, FloatingPoint, Processor, Rounding, Tf32
from aivm.environment.processor import measure_floating_point, model_name, normalise_features, ranges
from aivm.environment.system import capture_variables, memory_bytes

ROOT = Path(__file__).parents[2]
ENGINE = EngineInfo(
    name="onnxruntime",
    version="1.31.1",
    provider="cpu",
    build=EngineBuild(operating_system="linux", compiler="gcc", compiler_version="14.2.1", compiler_flags=None),
    options={
        "graph_optimization": "basic",
        "intra_op_threads": "1",
        "inter_op_threads": "1",
        "execution_mode": "sequential",
        "deterministic": "true",
    },
)
DEFINED = EngineInfo(
    name="reproducible",
    version="aivm-arithmetic-1",
    provider="cpu",
    build=ENGINE.build,
    implementation=Implementation(version="0.1.0", instruction_set="avx2", hardware_fma=True),
    options={"threads": "1"},
)
CAPTURED = Environment.capture(ENGINE)
CARD = Accelerator(name="NVIDIA H200", driver="570.1", count=1, tf32=Tf32.SELECTABLE)


def machine(**changes):
    """A machine that satisfies the example manifest, with changes."""
    base = {
        "processor": Processor(architecture="x86_64", model="test", features=("avx", "avx2", "fma"), threads=4),
        "floating_point": FloatingPoint(flush_to_zero=False, denormals_are_zero=False, rounding=Rounding.NEAREST),
        "memory_bytes": 1 << 34,
        "accelerator": None,
        "engine": ENGINE,
    }
    return msgspec.structs.replace(CAPTURED, **(base | changes))


def engine(**changes):
    return msgspec.structs.replace(ENGINE, **changes)


def option(**changes):
    return engine(options=ENGINE.options | changes)


def processor(*features, architecture="x86_64"):
    return Processor(architecture=architecture, model="test", features=features, threads=4)


def state(**changes):
    base = {
        "flush_to_zero": False,
        "denormals_are_zero": False,
        "rounding": Rounding.NEAREST,
        "control": read_control(),
    }
    return FloatingPoint(**(base | changes))


# ---- compliance

MISMATCHES = [
    ({"engine": None}, {}, ["build.operating_system", "build.compiler", "build.compiler_version", "runtime.name"]),
    ({"engine": engine(name="other")}, {}, ["runtime.name"]),
    ({"engine": engine(version="1.31.0")}, {}, ["runtime.version"]),
    ({"engine": engine(provider="cuda")}, {}, ["runtime.options.provider"]),
    ({"engine": option(graph_optimization="all")}, {}, ["runtime.options.graph_optimization"]),
    ({"engine": option(execution_mode="parallel")}, {}, ["runtime.options.execution_mode"]),
    ({"engine": option(deterministic="false")}, {}, ["runtime.options.deterministic"]),
    ({"engine": option(intra_op_threads="2")}, {}, ["runtime.options.intra_op_threads"]),
    ({}, {"runtime.options.inter_op_threads": 4}, ["runtime.options.inter_op_threads"]),
    (
        {"engine": engine(options={})},
        {},
        [f"runtime.options.{name}" for name in sorted(ENGINE.options)],
    ),
    ({}, {"build.operating_system": "windows"}, ["build.operating_system"]),
    ({}, {"build.compiler": "clang"}, ["build.compiler"]),
    ({}, {"build.compiler_version": "14.2.0"}, ["build.compiler_version"]),
    ({}, {"build.compiler_flags": "-O2"}, ["build.compiler_flags"]),
    ({"processor": processor("avx2")}, {}, ["hardware.features", "numerics.fma_contraction"]),
    ({}, {"hardware.features_off": ["avx"]}, ["hardware.features_off"]),
    ({"memory_bytes": 1 << 20}, {}, ["hardware.memory_bytes", "limits.memory_bytes"]),
    ({"memory_bytes": 1 << 29}, {}, ["limits.memory_bytes"]),
    ({}, {"limits.output_bytes": 1 << 33}, ["limits.output_bytes"]),
    ({}, {"hardware.kind": "cuda"}, ["hardware.kind"]),
    ({}, {"numerics.fma_contraction": False}, ["numerics.fma_contraction"]),
    ({"floating_point": state(flush_to_zero=True)}, {}, ["numerics.flush_to_zero"]),
    ({"floating_point": state(denormals_are_zero=True)}, {}, ["numerics.flush_to_zero"]),
    ({"floating_point": state(rounding=Rounding.UP)}, {}, ["numerics"]),
    ({}, {"numerics.tf32": True}, ["numerics.tf32"]),
    (
        {"accelerator": msgspec.structs.replace(CARD, tf32=Tf32.FORCED)},
        {"hardware.kind": "cuda"},
        ["numerics.tf32"],
    ),
    (
        {"accelerator": msgspec.structs.replace(CARD, tf32=Tf32.UNAVAILABLE)},
        {"hardware.kind": "cuda", "numerics.tf32": True},
        ["numerics.tf32"],
    ),
]


@pytest.mark.parametrize(("machine_changes", "manifest_changes", "fields"), MISMATCHES)
def test_every_field_that_differs_is_named_with_a_remedy(machine_changes, manifest_changes, fields):
    found = compliance(example_manifest(**manifest_changes), machine(**machine_changes))
    assert [mismatch.field for mismatch in found] == fields
    assert all(mismatch.want != mismatch.have and mismatch.remedy for mismatch in found)


def test_a_machine_that_does_not_comply_is_refused_with_every_field():
    bad = machine(engine=engine(version="1.0"), memory_bytes=1)
    with pytest.raises(EnvironmentMismatchError) as caught:
        require_compliance(example_manifest(), bad)
    text = caught.value.diagnostics()
    for part in ("digits@1.0.0", "runtime.version: want 1.31.1, have 1.0; install onnxruntime==1.31.1", "memory_bytes"):
        assert part in text
    assert len(caught.value.mismatches) == 3


@pytest.mark.parametrize(
    ("machine_changes", "manifest_changes"),
    [
        ({}, {}),
        ({}, {"build": dict.fromkeys(("operating_system", "compiler", "compiler_version", "compiler_flags"))}),
        ({"processor": processor("avx", "avx2", "avx512f", "fma")}, {}),
        ({}, {"hardware.features_off": ["avx512f"]}),
        ({"engine": option(intra_op_threads="9")}, {"runtime.options.intra_op_threads": 0}),
        ({"floating_point": state(flush_to_zero=True)}, {"numerics.flush_to_zero": True}),
        ({"accelerator": CARD}, {}),
        ({"accelerator": CARD}, {"hardware.kind": "cuda"}),
        ({"accelerator": CARD}, {"hardware.kind": "cuda", "numerics.tf32": True}),
        ({"accelerator": msgspec.structs.replace(CARD, tf32=Tf32.FORCED)}, {}),
        (
            {"processor": processor("asimd", architecture="aarch64")},
            {"hardware.features": ["asimd"]},
        ),
        (
            {"processor": processor("sse2")},
            {"hardware.features": [], "numerics.fma_contraction": False},
        ),
    ],
)
def test_a_machine_that_complies_is_accepted(machine_changes, manifest_changes):
    manifest, good = example_manifest(**manifest_changes), machine(**machine_changes)
    assert compliance(manifest, good) == []
    require_compliance(manifest, good)


def test_a_cuda_kernel_on_a_processor_names_what_is_missing():
    manifest = unchecked_manifest(**{"hardware.kind": "cuda", "runtime.options.provider": "cuda"})
    fields = [mismatch.field for mismatch in compliance(manifest, machine())]
    assert fields == ["runtime.options.provider", "hardware.kind"]


def test_a_machine_of_any_processor_satisfies_a_kernel_of_the_reproducible_engine():
    manifest = example_manifest(**REPRODUCIBLE, **{"hardware.features": []})
    for features in ((), ("avx",), ("avx", "avx2", "avx512f", "fma")):
        assert compliance(manifest, machine(engine=DEFINED, processor=processor(*features))) == []


def test_another_arithmetic_is_a_mismatch_and_its_remedy_a_version_of_ours():
    manifest = example_manifest(**REPRODUCIBLE)
    newer = msgspec.structs.replace(DEFINED, version="aivm-arithmetic-2")
    (mismatch,) = compliance(manifest, machine(engine=newer))
    assert mismatch.field == "runtime.version"
    assert mismatch.remedy == "install a version of aivm that has aivm-arithmetic-1"


# ---- the record


def test_the_record_reads_back():
    assert records.decode(CAPTURED.record(), Environment) == CAPTURED
    assert records.digest(CAPTURED) == CAPTURED.digest()


def test_two_captures_are_equal():
    assert Environment.capture(ENGINE) == CAPTURED


def test_a_capture_in_another_process_has_the_same_digest():
    program = "from aivm.environment import Environment; print(Environment.capture().digest())"
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    outputs = {
        subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, check=True).stdout
        for _ in range(2)
    }
    assert len(outputs) == 1


def test_the_record_holds_no_path_no_host_name_and_no_time():
    text = CAPTURED.record().decode()
    values = [item for item in strings(json.loads(text)) if not item.startswith("aivm/")]
    assert not any(value.startswith("/") or str(Path.home()) in value for value in values if len(value) > 1)
    assert platform.node() not in values
    assert not re.search(r"20\d\d-\d\d-\d\d", text)


def strings(value):
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_paths_in_variables_are_reduced_to_names(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "/home/someone/lib/cpumask.so:/opt/other.so")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    found = capture_variables()
    assert found["LD_PRELOAD"] == "cpumask.so other.so"
    assert found["OMP_NUM_THREADS"] == "3"
    assert "SECRET_TOKEN" not in found


def test_this_machine_has_memory_and_features():
    assert 1 << 28 < memory_bytes() < 1 << 50
    assert CAPTURED.processor.threads >= 1
    assert list(CAPTURED.processor.features) == sorted(set(CAPTURED.processor.features))
    expected = "sse2" if CAPTURED.processor.architecture == "x86_64" else "asimd"
    assert expected in CAPTURED.processor.features


# ---- the environment class


@pytest.mark.parametrize(
    "changes",
    [
        {"processor": processor("avx")},
        {"processor": processor("avx", "avx2", "fma", architecture="aarch64")},
        {"floating_point": state(flush_to_zero=True)},
        {"engine": engine(version="1.31.2")},
        {"engine": engine(provider="cuda")},
        {"engine": engine(build=EngineBuild())},
        {"operating_system": msgspec.structs.replace(CAPTURED.operating_system, libc_version="1.0")},
    ],
)
def test_what_can_change_bits_changes_the_class(changes):
    assert machine(**changes).class_record() != machine().class_record()


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_bytes": 1 << 40},
        {"processor": msgspec.structs.replace(machine().processor, model="other", threads=64)},
        {"operating_system": msgspec.structs.replace(CAPTURED.operating_system, kernel="0.1")},
        {"python": msgspec.structs.replace(CAPTURED.python, hash_seed="7")},
        {"variables": {"OMP_NUM_THREADS": "9"}},
        {"accelerator": CARD},
    ],
)
def test_what_cannot_change_bits_leaves_the_class(changes):
    assert machine(**changes).class_record() == machine().class_record()
    assert machine(**changes).digest() != machine().digest()


def implementation(**changes):
    return msgspec.structs.replace(DEFINED, implementation=msgspec.structs.replace(DEFINED.implementation, **changes))


def test_the_class_of_a_defined_arithmetic_is_the_implementations_alone():
    base = machine(engine=DEFINED)
    for changes in (
        {"processor": processor("avx")},
        {"floating_point": state(flush_to_zero=True)},
        {"operating_system": msgspec.structs.replace(CAPTURED.operating_system, libc_version="1.0")},
    ):
        assert machine(**({"engine": DEFINED} | changes)).class_record() == base.class_record()
    for other in (implementation(version="0.2.0"), implementation(instruction_set="portable", hardware_fma=False)):
        assert machine(engine=other).class_record() != base.class_record()


def test_the_accelerator_changes_the_class_where_it_computes():
    on_card = {"engine": engine(provider="cuda"), "accelerator": CARD}
    newer = on_card | {"accelerator": msgspec.structs.replace(CARD, driver="571.0")}
    assert machine(**on_card).class_record() != machine(**newer).class_record()


# ---- the processor

INTEL = """\
processor\t: 0
model name\t: Intel(R)  Xeon(R) CPU
flags\t\t: fpu sse sse2 pni ssse3 aes avx avx2 fma avx512f avx512bw
processor\t: 1
model name\t: Intel(R)  Xeon(R) CPU
flags\t\t: fpu sse sse2 pni ssse3 aes avx avx2 fma
"""
ARM = """\
processor\t: 0
Features\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp asimddp sve i8mm
CPU implementer\t: 0x41
CPU part\t: 0xd40
"""


def test_features_are_those_of_every_processor_by_one_name():
    assert normalise_features(INTEL) == ("avx", "avx2", "fma", "sse", "sse2", "sse3", "ssse3")
    assert normalise_features(ARM) == ("asimd", "asimddp", "asimdhp", "fp", "fphp", "i8mm", "sve")
    assert normalise_features("") == ()


def test_the_processors_name_is_tidied():
    assert model_name(INTEL) == "Intel(R) Xeon(R) CPU"
    assert model_name(ARM) == "implementer 0x41 part 0xd40"
    assert model_name("") == "unknown"


def test_the_arithmetic_of_this_process_is_ieee():
    assert measure_floating_point() == state()


# fenv.h of glibc: FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO, by architecture.
ROUNDINGS = {
    "x86_64": {Rounding.DOWN: 0x400, Rounding.UP: 0x800, Rounding.ZERO: 0xC00},
    "aarch64": {Rounding.UP: 0x400000, Rounding.DOWN: 0x800000, Rounding.ZERO: 0xC00000},
}


@pytest.mark.parametrize("rounding", [Rounding.DOWN, Rounding.UP, Rounding.ZERO])
def test_a_changed_rounding_mode_is_measured(rounding):
    libm = ctypes.CDLL("libm.so.6")
    try:
        assert libm.fesetround(ROUNDINGS[CAPTURED.processor.architecture][rounding]) == 0
        measured = measure_floating_point()
    finally:
        libm.fesetround(0)
    assert measured.rounding is rounding


def test_flushing_of_subnormals_is_measured():
    """fesetenv takes glibc's fenv_t; on x86-64 MXCSR is its last word, on aarch64 FPCR its first."""
    libm = ctypes.CDLL("libm.so.6")
    saved = (ctypes.c_uint32 * 8)()
    assert libm.fegetenv(saved) == 0
    changed = (ctypes.c_uint32 * 8)(*saved)
    if CAPTURED.processor.architecture == "x86_64":
        changed[7] |= 0x8040  # FTZ, DAZ
    else:
        changed[0] |= 1 << 24  # FZ
    try:
        assert libm.fesetenv(changed) == 0
        measured = measure_floating_point()
    finally:
        libm.fesetenv(saved)
    assert measured.flush_to_zero
    assert measured.denormals_are_zero
    assert measured.control != read_control()
    assert measure_floating_point() == state()


def test_flushing_is_set_and_read_back_in_a_process_of_its_own():
    program = (
        "from aivm.environment.control import flush_subnormals, read_control\n"
        "from aivm.environment.processor import measure_floating_point\n"
        "flush_subnormals(); state = measure_floating_point()\n"
        "print(state.flush_to_zero, state.denormals_are_zero, state.control)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    word = {"x86_64": "mxcsr 0x8040", "aarch64": "fpcr 0x1000000"}[platform.machine()]
    assert done.stdout.strip() == f"True True {word}"


def test_an_unknown_processors_register_is_not_read_and_not_written(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert read_control() is None
    with pytest.raises(ControlError, match="riscv64"):
        flush_subnormals()


# ---- the libraries that compute


def test_the_libraries_say_what_they_are_made_with_and_what_they_use():
    libraries = {library.name: library for library in capture_libraries()}
    assert {"aivm", "numpy", blas_name()} <= set(libraries)
    for library in libraries.values():
        assert library.version
        assert library.build.operating_system == "linux"
    for name in ("aivm", "numpy", blas_name()):
        assert libraries[name].uses
        assert libraries[name].build.compiler in {"gcc", "clang"}
    assert "openblas" not in blas_name() or "DYNAMIC_ARCH" in libraries[blas_name()].build.compiler_flags
    assert "-ffp-contract=off" in libraries["aivm"].build.compiler_flags


def test_an_engine_s_record_has_the_libraries_that_every_process_has_whatever_else_is_loaded():
    names = {library.name for library in capture_libraries(ENGINE)}
    assert names == {"aivm", "numpy", blas_name()}
    assert "onnxruntime" in {library.name for library in capture_libraries()}


def captured_with(**variables):
    program = (
        "from aivm.environment import Environment; e = Environment.capture()\n"
        "print(e.digest(), e.class_record().hex(), *[u for l in e.libraries if 'blas' in l.name for u in l.uses])"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environ | variables, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_other_kernels_of_blas_are_another_class_of_what_runs_without_an_engine():
    old, older = (captured_with(OPENBLAS_CORETYPE=name) for name in ("Nehalem", "Prescott"))
    assert old == captured_with(OPENBLAS_CORETYPE="Nehalem")
    assert old[2] == "Nehalem"
    assert old[0] != older[0]
    assert old[1] != older[1]


def test_the_hash_seed_is_in_the_record_and_not_in_the_class():
    one, other = (captured_with(PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one[0] != other[0]
    assert one[1:] == other[1:]


@pytest.mark.parametrize(
    ("numbers", "text"), [((), ""), ((3,), "3"), ((0, 1, 2), "0-2"), ((8, 0, 1, 3, 2), "0-3,8"), ((1, 3, 5), "1,3,5")]
)
def test_processors_are_listed_as_ranges(numbers, text):
    assert ranges(numbers) == text


# ---- the accelerator

PROPRIETARY = """\
NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n"


def test_the_drivers_version_is_read_from_both_kinds_of_module():
    assert driver_version(PROPRIETARY) == "535.129.03"
    assert driver_version(OPEN) == "570.86.15"
    assert driver_version("NVRM version: ?\n") is None


@pytest.mark.parametrize(("override", "tf32"), [(None, "selectable"), ("0", "unavailable"), ("1", "forced")])
def test_accelerators_are_read_from_the_drivers_files(tmp_path, monkeypatch, override, tf32):
    if override is None:
        monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    else:
        monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", override)
    (tmp_path / "version").write_text(OPEN)
    for index in range(2):
        gpu = tmp_path / "gpus" / f"0000:0{index}:00.0"
        gpu.mkdir(parents=True)
        (gpu / "information").write_text(f"Model: \t\t NVIDIA H200\nIRQ:   \t\t {index}\n")
    assert capture_accelerator(tmp_path) == Accelerator(name="NVIDIA H200", driver="570.86.15", count=2, tf32=tf32)


def test_a_machine_without_the_driver_has_no_accelerator(tmp_path):
    assert capture_accelerator(tmp_path / "none") is None


# ---- compilers, from ELF files


def test_the_engines_compiler_is_read_from_its_library():
    (library,) = (Path(onnxruntime.__file__).parent / "capi").glob("onnxruntime_pybind11_state*.so")
    build = read_build(library)
    assert build.operating_system == "linux"
    assert build.compiler in ("gcc", "clang")
    assert re.fullmatch(r"\d+(\.\d+)*", build.compiler_version)


def elf(comment=b"GCC: (Debian 12.2.0-14) 12.2.0\0", *, wide=True, order="<", name=b".comment"):
    """A smallest ELF file with one comment section."""
    names = b"\0" + name + b"\0.shstrtab\0"
    header_size = 64 if wide else 52
    at_comment = header_size
    at_names = at_comment + len(comment)
    at_sections = at_names + len(names)
    section = struct.Struct(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"))
    table = section.pack(*[0] * 10)
    table += section.pack(1, 1, 0, 0, at_comment, len(comment), 0, 0, 1, 0)
    table += section.pack(2 + len(name), 3, 0, 0, at_names, len(names), 0, 0, 1, 0)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    layout = struct.Struct(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"))
    header = layout.pack(3, 62, 1, 0, 0, at_sections, 0, header_size, 0, 0, section.size, 3, 2)
    return ident + header + comment + names + table


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_elf_files_of_every_width_and_byte_order_are_read(tmp_path, wide, order):
    path = tmp_path / "lib.so"
    path.write_bytes(elf(wide=wide, order=order))
    assert compilers(path) == [Compiler("gcc", "12.2.0")]


@pytest.mark.parametrize(
    ("comment", "want"),
    [
        (b"GCC: (GNU) 8.5.0 20210514 (Red Hat 8.5.0-29)\0GCC: (GNU) 14.2.1 20250110\0", ["gcc 14.2.1", "gcc 8.5.0"]),
        (b"GCC: (GNU) 9.1.0\0GCC: (GNU) 10.1.0\0GCC: (GNU) 9.1.0\0", ["gcc 10.1.0", "gcc 9.1.0"]),
        (b"Debian clang version 14.0.6\0", ["clang 14.0.6"]),
        (b"Linker: LLD 17.0.0\0\xff\xfe\0", []),
        (b"", []),
    ],
)
def test_the_newest_compiler_comes_first(tmp_path, comment, want):
    path = tmp_path / "lib.so"
    path.write_bytes(elf(comment))
    assert [f"{compiler.name} {compiler.version}" for compiler in compilers(path)] == want


def test_a_library_that_does_not_say_has_no_compiler(tmp_path):
    path = tmp_path / "lib.so"
    path.write_bytes(elf(name=b".nothing"))
    assert read_build(path) == EngineBuild(operating_system="linux")


@pytest.mark.parametrize("length", range(0, len(elf()), 9))
def test_an_elf_file_that_is_cut_off_is_refused(tmp_path, length):
    path = tmp_path / "lib.so"
    path.write_bytes(elf()[:length])
    with pytest.raises(ElfError):
        compilers(path)


@pytest.mark.parametrize("data", [b"", b"MZ\x90", b"#!/bin/sh\n" * 20])
def test_a_file_that_is_no_elf_file_is_refused(tmp_path, data):
    path = tmp_path / "lib.so"
    path.write_bytes(data)
    with pytest.raises(ElfError):
        compilers(path)

"""The build refuses what would make results depend on the compiler, and checks its own vectors."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aivm.arithmetic import _core

ROOT = Path(__file__).parents[2]
COMPILER = os.environ.get("CXX", "c++")


def cmake(*arguments, **environment):
    program = Path(sys.executable).with_name("cmake")  # one of the development dependencies
    done = subprocess.run(
        [program, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    done.stderr = " ".join(done.stderr.split())  # CMake breaks lines as it likes
    return done


def configure(build, *options, **environment):
    return cmake("-S", str(ROOT), "-B", str(build), "-DAIVM_MODULE=OFF", *options, **environment)


@pytest.mark.parametrize(
    ("variable", "flag"),
    [
        ("CXXFLAGS", "-ffast-math"),
        ("CXXFLAGS", "-O3 -Ofast"),
        ("CXXFLAGS", "-funsafe-math-optimizations"),
        ("CXXFLAGS", "-ffinite-math-only"),
        ("CXXFLAGS", "-fno-signed-zeros"),
        ("CXXFLAGS", "-mfpmath=387"),
        ("LDFLAGS", "-ffast-math"),
        ("CXXFLAGS", "-flto"),
    ],
)
def test_flags_that_change_results_are_refused(tmp_path, variable, flag):
    done = configure(tmp_path, **{variable: flag})
    assert done.returncode != 0
    assert flag.split()[-1] in done.stderr
    assert "docs/arithmetic.md" in done.stderr


def test_a_compiler_that_breaks_a_rule_is_refused_by_what_it_computes(tmp_path):
    """A compiler whose flags look innocent, but that contracts and flushes all the same."""
    compiler = tmp_path / "c++"
    compiler.write_text(f'#!/bin/sh\nexec {COMPILER} "$@" -ffast-math -fno-finite-math-only -U__FAST_MATH__\n')
    compiler.chmod(0o755)
    done = configure(tmp_path / "build", CXX=str(compiler))
    assert done.returncode != 0
    assert "does not honour the rules" in done.stderr
    assert "broken: subnormals are kept" in done.stderr


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    build = tmp_path_factory.mktemp("tools")
    done = configure(build, "-DAIVM_TOOLS=ON")
    assert done.returncode == 0, done.stderr
    return build


@pytest.mark.parametrize("isa", _core.isas())
def test_every_operation_of_the_vectors_is_the_scalar_one(tools, isa):
    built = cmake("--build", str(tools), "--target", f"check_vectors_{isa}")
    assert built.returncode == 0, built.stderr
    found = subprocess.run(
        [tools / "tests" / "arithmetic" / "native" / f"check_vectors_{isa}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == "0 differences\n"


def test_objects_that_others_could_share_code_with_are_refused(tmp_path):
    """An inline function that two instruction sets both define would be one of them's, for both."""
    source = tmp_path / "shared.cpp"
    source.write_text("inline int twice(int x) { return 2 * x; }\nint (*function)(int) = twice;\n")
    compiled = subprocess.run([COMPILER, "-c", source, "-o", tmp_path / "shared.o"], check=False)
    assert compiled.returncode == 0
    check = ["-DNM=" + str(shutil.which("nm")), f"-DOBJECTS={tmp_path / 'shared.o'}", "-DISA=avx2"]
    done = cmake(*check, "-P", str(ROOT / "cmake" / "CheckIsaSymbols.cmake"))
    assert done.returncode != 0
    assert "other objects could share" in done.stderr


@pytest.fixture
def toolchain(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("CMAKE_TOOLCHAIN_FILE", raising=False)
    monkeypatch.syspath_prepend(str(ROOT / "cmake"))
    monkeypatch.delitem(sys.modules, "toolchain", raising=False)
    return importlib.import_module("toolchain")


def only(monkeypatch, place, **compilers):
    """Makes these scripts the only compilers that there are."""
    place.mkdir(exist_ok=True)
    for name, script in compilers.items():
        path = place / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(place))


@pytest.mark.parametrize(
    ("found", "fits"),
    [
        ("__clang_major__ 12 201703L", True),
        ("__clang_major__ 11 201703L", False),
        ("14 4 201703L", True),
        ("13 4 201703L", False),
        ("__clang_major__ 15 201402L", False),
        ("nothing of the kind", False),
    ],
)
def test_a_compiler_is_taken_if_it_is_new_enough(toolchain, monkeypatch, tmp_path, found, fits):
    only(monkeypatch, tmp_path / "bin", gxx=f"echo 'aivm: {found}'")
    (tmp_path / "bin" / "gxx").rename(tmp_path / "bin" / "g++")
    assert toolchain.installed_compiler() == (str(tmp_path / "bin" / "g++") if fits else "")
    assert toolchain.requirements() == ([] if fits else [toolchain.ZIG])


def test_a_compiler_without_a_c_plus_plus_library_is_none(toolchain, monkeypatch, tmp_path):
    only(monkeypatch, tmp_path / "bin", gxx="echo 'vector: no such file' >&2; exit 1")
    (tmp_path / "bin" / "gxx").rename(tmp_path / "bin" / "g++")
    assert toolchain.installed_compiler() == ""


def test_a_compiler_that_is_asked_for_is_used_whatever_it_is(toolchain, monkeypatch):
    monkeypatch.setenv("CXX", "/opt/of/mine/c++")
    assert toolchain.requirements() == []
    assert "CXX" not in toolchain.variables()


def test_a_machine_without_a_compiler_and_its_replacement_says_what_to_install(toolchain, monkeypatch, tmp_path):
    only(monkeypatch, tmp_path / "bin")
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SystemExit, match=r"no C.. compiler"):
        toolchain.variables()


def test_missing_headers_of_python_are_named_with_their_package(toolchain, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", COMPILER)
    monkeypatch.chdir(tmp_path)
    only(monkeypatch, tmp_path / "bin")
    with pytest.raises(SystemExit, match=r"libpython3\.\d+-dev"):
        toolchain.variables(tmp_path / "include")

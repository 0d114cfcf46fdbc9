"""The build refuses what would make results depend on the compiler, and checks its own vectors."""

from __future__ import annotations

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

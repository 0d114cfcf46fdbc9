"""A processor whose features are hidden chooses other kernels, and computes the same bits."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import aivm.determinism.masking
from aivm.arithmetic import _core
from aivm.arithmetic.trace import root

MASKING = Path(aivm.determinism.masking.__file__).parent
MASKS = {"avx2": ["avx2", "portable"], "avx": ["portable"], "sse": ["portable"]}

CODE = """
import importlib.util, sys
specification = importlib.util.spec_from_file_location("_core", sys.argv[1])
core = importlib.util.module_from_spec(specification)
specification.loader.exec_module(core)
import numpy as np
x = np.frombuffer(bytes.fromhex(sys.argv[2]), np.float32)
print(*core.isas())
print(core.merkle_root(x, "float32", 1).hex())
"""


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    """The mask, and the core with its questions to the processor turned into faults."""
    assert platform.machine() == "x86_64", "masks are for x86-64"
    folder = tmp_path_factory.mktemp("masked")
    compiler = os.environ.get("CC", "cc")
    mask, core = folder / "mask_cpuid.so", folder / "_core.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", MASKING / "mask_cpuid.c", "-o", mask], check=True)
    subprocess.run([sys.executable, MASKING / "patch.py", _core.__file__, core], check=True)
    return mask, core


def run(masked, mask):
    library, core = masked
    x = np.linspace(-3, 3, 700, dtype=np.float32)
    environment = {
        "PATH": os.environ["PATH"],
        "AIVM_MASK": mask,
        "LD_PRELOAD": str(library),
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }
    command = [sys.executable, "-S", "-c", CODE, core, x.tobytes().hex()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done, root(x)


@pytest.mark.parametrize("mask", MASKS)
def test_hidden_features_leave_the_kernels_that_need_none_of_them(masked, mask):
    done, expected = run(masked, mask)
    assert done.returncode == 0, done.stderr
    isas, digest = done.stdout.splitlines()
    assert isas.split() == [isa for isa in MASKS[mask] if isa in _core.isas()]
    assert digest == bytes(expected).hex()


def test_a_mask_that_is_none_is_refused(masked):
    done, _ = run(masked, "altivec")
    assert done.returncode == 2
    assert "AIVM_MASK is avx2, avx or sse, not altivec" in done.stderr


def test_a_library_that_asks_nothing_is_refused(tmp_path):
    source = tmp_path / "quiet.c"
    source.write_text("int twice(int x) { return 2 * x; }\n")
    library = tmp_path / "quiet.so"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", source, "-o", library], check=True)
    assert shutil.which("objdump")
    command = [sys.executable, MASKING / "patch.py", library, tmp_path / "copy.so"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "does not ask the processor" in done.stderr

"""Which kernels run is a choice that changes nothing but time, and that is never made silently."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from oracle import bits
from plans import one_step

from aivm.arithmetic import _core
from aivm.arithmetic.errors import PlanError


def python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_best_instruction_set_is_the_default():
    without = {name: value for name, value in os.environ.items() if name != "AIVM_ISA"}
    code = "from aivm.arithmetic import _core; print(_core.isa() == _core.isas()[0])"
    done = subprocess.run([sys.executable, "-c", code], env=without, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize("isa", _core.isas())
def test_the_environment_forces_an_instruction_set(isa):
    code = "from aivm.arithmetic import _core; print(_core.isa(), _core.Plan([], [], []).isa)"
    assert python(code, AIVM_ISA=isa).stdout.split() == [isa, isa]


@pytest.mark.parametrize("isa", _core.isas())
def test_a_plan_says_which_instruction_set_it_runs_on(isa):
    assert _core.Plan([], [], [], isa=isa).isa == isa


def test_an_instruction_set_that_is_not_there_is_refused():
    with pytest.raises(PlanError, match="instruction set 'altivec' is not available") as refusal:
        _core.isa("altivec")
    assert all(isa in refusal.value.hint for isa in _core.isas())
    done = python("from aivm.arithmetic import _core; _core.isa()", AIVM_ISA="altivec")
    assert done.returncode != 0
    assert "instruction set 'altivec' is not available" in done.stderr


def test_the_portable_kernels_are_always_there_and_say_that_they_emulate():
    assert "portable" in _core.isas()
    assert not _core.hardware_fma("portable")
    assert all(_core.hardware_fma(isa) for isa in _core.isas() if isa != "portable")


UNRULY = """
import ctypes, platform, sys
import numpy as np
from aivm.arithmetic import _core

x = np.frombuffer(bytes.fromhex(sys.stdin.read()), np.float32)
buffers = [_core.Buffer("x", "float32", x.shape, "input"), _core.Buffer("y", "float32", x.shape, "output")]
plan = _core.Plan(buffers, [], [_core.Step("mul", "m", [0, 0], [1])])

machine = ctypes.CDLL(None)
state = (ctypes.c_uint32 * 8)()  # fenv_t: x86-64 keeps MXCSR behind seven words of x87, aarch64 has FPCR first
machine.fegetenv(state)
x86 = platform.machine() == "x86_64"
state[7 if x86 else 0] |= 0xE040 if x86 else 0x1C00000  # flush to zero, inputs too, and round towards zero
machine.fesetenv(state)
y = plan.run([x], threads=3)[0]
after = (ctypes.c_uint32 * 8)()
machine.fegetenv(after)
if after[7 if x86 else 0] & 0xE040 != state[7 if x86 else 0] & 0xE040: sys.exit("the state was not given back")
sys.stdout.write(y.tobytes().hex())
"""


@pytest.mark.parametrize("isa", _core.isas())
def test_a_library_that_flushes_to_zero_and_rounds_otherwise_changes_no_bit(isa):
    """Linking one object with -ffast-math does the first to every thread of a program that loads it."""
    x = np.linspace(1, 2, 200_000, dtype=np.float32) * np.float32(1e-20)
    wanted = one_step("mul", [x, x], x.shape)(1)
    assert (bits(wanted) > 0).all()
    assert (bits(wanted) < 0x00800000).any()  # subnormal
    done = subprocess.run(
        [sys.executable, "-c", UNRULY],
        input=x.tobytes().hex(),
        env={**os.environ, "AIVM_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert bytes.fromhex(done.stdout) == wanted.tobytes()


#: Operands of which an operation makes a NaN, which is the processor's, by primitive.
INVALID = {
    "sqrt": [-1.0],
    "log": [-1.0],
    "acosh": [0.0],
    "atanh": [2.0],
    "sin": [np.inf],
    "sub": [np.inf, np.inf],
    "add": [np.inf, -np.inf],
    "mul": [0.0, -np.inf],
    "div": [0.0, 0.0],
    "pow": [-1.0, 0.5],
    "mod": [np.inf, 1.0],
    "reduce_sum": [-np.inf, np.inf],
    "reduce_mean": [-np.inf, np.inf],
    "reduce_prod": [0.0, np.inf],
}
_BINARY32_ALONE = ("log", "acosh", "atanh", "sin", "pow")


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize(
    ("op", "dtype"),
    [(op, "float32") for op in INVALID] + [(op, "float64") for op in INVALID if op not in _BINARY32_ALONE],
)
def test_an_invalid_operation_gives_the_one_nan(isa, op, dtype):
    """A compiler to which one NaN is as good as another may leave out that it is replaced."""
    wanted = 0x7FC00000 if dtype == "float32" else 0x7FF8000000000000
    for count in (1, 1000):
        arrays = [np.full(count, value, dtype) for value in INVALID[op]]
        operands = [np.stack(arrays)] if op.startswith("reduce") else arrays
        ints = [0] if op.startswith("reduce") else [1] if op == "mod" else []
        result = one_step(op, operands, (count,), ints, isa=isa, dtype=dtype)()
        assert (result.view(f"u{result.itemsize}") == wanted).all()


@pytest.mark.parametrize("isa", _core.isas())
def test_every_half_that_is_a_nan_becomes_the_one_of_binary32(isa):
    words = np.array([0x7C01, 0x7E00, 0x7FFF, 0xFC01, 0xFE00, 0xFFFF] * 7, np.uint16)
    result = one_step("cast", [words.view(np.float16)], words.shape, isa=isa)()
    assert (bits(result) == 0x7FC00000).all()

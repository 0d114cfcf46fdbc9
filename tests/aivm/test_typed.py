"""Conversions to types that several threads meet first at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from aivm import records, typed
from aivm.environment import Environment

FIRST_IN_MANY_THREADS = """
import sys, threading, time
from aivm import canonical, records, typed
from aivm.environment import Environment
value = canonical.decode(sys.stdin.buffer.read())
sys.setswitchinterval(1e-6)
gate = threading.Barrier(4)
def convert(after):
    gate.wait()
    time.sleep(after * 2e-4)  # while the first is at it
    typed.convert(value, Environment)
threads = [threading.Thread(target=convert, args=(after,)) for after in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


class Inner(msgspec.Struct, frozen=True):
    number: int


class Outer(msgspec.Struct, frozen=True):
    inner: Inner
    others: tuple[Inner, ...] = ()


def test_what_fits_becomes_the_type_and_what_does_not_is_named():
    value = {"inner": {"number": 1}, "others": [{"number": 2}]}
    want = Outer(inner=Inner(number=1), others=(Inner(number=2),))
    assert typed.convert(value, Outer) == want
    assert typed.decode_json(msgspec.json.encode(value), Outer) == want
    with pytest.raises(msgspec.ValidationError, match=r"\$\.inner\.number"):
        typed.convert({"inner": {"number": "one"}}, Outer)
    with pytest.raises(msgspec.DecodeError):
        typed.decode_json(b"{", Outer)


def test_a_type_can_be_new_to_many_threads_at_once():
    """Without the lock five of six such processes end by a segmentation fault."""
    record = records.encode(Environment.capture())

    def one(_: int) -> None:
        subprocess.run([sys.executable, "-c", FIRST_IN_MANY_THREADS], input=record, check=True, timeout=60)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(6)))

"""The loop around a validator ends when it is told to, and for no other reason."""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from registry.errors import InsufficientFundsError, RpcUnavailableError
from registry.validator import daemon
from registry.validator.journal import JournalError, JournalMissingError

TROUBLES = [
    RpcUnavailableError("eth_call", []),
    InsufficientFundsError("no gas"),
    JournalError("disk is full"),
    TypeError("int() can't convert non-string with explicit base"),
    MemoryError(),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda error: type(error).__name__)
def test_the_daemon_outlives_whatever_a_tick_raises_and_says_it(trouble: Exception, caplog: pytest.LogCaptureFixture):
    stop, steps = threading.Event(), []

    def tick() -> list[Any]:
        if not steps:
            steps.append("trouble")
            raise trouble
        stop.set()
        return ["step"]

    with caplog.at_level(logging.WARNING):
        validator = SimpleNamespace(tick=tick, check_journal=lambda: None)
        daemon.run(validator, stop, interval=0.01, on_step=steps.append)
    assert steps == ["trouble", "step"]
    assert (str(trouble) or type(trouble).__name__) in caplog.text


def test_the_daemon_does_not_start_with_the_wrong_journal():
    def check() -> None:
        raise JournalMissingError("not the one")

    with pytest.raises(JournalMissingError):
        daemon.run(SimpleNamespace(check_journal=check), threading.Event(), interval=1, on_step=print)

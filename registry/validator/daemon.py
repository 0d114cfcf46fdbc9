"""A validator as a process: ticks until it is told to stop, and finishes the duty under way before it does."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from registry.validator.validator import Step, Validator

log = logging.getLogger(__name__)


def run(validator: Validator, stop: threading.Event, *, interval: float, on_step: Callable[[Step], None]) -> None:
    """Ticks every `interval` seconds until `stop` is set.

    What fails is waited for, with growing pauses: the duties are in the journal and on chain, and nothing is lost but
    time. A daemon that gave up, for want of gas or because of an answer that makes no sense, would lose its stake.

    Raises:
        RegistryError: at the start, when going on makes no sense without a person: the journal is not the right one.
    """
    validator.check_journal()
    failures = 0
    while not stop.is_set():
        try:
            for step in validator.tick():
                on_step(step)
            failures = 0
        except AivmError as error:
            failures += 1
            log.warning("%s", error.diagnostics())
        except Exception:
            failures += 1
            log.exception("unexpected")
        stop.wait(interval * 2 ** min(failures, 4))


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set. A second one of them ends the process at once."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        log.warning("%s: finishing the duty under way; send it again to stop at once", signal.Signals(number).name)
        stop.set()
        for each in previous:
            signal.signal(each, signal.SIG_DFL)

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

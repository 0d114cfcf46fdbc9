"""All inputs of a subject in one file in memory, which workers read instead of being sent them again and again.

Every environment runs every case: sent through a pipe, an input is copied four times and wakes two processes for each
64 KB. The file is sealed, so that no worker can change what another one reads.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from aivm import tensors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.determinism.subject import Subject

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where in the file a case's inputs are, in bytes."""

    offset: int
    size: int


class Feeds:
    """The inputs of all cases of a subject, each as a tensor file; close it, or use it with `with`.

    Attributes:
        descriptor: of the file, sealed and without a name.
        spans: by case.
    """

    def __init__(self, subject: Subject) -> None:
        self.descriptor = os.memfd_create("inputs", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.spans: dict[str, Span] = {}
        try:
            offset = 0
            for case, inputs in subject.cases.items():
                data = tensors.encode(inputs)
                self.spans[case] = Span(offset=offset, size=len(data))
                _write(self.descriptor, data)
                offset += len(data)
            fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, _SEALS)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def some(self, cases: Sequence[str], limit: int) -> list[list[int]]:
        """Offsets and sizes of the first of some cases, of at least one and of less than `limit` bytes behind it."""
        found: list[list[int]] = []
        for case in cases:
            span = self.spans[case]
            if found and sum(size for _, size in found) + span.size > limit:
                break
            found.append([span.offset, span.size])
        return found

    def close(self) -> None:
        """Closes this process's descriptor; does nothing the second time."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1


def read_feed(descriptor: int, offset: int, size: int) -> bytes:
    """A case's tensor file, in a worker."""
    parts, done = [], 0
    while done < size:
        part = os.pread(descriptor, size - done, offset + done)
        if not part:
            break
        parts.append(part)
        done += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]

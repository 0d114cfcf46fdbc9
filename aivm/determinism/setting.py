"""A setting: how a process is started and fed in one environment of the matrix.

The reference setting changes nothing. Every other one changes as little as the axis that it belongs to; settings of
several axes add up (`Setting.over`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from aivm.errors import AivmError

#: This interpreter, whose only variables are those that it is given: unlike with `-I`, the hash seed can be set.
HERE = (sys.executable, "-s", "-P")


class SettingError(AivmError):
    """Settings that contradict each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """What a worker is started with.

    Attributes:
        program: the interpreter and its options; an emulator before it.
        paths: folders of modules that come before the installed ones.
        confined: whether the worker can be confined; an emulator and a mask need what the sandbox forbids.
        slowness: how many times longer than here anything may take.
    """

    program: tuple[str, ...] = HERE
    paths: tuple[str, ...] = ()
    confined: bool = True
    slowness: int = 1


NATIVE = Launcher()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one environment changes. Members that are None, empty or the native launcher change nothing.

    Attributes:
        launcher: what the worker is started with.
        variables: environment variables of the worker.
        paths: folders of modules before the launcher's, such as another release of a runtime.
        runtime: members of the manifest's runtime, such as its engine's options, replaced.
        threads: how many, where the manifest leaves it free or a member of `runtime` does.
        batch: how many examples a case is run among.
        offset: bytes between a boundary of 64 bytes and each input's first.
        flush_to_zero: subnormal numbers become zeros, in the thread that calls the engine and all that it starts.
        restart: counts processes that are otherwise the same.
    """

    launcher: Launcher = NATIVE
    variables: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    runtime: Mapping[str, str | int | bool] = field(default_factory=dict)
    threads: int | None = None
    batch: int | None = None
    offset: int | None = None
    flush_to_zero: bool = False
    restart: int | None = None

    def over(self, other: Setting) -> Setting:
        """Both settings at once.

        Raises:
            SettingError: they want different things.
        """
        changes: dict[str, object] = {}
        for member in fields(self):
            mine, theirs, usual = (getattr(each, member.name) for each in (self, other, REFERENCE))
            if isinstance(mine, Mapping):
                changes[member.name] = _both(mine, theirs, member.name)
            elif usual in (mine, theirs):
                changes[member.name] = theirs if mine == usual else mine
            elif mine != theirs:
                raise SettingError(f"two axes set {member.name}, to {mine} and {theirs}")
        return replace(self, **changes)  # type: ignore[arg-type]  # members of the same names


REFERENCE = Setting()


def _both(a: Mapping[str, object], b: Mapping[str, object], name: str) -> Mapping[str, object]:
    for key in a.keys() & b.keys():
        if a[key] != b[key]:
            raise SettingError(f"two axes set {name} {key}, to {a[key]} and {b[key]}")
    return {**a, **b}

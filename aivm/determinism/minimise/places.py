"""Environments of the suite as something that runs any model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from aivm import tensors
from aivm.determinism.minimise.cut import MinimiseError
from aivm.execution.frames import Frame
from aivm.execution.sandbox import START_SECONDS, Sandbox, SandboxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aivm.determinism.setting import Setting
    from aivm.determinism.subject import Subject
    from aivm.tensors import Array

_ENTRY = "aivm.determinism.minimise.service:open_service"
_SECONDS = 60
_REPLY_BYTES = 1 << 28


class EnvironmentRunner:
    """Runs models in a worker under a setting, unconfined; close it, or use it with `with`."""

    def __init__(self, subject: Subject, setting: Setting) -> None:
        """Starts the worker.

        Raises:
            MinimiseError: the subject is a program, or the setting is about batches: both sides then have other inputs.
            AivmError: the worker does not start.
        """
        manifest = subject.variant(setting)
        if manifest is None:
            raise MinimiseError(f"{subject.name} is a program, and has no operators to take away")
        if setting.batch is not None:
            hint = "give the batch and the example as a model of their own"
            raise MinimiseError("an environment with a batch has other inputs, and cannot be minimised", hint=hint)
        self._setting, self._manifest = setting, manifest
        self._sandbox = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the worker."""
        self._sandbox.close()

    def __call__(self, model: bytes, inputs: Mapping[str, Array]) -> Mapping[str, Array] | None:
        """Outputs by name; None where the engine refuses the model, or dies of it."""
        if not self._sandbox.alive:
            self._sandbox.close()
            self._sandbox = self._start()
        slowness = self._setting.launcher.slowness
        try:
            reply = self._sandbox.call(
                {"do": "run", "model": len(model)},
                model + tensors.encode(inputs),
                time_ms=1000 * _SECONDS * slowness,
                reply_bytes=_REPLY_BYTES,
            )
        except SandboxError:
            return None
        return None if reply.header["refused"] else tensors.decode(reply.payload, limit=_REPLY_BYTES)

    def _start(self) -> Sandbox:
        setting = self._setting
        header = {
            "threads": setting.threads or 1,
            "flush_to_zero": setting.flush_to_zero,
            "offset": setting.offset,
        }
        return Sandbox(
            entry=_ENTRY,
            setup=Frame(header=header, payload=self._manifest.record()),
            confinement=None,
            variables=dict(setting.variables),
            paths=(*setting.paths, *setting.launcher.paths),
            program=setting.launcher.program,
            start_seconds=START_SECONDS * setting.launcher.slowness,
        )

"""A contract's interface: its functions, events and errors, with typed arguments and results.

Encoding is `eth_abi`'s; what is here gives values their names and their Python types (`SOLIDITY_TYPES`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from registry.contracts.types import SOLIDITY_TYPES
from registry.contracts.values import to_abi
from registry.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: What hostile bytes can make the decoder raise.
DECODING_ERRORS = (DecodingError, UnicodeDecodeError, OverflowError, ValueError)


def snake(name: str) -> str:
    """`commitDeadline` -> `commit_deadline`."""
    return re.sub(r"(?<=[a-z0-9])[A-Z]", lambda match: "_" + match[0], name).lower()


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One argument or result, with the components of a struct."""

    name: str
    type: str
    internal: str
    indexed: bool
    components: tuple[Parameter, ...]

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Self:
        """Reads an entry of a JSON ABI; the type of a struct becomes the tuple of its members' types."""
        components = tuple(cls.parse(component) for component in entry.get("components", ()))
        kind = str(entry["type"])
        if kind.startswith("tuple"):
            kind = f"({','.join(component.type for component in components)})" + kind.removeprefix("tuple")
        return cls(
            name=snake(entry["name"]),
            type=kind,
            internal=entry.get("internalType", kind),
            indexed=bool(entry.get("indexed", False)),
            components=components,
        )

    def convert(self, value: Any) -> Any:
        """A decoded value as the Python type that stands for the Solidity one."""
        return self._convert(value, self.type, self.internal)

    def _convert(self, value: Any, kind: str, internal: str) -> Any:
        if kind.endswith("]"):
            inner, base = kind[: kind.rindex("[")], internal[: internal.rindex("[")]
            return tuple(self._convert(item, inner, base) for item in value)
        known = SOLIDITY_TYPES.get(internal)
        if kind.startswith("("):
            members = {part.name: part.convert(item) for part, item in zip(self.components, value, strict=True)}
            return known(**members) if known else members
        if known and issubclass(known, Enum):
            return list(known)[value]
        if kind == "address":
            return to_checksum_address(value)
        return value


def _types(parameters: Iterable[Parameter]) -> list[str]:
    return [parameter.type for parameter in parameters]


@dataclass(frozen=True)
class Entry:
    """A named entry with inputs."""

    name: str
    inputs: tuple[Parameter, ...]

    @cached_property
    def signature(self) -> str:
        """`name(type,…)`."""
        return f"{self.name}({','.join(_types(self.inputs))})"

    @cached_property
    def hash(self) -> bytes:
        """keccak256 of the signature: an event's topic; its first four bytes are a selector."""
        return keccak(text=self.signature)

    @property
    def selector(self) -> bytes:
        """The four bytes that call a function or name an error."""
        return self.hash[:4]

    def encode_inputs(self, arguments: Sequence[Any]) -> bytes:
        """The ABI encoding of the arguments.

        Raises:
            ArtifactError: when they do not fit the signature.
        """
        try:
            return encode(_types(self.inputs), [to_abi(argument) for argument in arguments])
        except (EncodingError, ValueError, TypeError) as error:
            raise ArtifactError(f"{self.signature} does not take these arguments: {error}") from error

    def decode_inputs(self, data: bytes) -> dict[str, Any]:
        """The arguments by name. Raises one of `DECODING_ERRORS` when the data are not such arguments."""
        values = decode(_types(self.inputs), data)
        return {part.name or str(i): part.convert(values[i]) for i, part in enumerate(self.inputs)}


@dataclass(frozen=True)
class Function(Entry):
    """A function, with what it returns."""

    outputs: tuple[Parameter, ...]

    def decode_outputs(self, data: bytes) -> Any:
        """None, the one result, or a tuple of several. Raises one of `DECODING_ERRORS`."""
        values = decode(_types(self.outputs), data)
        results = tuple(part.convert(value) for part, value in zip(self.outputs, values, strict=True))
        if not results:
            return None
        return results[0] if len(results) == 1 else results


class Event(Entry):
    """An event."""

    def decode_log(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """The arguments of a log by name. Indexed arguments of dynamic types are their 32-byte hashes."""
        rest = [part for part in self.inputs if not part.indexed]
        values = dict(zip((part.name for part in rest), decode(_types(rest), data), strict=True))
        topic = iter(topics[1:])
        arguments = {}
        for part in self.inputs:
            if part.indexed:
                word = next(topic)
                dynamic = part.type in {"string", "bytes"} or part.type[-1] in ")]"
                arguments[part.name] = word if dynamic else part.convert(decode([part.type], word)[0])
            else:
                arguments[part.name] = part.convert(values[part.name])
        return arguments

    def topics(self, where: Mapping[str, Any]) -> list[str | None]:
        """The topic filter for indexed arguments that have these values.

        Raises:
            ArtifactError: for an argument that is not indexed.
        """
        indexed = [part for part in self.inputs if part.indexed]
        if unknown := set(where) - {part.name for part in indexed}:
            raise ArtifactError(f"{self.signature} has no indexed argument {min(unknown)}")
        words = [encode([part.type], [to_abi(where[part.name])]) if part.name in where else None for part in indexed]
        while words and words[-1] is None:
            words.pop()
        return ["0x" + self.hash.hex(), *(None if word is None else "0x" + word.hex() for word in words)]


class Interface:
    """A parsed JSON ABI."""

    def __init__(self, entries: Iterable[Mapping[str, Any]]) -> None:
        self.functions: dict[str, Function] = {}
        self.events: dict[str, Event] = {}
        self.errors: dict[str, Entry] = {}
        self.constructor = Entry("constructor", ())
        for entry in entries:
            inputs = tuple(Parameter.parse(item) for item in entry.get("inputs", ()))
            match entry["type"]:
                case "function":
                    outputs = tuple(Parameter.parse(item) for item in entry["outputs"])
                    self.functions[entry["name"]] = Function(entry["name"], inputs, outputs)
                case "event":
                    self.events[entry["name"]] = Event(entry["name"], inputs)
                case "error":
                    self.errors[entry["name"]] = Entry(entry["name"], inputs)
                case "constructor":
                    self.constructor = Entry("constructor", inputs)

    @cached_property
    def events_by_topic(self) -> dict[bytes, Event]:
        """Events by the hash in their first topic."""
        return {event.hash: event for event in self.events.values()}

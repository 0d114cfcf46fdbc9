"""Broken models out of sound ones: bytes changed blindly, or fields changed by somebody who knows what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

#: Numbers that break things: of extents, axes, enumerations, loops.
ODD_INTS = (
    *(0, 1, -1, 2, 3, 7, 16, 255, 1 << 16, (1 << 31) - 1, -(1 << 31), 1 << 32, 1 << 40, 1 << 62),
    *((1 << 63) - 1, -(1 << 63), -(1 << 63) + 1),
)
ODD_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e30, -3e38, float("inf"), float("-inf"), float("nan"))


def mutated(rng: random.Random, models: Sequence[onnx.ModelProto]) -> bytes:
    """The bytes of a model that may be no model any more."""
    model = onnx.ModelProto()
    model.CopyFrom(rng.choice(models))
    if rng.random() < 0.8:
        for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
            _change(rng, model, models)
    data = bytearray(model.SerializeToString())
    if rng.random() < 0.3:
        for _ in range(rng.choice((1, 1, 2, 4))):
            _damage(rng, data)
    return bytes(data)


def _damage(rng: random.Random, data: bytearray) -> None:
    if not data:
        return
    place = rng.randrange(len(data))
    kind = rng.randrange(5)
    if kind == 0:
        data[place] = rng.randrange(256)
    elif kind == 1:
        data[place] ^= 1 << rng.randrange(8)
    elif kind == 2:
        del data[place : place + rng.randint(1, 8)]
    elif kind == 3:
        data[place:place] = rng.randbytes(rng.randint(1, 8))
    else:
        data[place:place] = data[place : place + rng.randint(1, 64)]


def _change(rng: random.Random, model: onnx.ModelProto, models: Sequence[onnx.ModelProto]) -> None:
    messages = list(_messages(model))
    message = rng.choice(messages)
    fields = [field for field, _ in message.ListFields()] if rng.random() < 0.8 else message.DESCRIPTOR.fields
    if not fields:
        return
    field = rng.choice(fields)
    if _repeated(field):
        _change_list(rng, message, field, models)
    elif field.message_type is not None:
        _change_message(rng, message, field, models)
    elif rng.random() < 0.1:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _scalar(rng, field, model, getattr(message, field.name)))


def _change_list(rng: random.Random, message: Any, field: Any, models: Sequence[onnx.ModelProto]) -> None:
    items = getattr(message, field.name)
    kind = rng.randrange(4)
    if kind == 0 and items:
        del items[rng.randrange(len(items))]
    elif field.message_type is not None:
        if kind == 1 and items:
            items.add().CopyFrom(rng.choice(items))
        elif kind == 2 and len(items) > 1:
            i, j = rng.randrange(len(items)), rng.randrange(len(items))
            first = type(items[i])()
            first.CopyFrom(items[i])
            items[i].CopyFrom(items[j])
            items[j].CopyFrom(first)
        else:
            found = _of_type(rng, field.message_type, models)
            if found is not None:
                items.add().CopyFrom(found)
    elif kind == 1 or not items:
        items.insert(rng.randint(0, len(items)), _scalar(rng, field, message, None))
    else:
        place = rng.randrange(len(items))
        items[place] = _scalar(rng, field, message, items[place])


def _change_message(rng: random.Random, message: Any, field: Any, models: Sequence[onnx.ModelProto]) -> None:
    kind = rng.randrange(3)
    if kind == 0:
        message.ClearField(field.name)
    elif kind == 1:
        getattr(message, field.name).SetInParent()
    else:
        found = _of_type(rng, field.message_type, models)
        if found is not None:
            getattr(message, field.name).CopyFrom(found)


def _of_type(rng: random.Random, wanted: Any, models: Sequence[onnx.ModelProto]) -> Any:
    found = [item for item in _messages(rng.choice(models)) if item.DESCRIPTOR is wanted]
    return rng.choice(found) if found else None


def _scalar(rng: random.Random, field: Any, around: Any, before: Any) -> Any:
    makers: dict[int, Callable[[], Any]] = {
        field.CPPTYPE_STRING: lambda: _text(rng, field, around, before),
        field.CPPTYPE_FLOAT: lambda: rng.choice(ODD_FLOATS),
        field.CPPTYPE_DOUBLE: lambda: rng.choice(ODD_FLOATS),
        field.CPPTYPE_ENUM: lambda: rng.choice(field.enum_type.values).number,
    }
    make = makers.get(field.cpp_type)
    if make is not None:
        return make()
    number = rng.choice(ODD_INTS)
    if isinstance(before, int) and rng.random() < 0.4:
        number = before + rng.randint(-2, 2)
    bits = 32 if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_UINT32) else 64
    if field.cpp_type in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64):
        return number % (1 << bits)
    return (number + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def _text(rng: random.Random, field: Any, around: Any, before: Any) -> Any:
    if field.type == field.TYPE_BYTES:
        data = bytearray(before or b"")
        _damage(rng, data)
        return bytes(data) if rng.random() < 0.8 else rng.randbytes(rng.randint(0, 16))
    names = [value for item in _messages(around) for kind, value in item.ListFields() if kind.name in ("name", "input")]
    names = [name for value in names for name in ([value] if isinstance(value, (str, bytes)) else list(value))]
    names = [name for name in names if isinstance(name, str)]
    return rng.choice([*names, "", "x", "axis", "ai.onnx", "ai.onnx.ml"])


def _messages(message: Any) -> list[Any]:
    """A message and all within it."""
    found = [message]
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for item in value if _repeated(field) else [value]:
            found += _messages(item)
    return found


def _repeated(field: Any) -> bool:
    return bool(field.is_repeated)

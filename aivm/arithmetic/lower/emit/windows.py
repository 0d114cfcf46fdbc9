"""Windows that slide over the spatial axes of `[N, C, …]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aivm.arithmetic.lower import dtypes
from aivm.arithmetic.lower.emit.emitter import Emitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.arithmetic.lower.values import Shape, Value

_F = dtypes.FLOATS
_LARGEST = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The geometry of a window, per spatial axis."""

    kernel: Shape
    strides: Shape
    dilations: Shape
    before: Shape
    after: Shape

    def ints(self) -> list[int]:
        """As a step has it."""
        numbers = [len(self.kernel)]
        for part in (self.kernel, self.strides, self.dilations, self.before, self.after):
            numbers += part
        return numbers

    def outputs(self, extents: Sequence[int], *, ceil: bool = False) -> list[int]:
        """How often the window fits along each axis."""
        result = []
        for axis, extent in enumerate(extents):
            reach = (self.kernel[axis] - 1) * self.dilations[axis] + 1
            room = extent + self.before[axis] + self.after[axis] - reach
            count = (-(-room // self.strides[axis]) if ceil else room // self.strides[axis]) + 1
            # A window that would begin in the padding behind the tensor does not count.
            if ceil and (count - 1) * self.strides[axis] >= extent + self.before[axis]:
                count -= 1
            result.append(count)
        return result


class Windows(Emitter):
    """Pooling, and the geometry that it shares with convolutions."""

    def window(self, attributes: dict[str, object], kernel: Sequence[int], extents: Sequence[int]) -> Window:
        """The window of a node's attributes `strides`, `dilations`, `pads` and `auto_pad`.

        Raises:
            MalformedModelError: they do not fit together.
        """
        n = len(extents)
        strides = self._list(attributes, "strides", n, 1)
        dilations = self._list(attributes, "dilations", n, 1)
        if len(kernel) != n:
            self.refuse(f"a window of {len(kernel)} axes over {n}")
        if min((*kernel, *strides, *dilations), default=1) < 1:
            self.refuse("kernel, strides and dilations have to be positive")
        pads = self._list(attributes, "pads", 2 * n, 0)
        auto = attributes.get("auto_pad", "NOTSET")
        before, after = pads[:n], pads[n:]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            for axis in range(n):
                reach = (kernel[axis] - 1) * dilations[axis] + 1
                count = -(-extents[axis] // strides[axis])
                total = max((count - 1) * strides[axis] + reach - extents[axis], 0)
                small, large = total // 2, total - total // 2
                before[axis], after[axis] = (small, large) if auto == "SAME_UPPER" else (large, small)
        elif auto == "VALID":
            before, after = [0] * n, [0] * n
        elif auto != "NOTSET":
            self.refuse(f"auto_pad is {auto!r}")
        if min((*before, *after), default=0) < 0:
            self.unsupported("negative padding")
        if max((*kernel, *strides, *dilations, *before, *after), default=0) >= _LARGEST:
            self.refuse("kernel, strides, dilations or pads overflow an index")
        return Window(
            kernel=tuple(kernel),
            strides=tuple(strides),
            dilations=tuple(dilations),
            before=tuple(before),
            after=tuple(after),
        )

    def max_pool(
        self, x: Value, window: Window, shape: Shape, *, indices: bool, column_major: bool
    ) -> tuple[Value, Value | None]:
        """The greatest element in each window, and where it is in x."""
        self.want(x, dtypes.NUMBERS)
        values, places = self.emit(
            "max_pool",
            [x],
            [(x.dtype, shape), ("int64", shape) if indices else None],
            [*window.ints(), column_major],
        )
        assert values is not None
        return values, places

    def average_pool(self, x: Value, window: Window, shape: Shape, *, count_padding: bool) -> Value:
        """The mean of each window."""
        self.want(x, _F)
        return self.emit_one("average_pool", [x], x.dtype, shape, [*window.ints(), count_padding])

    def _list(self, attributes: dict[str, object], name: str, count: int, default: int) -> list[int]:
        value = attributes.get(name)
        if not value:
            return [default] * count
        if not isinstance(value, list) or len(value) != count:
            self.refuse(f"attribute {name!r} should have {count} numbers, and is {value}")
        return [int(item) for item in value]

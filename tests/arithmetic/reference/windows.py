"""Windows that slide over the spatial axes (§2.3, §10.1)."""

from __future__ import annotations


def window(node, kernel, extents):
    """Kernel, strides, dilations and pads of a node."""
    n = len(extents)
    strides, dilations = node.get("strides") or [1] * n, node.get("dilations") or [1] * n
    pads, auto = node.get("pads") or [0] * 2 * n, node.get("auto_pad", "NOTSET")
    begin, end = list(pads[:n]), list(pads[n:])
    for axis in range(n):
        if auto == "VALID":
            begin[axis] = end[axis] = 0
        elif auto != "NOTSET":
            reach = (kernel[axis] - 1) * dilations[axis] + 1
            count = -(-extents[axis] // strides[axis])
            total = max((count - 1) * strides[axis] + reach - extents[axis], 0)
            begin[axis] = total // 2 if auto == "SAME_UPPER" else total - total // 2
            end[axis] = total - begin[axis]
    return {
        "kernel": list(kernel),
        "strides": list(strides),
        "dilations": list(dilations),
        "begin": begin,
        "end": end,
    }


def outputs_of(extents, w, *, ceil=False):
    """How often the window fits along each axis."""
    result = []
    for axis, extent in enumerate(extents):
        stride = w["strides"][axis]
        room = extent + w["begin"][axis] + w["end"][axis] - (w["kernel"][axis] - 1) * w["dilations"][axis] - 1
        count = (-(-room // stride) if ceil else room // stride) + 1
        if ceil and (count - 1) * stride >= extent + w["begin"][axis]:
            count -= 1
        result.append(count)
    return result

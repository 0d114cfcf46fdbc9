"""The grammar of SPDX licence expressions (SPDX 2.3, annex D); names are not looked up in any list."""

from __future__ import annotations

import re

_NAME = (
    r"(?<![A-Za-z0-9.:+-])(?!(?:AND|OR|WITH)\b)(?:DocumentRef-[A-Za-z0-9.-]+:)?[A-Za-z0-9][A-Za-z0-9.-]*\+?(?=[ ()]|$)"
)
_ATOM = re.compile(rf"{_NAME}(?: +WITH +{_NAME})?")
_COMPOUND = re.compile(r"\( *# *\)|# +(?:AND|OR) +#")
MAX_LENGTH = 256


def is_expression(text: str) -> bool:
    """Whether text is a well-formed licence expression, such as `MIT` or `(Apache-2.0 WITH LLVM-exception) OR MIT`.

    Every atom becomes `#`, and compounds of atoms are folded into one until nothing changes.
    """
    if len(text) > MAX_LENGTH or "#" in text:
        return False
    folded, before = _ATOM.sub("#", text), ""
    while folded != before:
        folded, before = _COMPOUND.sub("#", folded), folded
    return folded == "#"

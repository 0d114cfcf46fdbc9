"""How deeply a JSON text is nested, before anything parses it.

Python's C parser recurses as deep as the text says, and some releases (3.11.2 among them) run out of stack on a hostile
one and end the process. So whatever comes from outside is measured first, in one pass without recursion.
"""

from __future__ import annotations

import re

# A string, which may hold brackets, or a bracket.
_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


def is_deeper(text: str, levels: int) -> bool:
    """Whether arrays and objects are open within each other more than `levels` deep at any place of the text.

    The text need not be JSON; for one that is, the answer is exact.
    """
    depth = 0
    for token in _TOKENS.finditer(text):
        first = text[token.start()]
        if first in "[{":
            depth += 1
            if depth > levels:
                return True
        elif first in "]}":
            depth -= 1
    return False

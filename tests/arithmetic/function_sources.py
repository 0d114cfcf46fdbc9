"""What decides the results of an elementary function, as a digest: a proof over all inputs is of that, and no more."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CORE = Path(__file__).parents[2] / "aivm/arithmetic/core"


def without_comments(path: Path) -> str:
    return re.sub(r"//[^\n]*", "", path.read_text())


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """(name, text) of what a file defines; everything that begins in the first column begins a definition.

    The name is empty where there is none that others could leave unused: types, operators, preprocessor conditions.
    """
    for part in re.split(r"\n(?=[^\s}])", re.sub(r"#(include|pragma once|undef).*", "", text)):
        found = re.search(r"#define (\w+)|(\w+)(?:\[\d*\])* = |(\w+)\(", part.split("\n", 1)[0])
        named = found and "operator" not in part.split("{", 1)[0] and not re.match(r"#(?!define)", part)
        yield (found[1] or found[2] or found[3] if found and named else ""), part


def used(files: dict[str, str], words: set[str]) -> Iterator[str]:
    """The definitions of the files that `words` name, and those that these name in turn."""
    left = [(f"{file}:{text}", name) for file, content in files.items() for name, text in definitions(content)]
    while True:
        needed = [entry for entry in left if not entry[1] or entry[1] in words]
        if not needed:
            return
        left = [entry for entry in left if entry not in needed]
        for text, _ in needed:
            words |= set(re.findall(r"\w+", text))
            yield text


def digest(name: str, isas: list[str]) -> str:
    """SHA-256 over the sources of a function, without comments and layout.

    Those are its file with what that includes, its lines in functions.inl, the loops over arrays, and of
    coefficients.inl and the vector types of the instruction sets what all these use.
    """
    pending, texts = ["loops.inl", f"{name}.inl"], {}
    while pending:
        file = pending.pop()
        if file in texts or not (CORE / "functions" / file).exists():  # sqrt and reciprocal have none
            continue
        texts[file] = without_comments(CORE / "functions" / file)
        pending += re.findall(r'#include "([a-z_]+\.inl)"', texts[file])
    coefficients = texts.pop("coefficients.inl", "")
    table = without_comments(CORE / "functions.inl").splitlines()
    texts["functions.inl"] = "\n".join(line for line in table if re.search(rf"\({name}[,)]|::{name}:", line))
    libraries = {f"vector_{isa}.inl": without_comments(CORE / f"isa/vector_{isa}.inl") for isa in ("common", *isas)}
    libraries["nan.hpp"] = without_comments(CORE / "nan.hpp")
    words = set(re.findall(r"\w+", " ".join(texts.values())))
    parts = sorted(f"{file}:{text}" for file, text in texts.items())
    parts += sorted(used({"coefficients.inl": coefficients, **libraries}, words))
    return hashlib.sha256(re.sub(r"\\?\s+", "", ";".join(parts)).encode()).hexdigest()

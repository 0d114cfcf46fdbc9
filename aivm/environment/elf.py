"""What compiled a shared library, from the `.comment` section of its ELF file.

Source: System V ABI, chapter 4 (ELF header and section headers); compilers append one NUL-terminated line for each
object that they made.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from aivm.environment.parts import EngineBuild
from aivm.errors import AivmError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAX_SECTIONS = 4096
_MAX_TEXT = 1 << 20


class ElfError(AivmError):
    """A file that is not the ELF file that it should be."""


class Compiler(NamedTuple):
    """A compiler and its version, such as ("gcc", "14.2.1")."""

    name: str
    version: str


class _Section(NamedTuple):
    name: int
    offset: int
    size: int


def compilers(path: Path) -> list[Compiler]:
    """The compilers that made the objects in a library, newest version first, each once; empty if it does not say.

    A library holds objects of its C runtime too, made by an older compiler than its own code: the newest one is
    what the library itself was compiled with.

    Raises:
        ElfError: if the file is no ELF file, or is cut off.
    """
    try:
        with path.open("rb") as file:
            comment = _section(file, b".comment")
    except (OSError, struct.error) as error:
        raise ElfError(f"{path.name} cannot be read as an ELF file: {error}") from error
    lines = {line.decode("utf-8", "replace") for line in comment.split(b"\0") if line}
    found = {compiler for compiler in map(_parse, lines) if compiler is not None}
    return sorted(found, key=lambda c: ([int(part) for part in c.version.split(".")], c.name), reverse=True)


def read_build(path: Path, *, compiler_flags: str | None = None) -> EngineBuild:
    """The build of an engine from its native library: ELF is the format of Linux, and the compiler signs its objects.

    Raises:
        ElfError: if the file is no ELF file, or is cut off.
    """
    found = compilers(path)
    return EngineBuild(
        operating_system="linux",
        compiler=found[0].name if found else None,
        compiler_version=found[0].version if found else None,
        compiler_flags=compiler_flags,
    )


def _parse(line: str) -> Compiler | None:
    """Reads `GCC: (Debian 12.2.0-14) 12.2.0`, `clang version 14.0.6` or `Debian clang version 14.0.6`."""
    match = re.search(r"^GCC: \(.*\) (\d+(?:\.\d+)*)", line)
    if match:
        return Compiler("gcc", match[1])
    match = re.search(r"\bclang version (\d+(?:\.\d+)*)", line)
    return Compiler("clang", match[1]) if match else None


def _section(file: BinaryIO, wanted: bytes) -> bytes:
    ident = file.read(16)
    if ident[:4] != b"\x7fELF" or len(ident) < 16 or ident[4] not in (1, 2) or ident[5] not in (1, 2):
        raise ElfError("the file does not begin with an ELF header")
    wide, order = ident[4] == 2, "<" if ident[5] == 1 else ">"
    # e_type, e_machine, e_version, e_entry, e_phoff, e_shoff, e_flags, e_ehsize, e_phentsize, e_phnum,
    # e_shentsize, e_shnum, e_shstrndx
    header = struct.Struct(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"))
    fields = header.unpack(file.read(header.size))
    start, entry_size, count, names_index = fields[5], fields[10], fields[11], fields[12]
    if count > _MAX_SECTIONS or names_index >= max(count, 1):
        raise ElfError(f"an ELF file with {count} sections and names in number {names_index}")
    sections = list(_sections(file, start, entry_size, count, order, wide=wide))
    if not sections:
        return b""
    names = _read(file, sections[names_index])
    for section in sections:
        if names[section.name :].partition(b"\0")[0] == wanted:
            return _read(file, section)
    return b""


def _sections(file: BinaryIO, start: int, entry_size: int, count: int, order: str, *, wide: bool) -> Iterator[_Section]:
    # sh_name, sh_type, sh_flags, sh_addr, sh_offset, sh_size
    layout = struct.Struct(order + ("IIQQQQ" if wide else "IIIIII"))
    for index in range(count):
        file.seek(start + index * entry_size)
        entry = file.read(entry_size)
        if len(entry) != entry_size or entry_size < layout.size:
            raise ElfError("the file ends within its table of sections")
        name, _, _, _, offset, size = layout.unpack_from(entry)
        yield _Section(name, offset, size)


def _read(file: BinaryIO, section: _Section) -> bytes:
    if section.size > _MAX_TEXT:
        raise ElfError(f"a text section of {section.size} bytes")
    file.seek(section.offset)
    data = file.read(section.size)
    if len(data) != section.size:
        raise ElfError("the file ends within a section")
    return data

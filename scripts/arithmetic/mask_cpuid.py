"""Copies a shared library with each `cpuid` replaced by a fault of the same length, for mask_cpuid.c to answer.

    python scripts/arithmetic/mask_cpuid.py SOURCE TARGET

Where an instruction begins is what objdump says; a `0f a2` inside of another instruction stays.
"""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

CPUID, FAULT = b"\x0f\xa2", b"\xcd\x4f"


def segments(data: bytes) -> list[tuple[int, int, int]]:
    """Virtual address, file offset and size of what an ELF file has loaded."""
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, table + index * size) for index in range(count)]
    return [(address, offset, length) for kind, _, offset, address, _, length in headers if kind == 1]


def places(path: Path, data: bytes) -> list[int]:
    """File offsets of all `cpuid` instructions."""
    listing = subprocess.run(["objdump", "-d", path], capture_output=True, text=True, check=True).stdout
    loaded = segments(data)
    found = []
    for match in re.finditer(r"^ *([0-9a-f]+):\s+0f a2 +\tcpuid", listing, re.MULTILINE):
        at = int(match[1], 16)
        found += [at - address + offset for address, offset, length in loaded if address <= at < address + length]
    return found


def patch(source: Path, target: Path) -> None:
    """Writes the copy.

    Raises:
        SystemExit: there is no `cpuid` in it.
    """
    data = bytearray(source.read_bytes())
    found = places(source, bytes(data))
    if not found:
        raise SystemExit(f"{source} does not ask the processor")
    for place in found:
        assert data[place : place + 2] == CPUID
        data[place : place + 2] = FAULT
    target.unlink(missing_ok=True)
    target.write_bytes(data)
    print(f"{source.name}: {len(found)} questions to the processor are answered by the mask", file=sys.stderr)


if __name__ == "__main__":
    patch(*map(Path, sys.argv[1:]))

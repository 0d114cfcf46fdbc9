"""Copies a shared library with each `cpuid` replaced by a fault of the same length, for mask_cpuid.c to answer.

    python aivm/determinism/masking/patch.py SOURCE TARGET

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
    """File offsets of all `cpuid` instructions.

    Raises:
        OSError: there is no objdump.
        subprocess.CalledProcessError: it cannot read the file.
    """
    command = ["objdump", "-d", "--no-show-raw-insn", str(path)]
    loaded = segments(data)
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lister:
        assert lister.stdout is not None
        for line in lister.stdout:
            match = re.match(r" *([0-9a-f]+):\s+cpuid\b", line)
            if match:
                at = int(match[1], 16)
                found += [at - address + offset for address, offset, size in loaded if address <= at < address + size]
    if lister.returncode:
        raise subprocess.CalledProcessError(lister.returncode, command)
    return found


def patch(source: Path, target: Path) -> int:
    """Writes the copy; how many instructions were replaced.

    Raises:
        OSError: there is no objdump, or the copy cannot be written.
        subprocess.CalledProcessError: objdump cannot read the file.
    """
    data = bytearray(source.read_bytes())
    found = places(source, bytes(data))
    for place in found:
        assert data[place : place + 2] == CPUID
        data[place : place + 2] = FAULT
    target.unlink(missing_ok=True)
    target.write_bytes(data)
    return len(found)


def main() -> None:
    """Writes the copy that the command line asks for."""
    source, target = map(Path, sys.argv[1:])
    count = patch(source, target)
    if not count:
        target.unlink()
        raise SystemExit(f"{source} does not ask the processor")
    sys.stdout.write(f"{source.name}: {count} questions to the processor are answered by the mask\n")


if __name__ == "__main__":
    main()

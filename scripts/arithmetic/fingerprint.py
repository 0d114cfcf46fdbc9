"""What this machine computes: one digest of the outputs, and one of the traces, of many random cases of every operator.

    python scripts/arithmetic/fingerprint.py [--each N] [--threads N] [--only OPERATOR]

Prints a line of JSON. The digests are the same on every machine; that of the inputs shows that the same cases were run.
scripts/emulated.sh compares them over processors, emulated ones and masked ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
import time
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import golden
from cases import CASES, Random

from aivm.arithmetic import _core
from aivm.arithmetic.session import open_session


def main() -> None:
    """Runs the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=5, help="cases of each operator")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", choices=sorted(CASES), help="repeatable")
    arguments = parser.parse_args()
    digests = {name: hashlib.sha256() for name in ("inputs", "outputs", "traces")}
    started, count = time.monotonic(), 0
    for operator in sorted(arguments.only or CASES):
        for number in range(arguments.each):
            case = CASES[operator](Random([zlib.crc32(operator.encode()), 1, number]))
            session = open_session(case.model, threads=arguments.threads)
            for key, arrays in (("inputs", case.feeds), ("outputs", session.run(case.feeds))):
                described = [golden.describe(name, array) for name, array in arrays.items()]
                digests[key].update(json.dumps(described, sort_keys=True).encode())
            digests["traces"].update(bytes(session.trace(case.feeds, bodies=True).digest()))
            count += 1
    found = {
        "cases": count,
        **{name: digest.hexdigest() for name, digest in digests.items()},
        "isa": _core.isa(),
        "machine": platform.machine(),
        "threads": arguments.threads,
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()

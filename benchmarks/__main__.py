"""The benchmarks: this engine against ONNX Runtime's CPU provider, taking turns on this machine.

    python benchmarks [GROUP …] [--only TEXT …] [--threads N …] [--rounds N] [--json FILE]

Groups are matmul, conv, operators, models, memory, trace, digests; all of them, as in `make bench`, unless named. The
group suite, which runs only when it is named, tells what the determinism suite costs beside the kernels.
A ratio above one says that we are quicker, or need less.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import report

#: Groups in which cases are timed on both engines.
TIMED = ("matmul", "conv", "operators", "models")
#: Groups that measure something else.
OTHERS = ("memory", "trace")
#: The group that no time is measured in.
DIGESTS = "digests"
#: The group that has no other engine to compare with.
SUITE = "suite"


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="what to measure")
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT", help="only cases named so in part")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of both engines")
    parser.add_argument("--rounds", type=int, default=11, help="how often the engines take turns")
    parser.add_argument("--json", type=Path, help="keep the figures in this file too")
    options = parser.parse_args()
    known = [*TIMED, *OTHERS, DIGESTS]
    groups = options.groups or known
    if unknown := set(groups) - {*known, SUITE}:
        parser.error(f"there is no group {', '.join(sorted(unknown))}; there are {', '.join([*known, SUITE])}")
    found: dict[str, Any] = {"machine": report.machine(), "groups": []}
    print(report.machine_text(found["machine"]))
    for group in groups:
        module = importlib.import_module(f"bench_{group}")
        if group in (DIGESTS, SUITE):
            found["groups"].append(module.measure())
            continue
        cases = [case for case in module.cases() if not options.only or any(text in case.name for text in options.only)]
        for threads in options.threads:
            if group in TIMED:
                found["groups"].append(report.timed(group, cases, threads=threads, rounds=options.rounds))
            else:
                found["groups"].append(module.measure(cases, threads=threads, rounds=options.rounds))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())

"""The tables of docs/speed.md, from the figures of a run.

python benchmarks --json figures.json
python benchmarks/tables.py figures.json
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import report


def time(seconds: float) -> str:
    """A duration with its unit."""
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"


def summary(groups: list[dict[str, Any]]) -> list[str]:
    """A row for each group and number of threads."""
    lines = ["| | threads | geometric mean | least | greatest |", "|---|---|---|---|---|"]
    for group in groups:
        ratios = [row["ratio"] for row in group["rows"]]
        lines.append(
            f"| {group['group']} | {group['threads']} | {group['geometric_mean']:.2f} "
            f"| {min(ratios):.2f} | {max(ratios):.2f} |"
        )
    return lines


def side_by_side(groups: list[dict[str, Any]]) -> list[str]:
    """The rows of a group, with a column for each number of threads."""
    head = "".join(f" ours, {g['threads']} | ratio |" for g in groups)
    lines = [f"| |{head}", "|---|" + "---|---|" * len(groups)]
    for rows in zip(*(group["rows"] for group in groups), strict=True):
        cells = "".join(f" {time(row['ours'])} | {row['ratio']:.2f} |" for row in rows)
        lines.append(f"| {rows[0]['name']} |{cells}")
    return lines


def operators(group: dict[str, Any]) -> list[str]:
    """How many operators are how fast, and the slowest of them."""
    rows = sorted(group["rows"], key=lambda row: row["ratio"])
    bounds = [0, 0.5, 0.75, 1, 2, float("inf")]
    texts = ["below 0.5", "0.5 to 0.75", "0.75 to 1", "1 to 2", "2 and more"]
    lines = ["| ratio | cases |", "|---|---|"]
    lines += [
        f"| {text} | {sum(low <= row['ratio'] < high for row in rows)} |"
        for text, low, high in zip(texts, bounds, bounds[1:], strict=False)
    ]
    slowest = ", ".join(f"{row['name']} {row['ratio']:.2f}" for row in rows[:10])
    return [*lines, "", f"The slowest: {slowest}. Median {statistics.median(row['ratio'] for row in rows):.2f}."]


def memory(group: dict[str, Any]) -> list[str]:
    """Peaks in megabytes."""
    lines = ["| | AIVM | ONNX Runtime | ours / theirs |", "|---|---|---|---|"]
    for row in group["rows"]:
        ours, theirs = (row[engine]["peak"] / 1024 for engine in ("aivm", "onnxruntime"))
        lines.append(f"| {row['name']} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.2f} |")
    return lines


def traces(groups: list[dict[str, Any]]) -> list[str]:
    """How much longer a traced run takes."""
    head = "".join(f" traced / plain, {g['threads']} |" for g in groups)
    lines = [f"| |{head}", "|---|" + "---|" * len(groups)]
    models = zip(*(group["rows"] for group in groups), strict=True)
    return lines + [f"| {rows[0]['name']} |" + "".join(f" {1 / row['ratio']:.2f} |" for row in rows) for rows in models]


def digests(group: dict[str, Any]) -> list[str]:
    """How many digests there were over each circumstance, and how far apart the outputs are."""
    lines = ["| | | threads | batch | optimisation | processor |", "|---|---|---|---|---|---|"]
    for row in group["rows"]:
        cells = []
        for circumstance in ("threads", "batch", "optimisation", "processor"):
            worst = max(row[circumstance], key=lambda cell: cell["differing"])
            count = len({cell["digest"] for cell in row[circumstance]})
            far = (
                f": {worst['differing']:.2%} differ, by {worst['median_ulps']:.0f} ulp, at most {worst['most_ulps']:,}"
            )
            cells.append(f"{count}{far if count > 1 else ''}")
        engine = {"aivm": "AIVM", "onnxruntime": "ONNX Runtime"}[row["engine"]]
        lines.append(f"| {row['name']} | {engine} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Prints all tables that there are figures for."""
    found = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    groups = found["groups"]

    def named(name: str) -> list[dict[str, Any]]:
        return [group for group in groups if group["group"] == name]

    print(report.machine_text(found["machine"]))
    timed = [group for group in groups if group["group"] in ("matmul", "conv", "operators", "models")]
    parts = [("summary", summary(timed))]
    parts += [(name, side_by_side(named(name))) for name in ("models", "matmul", "conv") if named(name)]
    parts += [("operators", operators(group)) for group in named("operators")]
    parts += [("memory", memory(group)) for group in named("memory")[:1]]
    parts += [("traces", traces(named("trace")))] if named("trace") else []
    parts += [("digests", digests(group)) for group in named("digests")]
    for name, lines in parts:
        print(f"\n## {name}\n\n" + "\n".join(lines))


if __name__ == "__main__":
    main()

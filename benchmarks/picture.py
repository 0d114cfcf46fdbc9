"""Draws what bench_digests found: a square for each run, the same letter for the same bits.

python benchmarks digests --json figures.json
python benchmarks/picture.py figures.json docs/digests.svg
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, MARGIN = 982, 28
_NAMES, _CELL, _GAP, _BETWEEN = 244, 34, 4, 26
_LINE, _PAIR = 30, 18
_TOP = 150
ENGINES = {"onnxruntime": "ONNX Runtime", "aivm": "AIVM"}
CIRCUMSTANCES = {
    "threads": ("threads", ("1", "2", "3", "4")),
    "batch": ("batch", ("1", "2", "3", "5")),
    "optimisation": ("optimisation", ("all", "ext.", "basic", "none")),
    "processor": ("processor up to", ("all", "AVX2", "AVX", "SSE")),
}
_STYLE = """
  svg { --ground: #ffffff; --ink: #1c2128; --quiet: #59636e; --rule: #d1d9e0; --same: #dfe6ee; --on-same: #38424d;
        --b: #f5a524; --c: #d9541e; --d: #a3216b; --on-b: #3a2500; --on-cd: #ffffff; }
  @media (prefers-color-scheme: dark) {
    svg { --ground: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --rule: #30363d; --same: #2a323c; --on-same: #b6c2cf;
          --b: #e3a02b; --c: #e0662f; --d: #c9489a; }
  }
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
         font-size: 14px; fill: var(--ink); }
  .ground { fill: var(--ground); } .title { font-size: 21px; font-weight: 650; } .quiet { fill: var(--quiet); }
  .small { font-size: 12.5px; } .middle { text-anchor: middle; } .strong { font-weight: 600; }
  .letter { font-size: 13px; font-weight: 600; text-anchor: middle; }
  .rule { stroke: var(--rule); stroke-width: 1; }
  .A { fill: var(--same); } .B { fill: var(--b); } .C { fill: var(--c); } .D { fill: var(--d); }
  .on-A { fill: var(--on-same); } .on-B { fill: var(--on-b); } .on-C, .on-D { fill: var(--on-cd); }
"""


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(words)}</text>'


def place(group: int, index: int) -> float:
    """Where a square begins."""
    return MARGIN + _NAMES + group * (4 * (_CELL + _GAP) + _BETWEEN) + index * (_CELL + _GAP)


def letters(cells: list[dict[str, Any]]) -> list[str]:
    """A for the first run's bits, B for the first others, and so on."""
    known: list[str] = []
    for cell in cells:
        if cell["digest"] not in known:
            known.append(cell["digest"])
    return ["ABCD"[known.index(cell["digest"])] for cell in cells]


def squares(row: dict[str, Any], y: float) -> list[str]:
    """The runs of one engine on one model."""
    drawn = []
    for group, circumstance in enumerate(CIRCUMSTANCES):
        for index, letter in enumerate(letters(row[circumstance])):
            x = place(group, index)
            drawn.append(f'<rect x="{x}" y="{y}" width="{_CELL}" height="22" rx="4" class="{letter}"/>')
            drawn.append(text(x + _CELL / 2, y + 15.5, letter, f"letter on-{letter}"))
    return drawn


def heads() -> list[str]:
    """What the columns are."""
    drawn = []
    for group, (title, names) in enumerate(CIRCUMSTANCES.values()):
        drawn.append(text(place(group, 0), _TOP - 38, title, "strong"))
        drawn += [
            text(place(group, index) + _CELL / 2, _TOP - 16, name, "small quiet middle")
            for index, name in enumerate(names)
        ]
    return drawn


def picture(rows: list[dict[str, Any]]) -> str:
    """The whole drawing."""
    found = {(row["name"], row["engine"]): row for row in rows}
    names = list(dict.fromkeys(row["name"] for row in rows))
    height = _TOP + len(names) * (2 * _LINE + _PAIR) + 34
    said = "The same model and the same numbers, again and again. A letter stands for the bits of the output:"
    drawn = [
        text(MARGIN, 42, "Whose answer depends on how it was computed", "title"),
        text(MARGIN, 66, said, "quiet"),
        text(MARGIN, 85, "A for those of the first run of a group, B, C, D for others.", "quiet"),
        *heads(),
    ]
    y = float(_TOP)
    for name in names:
        drawn.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y - 8}" y2="{y - 8}" class="rule"/>')
        drawn.append(text(MARGIN, y + 15.5, name, "strong small"))
        for engine, label in ENGINES.items():
            drawn.append(text(MARGIN + 146, y + 15.5, label, "small" if engine == "aivm" else "small quiet"))
            drawn += squares(found[name, engine], y)
            y += _LINE
        y += _PAIR
    drawn.append(text(MARGIN, height - 18, f"Measured by make bench; {_counts(rows)}", "small quiet"))
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" '
        f'role="img" aria-labelledby="t d">\n<title id="t">Whose answer depends on how it was computed</title>\n'
        f'<desc id="d">{escape(_counts(rows))}</desc>\n<style>{_STYLE}</style>\n'
        f'<rect class="ground" width="{WIDTH}" height="{height:g}" rx="8"/>\n{body}\n</svg>\n'
    )


def _counts(rows: list[dict[str, Any]]) -> str:
    def changed(engine: str) -> str:
        groups = [
            letters(row[circumstance]) for row in rows if row["engine"] == engine for circumstance in CIRCUMSTANCES
        ]
        runs = [letter for group in groups for letter in group[1:]]
        return f"{sum(letter != 'A' for letter in runs)} of {len(runs)}"

    return f"other bits than in the first run: ONNX Runtime {changed('onnxruntime')}, AIVM {changed('aivm')}"


def main() -> None:
    """Reads figures, writes the drawing."""
    source, target = map(Path, sys.argv[1:3])
    groups = json.loads(source.read_text("utf-8"))["groups"]
    (rows,) = [group["rows"] for group in groups if group["group"] == "digests"]
    target.write_text(picture(rows), "utf-8")


if __name__ == "__main__":
    main()

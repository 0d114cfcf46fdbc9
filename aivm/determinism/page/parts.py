"""Pieces of HTML. Whatever is put in by these functions is escaped by them."""

from __future__ import annotations

from html import escape
from math import log2
from typing import TYPE_CHECKING

from aivm.determinism.page import histogram as bins

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --faint: #5c6b7a; --line: #d5dce3; --paper: #fff; --panel: #f5f7f9;
  --bar: #3b74b8; --good: #1d7a46; --bad: #b3372b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e8ee; --faint: #9aa8b6; --line: #36414d; --paper: #14191f;
  --panel: #1d242c; --bar: #6ea3df; --good: #5cc489; --bad: #ef8072; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 76rem; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0 0 .4rem; }
p { margin: .4rem 0; max-width: 60rem; } .faint { color: var(--faint); }
code, .mono { font: .86em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.verdict { font-weight: 700; } .good { color: var(--good); } .bad { color: var(--bad); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; } th, td { padding: .2rem .6rem; text-align: left; vertical-align: top; }
thead th { color: var(--faint); font-weight: 600; border-bottom: 1px solid var(--line); vertical-align: bottom; }
tbody tr { border-bottom: 1px solid var(--line); }
th.case { white-space: nowrap; max-height: 14rem; overflow: hidden; text-overflow: ellipsis; }
th.case { writing-mode: vertical-rl; transform: rotate(180deg); padding: .5rem .1rem; font-weight: 400; }
td.cell { padding: .2rem .1rem; text-align: center; }
.out { display: inline-block; min-width: 1.5rem; padding: 0 .25rem; border-radius: .2rem; color: #10151b;
  font: 600 .8rem/1.5rem ui-monospace, "DejaVu Sans Mono", monospace; }
.o0 { background: #bfe3cd; } .o1 { background: #f4c7a8; } .o2 { background: #f3aeb0; } .o3 { background: #d9bdee; }
.o4 { background: #b6d3f2; } .o5 { background: #efe39a; } .o6 { background: #a9e1e1; } .o7 { background: #d8cdb8; }
.none { background: #555; color: #fff; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: .4rem; padding: 1rem 1.2rem;
  margin: 1rem 0; break-inside: avoid; }
.wide th:first-child, .wide td:first-child { position: sticky; left: 0; background: var(--paper); white-space: nowrap; }
td.remark { min-width: 34rem; }
.bars { margin-top: .6rem; width: 100%; max-width: 38rem; } .bars tr { border: 0; }
.bars td { border: 0; padding: .1rem .6rem .1rem 0; white-space: nowrap; vertical-align: middle; }
.bars th { padding-left: 0; white-space: nowrap; } .bars td.count, .bars th.count { text-align: right; }
.bars td.draw { width: 100%; }
svg { display: block; width: 100%; height: .9rem; } rect { fill: var(--bar); }
@media (max-width: 40rem) { body { padding: 1rem .8rem 3rem; } .panel { padding: .8rem; } }
"""

_WIDTH, _HEIGHT = 400, 14


def page(title: str, body: str) -> str:
    """A whole document, which may load nothing and run nothing."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def output(letter: str, place: int | None, title: str) -> str:
    """A cell of the matrix: a letter and a colour for each output; `place` is None where there is none."""
    kind = "none" if place is None else f"o{min(place, 7)}"
    return f'<span class="out {kind}" title="{escape(title)}">{escape(letter)}</span>'


def row(cells: Iterable[str]) -> str:
    """A row of a table, of cells that are HTML already."""
    return f"<tr>{''.join(cells)}</tr>"


def cell(text: str, *, kind: str = "", title: str = "") -> str:
    """A cell with a text."""
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in (("class", kind), ("title", title)) if value)
    return f"<td{attributes}>{escape(text)}</td>"


def bars(counts: Mapping[int, int]) -> str:
    """A histogram of distances. Lengths are logarithmic: one element among a million still has a bar."""
    most = log2(1 + max(counts.values(), default=1))
    rows = []
    for number, count in counts.items():
        width = max(2, round(_WIDTH * log2(1 + count) / most))
        shape = f'<rect width="{width}" height="{_HEIGHT}"/>'
        view = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none"'
        drawn = f'<svg {view} aria-hidden="true">{shape}</svg>'
        rows.append(row([cell(bins.label(number)), cell(f"{count:,}", kind="count"), f'<td class="draw">{drawn}</td>']))
    head = '<thead><tr><th>ulp apart</th><th class="count">elements</th><th></th></tr></thead>'
    return f'<table class="bars">{head}<tbody>{"".join(rows)}</tbody></table>'

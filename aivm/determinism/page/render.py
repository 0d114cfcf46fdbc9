"""The page, from what a suite found."""

from __future__ import annotations

from html import escape
from string import ascii_uppercase
from typing import TYPE_CHECKING, Final

from aivm.determinism.page.histogram import histogram
from aivm.determinism.page.parts import bars, cell, output, page, row
from aivm.manifest import DeterminismClass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aivm.determinism.axes import Absence
    from aivm.determinism.divergence import FirstDivergence
    from aivm.determinism.matrix import Matrix, Tried
    from aivm.determinism.subject import Subject
    from aivm.digests import Digest

    GetOutput = Callable[[Digest], bytes | None]

#: Cases with a column of their own; those that differ anywhere come first.
_COLUMNS: Final = 48
#: What stands where there is no output.
_NOTHING: Final = "-"
#: Pairs of outputs that one histogram is made of.
_PAIRS: Final = 200


def render(
    subject: Subject,
    matrix: Matrix,
    divergences: Sequence[FirstDivergence],
    absences: Sequence[Absence],
    get_output: GetOutput,
) -> str:
    """The page.

    Args:
        subject: what was run.
        matrix: what came of it.
        divergences: where environments part from the reference.
        absences: what was not tried, and why.
        get_output: the tensor file of an output by its digest, such as `Journal.output`.

    Returns:
        HTML, the same for the same results.
    """
    body = [_head(subject, matrix), _matrix(matrix, divergences)]
    if divergences:
        body.append("<h2>Where outputs part</h2>")
        body.append(
            '<p class="faint">Against the reference, over all cases that differ. Environments with the same outputs in '
            "every case are together. Bars are logarithmic.</p>"
        )
        body += [_panel(matrix, group, divergences, get_output) for group in _groups(matrix)]
    if absences:
        body.append("<h2>Not tried</h2><ul>")
        body += [f"<li>{escape(str(absence))}</li>" for absence in absences]
        body.append("</ul>")
    return page(f"{subject.name}: determinism", "\n".join(body))


def _head(subject: Subject, matrix: Matrix) -> str:
    found = matrix.determinism_class()
    good = found is DeterminismClass.BITWISE
    allowed = [tried for tried in matrix.environments if tried.complies]
    classes = len({tried.environment_class for tried in allowed})
    verdict = f'<span class="verdict {"good" if good else "bad"}">{escape(found.value)}</span>'
    count = f"{len(allowed)} environments that the manifest allows (classes: {classes})"
    facts = [f"<p>Determinism class: {verdict}, over {count}; {len(matrix.alive)} were tried.</p>"]
    if subject.manifest is not None:
        runtime = subject.manifest.runtime
        facts.append(f'<p class="faint">Engine {escape(runtime.name)} {escape(runtime.version)}; manifest ')
        facts[-1] += f"<code>{escape(subject.digest.hex())}</code></p>"
    if matrix.conforms() is False:
        facts.append('<p class="verdict bad">The reference does not give the outputs that the manifest promises.</p>')
    return f"<h1>{escape(subject.name)}</h1>\n" + "\n".join(facts)


def _matrix(matrix: Matrix, divergences: Sequence[FirstDivergence]) -> str:
    cases = _columns(matrix)
    left_out = len(matrix.cases) - len(cases)
    found = {item.environment: item for item in divergences}
    numbers: dict[bytes, int] = {}
    rows = []
    for tried in matrix.environments:
        cells = [cell(tried.name)]
        if tried.environment is None:
            rows.append(row([*cells, cell(_NOTHING), f'<td colspan="{len(cases) + 1}">{escape(tried.error)}</td>']))
            continue
        number = numbers.setdefault(tried.environment_class, len(numbers) + 1)
        cells.append(cell(str(number)))
        cells += [f'<td class="cell">{_output(matrix, tried, case)}</td>' for case in cases]
        cells.append(f'<td class="remark">{_remark(tried, found.get(tried.name))}</td>')
        rows.append(row(cells))
    names = "".join(f'<th class="case">{escape(case)}</th>' for case in cases)
    head = f"<thead><tr><th>environment</th><th>class</th>{names}<th>first difference</th></tr></thead>"
    note = f" {left_out} more cases have no column." if left_out else ""
    return (
        '<h2>Matrix</h2><p class="faint">A letter and a colour for each output of a case; A is the reference\'s, '
        f"{_NOTHING} is no output. Hold the pointer over a letter for its digest.{note}</p>\n"
        f'<div class="wide"><table>{head}<tbody>{"".join(rows)}</tbody></table></div>'
    )


def _columns(matrix: Matrix) -> tuple[str, ...]:
    if len(matrix.cases) <= _COLUMNS:
        return matrix.cases
    return tuple(sorted(matrix.cases, key=lambda case: -len(matrix.digests(case)))[:_COLUMNS])


def _output(matrix: Matrix, tried: Tried, case: str) -> str:
    found = tried.cells[case]
    if found.digest is None:
        return output(_NOTHING, None, found.error)
    place = [digest for digest in matrix.digests(case) if digest is not None].index(found.digest)
    letter = ascii_uppercase[place] if place < len(ascii_uppercase) else str(place)
    return output(letter, place, found.digest.hex())


def _remark(tried: Tried, found: FirstDivergence | None) -> str:
    words = []
    if found is not None:
        words.append(_operator(found))
        if found.distance is not None and found.distance.largest is not None:
            words.append(f"at most {found.distance.largest:,} ulp in the first case")
    if tried.differences:
        why = escape("\n".join(tried.differences))
        words.append(f'<span class="faint" title="{why}">ruled out by the manifest</span>')
    return "; ".join(words)


def _operator(found: FirstDivergence) -> str:
    if found.operator is None:
        return f'<span class="faint">{escape(found.note)}</span>'
    return f"<strong>{escape(found.operator_type or '')}</strong> <code>{escape(found.operator)}</code>"


def _groups(matrix: Matrix) -> list[list[Tried]]:
    """Environments that part from the reference, those with the same outputs together."""
    groups: dict[tuple[Digest | None, ...], list[Tried]] = {}
    for tried in matrix.alive:
        if matrix.differing(tried):
            groups.setdefault(tuple(tried.cells[case].digest for case in matrix.cases), []).append(tried)
    return list(groups.values())


def _panel(
    matrix: Matrix, group: Sequence[Tried], divergences: Sequence[FirstDivergence], get_output: GetOutput
) -> str:
    names = {tried.name for tried in group}
    found = [item for item in divergences if item.environment in names]
    differing = matrix.differing(group[0])
    lines = [
        f"<h3>{escape(', '.join(tried.name for tried in group))}</h3>",
        f"<p>{len(differing)} of {len(matrix.cases)} cases differ.</p>",
    ]
    for item in found:
        where = f"{escape(item.axis)}: " if len(found) > 1 else ""
        tensor = f", tensor <code>{escape(item.tensor)}</code>" if item.tensor else ""
        lines.append(f"<p>{where}first in case <code>{escape(item.case)}</code>: {_operator(item)}{tensor}</p>")
        if item.operator is not None and item.note:
            lines.append(f'<p class="faint">{escape(item.note)}</p>')
    pairs = []
    for case in differing[:_PAIRS]:
        digests = (matrix.reference.cells[case].digest, group[0].cells[case].digest)
        outputs = [None if digest is None else get_output(digest) for digest in digests]
        if outputs[0] is not None and outputs[1] is not None:
            pairs.append((outputs[0], outputs[1]))
    if pairs:
        lines.append(bars(histogram(pairs)))
    return f'<section class="panel">{"".join(lines)}</section>'

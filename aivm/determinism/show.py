"""The matrix for a person at a terminal, and for programs as JSON."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aivm.determinism.axes import Absence
    from aivm.determinism.divergence import FirstDivergence
    from aivm.determinism.matrix import Matrix, Tried
    from aivm.determinism.subject import Subject

#: Cases that have a letter each in the matrix; of others the number that differ is enough.
_SHOWN: Final = 32


def text(subject: Subject, matrix: Matrix, divergences: Sequence[FirstDivergence], absences: Sequence[Absence]) -> str:
    """The matrix: an environment a line, a letter for each case's output, A being the reference's."""
    width = max(len(tried.name) for tried in matrix.environments)
    classes = _classes(matrix)
    found = {item.environment: item for item in divergences}
    lines = [f"{subject.name}, {len(matrix.cases)} cases, {len(matrix.alive)} environments", ""]
    lines.append(f"{'environment':{width}}  class  outputs")
    for tried in matrix.environments:
        if tried.environment is None:
            lines.append(f"{tried.name:{width}}  -      {tried.error}")
            continue
        line = f"{tried.name:{width}}  {classes[tried.environment_class]:5}  {_outputs(matrix, tried)}"
        if tried.name in found:
            line += f"  {_apart(found[tried.name])}"
        if tried.differences:
            line += "  (ruled out by the manifest)"
        lines.append(line)
    lines += ["", f"determinism class: {matrix.determinism_class()}, over {_counts(matrix)}"]
    if matrix.conforms() is False:
        lines.append("the reference does not give the outputs that the manifest promises")
    if absences:
        lines += ["", "not tried:", *(f"  {absence}" for absence in absences)]
    return "\n".join(lines)


def data(
    subject: Subject, matrix: Matrix, divergences: Sequence[FirstDivergence], absences: Sequence[Absence]
) -> dict[str, Any]:
    """The matrix as JSON: `environments`, `digests`, `determinism_class`, `first_divergence` and what explains them."""
    return {
        "subject": subject.name,
        "engine": subject.engine,
        "manifest": subject.manifest.digest().hex() if subject.manifest else None,
        "environments": [_environment(matrix, tried) for tried in matrix.environments],
        "digests": {case: [d and d.hex() for d in matrix.digests(case)] for case in matrix.cases},
        "determinism_class": matrix.determinism_class().value,
        "conforms": matrix.conforms(),
        "distinct_environments": len({tried.digest for tried in matrix.alive}),
        "environment_classes": len({tried.environment_class for tried in matrix.alive if tried.complies}),
        "first_divergence": divergences[0].data() if divergences else None,
        "divergences": [item.data() for item in divergences],
        "absent": [
            {"axis": item.axis, "value": item.value or None, "reason": item.reason, "remedy": item.remedy or None}
            for item in absences
        ],
    }


def _environment(matrix: Matrix, tried: Tried) -> dict[str, Any]:
    if tried.environment is None:
        return {"name": tried.name, "values": tried.planned.values, "error": tried.error}
    cells = [tried.cells[case] for case in matrix.cases]
    return {
        "name": tried.name,
        "values": tried.planned.values,
        "digest": tried.digest and tried.digest.hex(),
        "environment": tried.environment.digest().hex(),
        "complies": tried.complies,
        "differences": list(tried.differences),
        "digests": {cell.case: cell.digest and cell.digest.hex() for cell in cells},
        "errors": {cell.case: cell.error for cell in cells if cell.error},
        "differing": len(matrix.differing(tried)),
        "milliseconds": round(1000 * sum(cell.seconds for cell in cells), 3),
    }


def _classes(matrix: Matrix) -> dict[bytes, str]:
    """A number for each environment class, in the order in which they come."""
    distinct = dict.fromkeys(tried.environment_class for tried in matrix.alive)
    return {environment_class: str(number) for number, environment_class in enumerate(distinct, 1)}


def _outputs(matrix: Matrix, tried: Tried) -> str:
    if len(matrix.cases) > _SHOWN:
        count = len(matrix.differing(tried))
        return f"{count} of {len(matrix.cases)} differ" if count else "the same"
    return "".join(_letter(matrix, tried, case) for case in matrix.cases)


def _letter(matrix: Matrix, tried: Tried, case: str) -> str:
    digest = tried.cells[case].digest
    if digest is None:
        return "!"
    number = [found for found in matrix.digests(case) if found is not None].index(digest)
    return ascii_uppercase[number] if number < len(ascii_uppercase) else "*"


def _apart(found: FirstDivergence) -> str:
    words = [f"at {found.operator_type} {found.operator!r}" if found.operator else found.note]
    if found.distance and found.distance.largest is not None:
        words.append(f"at most {found.distance.largest} ulp")
    return ", ".join(words)


def _counts(matrix: Matrix) -> str:
    allowed = [tried for tried in matrix.environments if tried.complies]
    classes = len({tried.environment_class for tried in allowed})
    kinds = "1 class" if classes == 1 else f"{classes} classes"
    return f"{len(allowed)} environments of {kinds} that the manifest allows"

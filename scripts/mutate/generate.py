"""The mutants of slither's mutators (`slither-mutate`), without its loop, which runs the whole suite for each of them.

    .venv/slither/bin/python scripts/mutate/generate.py < REQUEST

Run in a folder that solc finds every import from. The request is JSON: `sources`, an array of their names, and solc's
`settings`. Prints a JSON array, a mutant an object: `source`, `line`, `start` and `end` in bytes, `text` that takes
their place, and `mutator`. Slither leaves out the lines whose statement nobody misses; here are all.
"""

from __future__ import annotations

import inspect
import json
import logging
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from crytic_compile import CryticCompile
from crytic_compile.platform.solc_standard_json import SolcStandardJson
from slither import Slither
from slither.core.expressions.binary_operation import BinaryOperation
from slither.tools.mutator.mutators import LIR, all_mutators
from slither.tools.mutator.mutators.abstract_mutator import AbstractMutator
from slither.tools.mutator.utils.patch import create_patch_with_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slither.core.compilation_unit import SlitherCompilationUnit

COMPILER = Path(__file__).resolve().parents[1] / "solc.cjs"


class OperatorInExpression(AbstractMutator):
    """Every binary operator in every expression becomes its opposite, and a comparison one that differs at equality.

    Slither's AOR, BOR, LOR and ROR split the text of a whole statement at the operator: of
    `require(a < b && c < d, Late())` they make nothing that compiles.
    """

    NAME = "OPX"
    HELP = "Operator replacement in expressions"
    OTHERS: ClassVar[dict[str, tuple[str, ...]]] = {
        "+": ("-",),
        "-": ("+",),
        "*": ("/",),
        "/": ("*",),
        "%": ("/",),
        "<": ("<=", ">="),
        "<=": ("<", ">"),
        ">": (">=", "<="),
        ">=": (">", "<"),
        "==": ("!=",),
        "!=": ("==",),
        "&": ("|",),
        "|": ("&",),
        "^": ("&",),
        "<<": (">>",),
        ">>": ("<<",),
        "&&": ("||",),
        "||": ("&&",),
    }

    def _mutate(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for function in self.contract.functions_and_modifiers_declared:
            for node in function.nodes:
                if node.expression is not None and self.should_mutate_node(node):
                    for operation in binary_operations(node.expression):
                        self._replace(result, operation)
        return result

    def _replace(self, result: dict[str, Any], operation: BinaryOperation) -> None:
        left, right = operation.expression_left.source_mapping, operation.expression_right.source_mapping
        whole = operation.source_mapping
        start, end = left.start + left.length - whole.start, right.start - whole.start
        between = whole.content.encode()[start:end].decode()
        if between.count(str(operation.type)) != 1:
            return
        for other in self.OTHERS.get(str(operation.type), ()):
            text = between.replace(str(operation.type), other)
            create_patch_with_line(
                result, self.in_file, whole.start + start, whole.start + end, between, text, whole.lines[0]
            )


def binary_operations(expression: Any) -> Iterator[BinaryOperation]:
    """Those in an expression, however deep."""
    todo = [expression]
    while todo:
        one = todo.pop()
        if isinstance(one, BinaryOperation):
            yield one
        todo.extend(reversed(getattr(one, "expressions", [])))
        todo.extend(getattr(one, "arguments", []))
        if hasattr(one, "called"):
            todo.append(one.called)


def mutators() -> list[type[AbstractMutator]]:
    """All of slither's, by name, and one more."""
    found = [c for _, c in inspect.getmembers(all_mutators, inspect.isclass) if issubclass(c, AbstractMutator)]
    return [*sorted((c for c in found if c is not AbstractMutator), key=lambda c: str(c.NAME)), OperatorInExpression]


def analyse(sources: list[str], settings: dict[str, Any]) -> SlitherCompilationUnit:
    """Slither's view of these sources and all that they import."""
    request = {
        "language": "Solidity",
        "sources": {name: {"content": Path(name).read_text()} for name in sources},
        "settings": {key: value for key, value in settings.items() if key != "outputSelection"},
    }
    compilation = CryticCompile(SolcStandardJson(request), solc=str(COMPILER), solc_working_dir=str(Path.cwd()))
    return Slither(compilation).compilation_units[0]


def declared(unit: SlitherCompilationUnit, path: Path) -> Iterator[Any]:
    """What of a file the mutators take, a part at a time: a function, a free one too, or a contract's state variables.

    Several mutators raise at a statement that they have not thought of, and slither then goes without all that they
    would find in the contract. This way it is the one function. They ask a contract for nothing but what is here.
    """

    def part(name: str, functions: list[Any], variables: list[Any], mapping: Any) -> Any:
        return types.SimpleNamespace(
            name=name,
            functions_and_modifiers_declared=functions,
            state_variables_declared=variables,
            source_mapping=mapping,
        )

    for contract in unit.contracts:
        if contract.is_interface or Path(contract.source_mapping.filename.absolute) != path:
            continue
        yield part(contract.name, [], contract.state_variables_declared, contract.source_mapping)
        for function in contract.functions_and_modifiers_declared:
            yield part(contract.name, [function], [], contract.source_mapping)
    for function in unit.functions_top_level:
        if Path(function.source_mapping.filename.absolute) == path:
            yield part(function.name, [function], [], function.source_mapping)


def patches(unit: SlitherCompilationUnit, part: Any, mutator: type[AbstractMutator]) -> list[dict[str, Any]]:
    """What a mutator makes of a part; nothing where it raises, which is told."""
    LIR.literal_replacements.clear()  # the module keeps them between contracts: mutants would depend on the order
    try:
        one = mutator(unit, 0, "", "", part, None, verbose=False, output_folder=Path(), dont_mutate_line=[])
        found = one._mutate()  # noqa: SLF001 -- `mutate` would run the tests
    except Exception as error:  # noqa: BLE001 -- slither passes over it too, and says nothing
        names = "".join(f".{function.name}" for function in part.functions_and_modifiers_declared)
        print(f"{mutator.NAME} gives up on {part.name}{names}: {error!r}", file=sys.stderr)
        return []
    return [patch for file in found.get("patches", {}).values() for patch in file]


def mutants(unit: SlitherCompilationUnit, source: str) -> Iterator[dict[str, Any]]:
    """The mutants of a file; some may be written by several mutators."""
    for part in declared(unit, Path(source).resolve()):
        for mutator in mutators():
            for patch in patches(unit, part, mutator):
                yield {
                    "source": source,
                    "line": patch["line_number"],
                    "start": patch["start"],
                    "end": patch["end"],
                    "text": patch["new_string"],
                    "mutator": str(mutator.NAME),
                }


def main() -> int:
    logging.disable(logging.WARNING)
    request = json.load(sys.stdin)
    unit = analyse(request["sources"], request["settings"])
    json.dump([mutant for source in request["sources"] for mutant in mutants(unit, source)], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())

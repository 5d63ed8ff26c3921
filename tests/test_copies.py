"""No logic stands twice: the same statements over six lines, whatever their names and values are.

Data is not logic: values that are only named (a row of assignments, of arguments, of texts) look
alike and are not the same.
"""

from __future__ import annotations

import ast
import copy
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "deployer"
LINES = 6
EXPLAINED = "# Also in "
"""A comment that begins so, in one of the places, says where the other is and why."""


class Unnamed(ast.NodeTransformer):
    """Leaves what a statement does, and takes the names and values that it does it with."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(value=type(node.value).__name__)

    def visit_JoinedStr(self, _node: ast.JoinedStr) -> ast.AST:
        return ast.Constant(value="str")

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(id="", ctx=node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Attribute(value=self.visit(node.value), attr="", ctx=node.ctx)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return ast.keyword(arg="", value=self.visit(node.value))

    def visit_arg(self, _node: ast.arg) -> ast.AST:
        return ast.arg(arg="")


def is_data(statement: ast.stmt) -> bool:
    """Whether a statement only names values: an assignment, an import, a call, a refusal."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Assign() | ast.AnnAssign() | ast.Return():
            return True
        case ast.Expr(value=ast.Call() | ast.Constant() | ast.Yield()):
            return True
        case ast.Raise():
            return True
        case ast.If(body=[ast.Raise() | ast.Return()], orelse=[]):  # refused, in words
            return True
        case ast.If(body=[ast.Expr(value=ast.Yield())], orelse=[]):  # told, in words
            return True
    return False


def bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """Every run of statements inside a function."""
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    for function in functions:
        for node in ast.walk(function):
            for field in ("body", "orelse", "finalbody"):
                run = getattr(node, field, None)
                if isinstance(run, list) and run and isinstance(run[0], ast.stmt):
                    yield run


def runs(path: Path) -> Iterator[tuple[str, int, int]]:
    """What each shortest run of at least six lines does, and its first and last line."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for body in bodies(ast.parse(source)):
        shapes = [ast.dump(Unnamed().visit(copy.deepcopy(one))) for one in body]
        for first in range(len(body)):
            for last in range(first, len(body)):
                begin, end = body[first].lineno, body[last].end_lineno or 0
                if end - begin + 1 < LINES:
                    continue
                told = any(EXPLAINED in line for line in lines[max(begin - 3, 0) : end])
                if not told and not all(map(is_data, body[first : last + 1])):
                    yield "\n".join(shapes[first : last + 1]), begin, end
                break


def copies(package: Path) -> list[tuple[str, ...]]:
    places: dict[str, set[str]] = defaultdict(set)
    for path in sorted(package.rglob("*.py")):
        for shape, first, last in runs(path):
            places[shape].add(f"{path.relative_to(package)}:{first}-{last}")
    return [tuple(sorted(found)) for found in places.values() if len(found) > 1]


def test_no_logic_stands_twice() -> None:
    assert copies(PACKAGE) == []


def test_a_copy_with_other_names_is_found(tmp_path: Path) -> None:
    text = "def {0}(x):\n    for {1} in x:\n        if {1} > {2}:\n            {1} += 1\n" + (
        "            x.append({1})\n        else:\n            break\n    return x\n\n\n"
    )
    (tmp_path / "a.py").write_text(text.format("one", "y", 2) + text.format("two", "z", 3))
    assert copies(tmp_path)
    explained = text.format("two", "z", 3).replace("    for", f"    {EXPLAINED}`one`: ...\n    for")
    (tmp_path / "a.py").write_text(text.format("one", "y", 2) + explained)
    assert not copies(tmp_path)

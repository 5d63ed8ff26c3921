"""The rooms of the house: who may import whom, read off the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "deployer"

GROUND = {"model", "events", "errors"}
MAY_IMPORT = {
    "model": set(),
    "events": {"model"},
    "errors": set(),
    "settings": GROUND,
    "core": GROUND,
    "edge": GROUND | {"core"},
    "host": GROUND | {"core", "edge", "settings"},
    "face": GROUND | {"core", "host", "settings", "bench"},
    "bench": GROUND | {"core", "host", "settings"},
    "sim": {"model"},
    "__main__": GROUND | {"face"},
    "__init__": set(),
}
"""Rooms from the bottom up: a room is a top-level module or package of `deployer`."""

FORBIDDEN_IN_CORE = {
    "socket", "os", "time", "asyncio", "sqlite3", "pyftpdlib", "serial", "logging",
    "pathlib", "subprocess", "threading", "random", "secrets", "io", "tempfile", "shutil", "select",
}  # fmt: skip


def room_of(module: str) -> str:
    """The room of a dotted module name below `deployer`."""
    return module.split(".")[0] or "__init__"


def sources() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE).with_suffix("")
        yield ".".join(relative.parts), path


def imports(path: Path) -> Iterator[str]:
    """Absolute names of everything that a module imports, `from deployer import x` included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "deployer":
                yield from (f"deployer.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


@pytest.mark.parametrize(("module", "path"), list(sources()))
def test_a_room_imports_only_what_is_below_it(module: str, path: Path) -> None:
    room = room_of(module)
    for name in imports(path):
        if name.startswith("deployer."):
            other = room_of(name.removeprefix("deployer."))
            assert other == room or other in MAY_IMPORT[room], f"{module} imports {name}"


@pytest.mark.parametrize(("module", "path"), [s for s in sources() if room_of(s[0]) == "core"])
def test_core_does_no_io(module: str, path: Path) -> None:
    found = {name.split(".")[0] for name in imports(path)} & FORBIDDEN_IN_CORE
    assert not found, f"core module {module} imports {found}"


def test_the_rule_can_fail(tmp_path: Path) -> None:
    source = tmp_path / "bad.py"
    source.write_text("import socket\nfrom deployer.edge import files\nfrom deployer import host\n")
    names = set(imports(source))
    assert names == {"socket", "deployer.edge", "deployer.host"}
    assert room_of("edge.files") not in MAY_IMPORT["core"]


def test_only_main_exits_the_process() -> None:
    for module, path in sources():
        if module in ("__main__", "sim.__main__", "host.daemon"):
            continue  # the daemon's child is a process of its own, and ends as one
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
        assert not calls & {"sys.exit", "exit", "quit", "os._exit"}, module

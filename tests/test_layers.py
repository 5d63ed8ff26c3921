"""The rooms of the house: who may import whom, read off the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "deployer"

GROUND = {"model", "events", "errors"}
MAY_IMPORT = {
    "model": set(),
    "events": {"model", "errors"},
    "errors": set(),
    "settings": GROUND,
    "core": GROUND,
    "edge": GROUND | {"core"},
    "host": GROUND | {"core", "edge", "settings"},
    "face": GROUND | {"core", "host", "settings", "bench"},
    "bench": GROUND | {"core", "host", "settings"},
    "sim": {"model"},
    "__main__": GROUND | {"face", "host"},  # under sudo it becomes the user before all else
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


OF_HOST = {
    "requests", "connect", "past", "endings", "staging", "recognise", "wire", "serial", "sockets",
    "daemon", "launch", "devices", "models", "pull", "media", "agents.errand", "agents.talking",
    "surveys",
}  # fmt: skip
"""What a face and the bench may know of a host; `connect` finds the one that does the work."""


@pytest.mark.parametrize(
    ("module", "path"), [s for s in sources() if room_of(s[0]) in ("face", "bench")]
)
def test_a_face_reaches_a_host_by_one_road(module: str, path: Path) -> None:
    used = {
        name.removeprefix("deployer.host.")
        for name in imported_modules(path)
        if name.startswith("deployer.host.")
    }
    strange = {name for name in used if not OF_HOST & {name.split(".")[0], _module(name)}}
    assert not strange, f"{module} imports {strange} of the host"


def _module(name: str) -> str:
    """A module of a package of the host, without what is imported from it."""
    return ".".join(name.split(".")[:2])


def imported_modules(path: Path) -> Iterator[str]:
    """The same as `imports`, with what a package is asked for as a module of its own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "deployer.host":
            yield from (f"deployer.host.{alias.name}" for alias in node.names)
    yield from imports(path)


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
        if module in (
            "__main__",
            "sim.__main__",
            "host.daemon",
            "host.sudo.split",
            "host.sudo.asked",
        ):
            continue  # a second process ends by itself
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
        assert not calls & {"sys.exit", "exit", "quit", "os._exit"}, module


# -- circles, sizes, what a package says ----------------------------------------------------------

MOST_MODULES = 20
MOST_LINES_OF_DOCSTRING = 15


def module_name(path: Path) -> str:
    """The dotted name of a module below `deployer`; a package goes by its own name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Who imports whom: at the top, inside functions, and for types only."""
    found: dict[str, set[str]] = {}
    for module, path in files.items():
        found[module] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [(alias.name, "") for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [(node.module, alias.name) for alias in node.names]
            else:
                continue
            for name, member in names:
                base = name.removeprefix("deployer").removeprefix(".")
                inner = f"{base}.{member}".removeprefix(".")
                if name.split(".")[0] == "deployer":
                    found[module] |= {inner if inner in files else base} & set(files)
        found[module].discard(module)
    return found


def circles(arrows: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """The groups of two and more modules that reach each other."""

    def reached(start: str) -> set[str]:
        seen, left = set[str](), [start]
        while left:
            for other in arrows[left.pop()] - seen:
                seen.add(other)
                left.append(other)
        return seen

    reach = {module: reached(module) for module in arrows}
    groups = {frozenset(o for o in reach[m] if m in reach[o]) for m in arrows if m in reach[m]}
    return sorted(groups, key=sorted)


PACKAGES = sorted({path.parent for _, path in sources()})


def test_no_circle_of_imports_is_open() -> None:
    found = circles(graph({module_name(path): path for _, path in sources()}))
    assert not found, "these import each other:\n" + "\n".join(" ".join(sorted(c)) for c in found)


def test_a_circle_is_found_however_it_is_imported(tmp_path: Path) -> None:
    """Types only, inside a function, and through a package's own module."""
    texts = {
        "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from deployer import b\n",
        "b": "def later():\n    import deployer.c\n",
        "c": "from deployer.a import name\n",
        "d": "from deployer import a, p\n",
        "p": "from deployer.p.q import x\n",
        "p.q": "from deployer.p import x\n",
    }
    files = {name: tmp_path / f"{name}.py" for name in texts}
    for name, path in files.items():
        path.write_text(texts[name])
    assert circles(graph(files)) == [frozenset("abc"), frozenset({"p", "p.q"})]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_package_is_small_and_says_what_it_is_for(package: Path) -> None:
    modules = [path for path in package.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES, f"{package} has {len(modules)} modules: group them"
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    assert text, f"{package}/__init__.py does not say what the package is for"
    assert len(text.splitlines()) <= MOST_LINES_OF_DOCSTRING, f"{package}/__init__.py says too much"


# -- one name means one thing ---------------------------------------------------------------------


def test_a_public_class_name_is_defined_once() -> None:
    places: dict[str, list[str]] = {}
    for module, path in sources():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    doubled = {name: modules for name, modules in places.items() if len(modules) > 1}
    assert not doubled, f"these names mean more than one thing: {doubled}"

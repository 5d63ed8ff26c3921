"""docs/architecture.md: the map of the house, its tree and its effects read off the source itself.

`python -m docs.generate.architecture > docs/architecture.md` writes it; a test compares them.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "deployer"

_HEAD = """# The house

One page: the rooms, the way of a file to the old PC's disk, the way of an event back to the screen,
and which module touches what. The nouns and the invariant are in [theory.md](theory.md).

*The tree and the table are read off the source: `python -m docs.generate.architecture` writes this
page, and a test compares them.*

## The rooms

Imports go downwards only, and never in a circle; `tests/test_layers.py` holds both.

    face  bench          read events, send requests
      \\\\    /
       host              the only place where core meets edge
      /    \\\\
    edge   core          edge acts, core decides (no I/O)
      \\\\    /
    model  events  errors

    sim                  the simulated old PC: a peer at a socket; imports model only

"""

_WAYS = """
## The way of a file: from `push` to the old PC's disk

    deployer push FILE
      face/cli/push            words of the command line become an Order
      host/connect             a Host: the running daemon's, or one in this process
      host/staging             core/payload plans, edge/files reads each file once: parts and sums
      host/service             the deployment is stored, then offered
      host/grants              what this login may fetch: GO.BAT, the manifest, slices of the files
      edge/ftp                 sends slices of the user's own file, binary only
    ------------------------- the wire ------------------------------------------------------------
      FTP.EXE                  run by GO.BAT with the script that DEPLOY98.EXE wrote
      DEPLOY98.EXE CHECK       CRC-32 of every part on the old PC's disk; asks again for what is bad
      DEPLOY98.EXE JOIN        one file from its parts, its SHA-256 computed from that disk
      DEPLOY98.EXE RUN         the program, its output kept
      RESULT.TXT               sealed, sent back by FTP

Over a serial line `host/carry` takes the place of the FTP server: the same parts, by ZMODEM.

## The way of an event: from a socket to the screen

    edge/ftp                   sees a login, a transfer, an upload; hands an event to the loop
      host/service             core/deployment.advance: the next state, and what is to be done
      host/bus                 stored first (edge/store), published then
      face                     progress, TUI, JSON lines and the page fold the same events

## Who touches the world

What a module does to the world is what it imports and calls for it. `core`, `model`, `events` and
`errors` are not in the table, because they touch nothing.

"""

_EFFECTS: Mapping[str, frozenset[str]] = {
    "sockets": frozenset(
        ("socket", "ssl", "http", "httpx", "uvicorn", "starlette", "pyftpdlib", "socketserver")
    ),
    "interfaces": frozenset(("pyroute2",)),
    "serial ports": frozenset(("serial",)),
    "processes": frozenset(("subprocess", "signal", "multiprocessing")),
    "database": frozenset(("sqlite3",)),
    "files": frozenset(("shutil", "tempfile", "filelock", "fcntl")),
}
"""Effects by the modules that make them possible."""
_FILE_CALLS = frozenset(
    ("read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "touch",
     "rmdir", "chmod", "symlink_to", "iterdir", "rglob")
)  # fmt: skip
_OS_FILES = frozenset(
    ("open", "replace", "rename", "remove", "fsync", "truncate", "link", "scandir")
)
_OS_PROCESSES = frozenset(("kill", "fork", "setuid", "setgid", "execv", "_exit", "killpg"))
_COLUMNS = (*_EFFECTS,)


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of `deployer` by its path without `.py`, with its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix()
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def effects(tree: ast.Module) -> frozenset[str]:
    """Which effects a module has."""
    found = set()
    paths = _imports_paths(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= _by_import(alias.name for alias in names)
            case ast.ImportFrom(module=str(module)):
                found |= _by_import((module,))
            case ast.Call(func=ast.Name(id="open")):
                found.add("files")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr=attr)):
                found |= {"files"} if attr in _OS_FILES else set()
                found |= {"processes"} if attr in _OS_PROCESSES else set()
            case ast.Call(func=ast.Attribute(attr="open"), args=[ast.Constant(value=str(mode))]):
                found |= {"files"} if paths and set(mode) <= set("rwxab+") else set()
            case ast.Call(func=ast.Attribute(attr=attr)) if paths and attr in _FILE_CALLS:
                found.add("files")
    return frozenset(found)


def _imports_paths(tree: ast.Module) -> bool:
    """Whether it can name a file of this computer; the simulated disk has methods of such names."""
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return any(node.module == "pathlib" for node in imported)


def _by_import(names: Iterator[str] | tuple[str, ...]) -> set[str]:
    tops = {name.split(".")[0] for name in names}
    return {effect for effect, needed in _EFFECTS.items() if tops & needed}


def tree_of_rooms() -> Iterator[str]:
    """Every package with the promise of its docstring, indented by depth."""
    for name, tree in modules():
        if not name.endswith("__init__"):
            continue
        room = name.removesuffix("__init__").rstrip("/")
        promise = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
        depth = room.count("/") + 1 if room else 0
        label = f"{'  ' * depth}{room.rpartition('/')[2] or 'deployer'}/"
        yield f"    {label:<22} {promise}"


def table() -> Iterator[str]:
    """A row for each module that touches something."""
    yield f"| module | {' | '.join(_COLUMNS)} |"
    yield f"|---|{'---|' * len(_COLUMNS)}"
    for name, tree in modules():
        has = effects(tree)
        if has:
            yield f"| `{name}` | {' | '.join('x' if one in has else '' for one in _COLUMNS)} |"


def render() -> str:
    """The text of docs/architecture.md."""
    rooms = "\n".join(tree_of_rooms())
    return f"{_HEAD.replace(chr(92) * 2, chr(92))}{rooms}\n{_WAYS}{chr(10).join(table())}\n"


if __name__ == "__main__":
    sys.stdout.write(render())

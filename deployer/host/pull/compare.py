"""What pulled files are compared with: files here, sums, a text. Reads files, writes none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.edge import pulled

_BLOCK = 1 << 20
_MOST_NAMED = 5
_PAGES = ("utf-8", "cp437", "cp850", "cp1252")
"""How a program of an old PC, or of this computer, may have written the text that is expected."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What pulled files have to be.

    `same_as` is a folder here with the same files and no others, or one file here. `sha256` has the
    sums of files by their names, and `expect` is a text that one of the files has to hold.
    """

    same_as: Path | None = None
    sha256: tuple[tuple[str, str], ...] = ()
    expect: str = ""

    @property
    def missing(self) -> str:
        """Why nothing can be compared with `same_as`; "" when it is there."""
        if self.same_as is None or self.same_as.exists():
            return ""
        return f"{self.same_as} is missing, and what is pulled is to be compared with it"


def differences(folder: Path, wanted: Comparison) -> str:
    """What in a pulled folder is not as it has to be, in words; "" for nothing."""
    came = _files(folder)
    found = [*_unlike(came, wanted.same_as), *_other_sums(came, wanted.sha256)]
    if wanted.expect and not any(_holds(path, wanted.expect) for path in came.values()):
        found.append(f"{wanted.expect!r} stands in no file that came")
    more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return "; ".join(found[:_MOST_NAMED]) + more


def _files(folder: Path) -> Mapping[str, Path]:
    """The files of a folder by their paths in it, with `/`, in the order of these."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _named(files: Mapping[str, Path]) -> Mapping[str, str]:
    """The names of files by how they are compared: an old PC knows no capitals."""
    return {name.casefold(): name for name in files}


def _unlike(came: Mapping[str, Path], golden: Path | None) -> Iterator[str]:
    if golden is None:
        return
    whole = golden.is_dir()
    wanted = _files(golden) if whole else {golden.name: golden}
    there = _named(came)
    if not whole and len(came) == 1:
        there = {golden.name.casefold(): next(iter(came))}
    for name, path in wanted.items():
        if (found := there.get(name.casefold())) is None:
            yield f"{name} did not come"
        elif why := _difference(came[found], path):
            yield f"{found} is not {path}: {why}"
    if whole:
        known = _named(wanted)
        for key, name in there.items():
            if key not in known:
                yield f"{name} came, and {golden} has no such file"


def _difference(one: Path, other: Path) -> str:
    """Where two files begin to differ; "" where they do not."""
    line, at = 1, 0
    with one.open("rb") as came, other.open("rb") as golden:
        while True:
            a, b = came.read(_BLOCK), golden.read(_BLOCK)
            if a != b:
                same = _alike(a, b)
                line += a.count(b"\n", 0, same)
                if same in (len(a), len(b)):
                    longer = "ends before" if same == len(a) else "goes on after"
                    return f"it {longer} byte {at + same:,}, line {line:,}"
                return f"the first difference is byte {at + same + 1:,}, in line {line:,}"
            if not a:
                return ""
            line += a.count(b"\n")
            at += len(a)


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes at the beginning of both are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _other_sums(came: Mapping[str, Path], wanted: tuple[tuple[str, str], ...]) -> Iterator[str]:
    there = _named(came)
    for name, digest in wanted:
        found = there.get(name.replace("\\", "/").casefold())
        if found is None:
            yield f"{name} did not come"
        elif (got := pulled.sha256_of(came[found])) != digest.lower():
            yield f"{found} has the SHA-256 {got}, not {digest.lower()}"


def _holds(path: Path, text: str) -> bool:
    """Whether the text stands in the file, in any of the code pages."""
    needles = set()
    for page in _PAGES:
        try:
            needles.add(text.encode(page))
        except UnicodeEncodeError:
            continue
    rest = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            data = rest + block
            if any(needle in data for needle in needles):
                return True
            rest = data[-max(map(len, needles)) :]
    return False

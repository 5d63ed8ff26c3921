"""Where a key stands in a TOML text: a scan of what `tomllib` has already accepted.

`tomllib` gives values without lines. A message without a line sends the user searching, so this
walks the text once more and notes the line of every key and of every element of an array.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""A place in the file: keys, and numbers of elements of arrays."""

_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def lines(text: str) -> Mapping[Path, int]:
    """The line (from 1) of every key, table and element. The text must be valid TOML."""
    scan = _Scan(text)
    scan.document()
    return scan.found


def line_of(found: Mapping[Path, int], path: Path) -> int:
    """The line of a place, or of the nearest thing around it that has one; 1 for none."""
    while path:
        if path in found:
            return found[path]
        path = path[:-1]
    return 1


class _Scan:
    """One walk over the text. Values are passed over, keys are noted."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.found: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}

    def document(self) -> None:
        """Every line: a header, or a key with its value."""
        table: Path = ()
        while self._skip():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        start, name = self.at, self._key()
        path = self._current(name)
        self._note(path, start)
        self.at += 2 if array else 1
        if array:
            number = self._tables.get(path, -1) + 1
            self._tables[path] = number
            path = (*path, number)
            self.found[path] = self._line(start)
        return path

    def _current(self, names: Path) -> Path:
        """A header's names below an array of tables mean its last element."""
        path: Path = ()
        for number, name in enumerate(names):
            path = (*path, name)
            if number + 1 < len(names) and path in self._tables:
                path = (*path, self._tables[path])
        return path

    def _pair(self, table: Path) -> None:
        start = self.at
        path = (*table, *self._key())
        self._note(path, start)
        self.at += 1  # the equals sign
        self._value(path)

    def _key(self) -> Path:
        names: list[str | int] = []
        while True:
            self._blanks()
            mark = self._peek()
            if mark in "\"'":
                names.append(self._string())
            else:
                start = self.at
                while self._peek() in _BARE and self._peek():
                    self.at += 1
                names.append(self.text[start : self.at])
            self._blanks()
            if self._peek() != ".":
                return tuple(names)
            self.at += 1

    def _value(self, path: Path) -> None:
        self._skip(comments=False)
        match self._peek():
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._string()
            case _:
                while self._peek() not in ("", ",", "]", "}", "\n", "#"):
                    self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        number = 0
        while self._skip() and self._peek() != "]":
            if self._peek() == ",":
                self.at += 1
                continue
            self.found[(*path, number)] = self._line(self.at)
            self._value((*path, number))
            number += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._skip() and self._peek() != "}":
            if self._peek() == ",":
                self.at += 1
                continue
            self._pair(path)
        self.at += 1

    def _string(self) -> str:
        """Pass over a string; its value."""
        start, mark = self.at, self._peek()
        long = self.text.startswith(mark * 3, self.at)
        end = mark * 3 if long else mark
        self.at += len(end)
        while not self.text.startswith(end, self.at):
            self.at += 2 if mark == '"' and self._peek() == "\\" else 1
        self.at += len(end)
        while long and self._peek() == mark:  # up to two quotes may stand before the end
            self.at += 1
        return str(tomllib.loads(f"x={self.text[start : self.at]}")["x"])

    def _note(self, path: Path, at: int) -> None:
        line = self._line(at)
        for depth in range(1, len(path) + 1):
            self.found.setdefault(path[:depth], line)

    def _line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _blanks(self) -> None:
        while self._peek() in (" ", "\t"):
            self.at += 1

    def _skip(self, *, comments: bool = True) -> bool:
        """Over blanks, line ends and comments; False at the end of the text."""
        while mark := self._peek():
            if mark in " \t" or (comments and mark == "\n"):
                self.at += 1
            elif comments and mark == "#":
                while self._peek() not in ("", "\n"):
                    self.at += 1
            else:
                return True
        return False

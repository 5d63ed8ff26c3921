"""The parser of DOS 4 and later for the parameters of TYPE, DEL, REN, MD, CD, ECHO ON and others.

It has its own delimiters (blank, tab, comma) and its own complaints; that is why `TYPE,F` and
`TYPE=F` fail where COPY takes them (case type-delims, MSDOS4 INC\\PARSE.ASM).
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from deployer.sim.commandcom.line.text import CR, at, shield, unshield, upper

OK = 0
TOO_MANY = 1
MISSING = 2
NO_SWITCH = 3
NO_KEYWORD = 4
NOT_IN_LIST = 8
SYNTAX = 9
END = -1

_SPECIAL = frozenset('[]|<>+=;"')
_SPECIAL_98 = _SPECIAL - {'"'}


@dataclass(frozen=True, slots=True)
class Grammar:
    """How many operands a command takes, of which kind, and its switches (`P` for /P)."""

    least: int
    most: int
    kind: str = "file"  # file, file-or-drive, on-off
    switches: Container[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Operand:
    """One result: a code of the list above; text of a file, letter of a drive, or a switch."""

    code: int
    text: str = ""
    switch: str = ""
    drive: str = ""


class Parser:
    """Goes through a command's parameters; each `next` gives one operand."""

    def __init__(self, line: str, grammar: Grammar, *, quoted: bool) -> None:
        self._line = shield(line) if quoted else line
        self._quoted = quoted
        self._grammar = grammar
        self._pos = self._start = 0
        self._count = 0
        self._extra = False  # the last delimiter was a comma

    def next(self) -> Operand:
        """The next operand, or code END, or a mistake."""
        if self._skip():
            return Operand(MISSING if self._count < self._grammar.least else END)
        self._start = self._pos
        text, has_equal = ("", False) if self._extra else self._pack()
        if text.startswith("/"):
            switch = upper(text[1:])
            known = switch in self._grammar.switches
            return Operand(OK, switch=switch) if known else Operand(NO_SWITCH, text)
        if has_equal:
            return Operand(NO_KEYWORD, text)
        if self._count >= self._grammar.most:
            return Operand(TOO_MANY, text)
        self._count += 1
        if not text:
            optional = self._grammar.least == 0
            return Operand(OK) if optional else Operand(MISSING)
        return self._classify(text)

    def _classify(self, text: str) -> Operand:
        if self._grammar.kind == "on-off":
            return (
                Operand(OK, upper(text)) if upper(text) in ("ON", "OFF") else Operand(NOT_IN_LIST)
            )
        special = _SPECIAL_98 if self._quoted else _SPECIAL
        end = next((i for i, c in enumerate(text) if c in special), len(text))
        if end == 0:
            return Operand(SYNTAX, text)
        if end < len(text):
            self._pos = self._start + end + 1
            text = text[:end]
        if self._grammar.kind == "file-or-drive" and len(text) == 2 and text[1] == ":":
            return Operand(OK, drive=upper(text[0]))
        name = unshield(text).replace('"', "")
        return Operand(OK, name if self._quoted else upper(name))

    def _skip(self) -> bool:
        """Skip blanks and at most one comma; whether the line has ended."""
        self._extra = False
        while True:
            char = at(self._line, self._pos)
            if char == CR:
                return True
            if char not in " \t,":
                return False
            self._pos += 1
            if char == ",":
                self._extra = True
                return False

    def _pack(self) -> tuple[str, bool]:
        """Collect one operand; whether it holds an equals sign."""
        out = ""
        has_equal = False
        while True:
            char = at(self._line, self._pos)
            if char == CR:
                break
            if char == "/" and out and not self._in_date():
                break
            if char in " \t":
                self._skip_blanks()
                break
            if char == ",":
                self._pos += not (has_equal or out.startswith("/"))
                break
            has_equal = has_equal or char == "="
            out += char
            self._pos += 1
        self._extra = False
        return out, has_equal

    def _skip_blanks(self) -> None:
        while at(self._line, self._pos) in " \t":
            self._pos += 1
        if at(self._line, self._pos) == ",":
            self._pos += 1

    def _in_date(self) -> bool:
        """A slash between digits belongs to a date."""
        before, after = self._line[self._pos - 1], at(self._line, self._pos + 1)
        return before.isdigit() and after.isdigit()

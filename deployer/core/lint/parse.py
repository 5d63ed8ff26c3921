"""A batch file as COMMAND.COM of Windows 98 takes it apart, without running it.

`parse(data, name)` gives a `Script`: its lines, and for each line the commands that stand on it.
`IF ... IF ... x` is three commands, and so is `a | b | c`; redirections belong to the line, because
the shell takes them off before it looks at anything else (batch-notes 1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

#: Of the shell itself: a batch file's text is shown in the code page of DOS windows.
CODE_PAGE = "cp437"
DELIMITERS = " =,;\t"
CONTROL = frozenset(chr(code) for code in range(32))
#: Characters at which the name of an internal command ends (`ECHO.x`, `CD\`).
_NAME_ENDS = frozenset('."/\\[]:<|>+=;, \t') | CONTROL

_VARIABLE = re.compile(r"%%|%(\d)|%([^%]*)%|%")


@dataclass(frozen=True, slots=True)
class Redirection:
    """`>`, `>>` or `<` with its target as written; `column` counts from 1."""

    operator: str
    target: str
    column: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One IF: kind is `exist`, `errorlevel`, `compare`, or `bad` when it is none of these."""

    kind: str
    negated: bool
    left: str = ""
    right: str = ""


_SHIELD = {ord(char): 0xE000 + ord(char) for char in DELIMITERS + "/+[]"}
_UNSHIELD = {shielded: char for char, shielded in _SHIELD.items()}
#: Commands whose parameters go through the parser that DOS programs share: + [ ] part names.
SHARED_PARSER = frozenset(
    {"CD", "CHDIR", "DEL", "ERASE", "MD", "MKDIR", "RD", "REN", "RENAME", "RMDIR", "TYPE"}
)


@lru_cache(maxsize=4096)  # many checks ask about each command
def _operands(name: str, rest: str) -> tuple[str, ...]:
    text = re.sub(r'"[^"]*"', lambda match: match.group().translate(_SHIELD), rest)
    text = re.sub(r"/\S*", " ", text)
    if name in SHARED_PARSER:
        text = re.sub(r"[+\[\]]", " ", text)
    text = re.sub(r"[ =,;\t]*\+[ =,;\t]*", "+", text)
    return tuple(word.translate(_UNSHIELD) for word in re.split(r"[ =,;\t]+", text) if word)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name in capitals, and the rest of the text after it.

    `word` is the first word as written; `conditions` are the IFs in front of it on the line.
    """

    line: int
    name: str
    word: str
    rest: str
    column: int
    conditions: tuple[Condition, ...] = ()
    in_for: bool = False
    piped_into: bool = False

    def hit(self, message: str) -> tuple[int, int, str]:
        """What a rule finds at this command."""
        return self.line, self.column, message

    @property
    def words(self) -> list[str]:
        """The parameters, split at delimiters; quotes hold nothing together."""
        return [w for w in re.split(f"[{DELIMITERS}]+", self.rest) if w]

    @property
    def operands(self) -> list[str]:
        """The parameters without switches: quotes hold one together, and + joins two for COPY."""
        return list(_operands(self.name, self.rest))


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One line without its end."""

    number: int
    text: str
    commands: tuple[Command, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    pipes: tuple[int, ...] = ()
    label: str | None = None  # all that follows the colon
    dangling: int = 0  # column of a > or < without a name
    chained_input: int = 0  # column of a | that is glued to an input name


@dataclass(frozen=True, slots=True)
class Script:
    """A whole batch file."""

    name: str
    data: bytes
    lines: tuple[ScriptLine, ...]
    sets: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def commands(self) -> list[Command]:
        """All commands in order."""
        return [command for line in self.lines for command in line.commands]


def parse(data: bytes, name: str) -> Script:
    """Take a batch file apart. Never raises, whatever the bytes are."""
    text = data.decode(CODE_PAGE).split("\x1a", 1)[0]
    pieces = re.split(r"\r\n|\n|\r", text)
    if pieces and not pieces[-1]:
        pieces.pop()
    lines = tuple(_line(number, piece) for number, piece in enumerate(pieces, 1))
    sets: dict[str, tuple[str, ...]] = {}
    for line in lines:
        for command in line.commands:
            if command.name == "SET" and command.rest.count("=") == 1:
                variable, _, value = command.rest.lstrip(DELIMITERS).partition("=")
                key = variable.upper()
                sets[key] = (*sets.get(key, ()), value)
    return Script(name.upper(), data, lines, sets)


def _line(number: int, text: str) -> ScriptLine:
    start = len(text) - len(text.lstrip(DELIMITERS))
    if text[start : start + 1] == ":":
        return ScriptLine(number, text, label=text[start + 1 :].lstrip(DELIMITERS))
    body, offset = text[start:], start
    while body.startswith("@"):
        body, offset = body[1:], offset + 1
        if len(body) != len(body.lstrip(DELIMITERS)):
            offset += len(body) - len(body.lstrip(DELIMITERS))
            body = body.lstrip(DELIMITERS)
    cleaned, redirections, pipes, dangling, glued = scan(body, offset)
    commands: list[Command] = []
    at = 0
    for turn, end in enumerate([*pipes, len(cleaned)]):
        piece = cleaned[at:end]
        commands += _commands(number, piece, at + offset, piped=turn > 0)
        at = end + 1
    return ScriptLine(
        number, text, tuple(commands), tuple(redirections),
        tuple(p + offset + 1 for p in pipes), None, dangling, glued,
    )  # fmt: skip


def scan(text: str, offset: int = 0) -> tuple[str, list[Redirection], list[int], int, int]:
    """Find redirections and pipes as the shell does; they become blanks in the text returned."""
    out = list(text)
    found: list[Redirection] = []
    pipes: list[int] = []
    dangling = glued = 0
    quotes = text.count('"')
    i = 0
    while i < len(text):
        char = text[i]
        if char == '"':
            quotes -= 1
            if quotes > 0:
                i = text.index('"', i + 1)
                quotes -= 1
        elif char in "<>":
            operator = ">>" if text[i : i + 2] == ">>" else char
            start = i + len(operator)
            while start < len(text) and text[start] in DELIMITERS:
                start += 1
            end = start
            while end < len(text) and text[end] not in DELIMITERS + '/"<>':
                end += 1
            target = text[start:end]
            if not target and text[start : start + 1] != '"':
                dangling = i + offset + 1
            elif "|" in target:
                glued = start + target.index("|") + offset + 1
                end = start + target.index("|")
                target = text[start:end]
            found.append(Redirection(operator, target, i + offset + 1))
            out[i:end] = " " * (end - i)
            i = max(end, i + 1)
            continue
        elif char == "|":
            pipes.append(i)
        i += 1
    return "".join(out), found, pipes, dangling, glued


def split_name(text: str) -> tuple[str, str, str]:
    """The command's name in capitals, its first word as written, and the rest after the name."""
    end = 0
    while end < len(text) and text[end] not in _NAME_ENDS:
        end += 1
    stop = end
    while stop < len(text) and text[stop] not in DELIMITERS + "/":
        stop += 1
    return text[:end].upper(), text[:stop], text[end:]


def _commands(
    number: int,
    text: str,
    column: int,
    conditions: tuple[Condition, ...] = (),
    *,
    in_for: bool = False,
    piped: bool = False,
) -> list[Command]:
    indent = len(text) - len(text.lstrip(DELIMITERS))
    text, column = text[indent:], column + indent
    if not text.strip():
        return []
    name, word, rest = split_name(text)
    head = Command(number, name, word, rest, column + 1, conditions, in_for, piped)
    if name == "IF":
        condition, inner = _condition(rest)
        later = len(text) - len(inner)
        more = _commands(
            number, inner, column + later, (*conditions, condition), in_for=in_for, piped=piped
        )
        return [head, *more]
    if name == "FOR" and (match := re.search(r"\)[\s=,;]*DO[\s=,;]+", rest, re.IGNORECASE)):
        inner = rest[match.end() :]
        later = len(text) - len(inner)
        return [head, *_commands(number, inner, column + later, conditions, in_for=True)]
    return [head]


def _condition(rest: str) -> tuple[Condition, str]:
    """The condition after IF, and the command after the condition."""
    text = rest.lstrip(DELIMITERS)
    negated = False
    while match := re.match(r"NOT[ =,;\t]+", text, re.IGNORECASE):
        negated = not negated
        text = text[match.end() :]
    if match := re.match(r"(EXIST|ERRORLEVEL)[ =,;\t]+([^ =,;\t]*)", text, re.IGNORECASE):
        condition = Condition(match.group(1).lower(), negated, match.group(2))
        return condition, text[match.end() :].lstrip(DELIMITERS)
    if match := re.match(r"([^=]*?)[ ,;\t]*==[ =,;\t]*([^ =,;\t]*)", text):
        return Condition("compare", negated, match.group(1), match.group(2)), text[
            match.end() :
        ].lstrip(DELIMITERS)
    return Condition("bad", negated, text), ""


def base_name(path: str) -> str:
    """The last part of a path in capitals, without its extension, colon and quotes."""
    return path.upper().replace('"', "").rpartition("\\")[2].partition(".")[0].rstrip(":")


def variables(text: str) -> list[tuple[str, str, int]]:
    """Each % sequence as (kind, name, column): kinds `percent`, `parameter`, `variable`, `lone`."""
    out = []
    for match in _VARIABLE.finditer(text):
        column = match.start() + 1
        if match.group() == "%%":
            out.append(("percent", "", column))
        elif match.group(1) is not None:
            out.append(("parameter", match.group(1), column))
        elif match.group(2) is not None and match.group(2) != "":
            out.append(("variable", match.group(2), column))
        else:
            out.append(("lone", "", column))
    return out

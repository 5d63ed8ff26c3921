"""Which lines Windows 98 can reach, and which variables are surely not empty there.

A batch file's lines are followed by GOTO and by falling through; a CALL comes back, an IF goes both
ways. Only a comparison with %OS%, which is empty on Windows 98, is decided: that is how batch files
for both systems part (facts B35). `IF "%1"=="" GOTO HELP` says of the next line that %1 is not
empty, and so does `IF "%X%"=="" SET X=C:` of %X%. Where several ways meet, only what holds on all
of them is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployer.core.lint import labels
from deployer.core.lint.model import Context
from deployer.core.lint.parse import Command, Condition, Script, ScriptLine

Known = frozenset[str]
"""Names of variables in capitals, and digits of parameters, that are not empty."""

#: What Windows 98 sets before any batch file runs, and %0.
ALWAYS: Known = frozenset({"0", "COMSPEC", "PATH", "PROMPT", "TEMP", "TMP", "WINBOOTDIR", "WINDIR"})
_ABSENT = "OS"
_REFERENCE = re.compile(r"%(\d)|%([^%\s]+)%")
_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Paths:
    """Line numbers that can be reached, and what is known when a line begins."""

    known: Mapping[int, Known]

    def reaches(self, number: int) -> bool:
        """Whether this line can run on Windows 98."""
        return number in self.known

    def before(self, command: Command) -> Known:
        """What is known when a command is carried out, the IFs in front of it included."""
        known = self.known.get(command.line, ALWAYS)
        for condition in command.conditions[:-1]:
            known |= learned(condition, holds=True)
        return known


def follow(script: Script, context: Context) -> Paths:
    """Walk along all ways through a batch file until nothing new comes of it."""
    start = ALWAYS | {name.upper() for name, value in context.environment.items() if value}
    known: dict[int, Known] = {}
    if not script.lines:
        return Paths(known)
    absent = _ABSENT not in script.sets and _ABSENT not in start
    left = [(script.lines[0].number, start)]
    while left:
        number, what = left.pop()
        if number in known:
            what &= known[number]
            if what == known[number]:
                continue
        known[number] = what
        left += _next(script, script.lines[number - 1], what, absent)
    return Paths(known)


def _next(
    script: Script, line: ScriptLine, known: Known, absent: bool
) -> Iterator[tuple[int, Known]]:
    """Where the shell goes from a line, and what it knows there."""
    falls = True
    through = known
    for command in line.commands:
        truth = [_decided(c) if absent else None for c in command.conditions]
        sure = all(holds is True for holds in truth) and not command.in_for
        if False in truth:
            continue
        inside = known
        for condition in command.conditions:
            inside |= learned(condition, holds=True)
        if command.name == "GOTO":
            for target in _targets(script, command):
                yield target.number, inside
            falls = falls and not sure
            if len(command.conditions) == 1 and not command.in_for:
                through |= learned(command.conditions[0], holds=False)
        else:
            after = _changed(command, inside)
            if len(command.conditions) == 1 and not command.in_for:
                through |= learned(command.conditions[0], holds=False)
            through = after if sure else through & after
    if falls and line.number < len(script.lines):
        yield line.number + 1, through


def _targets(script: Script, command: Command) -> list[ScriptLine]:
    """Where a GOTO can go: to every label when its name is only known at run time."""
    if "%" in command.rest:
        return [line for line in script.lines if line.label is not None]
    found = labels.find(script, labels.wanted(command.rest))
    return [found] if found else []


def _changed(command: Command, known: Known) -> Known:
    """What is known after a command that is carried out."""
    if command.name == "SHIFT":
        moved = {str(n - 1) for n in range(1, 10) if str(n) in known}
        return frozenset(known - _DIGITS | moved)
    if command.name == "SET":
        name, equals, value = command.rest.lstrip(" =,;\t").partition("=")
        if not equals:
            return known
        filled = _without(value, known)
        return known | {name.upper()} if filled else known - {name.upper()}
    if command.name == "CALL":
        return known & (ALWAYS | _DIGITS)
    return known


def _without(text: str, known: Known) -> str:
    """A text with the variables gone that may be empty."""
    return _REFERENCE.sub(
        lambda found: "x" if (found[1] or found[2].upper()) in known else "", text
    )


def learned(condition: Condition, *, holds: bool) -> Known:
    """Which variable a comparison shows not to be empty, when it holds or when it does not."""
    if condition.kind != "compare":
        return frozenset()
    for side, other in ((condition.left, condition.right), (condition.right, condition.left)):
        found = list(_REFERENCE.finditer(side))
        if len(found) != 1 or "%" in other:
            continue
        empty = _REFERENCE.sub("", side).strip()
        equal = holds is not condition.negated
        if not holds and not empty:
            continue  # with an empty side the line is a syntax error, and the next one runs
        if (empty == other.strip()) is not equal:
            return frozenset({found[0][1] or found[0][2].upper()})
    return frozenset()


def _decided(condition: Condition) -> bool | None:
    """What a comparison with %OS% comes to on Windows 98, where it is empty; None for others."""
    sides = (condition.left, condition.right)
    if condition.kind != "compare" or not any(f"%{_ABSENT}%" in s.upper() for s in sides):
        return None
    left, right = (re.sub(f"%{_ABSENT}%", "", side, flags=re.I).strip() for side in sides)
    if "%" in left + right or not left:
        return None
    return (left == right) is not condition.negated

"""Checks of what stands together: redirection with IF, FOR and CALL; comparisons; exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from deployer.core.lint.commands import INTERNAL_SILENT, conditions, outside_quotes
from deployer.core.lint.model import Context, Doubt, Hit
from deployer.core.lint.parse import SHARED_PARSER, Script, ScriptLine, base_name, variables
from deployer.core.lint.paths import Known, follow
from deployer.core.target.names import DEVICE_NAMES

_ONLY_VARIABLES = re.compile(r"(%\d|%%[A-Za-z]|%[^%\s]+%)+")
_NO_EXIT_CODE = {"FTP": "FTP.EXE's exit code says nothing (facts A18)", "FC": "FC has no exit code"}


def _names(line: ScriptLine) -> set[str]:
    return {command.name for command in line.commands}


def _to_nul(line: ScriptLine) -> bool:
    return not line.pipes and all(
        r.operator != "<" and r.target.upper() == "NUL" for r in line.redirections
    )


def _is_arrow(text: str, column: int) -> bool:
    """Whether the > at `column` is the head of an arrow in a sentence: `a -> b`."""
    return bool(re.search(r"\s[-=]+$", text[: column - 1])) and text[column : column + 1] == " "


def text_redirect(script: Script, _context: Context) -> Iterator[Hit]:
    """REM does not shield, and an arrow is a redirection."""
    for line in script.lines:
        if not line.commands:
            continue
        last = line.commands[-1]
        if line.commands[0].name == "REM" and (line.redirections or line.pipes):
            column = line.redirections[0].column if line.redirections else line.pipes[0]
            yield line.number, column, "REM does not shield < > |: the file is made or emptied"
            continue
        for redirection in line.redirections:
            if last.name == "ECHO" and (
                redirection.operator == "<" or _is_arrow(line.text, redirection.column)
            ):
                yield (
                    line.number,
                    redirection.column,
                    (
                        f"{redirection.operator} in the text of ECHO is a redirection"
                        + (f" into {redirection.target}" if redirection.target else "")
                    ),
                )


def two_redirections(script: Script, _context: Context) -> Iterator[Hit]:
    """The last > wins."""
    for line in script.lines:
        outputs = [r for r in line.redirections if r.operator != "<"]
        if len(outputs) > 1 and (not line.commands or line.commands[0].name != "REM"):
            yield (
                line.number,
                outputs[1].column,
                (f"two output redirections: {outputs[0].target or 'the first'} gets nothing"),
            )


def dangling(script: Script, _context: Context) -> Iterator[Hit]:
    """A > without a name, or with one that is a pattern."""
    for line in script.lines:
        for redirection in line.redirections:
            if set(redirection.target) & set("*?"):
                what = f"{redirection.target}: a redirection takes one name, no * or ?"
                yield line.number, redirection.column, what
        if line.dangling and (not line.commands or line.commands[0].name != "REM"):
            yield (
                line.number,
                line.dangling,
                "a redirection without a file name: the command is skipped",
            )


def quoted_redirect(script: Script, _context: Context) -> Iterator[Hit]:
    """A quoted target."""
    for line in script.lines:
        for match in re.finditer(r'>[ =,;\t]*"', line.text):
            if line.label is None and line.text[: match.start()].count('"') % 2 == 0:
                folder = "\\" in line.text[match.end() :].partition('"')[0]
                what = "redirection into a quoted name is not reliable"
                hit = (line.number, match.start() + 1, what)
                yield hit if folder else Doubt(*hit)


def sort_pipe(script: Script, _context: Context) -> Iterator[Hit]:
    """`SORT <F|CMD` looks for a file `F|CMD`."""
    for line in script.lines:
        if line.chained_input:
            yield (
                line.number,
                line.chained_input,
                ("without a blank before | the shell takes it into the file name"),
            )


def if_redirect(script: Script, _context: Context) -> Iterator[Hit]:
    """Redirection happens before IF is decided."""
    late = "on an IF line takes place before IF is decided, also when it is false"
    for line in script.lines:
        if "IF" not in _names(line):
            continue
        if line.pipes:
            yield line.number, line.pipes[0], f"a pipe {late}"
            continue
        for r in line.redirections:
            if base_name(r.target) in DEVICE_NAMES:
                continue  # a device is neither made nor emptied
            hit = (line.number, r.column, f"{r.operator} {late}")
            yield hit if r.operator == ">" else Doubt(*hit)
            break


def for_redirect(script: Script, _context: Context) -> Iterator[Hit]:
    """On FOR the target is opened anew on every turn."""
    for line in script.lines:
        names = _names(line)
        if "FOR" not in names or "IF" in names:
            continue
        if line.pipes:
            yield line.number, line.pipes[0], "a pipe on a FOR line is lost"
        elif not _to_nul(line):
            for r in line.redirections:
                if "%%" in r.target:
                    yield line.number, r.column, f"%% in {r.target} is not replaced: one odd file"
                elif r.operator == ">":
                    yield (
                        line.number,
                        r.column,
                        (f"FOR opens {r.target} again on every turn: only the last line stays"),
                    )


def call_redirect(script: Script, _context: Context) -> Iterator[Hit]:
    """A batch file's output cannot be redirected by its caller."""
    for line in script.lines:
        for command in line.commands:
            words = command.words
            if command.name == "CALL" and words:
                target = words[0].upper()
                maybe = not re.search(r"\.(EXE|COM)$", target) and target not in (
                    "ECHO",
                    "SET",
                    "TYPE",
                )
            else:
                maybe = command.word.upper().endswith(".BAT") and command.name != "CALL"
            if maybe and not _to_nul(line) and (line.redirections or line.pipes):
                yield command.hit(
                    "redirection does not reach into a batch file: the target stays empty"
                )


def exist_nul(script: Script, _context: Context) -> Iterator[Hit]:
    """IF EXIST DIR\\NUL."""
    for command in script.commands:
        for condition in command.conditions[-1:]:
            if condition.kind == "exist" and re.search(r"\\NUL$", condition.left, re.IGNORECASE):
                yield command.hit(
                    f"IF EXIST {condition.left} may be true on Windows 98 without the directory"
                )


def slash_path(script: Script, _context: Context) -> Iterator[Hit]:
    """A slash ends a name."""
    for command in script.commands:
        for condition in command.conditions[-1:]:
            if condition.kind == "exist" and "/" in condition.left:
                yield command.hit(f"IF EXIST {condition.left}: / ends the name")
    for line in script.lines:
        if match := re.search(r"[<>][ =,;\t]*[^\s<>|\"/=,;]*[\w.]/[\w]", line.text):
            column = match.start() + 1
            if any(r.column == column and r.target for r in line.redirections):
                yield line.number, column, "/ ends the name of a redirection"


def exist_quoted(script: Script, _context: Context) -> Iterator[Hit]:
    """Quotes in IF EXIST."""
    for command in script.commands:
        for condition in command.conditions[-1:]:
            if condition.kind == "exist" and '"' in condition.left:
                yield command.hit("a quoted name in IF EXIST is not found by every shell")


def _filled(side: str, known: Known) -> bool:
    """Whether a side of a comparison has a variable that is not empty."""
    return any(name.upper() in known for _, name, _ in variables(side))


def compare_quoted(script: Script, context: Context) -> Iterator[Hit]:
    """A comparison with something that may be empty needs quotes or another character."""
    paths = follow(script, context)
    for command in script.commands:
        for c in command.conditions[-1:]:
            if c.kind != "compare":
                continue
            sides = [s for s in (c.left, c.right) if _ONLY_VARIABLES.fullmatch(s.strip())]
            known = paths.before(command)
            sides = [s for s in sides if not s.startswith("%%") and not _filled(s, known)]
            if sides:
                yield command.hit(f"{sides[0]} may be empty, and then the line is a syntax error")


def compare_blank(script: Script, _context: Context) -> Iterator[Hit]:
    """Quotes do not hold blanks, commas and = together."""
    for command, text in conditions(script):
        if re.match(r"(EXIST|ERRORLEVEL)[ =,;\t]", text, re.IGNORECASE):
            continue
        operands = re.match(r'("[^"]*"|\S*?)[ \t]*==[ \t]*("[^"]*"|\S*)', text)
        if operands and any(re.search(r'^"[^"]*[ ,;=\t]', side) for side in operands.groups()):
            yield command.hit("quotes do not hold a blank, comma, ; or = together in a comparison")


def errorlevel_order(script: Script, _context: Context) -> Iterator[Hit]:
    """ERRORLEVEL means `at least`: test the highest first."""
    previous: tuple[int, bool] | None = None
    for line in script.lines:
        last = line.commands[-1] if line.commands else None
        condition = last.conditions[-1] if last and len(last.conditions) == 1 else None
        test = None
        if last and condition and condition.kind == "errorlevel" and condition.left.isdigit():
            test = (int(condition.left), condition.negated)
            if previous and last.name == "GOTO":
                value, negated = previous
                rising = not negated and not test[1] and test[0] >= value
                dead = negated and test[1] and test[0] <= value
                if rising or dead:
                    yield (
                        line.number,
                        last.column,
                        (
                            f"never true: line {line.number - 1} has already taken every code "
                            f"{'below' if negated else 'from'} {value}{'' if negated else ' up'}"
                        ),
                    )
        if test is not None and last is not None and last.name != "GOTO":
            test = None
        if line.text.strip():
            previous = test


def errorlevel_range(script: Script, _context: Context) -> Iterator[Hit]:
    """One byte."""
    for command in script.commands:
        for condition in command.conditions[-1:]:
            if condition.kind != "errorlevel" or "%" in condition.left:
                continue
            if not condition.left.isdigit():
                yield command.hit(f"ERRORLEVEL {condition.left} is no number")
            elif int(condition.left) > 255:
                yield command.hit(
                    f"ERRORLEVEL {condition.left} wraps to {int(condition.left) % 256}"
                )


def _tested_after(script: Script) -> Iterator[tuple[ScriptLine, ScriptLine]]:
    """Each line with a command, and the next line when that tests ERRORLEVEL."""
    lines = [line for line in script.lines if line.text.strip()]
    for line, following in pairwise(lines):
        if line.commands and any(
            c.kind == "errorlevel" for command in following.commands for c in command.conditions
        ):
            yield line, following


def errorlevel_internal(script: Script, _context: Context) -> Iterator[Hit]:
    """Internal commands never report failure."""
    for line, following in _tested_after(script):
        last = line.commands[-1]
        if last.name in INTERNAL_SILENT and not last.conditions:
            yield (
                following.number,
                0,
                f"{last.name} does not set ERRORLEVEL; this is an older program's",
            )


def errorlevel_command_c(script: Script, _context: Context) -> Iterator[Hit]:
    """COMMAND /C always gives 0."""
    for line, following in _tested_after(script):
        last = line.commands[-1]
        if last.name == "COMMAND" and re.search(r"/C", last.rest, re.IGNORECASE):
            yield following.number, 0, "COMMAND /C always gives ERRORLEVEL 0, whatever it ran"


def errorlevel_none(script: Script, _context: Context) -> Iterator[Hit]:
    """Programs without an exit code."""
    for line, following in _tested_after(script):
        last = line.commands[-1]
        bare = last.word.upper().rpartition("\\")[2].removesuffix(".EXE")
        if bare in _NO_EXIT_CODE:
            yield following.number, 0, f"{_NO_EXIT_CODE[bare]}; do not branch on it"


def copy_or_delimiter(script: Script, _context: Context) -> Iterator[Hit]:
    """Commands with the parser that DOS programs share take no other delimiter than a blank."""
    for command in script.commands:
        if command.name in SHARED_PARSER and command.rest[:1] in (",", ";", "="):
            yield command.hit(f"{command.name} needs a blank before its name")
        elif command.name in SHARED_PARSER and "=" in outside_quotes(command.rest):
            yield command.hit(f"{command.name} refuses = among its names")


def type_many(script: Script, _context: Context) -> Iterator[Hit]:
    """TYPE takes one name without wildcards."""
    for command in script.commands:
        names = outside_quotes(command.rest).split()
        if command.name == "TYPE" and (len(names) > 1 or any(set(n) & set("*?") for n in names)):
            yield command.hit("TYPE takes one name and no * or ?")

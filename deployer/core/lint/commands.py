"""Checks of single commands: what Windows 98 does not have, or does otherwise than meant."""

from __future__ import annotations

import re
from collections.abc import Iterator

from deployer.core.lint.model import Context, Doubt, Hit
from deployer.core.lint.parse import SHARED_PARSER, Command, Script, ScriptLine, base_name
from deployer.core.target.names import DEVICE_NAMES

_MISSING = """
ADDUSERS ASSOC BITSADMIN CACLS CERTUTIL CLIP CMD COLOR ENDLOCAL FINDSTR FORFILES FTYPE ICACLS
MKLINK OPENFILES POPD POWERCFG POWERSHELL PUSHD ROBOCOPY SCHTASKS SETLOCAL SETX SYSTEMINFO
TAKEOWN TASKKILL TASKLIST TIMEOUT TITLE VERIFIER VSSADMIN WAITFOR WHOAMI WMIC
"""
#: Commands of NT's shell that somebody writes by habit.
MISSING = frozenset(_MISSING.split())
_ELSEWHERE = """
CAT CP CSC CURL CUT GREP HOSTNAME LS MKTEMP MV PERL PRINTF PS PWD PYTHON REG RENICE RM SC SED SH
SHUTDOWN SLEEP TAR TOUCH UNZIP WGET WHERE WHICH ZIP
"""
#: Programs of other systems; there were programs of these names for DOS, too.
ELSEWHERE = frozenset(_ELSEWHERE.split())
INTERNAL_SILENT = frozenset(
    {"COPY", "MD", "MKDIR", "CD", "CHDIR", "REN", "RENAME", "TYPE", "RD", "RMDIR"}
)
TEXT_COMMANDS = frozenset({"ECHO", "REM"})
_PLAIN_TEXT = TEXT_COMMANDS | {"GOTO", "SET", "PROMPT", "PAUSE", "CHOICE"}
_DELETE = frozenset({"DEL", "ERASE"})


_COMMAND_WORD = (
    r"(ECHO|SET|IF|GOTO|CALL|COPY|DEL|ERASE|REN|MD|CD|RD|FOR|EXIT|PAUSE|TYPE|START|FTP|DIR|MOVE)\b"
)


def missing_command(script: Script, _context: Context) -> Iterator[Hit]:
    """Programs that are not part of Windows 98."""
    for command in script.commands:
        if command.name in MISSING:
            yield command.hit(f"Windows 98 has no {command.name}")
        elif command.name in ELSEWHERE:
            what = f"{command.name} is no part of Windows 98: it must be on that PC, or come along"
            yield Doubt(command.line, command.column, what)


def else_(script: Script, _context: Context) -> Iterator[Hit]:
    """There is no ELSE."""
    for command in script.commands:
        text = command.rest
        pattern = (
            rf"\bELSE\s+({_COMMAND_WORD}|\()" if command.name in TEXT_COMMANDS else r"\bELSE\b"
        )
        if command.conditions and re.search(pattern, text, re.IGNORECASE):
            yield command.hit("there is no ELSE; the rest belongs to the first command")
        elif command.name == "ELSE":
            yield command.hit("there is no ELSE")


def block(script: Script, _context: Context) -> Iterator[Hit]:
    """There are no blocks in parentheses."""
    for command in script.commands:
        if command.word[:1] in ("(", ")"):
            yield command.hit("there are no blocks in parentheses")
        elif command.name == "ECHO(":
            yield command.hit("ECHO( is an unknown command; an empty line is ECHO.")
        elif command.name.startswith("ECHO("):
            yield command.hit(f"{command.name} is an unknown command; use ECHO.")


_GLUED = re.compile(
    r"(ECHO[-_!#$&')@^`{}~*?\x7f-\U0010ffff]|(CALL|CD|CLS|COPY|DEL|DIR|ERASE|FOR|GOTO|IF|MD|PAUSE|RD|REM"
    r"|REN|SET|TYPE)[!#$&'()@^`{}~*?\x7f-\U0010ffff])"
)


#: What must not follow directly, though it ends the name: it would be part of the parameter.
_SEPARATORS = dict.fromkeys(SHARED_PARSER | {"COPY"}, "+:[]")
_SEPARATORS |= {"CALL": "+/[]", "SET": '+/[]:.\\"'}


def glued(script: Script, _context: Context) -> Iterator[Hit]:
    """A command's name ends at a blank, and at few other characters."""
    for command in script.commands:
        first = (command.word or command.rest)[0]
        if first in "/[]*?":
            what = f"{first} at the beginning: no command is called so"
            yield command.hit(what)
            continue
        if command.rest[:1] and command.rest[0] in _SEPARATORS.get(command.name, ""):
            what = f"{command.rest[0]} right after {command.name} belongs to what follows it"
            yield command.hit(what)
        if match := _GLUED.match(command.name):
            name, char = match.group()[:-1], match.group()[-1]
            what = f"{char} does not end the name {name}: the command is unknown"
            yield command.hit(what)


def outside_quotes(text: str) -> str:
    """The text with everything between quotes blanked out."""
    return re.sub(r'"[^"]*"', lambda m: " " * len(m.group()), text)


def chained(script: Script, _context: Context) -> Iterator[Hit]:
    """& && || and ^ do nothing, or something else."""
    for line in script.lines:
        if line.label is not None:
            continue
        text = outside_quotes(line.text)
        if match := re.search(r"\|\s*\|", text):
            yield line.number, match.start() + 1, "|| is a syntax error"
            continue
        shown = bool(line.commands) and line.commands[-1].name in _PLAIN_TEXT
        pattern = rf"&&|&\s*@?{_COMMAND_WORD}|\^[&|<>]"
        if not shown:
            pattern += r"|\s&\s|\s\^$"  # inside a word both are letters of a file's name
        if match := re.search(pattern, text, re.IGNORECASE):
            yield (
                line.number,
                match.start() + 1,
                f"{match.group()[0]} is an ordinary character here",
            )


def handles(script: Script, _context: Context) -> Iterator[Hit]:
    """2> is not a handle."""
    for line in script.lines:
        for redirection in line.redirections:
            before = line.text[: redirection.column - 1]
            if redirection.target.startswith("&"):
                yield (
                    line.number,
                    redirection.column,
                    "there is no >&; it makes a file of that name",
                )
            elif match := re.search(r"\s([012])$", before):
                last = line.commands[-1].name if line.commands else ""
                if last == "ECHO" and redirection.target.upper() != "NUL":
                    continue  # the digit is text, and that is what 98 makes of it
                yield (
                    line.number,
                    redirection.column - 1,
                    f"{match.group(1)}> is no handle: the digit goes into the command, "
                    "and errors stay on the screen",
                )


def call_label(script: Script, _context: Context) -> Iterator[Hit]:
    """CALL :LABEL."""
    for command in script.commands:
        if command.name == "CALL" and command.words and command.words[0].startswith(":"):
            yield command.hit("CALL of a label does not exist")


def set_switch(script: Script, _context: Context) -> Iterator[Hit]:
    """SET /P and SET /A."""
    for command in script.commands:
        if command.name == "SET" and (match := re.match(r"[ =,;\t]*/([PA])\b", command.rest, re.I)):
            yield command.hit(f"SET /{match.group(1).upper()} does not exist")


def for_switch(script: Script, _context: Context) -> Iterator[Hit]:
    """FOR /F and its kin."""
    for command in script.commands:
        if command.name == "FOR" and (match := re.match(r"[ =,;\t]*/(\w+)", command.rest)):
            yield command.hit(f"FOR /{match.group(1).upper()} does not exist")


def condition_of(command: Command) -> str:
    """What follows IF and its NOTs."""
    return re.sub(r"^[ =,;\t]*(NOT[ =,;\t]+)*", "", command.rest, flags=re.IGNORECASE)


def conditions(script: Script) -> Iterator[tuple[Command, str]]:
    """Each IF, and what follows it and its NOTs."""
    return ((c, condition_of(c)) for c in script.commands if c.name == "IF")


def if_form(script: Script, _context: Context) -> Iterator[Hit]:
    """IF knows EXIST, ERRORLEVEL and ==, and no more."""
    for command, text in conditions(script):
        if re.match(r"/I\b", text, re.IGNORECASE):
            yield command.hit("IF /I does not exist; == always minds the case")
        elif match := re.match(r"(DEFINED|CMDEXTVERSION)\b", text, re.IGNORECASE):
            yield command.hit(f"IF {match.group(1).upper()} does not exist")
        elif match := re.match(r"\S+\s+(EQU|NEQ|LSS|LEQ|GTR|GEQ)\s", text, re.IGNORECASE):
            yield command.hit(f"IF has no {match.group(1).upper()}")


def if_incomplete(script: Script, _context: Context) -> Iterator[Hit]:
    """An IF that cannot be read, or with nothing to do."""
    for line in script.lines:
        for n, command in enumerate(line.commands):
            if command.name != "IF":
                continue
            follower = line.commands[n + 1] if n + 1 < len(line.commands) else None
            condition = (
                follower.conditions[-1]
                if follower and len(follower.conditions) > len(command.conditions)
                else None
            )
            text = condition_of(command)
            if re.match(
                r"/I\b|DEFINED\b|CMDEXTVERSION\b|\S+\s+(EQU|NEQ|LSS|LEQ|GTR|GEQ)\s", text, re.I
            ):
                continue  # if_form() says it better
            if "==" not in text and not re.match(
                r"(EXIST|ERRORLEVEL)[ =,;\t]", text, re.IGNORECASE
            ):
                yield command.hit("IF needs EXIST name, ERRORLEVEL number or a==b")
            elif condition is None:
                what = "IF without a command after it is a syntax error"
                yield command.hit(what)
            elif condition.kind == "compare" and re.match(r'"[^"]*"[^"]', condition.right):
                what = f"{condition.right}: a blank is missing between the text and the command"
                yield command.hit(what)


def inner_at(script: Script, _context: Context) -> Iterator[Hit]:
    """@ works at the beginning of a line only, and once."""
    for line in script.lines:
        if line.label is None and re.match(r"[ =,;\t]*@[ =,;\t]*@", line.text):
            yield line.number, 1, "@@ makes the command unknown"
    for command in script.commands:
        if command.word.startswith("@") and (command.conditions or command.in_for):
            yield command.hit("@ inside a line makes the command unknown")


def nt_switch(script: Script, _context: Context) -> Iterator[Hit]:
    """Switches that only NT's commands have."""
    known = {
        "CD": "D", "CHDIR": "D", "DEL": "QSFA", "ERASE": "QSFA", "RD": "SQ", "RMDIR": "SQ",
        "EXIT": "B", "COPY": "Z", "DATE": "T", "TIME": "T",
    }  # fmt: skip
    for command in script.commands:
        letters = known.get(command.name, "")
        for match in re.finditer(r"/([A-Z])\b", outside_quotes(command.rest), re.IGNORECASE):
            if match.group(1).upper() in letters:
                yield command.hit(
                    f"{command.name} has no switch /{match.group(1).upper()} on Windows 98"
                )
                break


def for_nested(script: Script, _context: Context) -> Iterator[Hit]:
    """FOR in FOR."""
    for command in script.commands:
        if command.name == "FOR" and command.in_for:
            yield command.hit("FOR cannot stand in FOR")


def ctty(script: Script, _context: Context) -> Iterator[Hit]:
    """CTTY takes the keyboard away; CTTY NUL up to CTTY CON only hides what is said between."""
    calls = [command for command in script.commands if command.name == "CTTY"]
    given = [base_name(command.words[0]) if command.words else "" for command in calls]
    for n, command in enumerate(calls):
        hit = command.hit("CTTY takes screen and keyboard away from the user")
        if given[n] == "CON":
            continue
        yield Doubt(*hit) if given[n] == "NUL" and "CON" in given[n:] else hit


def set_blank(script: Script, _context: Context) -> Iterator[Hit]:
    """A blank before = belongs to the name."""
    for command in script.commands:
        if command.name == "SET" and (match := re.match(r"[ =,;\t]*([^=]*?)[ \t]+=", command.rest)):
            yield command.hit(f"the blank before = becomes part of the name: %{match.group(1)} %")


def set_equals(script: Script, _context: Context) -> Iterator[Hit]:
    """A second = is a syntax error."""
    for command in script.commands:
        text = command.rest.lstrip(" =,;\t")
        if command.name == "SET" and text.count("=") > 1:
            yield command.hit("SET with a second = is refused; the old value stays")
        elif command.name == "SET" and text and "=" not in text and "/" not in text:
            yield command.hit("SET without = is a syntax error")


_TEXT_FILE = re.compile(
    r"(^|\\|:)(CONFIG|AUTOEXEC)\.\w+$|\.(TXT|BAT|INI|LOG|LST|DOC|CFG|ASC|ME|1ST|CSV|INF|REG|HTM)$"
)


def _is_text(name: str) -> bool:
    """Whether a file's name is that of a text."""
    return bool(_TEXT_FILE.search(name.upper().strip('"')))


def copy_join(script: Script, _context: Context) -> Iterator[Hit]:
    """COPY with + stops at Ctrl-Z unless /B stands before the first name."""
    for command in script.commands:
        if command.name == "COPY" and "+" in outside_quotes(command.rest):
            first = re.match(r"[ =,;\t]*((/[A-Z-]+[ =,;\t]*)*)", command.rest, re.IGNORECASE)
            switches = first.group(1).upper() if first else ""
            if "/B" not in switches:
                what = "COPY with + and no /B in front joins as text: each part ends at its 1Ah"
                hit = command.hit(what)
                parts = "+".join(command.operands[:1]).split("+")
                yield Doubt(*hit) if any(map(_is_text, parts)) else hit


def copy_target(script: Script, _context: Context) -> Iterator[Hit]:
    """A target that is a later source is lost."""
    for command in script.commands:
        if command.name != "COPY" or "+" not in command.rest:
            continue
        text = re.sub(r"/\S*", " ", command.rest.upper())
        parts = [p.strip(" =,;\t") for p in text.split("+")]
        last = re.split(r"[ =,;\t]+", parts[-1])
        target = last[-1] if len(last) > 1 else ""
        sources = [*parts[:-1], last[0]]
        if target and target in sources[1:] and target != sources[0]:
            yield command.hit(f"{target} is a later source: its old content is lost")


def copy_nul(script: Script, _context: Context) -> Iterator[Hit]:
    """NUL as a source."""
    for command in script.commands:
        if command.name != "COPY":
            continue
        sources = re.split(
            r"[ =,;\t+]+", re.sub(r"/\S*", " ", command.rest).strip(" =,;\t").upper()
        )
        if len(sources) > 1 and (sources[0] == "NUL" or "NUL" in sources[1:-1]):
            yield command.hit("COPY from NUL makes no file and deletes the target")
        elif re.search(r"\+\s*NUL\b", command.rest, re.IGNORECASE):
            yield command.hit("COPY with +NUL: /B cannot read a device")


def ren_path(script: Script, _context: Context) -> Iterator[Hit]:
    """The new name is bare."""
    for command in script.commands:
        names = command.operands
        if command.name in ("REN", "RENAME") and len(names) > 1 and set(names[1]) & set("\\:"):
            yield command.hit(f"{names[1]}: the new name must not have a path")


def asks(script: Script, _context: Context) -> Iterator[Hit]:
    """DATE and TIME wait for an answer."""
    for line, command in _on_lines(script):
        fed = command.piped_into or any(r.operator == "<" for r in line.redirections)
        if command.name in ("DATE", "TIME") and not command.rest.strip() and not fed:
            yield command.hit(f"{command.name} asks for a new value and waits")


def del_many(script: Script, _context: Context) -> Iterator[Hit]:
    """DEL takes one name."""
    for command in script.commands:
        if command.name in _DELETE and len(command.operands) > 1:
            yield command.hit("DEL takes one name; with two it deletes nothing")


def _on_lines(script: Script) -> Iterator[tuple[ScriptLine, Command]]:
    """Each command with its line, which holds the redirections."""
    for line in script.lines:
        for command in line.commands:
            yield line, command


def del_all(script: Script, _context: Context) -> Iterator[Hit]:
    """DEL *.* asks."""
    for line, command in _on_lines(script):
        answered = command.piped_into or any(r.operator == "<" for r in line.redirections)
        if (
            command.name in _DELETE
            and not answered
            and any(re.search(r"(^|\\)(\*\.\*|\.)$", name) for name in command.operands)
        ):
            yield command.hit("DEL *.* asks `Are you sure (Y/N)?` and waits")


def _written(line: ScriptLine, command: Command) -> Iterator[str]:
    """Names that a command removes, renames or writes."""
    names = command.operands
    if command.name in _DELETE | {"REN", "RENAME", "MOVE"}:
        yield from names[:1] if command.name != "DEL" else names
    elif command.name in ("COPY", "XCOPY") and len(names) > 1:
        yield names[-1]
    if command is line.commands[-1]:
        yield from (r.target for r in line.redirections if r.operator != "<")


def self_overwrite(script: Script, _context: Context) -> Iterator[Hit]:
    """The running batch file must stay as it is."""
    for line in script.lines:
        for command in line.commands:
            if command.name in TEXT_COMMANDS and command is not line.commands[-1]:
                continue
            if command.name == "COPY" and command.operands[:1] in (["%0"], ["%0.BAT"]):
                continue  # the same bytes, or none: COPY does not copy a file onto itself
            for name in _written(line, command):
                bare = name.upper().rpartition("\\")[2]
                if bare == script.name or name in ("%0", "%0.BAT"):
                    yield command.hit(
                        "changes the running batch file; the shell goes on at the same byte "
                        "offset of whatever is there then"
                    )


def reserved_name(script: Script, _context: Context) -> Iterator[Hit]:
    """CON.TXT is the console."""
    for line in script.lines:
        names = [(r.target, r.column) for r in line.redirections]
        for command in line.commands:
            if command.name in _DELETE | {"COPY", "REN", "RENAME", "MOVE", "MD", "MKDIR", "TYPE"}:
                names += [(word, command.column) for word in command.operands]
        for name, column in names:
            bare = name.upper().replace('"', "").rpartition("\\")[2]
            base, dot, extension = bare.partition(".")
            if base in DEVICE_NAMES and dot and extension and "*" not in extension:
                yield line.number, column, f"{name} is the device {base}, whatever the extension"


def batch_without_call(script: Script, _context: Context) -> Iterator[Hit]:
    """A batch file started by its name does not come back."""
    lines = script.lines
    for n, line in enumerate(lines):
        for command in line.commands:
            bare = command.word.upper()
            if not bare.endswith(".BAT") or command.name == "CALL":
                continue
            later = [x for x in lines[n + 1 :] if x.commands or x.label is not None]
            if later and later[0].label is None:
                yield command.hit(
                    f"{command.word} without CALL does not come back: the rest here is not run"
                )

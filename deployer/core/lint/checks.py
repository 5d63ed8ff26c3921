"""Checks of the file as a whole: its bytes, lines and lengths, its labels, its percent signs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from deployer.core.lint import labels
from deployer.core.lint.model import Context, Doubt, Hit
from deployer.core.lint.parse import CODE_PAGE, Command, Script, ScriptLine, variables

#: Variables that Windows 98 sets itself, and how long their values may be.
KNOWN_VARIABLES = {
    "OS": 10, "WINDIR": 16, "WINBOOTDIR": 16, "TEMP": 20, "TMP": 20, "COMSPEC": 24, "PROMPT": 12,
    "PATH": 100, "CMDLINE": 60, "BLASTER": 40, "DIRCMD": 20, "COPYCMD": 4, "CONFIG": 20,
}  # fmt: skip
_DYNAMIC = """
ERRORLEVEL CD DATE TIME RANDOM CMDEXTVERSION USERNAME USERPROFILE COMPUTERNAME APPDATA
LOCALAPPDATA PROGRAMFILES SYSTEMROOT SYSTEMDRIVE HOMEDRIVE HOMEPATH PUBLIC
"""
#: Pseudo variables of NT's shell; on 98 they are empty.
DYNAMIC = frozenset(_DYNAMIC.split())
_NAME = re.compile(r"[A-Za-z0-9_.$#@!?'`(){}\[\]&~^-]+")


#: Commands whose text is shown, stored or skipped as it is, byte by byte.
_AS_IT_IS = frozenset({"ECHO", "REM", "SET", "PROMPT", "PAUSE", "CHOICE"})
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def byte_order_mark(script: Script, _context: Context) -> Iterator[Hit]:
    """A mark of Unicode at the beginning."""
    if script.data.startswith(_MARKS):
        yield 1, 1, "a byte order mark stands at the beginning and spoils the first command"


def oem_text(script: Script, _context: Context) -> Iterator[Hit]:
    """Bytes that look different under another code page, or that act on the screen.

    A menu is full of them, so each of the two kinds is told once, where it begins.
    """
    high: list[Hit] = []
    control: list[Hit] = []
    for line in script.lines:
        text = line.text if line.number > 1 or not script.data.startswith(_MARKS) else ""
        if match := re.search(r"[^\x00-\x7e]", text):
            byte = match.group().encode(CODE_PAGE)[0]
            what = f"byte {byte:02X}h looks different under another code page than 437"
            high.append((line.number, match.start() + 1, what))
        elif match := _CONTROLS.search(text, _shown_from(line)):
            byte = ord(match.group())
            what = f"control character {byte:02X}h in text acts on the screen"
            control.append((line.number, match.start() + 1, what))
    for hits in (high, control):
        more = f" (and in {len(hits) - 1} more lines)" if len(hits) > 1 else ""
        yield from ((line, column, what + more) for line, column, what in hits[:1])


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f]")


def _shown_from(line: ScriptLine) -> int:
    """Where the text of a line begins that the shell takes as it is; its end when there is none."""
    if line.label is not None:
        return 0
    last = line.commands[-1] if line.commands else None
    if last is None or last.name not in _AS_IT_IS:
        return len(line.text)
    start = last.column - 1 + len(last.name)
    return line.text.find("=", start) + 1 or len(line.text) if last.name == "SET" else start


def control_character(script: Script, _context: Context) -> Iterator[Hit]:
    """Control characters that are no text: they end names and make commands unknown."""
    for line in script.lines:
        match = _CONTROLS.search(line.text, 0, _shown_from(line))
        names = [r for r in line.redirections if _CONTROLS.search(r.target)]
        if match or names:
            column = match.start() + 1 if match else names[0].column
            yield line.number, column, "a control character stands in a command or in a name"


def ctrl_z(script: Script, _context: Context) -> Iterator[Hit]:
    """1Ah ends the file; one, or a padding of them, may stand at the end of the last line."""
    whole, mark, rest = script.data.partition(b"\x1a")
    if not mark:
        return
    line = len(re.findall(rb"\r\n|\n|\r", whole)) + 1
    column = len(re.split(rb"[\r\n]", whole)[-1]) + 1
    if rest.strip(b"\x1a"):
        yield line, column, "Ctrl-Z (1Ah) ends the file here; the rest is never read"
    elif column > 1:
        yield line, column, "Ctrl-Z (1Ah) right after text: the line has no CR LF"


def line_end(script: Script, _context: Context) -> Iterator[Hit]:
    """Each line must end with CR LF."""
    for number, match in enumerate(re.finditer(rb"\r\n|\n|\r", script.data), 1):
        if match.group() == b"\n":
            yield number, 0, "the line ends with LF alone; the shell reads on to the next CR"
            return
        if match.group() == b"\r":
            yield number, 0, "the line ends with CR alone; the byte after it is swallowed"
            return


def last_line(script: Script, _context: Context) -> Iterator[Hit]:
    """The last line needs its CR LF too."""
    data = script.data.split(b"\x1a", 1)[0]
    if data and not data.endswith((b"\n", b"\r")):
        last = script.lines[-1] if script.lines else None
        what = (
            "the last line is a label without CR LF: the command before it runs a second time"
            if last is not None and last.label is not None
            else "the last line has no CR LF"
        )
        yield len(script.lines), 0, what


def length(script: Script, context: Context) -> Iterator[Hit]:
    """More than 127 bytes are cut."""
    for line in script.lines:
        if len(line.text) > context.limits.line and line.label is None:
            yield (
                line.number,
                context.limits.line + 1,
                (f"{len(line.text)} bytes; all after byte {context.limits.line} is dropped"),
            )


def worst_length(script: Script, context: Context, name: str, seen: frozenset[str]) -> int:
    """How long a variable's value may get."""
    key = name.upper()
    given = {k.upper(): v for k, v in context.environment.items()}
    if key in given:
        return len(given[key])
    if key in script.sets and key not in seen:
        return max(
            _expanded(script, context, value, seen | {key}, {}) for value in script.sets[key]
        )
    return KNOWN_VARIABLES.get(key, context.limits.variable) if context.guess else 0


def _expanded(
    script: Script, context: Context, text: str, seen: frozenset[str], loop: dict[str, int]
) -> int:
    total = len(text)
    for kind, name, column in variables(text):
        if kind == "percent":
            total -= 1
            variable = text[column + 1 : column + 2]
            if variable in loop:
                total += loop[variable] - 2
        elif kind == "parameter":
            limit = context.limits.own_name if name == "0" else context.limits.parameter
            total += limit - 2
        elif kind == "variable" and _NAME.fullmatch(name):
            total += worst_length(script, context, name, seen) - len(name) - 2
    return total


def _loops(commands: tuple[Command, ...], context: Context) -> dict[str, int]:
    """The longest item of each FOR on the line, by its variable."""
    loops = {}
    for command in commands:
        match = re.match(r"[\s=,;]*%%(\S)[\s=,;]+IN[\s=,;]*\((.*?)\)", command.rest, re.IGNORECASE)
        if command.name == "FOR" and match:
            items = [w for w in re.split(r"[ =,;\t]+", match.group(2)) if w] or [""]
            longest = max(
                len(item.rpartition("\\")[0]) + 1 + context.limits.file_name
                if set(item) & set("*?")
                else len(item)
                for item in items
            )
            loops[match.group(1)] = longest
    return loops


def expanded(script: Script, context: Context) -> Iterator[Hit]:
    """A line must stay within 120 bytes when everything is filled in.

    Parameters, and variables that are not set here, are guessed: beyond the limit with them it is a
    doubt, beyond it without them an error.
    """
    limit = context.limits.expanded
    least = replace(
        context,
        limits=replace(context.limits, own_name=2, parameter=0, variable=0, file_name=1),
        guess=False,
    )
    for line in script.lines:
        if line.label is not None or len(line.text) > context.limits.line:
            continue
        size = _filled(script, context, line)
        if size <= limit:
            continue
        surely = _filled(script, least, line)
        what = f"{limit} can be cut, or hang the shell"
        if surely > limit:
            yield line.number, 0, f"grows to {surely} bytes; more than {what}"
        else:
            text = f"may grow to {size} bytes when its variables are filled in; more than {what}"
            yield Doubt(line.number, 0, text)


def _filled(script: Script, context: Context, line: ScriptLine) -> int:
    """How long a line gets, or what FOR makes of it."""
    size = _expanded(script, context, line.text, frozenset(), {})
    loops = _loops(line.commands, context)
    if loops and (body := next((c for c in line.commands if c.in_for), None)):
        inner = line.text[body.column - 1 :]
        size = max(size, _expanded(script, context, inner, frozenset(), loops))
    return size


def _jumps(script: Script) -> Iterator[tuple[Command, str, str]]:
    """Each GOTO whose label is known: the command, the label as a reader sees it, as it is read."""
    for command in script.commands:
        if command.name == "GOTO" and "%" not in command.rest:
            yield command, labels.written(command.rest), labels.wanted(command.rest)


def _named(script: Script) -> Iterator[tuple[ScriptLine, str]]:
    """Each line that is a label with a name, and the name."""
    for line in script.lines:
        if line.label is not None and (name := labels.name_of(line.label)):
            yield line, name


def _by_name(script: Script) -> dict[str, list[ScriptLine]]:
    """The labels by their whole names in capitals: what a GOTO names is meant."""
    found: dict[str, list[ScriptLine]] = {}
    for line, name in _named(script):
        found.setdefault(name.upper(), []).append(line)
    return found


def label_same(script: Script, _context: Context) -> Iterator[Hit]:
    """Two labels that are one for the shell: GOTO finds the upper one."""
    names = _by_name(script)
    wanted = {line.number for _, word, _ in _jumps(script) for line in names.get(word.upper(), ())}
    open_end = any(c.name == "GOTO" and "%" in c.rest for c in script.commands)
    first: dict[str, tuple[int, str]] = {}
    for line, name in _named(script):
        if not name[0].isalnum():
            continue  # a comment or an ornament, which nobody means to reach
        looked_for = labels.wanted(" " + name)
        found = labels.find(script, looked_for) if looked_for else None
        if found is None or found is line:
            first.setdefault(looked_for, (line.number, name))
            continue
        other = labels.name_of(found.label or "")
        what = f":{name} is the same as :{other} in line {found.number}; GOTO always finds that one"
        if line.number in wanted:
            yield line.number, 0, what
        elif open_end:
            yield Doubt(line.number, 0, what)


def label_missing(script: Script, _context: Context) -> Iterator[Hit]:
    """GOTO to nowhere ends every batch file that is running."""
    for command, word, name in _jumps(script):
        if not word:
            yield command.hit("GOTO without a label")
        elif word.upper() != "EOF" and labels.find(script, name) is None:
            yield command.hit(f"there is no label :{word}")


def goto_eof(script: Script, _context: Context) -> Iterator[Hit]:
    """:EOF is a label like any other."""
    for command, word, name in _jumps(script):
        if word.upper() == "EOF" and labels.find(script, name) is None:
            yield command.hit("GOTO :EOF finds no label and ends all batch files")


def label_characters(script: Script, _context: Context) -> Iterator[Hit]:
    """A GOTO that is read otherwise than it is written, and so finds another label or none."""
    names = _by_name(script)
    for command, word, name in _jumps(script):
        found = labels.find(script, name)
        meant = names.get(word.upper(), [])
        cut = bool(word) and word[: labels.SIGNIFICANT].upper() != name
        if found is not None and not meant:
            what = f"GOTO {word} finds :{labels.name_of(found.label or '')} in line {found.number}"
            yield Doubt(command.line, command.column, what)
        elif cut and found not in meant:
            what = f"GOTO {word} looks for :{name}; some characters end a label's name"
            yield command.hit(what)


def label_at(script: Script, _context: Context) -> Iterator[Hit]:
    """@:X is not a label."""
    for line in script.lines:
        if match := re.match(r"[ =,;\t]*@[@ =,;\t]*:(\S*)", line.text):
            yield (
                line.number,
                match.start() + 1,
                (f"@:{match.group(1)} is not found as a label and runs as an unknown command"),
            )


def percent(script: Script, _context: Context) -> Iterator[Hit]:
    """A % that has no partner takes text with it."""
    for line in script.lines:
        if line.label is not None or _for_header(line.commands):
            continue
        if line.commands and line.commands[-1].name == "REM":
            continue  # what is lost there was for people
        for kind, name, column in variables(line.text):
            if kind == "lone":
                if line.text[column : column + 1] in ("~", "*"):
                    continue  # tilde() says it better
                yield line.number, column, "a single % is dropped, and perhaps text with it"
            elif kind == "variable" and not _NAME.fullmatch(name) and name[:1] not in "~*":
                if ":" in name and _NAME.fullmatch(name.split(":", 1)[0]):
                    continue  # substring() says it better
                yield line.number, column, f"%{name}% is read as one variable and vanishes"


def _for_header(commands: tuple[Command, ...]) -> bool:
    return any(c.name == "FOR" and re.match(r"[\s=,;]*%[^%]", c.rest) for c in commands)


def for_percent(script: Script, _context: Context) -> Iterator[Hit]:
    """FOR needs %%V in a batch file."""
    for command in script.commands:
        if command.name == "FOR" and re.match(r"[\s=,;]*%[^%]", command.rest):
            yield command.hit("in a batch file FOR needs %%V; one % is taken away")


def for_variable(script: Script, _context: Context) -> Iterator[Hit]:
    """FOR's variable is one character."""
    for command in script.commands:
        if command.name != "FOR" or _for_header((command,)):
            continue
        if re.match(r"[\s=,;]*/\w", command.rest):
            continue  # for_switch() says it better
        good = re.match(
            r":?[ =,;\t]*%%[^%\s=,;][ =,;\t]+IN[ =,;\t/]+\([^)]*\)[ =,;\t]+DO[ =,;\t/]+\S",
            command.rest,
            re.IGNORECASE,
        )
        if not good:
            yield command.hit(
                "FOR must read FOR %%V IN (list) DO command, with a variable of one character"
            )


def dynamic(script: Script, context: Context) -> Iterator[Hit]:
    """%ERRORLEVEL% and its like do not exist."""
    given = {k.upper() for k in context.environment} | set(script.sets)
    for line in script.lines:
        for kind, name, column in variables(line.text):
            if line.label is None and kind == "variable" and name.upper() in DYNAMIC - given:
                yield line.number, column, f"%{name}% does not exist on Windows 98 and is empty"


def tilde(script: Script, _context: Context) -> Iterator[Hit]:
    """%~1, %%~F and %* are NT's."""
    for line in script.lines:
        if line.label is None and (match := re.search(r"%%?~[a-zA-Z0-9$]*|(?<!%)%\*", line.text)):
            yield line.number, match.start() + 1, f"{match.group()} is not expanded"


def substring(script: Script, _context: Context) -> Iterator[Hit]:
    """%V:~0,3% and %V:a=b% are NT's."""
    for line in script.lines:
        for kind, name, column in variables(line.text):
            if line.label is not None or kind != "variable" or ":" not in name:
                continue
            if _NAME.fullmatch(name.split(":", 1)[0]) and re.search(r":(~|[^:]*=)", name):
                yield line.number, column, f"%{name}% is not a part of a variable here; it is empty"


def many_variables(script: Script, context: Context) -> Iterator[Hit]:
    """The environment is small."""
    names = Counter(
        name for name, values in script.sets.items() if any(values) and name not in KNOWN_VARIABLES
    )
    if len(names) > context.limits.variables:
        last = list(names)[context.limits.variables]
        line = next(
            c.line
            for c in script.commands
            if c.name == "SET" and c.rest.lstrip(" =,;\t").upper().startswith(last + "=")
        )
        yield (
            line,
            0,
            (f"{len(names)} variables are set; the environment has 256 bytes and may be full"),
        )

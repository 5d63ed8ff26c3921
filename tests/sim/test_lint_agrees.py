"""Lint and the simulated COMMAND.COM agree: what lint calls good, runs without a complaint."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.lint import labels
from deployer.core.lint.check import RULES, check
from deployer.core.lint.model import Rule
from deployer.core.lint.parse import parse
from deployer.sim.commandcom import End, messages
from tests.doscase import World

#: Complaints about the batch file itself, not about files that are not there in this test.
COMPLAINTS = (
    messages.SYNTAX,
    messages.LABEL,
    messages.BATCH_MISSING,
    messages.TOO_MANY,
    messages.MISSING,
    messages.INVALID_SWITCH,
    messages.PARAMETER_FORMAT,
    messages.FOR_NESTED,
    messages.FILE_CREATION,
)
BATCH_RULES = [rule for rule in RULES if rule.good]


@pytest.mark.parametrize("rule", BATCH_RULES, ids=[rule.id for rule in BATCH_RULES])
def test_a_good_example_runs(rule: Rule, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("GO.BAT", rule.good)
    assert world.shell.execute("GO") is End.PROMPT
    assert not [text for text in COMPLAINTS if text in world.screen.text]


# -- labels, character by character --------------------------------------------------------------

#: Characters that end the line or the file, and % that is filled in before all else.
NEVER = b"\n\r\x1a%"
#: Where a character can stand: in what GOTO names, and in the label.
PLACES = {
    "after GOTO": (b"GOTO%cLABEL", b":LABEL"),
    "in front of the name": (b"GOTO %cLABEL", b":LABEL"),
    "in the name": (b"GOTO LA%cBEL", b":LA%cBEL"),
    "as the second character": (b"GOTO L%cBEL", b":L%cBEL"),
    "at the end of the name": (b"GOTO LABEL%c", b":LABEL%c"),
    "after a name of eight": (b"GOTO LABELABC%cDE", b":LABELABC%cDE"),
    "as the ninth of the label": (b"GOTO LABELABCXDE", b":LABELABC%cDE"),
    "after the label's name": (b"GOTO LABEL", b":LABEL%cX"),
    "in front of the colon": (b"GOTO LABEL", b"%c:LABEL"),
    "after the colon": (b"GOTO LABEL", b":%cLABEL"),
    "as the whole name": (b"GOTO %c", b":%c"),
}
#: Other labels that a GOTO may find instead, in front of and after the one that is meant.
BEFORE = [b":LA", b":L", b":LABELXYZ", b":LABE", b":BEL"]
AFTER = [b":LABEL", b":LABELABC", b":ABEL", b":EL", b":A"]


def all_labels(label: bytes) -> list[bytes]:
    """The label among the others, none of which is the same once more."""
    same = label.strip(b" =,;\t").upper()
    others = [[x for x in group if x.upper() != same] for group in (BEFORE, AFTER)]
    return [*others[0], label, *others[1]]


def batch_file(jump: bytes, label: bytes) -> bytes:
    """Each label says its number to OUT.TXT and ends the batch file."""
    lines = [jump, b"ECHO fell>OUT.TXT", b"GOTO THEEND"]
    for number, text in enumerate(all_labels(label)):
        lines += [text, b"ECHO %d>OUT.TXT" % number, b"GOTO THEEND"]
    return b"".join(line + b"\r\n" for line in [*lines, b":THEEND"])


def meant(jump: bytes, label: bytes) -> str:
    """The number of the label that a reader takes GOTO's for, "" when there is none."""
    name = jump[4:].lstrip(b" =,;\t:./").split()[:1]
    for number, text in enumerate(all_labels(label)):
        colon, _, rest = text.partition(b":")
        if not colon.strip(b" =,;\t") and [rest.upper()] == [word.upper() for word in name]:
            return str(number)
    return ""


def run(world: World, data: bytes) -> str:
    """Which label was reached: its number, `fell`, or "" when the batch file has ended."""
    world.put("CASE.BAT", data)
    world.put("OUT.TXT", b"")
    world.shell.execute("CASE")
    return world.get("OUT.TXT").decode().strip()


def expected(data: bytes) -> str:
    """The same as lint reads the file."""
    script = parse(data, "CASE.BAT")
    jump = script.lines[0]
    name = jump.commands[0].name if jump.commands else ""
    if name != "GOTO" or any(r.operator == "<" for r in jump.redirections):
        return "fell"  # another command, or one that is skipped for want of its input
    if jump.dangling or (jump.pipes and len(jump.commands) < 2):
        return "fell"  # skipped, too: nothing to redirect to
    found = labels.find(script, labels.wanted(jump.commands[0].rest))
    if found is None:
        return ""
    return script.lines[found.number].text.removeprefix("ECHO ").removesuffix(">OUT.TXT")


@pytest.mark.parametrize("place", PLACES)
def test_lint_and_the_shell_find_the_same_label(place: str, tmp_path: Path) -> None:
    """For every character; and an error says so where it is not the label that is meant."""
    world = World(tmp_path)
    jump, label = PLACES[place]
    different, silent = [], []
    for code in range(256):
        if code in NEVER:
            continue
        char = bytes([code])
        pair = (jump.replace(b"%c", char), label.replace(b"%c", char))
        data = batch_file(*pair)
        found, said = run(world, data), expected(data)
        if found != said:
            different.append((char, found, said))
        if place == "after GOTO" and (char.isalnum() or char in b"-_"):
            continue  # GOTOX may well be a program
        if not char.isspace() and 32 < code < 127 and char not in b'<>|"':
            findings = check(data, name="CASE.BAT")
            errors = [f.rule for f in findings if f.severity == "error"]
            wish = meant(*pair)
            if (
                found not in ("", "fell") and not wish
            ):  # another label than the one that is written: a warning
                wrong = bool(errors) or not findings
            else:
                wrong = (found == wish != "") is bool(errors)
            if wrong:
                silent.append((char, found, errors))
    assert different == []
    assert silent == []


# -- every separator, wherever one stands --------------------------------------------------------

YES = b"GOTO NO\r\n:YES\r\nECHO yes>OUT.TXT\r\n:NO\r\n"
CALLS = b" CALL S %%V\r\n"
#: Right after a command's name a few more characters part it from what follows.
GLUED = b"+:[]"
#: What stands in the batch file, and which characters beside the separators must be told apart.
SEPARATED = {
    "ECHO": (b"ECHO%cyes>OUT.TXT\r\n", b""),
    "in front of a command": (b"%cECHO yes>OUT.TXT\r\n", b"/[]*?"),
    "after @": (b"@%cECHO yes>OUT.TXT\r\n", b"/[]*?"),
    "after >": (b"ECHO yes>%cOUT.TXT\r\n", b"*?"),
    "IF": (b"IF%cEXIST A.TXT GOTO YES\r\n" + YES, b""),
    "EXIST": (b"IF EXIST%cA.TXT GOTO YES\r\n" + YES, b""),
    "the name of EXIST": (b"IF EXIST A.TXT%cGOTO YES\r\n" + YES, b""),
    "the left of ==": (b"IF a%c==a GOTO YES\r\n" + YES, b""),
    "the right of ==": (b"IF a==%ca GOTO YES\r\n" + YES, b""),
    "a comparison": (b"IF a==a%cGOTO YES\r\n" + YES, b""),
    "NOT": (b"IF NOT%ca==b GOTO YES\r\n" + YES, b""),
    "ERRORLEVEL": (b"IF ERRORLEVEL%c0 GOTO YES\r\n" + YES, GLUED),
    "the number": (b"IF ERRORLEVEL 0%cGOTO YES\r\n" + YES, GLUED),
    "CALL": (b"CALL%cS.BAT yes\r\n", b"+/[]"),
    "a batch file": (b"CALL S.BAT%cyes\r\n", b""),
    "COPY": (b"COPY%cY.TXT OUT.TXT\r\n", GLUED),
    "the names of COPY": (b"COPY Y.TXT%cOUT.TXT\r\n", b""),
    "TYPE": (b"TYPE%cY.TXT>OUT.TXT\r\n", GLUED),
    "REN": (b"REN%cY.TXT OUT.TXT\r\n", GLUED),
    "the names of REN": (b"REN Y.TXT%cOUT.TXT\r\n", b"+[]"),
    "DEL": (b"DEL%cA.TXT\r\nIF NOT EXIST A.TXT GOTO YES\r\n" + YES, GLUED),
    "MD": (b"MD%cNEW\r\nIF EXIST NEW\\NUL GOTO YES\r\n" + YES, GLUED),
    "RD": (b"RD%cSUB\r\nIF NOT EXIST SUB\\NUL GOTO YES\r\n" + YES, GLUED),
    "CD": (b"CD%cSUB\r\nIF EXIST C:\\T\\SUB\\NUL IF EXIST Y.TXT GOTO NO\r\n"
           b"ECHO yes>C:\\T\\OUT.TXT\r\n:NO\r\n", GLUED),
    "SET": (b"SET%cX=yes\r\nECHO %X%>OUT.TXT\r\nSET X=\r\n", GLUED),
    "FOR": (b"FOR%c%%V IN (yes) DO" + CALLS, GLUED),
    "the variable of FOR": (b"FOR %%V%cIN (yes) DO" + CALLS, GLUED),
    "IN": (b"FOR %%V IN%c(yes) DO" + CALLS, GLUED),
    "the beginning of a list": (b"FOR %%V IN (%cyes) DO" + CALLS, b""),
    "the end of a list": (b"FOR %%V IN (yes%c) DO" + CALLS, b""),
    "a list": (b"FOR %%V IN (yes)%cDO" + CALLS, GLUED),
    "DO": (b"FOR %%V IN (yes) DO%cCALL S %%V\r\n", b"+:[]"),
}  # fmt: skip
#: Control characters, what parts words, and all other characters that are no letters and digits.
CODES = [*range(1, 48), *range(58, 65), *range(91, 97), *range(123, 128), 0x84, 0xFF]


def works(world: World, data: bytes) -> bool:
    """Whether the batch file does what it does with a blank there."""
    for name in ("OUT.TXT", "NEW", "SUB"):
        path = f"C:\\T\\{name}"
        if world.disk.exists(path):
            (world.disk.rmdir if world.disk.is_dir(path) else world.disk.delete)(path)
    world.disk.mkdir("C:\\T\\SUB")
    before = {
        "CASE.BAT": data,
        "S.BAT": b"@ECHO %1>OUT.TXT\r\n",
        "A.TXT": b"a",
        "Y.TXT": b"yes\r\n",
    }
    for name, content in before.items():
        world.put(name, content)
    world.shell.dos.chdir("C:\\T")
    world.shell.execute("CASE")
    return world.disk.exists("C:\\T\\OUT.TXT") and world.get("OUT.TXT") == b"yes\r\n"


@pytest.mark.parametrize("place", SEPARATED)
def test_lint_knows_what_parts_words(place: str, tmp_path: Path) -> None:
    """No error where it works; an error where it does not, unless it is just another name."""
    world = World(tmp_path)
    text, told_apart = SEPARATED[place]
    assert works(world, text.replace(b"%c", b" "))
    false, missed = [], []
    for char in [bytes([code]) for code in CODES if code not in NEVER and chr(code) not in "<>|"]:
        data = text.replace(b"%c", char)
        runs = works(world, data)
        findings = check(data, name="CASE.BAT")
        errors = [f.rule for f in findings if f.severity == "error"]
        if runs and errors:
            false.append((char, errors))
        parts = char in b" \t,;=" or char < b" " or char in told_apart
        if parts and not runs and not errors:
            missed.append(char)
    assert (false, missed) == ([], [])

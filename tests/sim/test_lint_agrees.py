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

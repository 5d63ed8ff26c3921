"""Batch files as people wrote them: lint's verdict, and what the simulated COMMAND.COM makes of it.

An idiom that runs has no error of lint, warnings perhaps; one that does not run as it is meant has
one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.lint.check import check
from deployer.sim.commandcom import messages
from tests.doscase import HOME, TAIL, World
from tests.sim.idioms import IDIOMS, Idiom

PROGRAMS = (".EXE", ".COM")
#: What no batch file that runs makes the shell say.
COMPLAINTS = (
    messages.BAD_COMMAND,
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


def text_of(idiom: Idiom) -> bytes:
    """The batch file, in the code page of the old PC."""
    return "".join(f"{line}\r\n" for line in idiom.lines).encode("cp437")


def test_there_are_many_and_each_has_a_name() -> None:
    assert len({idiom.name for idiom in IDIOMS}) == len(IDIOMS) >= 60


@pytest.mark.parametrize("idiom", IDIOMS, ids=lambda idiom: idiom.name)
def test_lint_agrees_with_what_happens(idiom: Idiom, tmp_path: Path) -> None:
    world = World(tmp_path)
    world.put("INSTALL.BAT", text_of(idiom))
    for name, content in idiom.files.items():
        program = name.endswith(PROGRAMS)
        world.put(name, bytes.fromhex(TAIL) if program else content.encode("cp437"))
    world.screen.typed += idiom.typed
    world.shell.execute(f"INSTALL {idiom.args}".rstrip())
    for text in idiom.shows:
        assert text in world.screen.text
    for name, content in idiom.leaves.items():
        path = f"{HOME}\\{name}"
        there = None if not world.disk.exists(path) else world.get(name).decode("cp437")
        assert there == content if not content or there is None else there.startswith(content)
    errors = [
        str(finding)
        for finding in check(text_of(idiom), name="INSTALL.BAT")
        if finding.severity == "error"
    ]
    if idiom.runs:
        assert not [text for text in COMPLAINTS if text in world.screen.text], world.screen.text
        assert errors == []
    else:
        assert errors

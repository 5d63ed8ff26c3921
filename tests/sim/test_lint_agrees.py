"""Lint and the simulated COMMAND.COM agree: what lint calls good, runs without a complaint."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.lint.check import RULES
from deployer.core.lint.model import Rule
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

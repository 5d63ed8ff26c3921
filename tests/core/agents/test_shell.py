"""What an agent starts itself, and what goes through COMMAND.COM."""

from __future__ import annotations

import pytest

from deployer.core.agents.shell import as_started, is_shell
from deployer.sim.commandcom.commands.table import COMMANDS


@pytest.mark.parametrize(
    "line", ["DIR", "dir C:\\", "cd..", "ECHO.", "type A.TXT", "VER", "MEM > M.TXT", 'a "b" | MORE']
)
def test_what_only_the_shell_can_do_goes_through_it(line: str) -> None:
    assert as_started(line) == f"COMMAND.COM /C {line}"
    assert is_shell(as_started(line))


@pytest.mark.parametrize(
    "line",
    [
        "SETUP.EXE /S",
        "directory.exe",
        "dir.exe",
        "C:\\DIR\\A.EXE",
        '"C:\\My Dir\\a.exe" "x > y"',
        "X",
    ],
)
def test_a_program_is_started_as_it_stands(line: str) -> None:
    assert as_started(line) == line
    assert not is_shell(line)


def test_the_simulated_shell_s_own_commands_are_all_known() -> None:
    assert {name for name in COMMANDS if as_started(name) == name} == set()

"""The person before the old PC: types what the card says, and starts again when it went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.sim.cable import Hang
from deployer.sim.disk import PowerOff
from deployer.sim.machine import Machine

#: What GO.BAT says when the host has its result.
FINISHED = "Finished."


def type_lines(machine: Machine, lines: Sequence[str]) -> None:
    """Type lines, each when something asks for one: the prompt, FTP.EXE, a program.

    Raises `PowerOff` and `Hang` as `Machine.run_line` does; what is left is not typed then.
    """
    console = machine.console
    console.type(lines)
    try:
        while console.typed:
            machine.prompt()
    finally:
        console.drop_typed()
        console.end_line()


def visit(
    machine: Machine,
    lines: Sequence[str],
    *,
    until: str = FINISHED,
    tries: int = 3,
    resets: int = 10,
) -> bool:
    """Type the card until the screen says `until`; whether it did.

    After a power failure, or when the PC hangs, it is switched on again and the card is typed
    again, at most `resets` times; when nothing of that happened but the work is not finished, the
    card is tried `tries` times in all.
    """
    machine.boot()
    while tries > 0:
        seen = machine.console.shown
        try:
            type_lines(machine, lines)
            tries -= 1
        except PowerOff:
            machine.note("The power failed. Switching on again.")
            resets -= 1
        except Hang as hang:
            if machine.cancelled():
                return False
            machine.note(f"{hang}. Switching off and on again.")
            resets -= 1
        else:
            if any(until in line for line in machine.console.since(seen)):
                return True
            if tries == 0 or machine.cancelled():
                return False
            continue
        if resets < 0:
            return False
        machine.boot()
    return False

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
    """Type the lines until the screen says `until`; whether it did. With "" typing is all.

    After a power failure, or when the PC hangs, it is switched on again and the lines are typed
    again, at most `resets` times; when nothing of that happened but the work is not finished, they
    are typed `tries` times in all.
    """
    machine.boot()
    while True:
        seen = machine.console.shown
        try:
            type_lines(machine, lines)
        except (PowerOff, Hang) as trouble:
            if machine.cancelled():
                return False
            what = str(trouble) if isinstance(trouble, Hang) else "The power failed"
            if not resets:
                machine.note(f"{what}. Nobody switches it on again.")
                return False
            off = "" if isinstance(trouble, PowerOff) else "off and "
            machine.note(f"{what}. Switching {off}on again.")
            resets -= 1
            machine.boot()
            continue
        if not until or any(until in line for line in machine.console.since(seen)):
            return True
        tries -= 1
        if tries <= 0 or machine.cancelled():
            return False

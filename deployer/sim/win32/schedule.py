"""Who runs when: processes take turns where they call KERNEL32, one thread for all of them."""

from __future__ import annotations

import select
from collections.abc import Callable

from deployer.sim.win32.ending import Ending, ExitStatus, LimitReached
from deployer.sim.win32.objects import Running
from deployer.sim.win32.system import System
from deployer.sim.win32.watchdog import GLANCE, Watchdog

#: How long a process runs before another one has its turn, seconds of real time.
SLICE = 0.02


def run(system: System, main: Running) -> ExitStatus:
    """Run `main` and its children until `main` has ended."""
    with Watchdog(system.limits.seconds, system.cancelled) as watch:
        while main.status is None:
            watch.check()
            _turn(system, watch, main)
    return main.status


def live(system: System, watch: Watchdog, until: Callable[[], bool]) -> None:
    """Run all processes until `until`; that none has anything to do is no reason to end."""
    while not until():
        watch.check()
        _turn(system, watch, None)


def _turn(system: System, watch: Watchdog, main: Running | None) -> None:
    """Give each process that can go on one slice; sleep when none can."""
    alive = [p for p in system.processes if p.status is None]
    ready = [p for p in alive if p.wake()]
    for process in ready:
        if process.status is None:
            process.run(watch, SLICE)
        status = process.status
        if process is not main and status and status.ending is Ending.FAULT:
            system.write_console(status.reason.encode("cp437", "replace") + b"\r\n")
    system.processes = [p for p in system.processes if p.status is None]
    if not ready:
        _sleep(system, alive, watch, for_ever=main is None)


def _sleep(system: System, alive: list[Running], watch: Watchdog, *, for_ever: bool) -> None:
    deadlines = [p.deadline for p in alive if p.deadline is not None]
    if not deadlines and not for_ever:
        raise LimitReached("every process waits for something that cannot happen")
    rest = min(deadlines) - system.clock.ticks() if deadlines else GLANCE
    rest = min(max(rest, 0.0), GLANCE, watch.left + 0.001)
    interests = [p.sockets for p in alive]
    reads = [sock for interest in interests for sock in interest.reads]
    writes = [sock for interest in interests for sock in interest.writes]
    if reads or writes:
        select.select(reads, writes, writes, rest)
    else:
        system.clock.sleep(rest)

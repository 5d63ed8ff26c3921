"""Who runs when: processes take turns where they call KERNEL32, one thread for all of them."""

from __future__ import annotations

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


def _turn(system: System, watch: Watchdog, main: Running) -> None:
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
        _sleep(system, alive, watch)


def _sleep(system: System, alive: list[Running], watch: Watchdog) -> None:
    deadlines = [p.deadline for p in alive if p.deadline is not None]
    if not deadlines:
        raise LimitReached("every process waits for something that cannot happen")
    rest = min(deadlines) - system.clock.ticks()
    system.clock.sleep(min(max(rest, 0.0), GLANCE, watch.left + 0.001))

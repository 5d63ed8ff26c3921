"""`python -m benchmarks.fuzz [ftp] [http] [--steps 100000]`: anything, over real sockets.

Hypothesis drives state machines: several connections at once, each step one thing done to one of
them. Meanwhile a well-behaved client fetches a part by FTP, GO.BAT by HTTP and the daemon's status,
again and again, and every byte must be right. At the end the process has no more descriptors open
than before, has not grown by more than 32 MiB, and has written no traceback.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.fuzz.ftp import FtpSessions
from benchmarks.fuzz.http import HttpCallers
from benchmarks.fuzz.world import Served, WellBehaved

KINDS: dict[str, type[FtpSessions] | type[HttpCallers]] = {"ftp": FtpSessions, "http": HttpCallers}
_STEPS_OF_ONE = 50
_GROWTH = 32 << 10
_QUIET_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one kind: steps, seconds, what the well-behaved client got and its longest wait."""

    steps: int
    seconds: float
    rounds: int
    longest: float
    grown: int

    def __str__(self) -> str:
        return (
            f"{self.steps:,} steps in {self.seconds:.0f} s; a well-behaved client was served "
            f"{self.rounds} times beside them, at most {self.longest:.1f} s each; memory "
            f"{self.grown:+,} KiB"
        )


def fuzz(kind: str, steps: int, directory: Path) -> Outcome:
    """Do so many steps of one kind. Raises AssertionError, with the steps that led there."""
    machine = KINDS[kind]
    machine.steps = 0
    began = time.monotonic()
    with Served(directory) as served:
        machine.served, machine.client = served, WellBehaved(served.ports)
        machine.client.start()
        while not machine.client.rounds:  # everything has been loaded once
            machine.client.check()
            time.sleep(0.01)
        before = served.figures()
        while machine.steps < steps:
            few = settings(
                max_examples=max(1, (steps - machine.steps) // _STEPS_OF_ONE),
                stateful_step_count=_STEPS_OF_ONE,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )
            run_state_machine_as_test(machine, settings=few)
        machine.client.stop()
        after = _quiet(served, before["fds"])
        assert after["rss"] - before["rss"] < _GROWTH, (before, after)
        _before, traceback, told = served.said.partition("Traceback")
        assert not traceback, told[:4000]
    return Outcome(
        machine.steps,
        time.monotonic() - began,
        machine.client.rounds,
        machine.client.longest,
        after["rss"] - before["rss"],
    )


def _quiet(served: Served, descriptors: int) -> dict[str, int]:
    """The figures when no more is open than before."""
    end = time.monotonic() + _QUIET_WITHIN
    while (now := served.figures())["fds"] > descriptors:
        assert time.monotonic() < end, (now, descriptors)
        time.sleep(0.1)
    return now


def main() -> None:
    """Fuzz, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="ftp, http; both by default")
    parser.add_argument("--steps", type=int, default=100_000, help="of each kind")
    given = parser.parse_args()
    for kind in given.kinds or KINDS:
        with tempfile.TemporaryDirectory(prefix="deployer-fuzz-") as directory:
            print(f"{kind}: {fuzz(kind, given.steps, Path(directory))}", flush=True)


if __name__ == "__main__":
    main()

"""What many files cost, and the other direction: `python -m benchmarks.trees`.

Everything goes to the simulated PC, whose DEPLOY98.EXE runs on an emulated processor:

    small     300 files of 228 KB together, against one file of the same bytes
    large     5,000 files of 20 MB together, against one file of the same bytes
    pull      4 MB from the PC, against the same to it, on a cable of 10 Mbit/s
    backup    a second backup of 300 files of which none has changed: the bytes of files that move
    memory    the host's most memory at a push of 20,000 files and of 10: KB that each file adds

In turns; seconds are processor time of all processes of a command where nothing but work counts,
and on the cable those between its two ends. The least of several rounds of each side.

--rounds N     how often each is measured (3)
--only NAME    only these, such as small (repeat)
--json         one JSON object instead of the table
--check        exit code 1 when something costs more than it may
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from deployer.events import TransferDone, from_json

DEPLOYER = [sys.executable, "-m", "deployer"]
SLOW = "--fault=slow@1250000"
"""10 Mbit/s."""
RATE = 1_250_000
WIRE_BYTES = 4_000_000
PATIENCE = 3600.0
MANY = 20_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time of all its processes and time on the clock, seconds.

    `memory` is the most that its own process had, which is the host, MB.
    """

    work: float
    clock: float
    memory: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One comparison. `wanted` is what it may be at most, or at least."""

    name: str
    one: float
    other: float
    ratio: float
    wanted: float
    at_least: bool = False

    @property
    def good(self) -> bool:
        """Whether it is as wanted."""
        return self.ratio >= self.wanted if self.at_least else self.ratio <= self.wanted


def ran(words: Iterable[str | Path], state: Path) -> Cost:
    """A command that must succeed."""
    command = [*DEPLOYER, *map(str, words), "--state-dir", str(state)]
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    memory = 0.0
    while not (ended := os.wait4(child.pid, os.WNOHANG))[0]:
        memory = max(memory, most_memory(child.pid))
        time.sleep(0.01)
    _pid, status, used = ended
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    clock = time.perf_counter() - began
    return Cost(used.ru_utime + used.ru_stime, clock, memory)


def most_memory(pid: int) -> float:
    """The most memory that a process of ours had until now, MB; 0 for one that has ended."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next((int(x.split()[1]) / 1000 for x in lines if x.startswith("VmHWM")), 0.0)


def pushed(source: Path, state: Path, *more: str) -> Cost:
    """A push to a simulated PC that is new."""
    shutil.rmtree(state, ignore_errors=True)
    return ran(["push", "--target", "sim", source, "--to", "C:\\TREE", "--no-run", *more], state)


def make(folder: Path, lengths: Iterable[int]) -> Path:
    """A folder of files of random bytes, in folders of a hundred."""
    rng = random.Random(1)
    for number, length in enumerate(lengths):
        path = folder / f"D{number // 100}" / f"F{number}.DAT"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(length))
    return folder


def many_and_one(place: Path, name: str, lengths: list[int], wanted: float, rounds: int) -> Figure:
    """Many files against one of the same bytes, by processor time."""
    many = make(place / name / "many", lengths)
    one = make(place / name / "one", [sum(lengths)])
    costs = [
        (pushed(one, place / name / "s1").work, pushed(many, place / name / "s2").work)
        for _ in range(rounds)
    ]
    least = [min(side) for side in zip(*costs, strict=True)]
    return Figure(f"{len(lengths):,} files / 1 file, s", *least, least[1] / least[0], wanted)


def small(place: Path, rounds: int) -> Figure:
    """300 files."""
    return many_and_one(place, "small", [n * 5 + 10 for n in range(1, 301)], 1.5, rounds)


def large(place: Path, rounds: int) -> Figure:
    """5,000 files."""
    return many_and_one(place, "large", [4000] * 5000, 2.0, rounds)


def pull(place: Path, rounds: int) -> Figure:
    """Both directions over the slow cable; the whole command, from its start to its end."""
    source = make(place / "pull" / "source", [WIRE_BYTES])
    state, times = place / "pull" / "state", []
    for number in range(rounds):
        there = pushed(source, state, SLOW).clock
        out = place / "pull" / f"out{number}"
        back = ran(["pull", "sim", "C:\\TREE\\*.*", "--out", out, SLOW], state).clock
        times.append((there, back))
    push_s, pull_s = (min(side) for side in zip(*times, strict=True))
    return Figure("push / pull at 10 Mbit/s, s", push_s, pull_s, push_s / pull_s, 0.95, True)


def backup(place: Path, rounds: int) -> Figure:
    """The bytes of parts of a first and of a second backup."""
    del rounds
    state, out = place / "backup" / "state", place / "backup" / "out"
    make(state / "sim-pc" / "GAME", [n * 5 + 10 for n in range(1, 301)])
    moved = []
    for _ in range(2):
        command = [*DEPLOYER, "backup", "sim", "C:\\GAME", "--out", str(out), "--json"]
        done = subprocess.run(
            [*command, "--state-dir", str(state)], capture_output=True, check=True, timeout=PATIENCE
        )
        events = [from_json(line) for line in done.stdout.decode().splitlines()]
        moved.append(
            sum(e.length for e in events if isinstance(e, TransferDone) and ".PA" in e.name)
        )
    return Figure("bytes of a backup, first and second", *moved, moved[1] / moved[0], 0.0)


def memory(place: Path, rounds: int) -> Figure:
    """What the host has at most; what each file adds to it, KB."""
    del rounds
    few = make(place / "memory" / "few", [100] * 10)
    many = make(place / "memory" / "many", [100] * MANY)
    costs = [pushed(source, place / "memory" / "state").memory for source in (few, many)]
    each = (costs[1] - costs[0]) * 1000 / MANY
    return Figure(f"host's memory of 10 and {MANY:,} files, MB", *costs, each, 5.0)


ALL: dict[str, Callable[[Path, int], Figure]] = {
    "small": small, "large": large, "pull": pull, "backup": backup, "memory": memory,
}  # fmt: skip


def main() -> int:
    """Measure; the exit code."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.trees", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=sorted(ALL), default=[])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="trees-") as folder:
        for name, measure in ALL.items():
            if not given.only or name in given.only:
                figure = figures[name] = measure(Path(folder), given.rounds)
                if not given.json:
                    bound = "at least" if figure.at_least else "at most"
                    print(
                        f"{figure.name:<40} {figure.one:>12,.2f} {figure.other:>12,.2f}"
                        f"   {figure.ratio:.2f} ({bound} {figure.wanted})",
                        flush=True,
                    )
    if given.json:
        print(json.dumps({name: {"ratio": f.ratio, "good": f.good} for name, f in figures.items()}))
    return 1 if given.check and not all(figure.good for figure in figures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

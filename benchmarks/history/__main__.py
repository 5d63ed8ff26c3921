"""What a long past costs: `python -m benchmarks.history`.

Two stores, of 100 and of 10,000 deployments of one file to the simulated PC: one push is real, and
the others are its events and its manifest under other names and at other times, written down by the
store that a daemon writes. Then, in turns, each `deployer` a process of its own:

    status      deployer status
    history     deployer history
    proof       deployer proof, of the newest
    serve       deployer serve, until it answers
    window      deployer tui --plain beside it, until its first line
    push        deployer push of a file to the simulated PC

Seconds until the end, the least of several rounds, and the most memory of the process, in MB. The
large store may take 1.3 times as long as the small one, and 30 MB more; and it may have 12 kB on
the disk for each push.

--large N, --small N   how many deployments (10000 and 100)
--rounds N             how often each is started (5)
--json                 one JSON object instead of the table
--check                exit code 1 when the large store costs more than it may
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.edge.store import Store
from deployer.events import from_json, to_json
from deployer.host import sockets

SLOWER, LARGER, ON_DISK = 1.3, 30.0, 12_000
TOGETHER = 50
PATIENCE = 300.0
DEPLOYER = [sys.executable, "-m", "deployer"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, and MB of memory."""

    seconds: float
    memory: float

    def least(self, other: Cost) -> Cost:
        """Of two rounds."""
        return Cost(min(self.seconds, other.seconds), min(self.memory, other.memory))


def push(state: Path, file: Path) -> list[str]:
    """The command that is measured, and that makes the first deployment."""
    return [*DEPLOYER, "push", "--target", "sim", "--no-run", "--state-dir", str(state), str(file)]


def build(pattern: Path, folder: Path, count: int) -> None:
    """A store of so many deployments, each with the events of the one in `pattern`."""
    with contextlib.closing(Store(pattern)) as source:
        (row,) = source.rows(1)
        manifest = source.manifest(row.deployment)
        lines = [to_json(event) for _seq, event in source.replay()]
    assert manifest is not None
    with contextlib.closing(Store(folder)) as store:
        for begin in range(0, count, TOGETHER):
            with store.together():
                for number in range(begin, min(begin + TOGETHER, count)):
                    name, later = f"D{number * 7919 % 16**7:07X}", 10.0 * (number - count)
                    store.keep(replace(manifest, deployment=name, login=name), row.target, row.at)
                    for line in lines:
                        event = from_json(line.replace(row.deployment, name))
                        store.append(replace(event, at=event.at + later))
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{begin + TOGETHER:,} of {count:,} deployments")
    if sys.stderr.isatty():
        sys.stderr.write("\n")


def whole(command: list[str]) -> Cost:
    """What a command costs that must succeed."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _pid, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return Cost(time.perf_counter() - began, used.ru_maxrss / 1000)


def memory_of(process: subprocess.Popen[bytes]) -> float:
    """The most memory that a running process has had, in MB."""
    text = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    peak = next(line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1000


@contextlib.contextmanager
def serving(state: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A daemon that answers, and how long that took."""
    began = time.perf_counter()
    log = (state / "serve.log").open("wb")
    process = subprocess.Popen(
        [*DEPLOYER, "serve", "--on-demand", "--state-dir", str(state)], stdout=log, stderr=log
    )
    try:
        while not sockets.answers(state / sockets.SOCKET):
            if process.poll() is not None or time.perf_counter() - began > PATIENCE:
                raise SystemExit(f"the daemon did not come up: see {log.name}")
            time.sleep(0.01)
        yield process, time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        log.close()


def first_line(state: Path) -> Cost:
    """Until a window has said something."""
    began = time.perf_counter()
    command = [*DEPLOYER, "tui", "--plain", "--state-dir", str(state)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as window:
        assert window.stdout is not None
        line = window.stdout.readline()
        cost = Cost(time.perf_counter() - began, memory_of(window))
        if b"so far" not in line:
            raise SystemExit(f"the window said: {line!r}")
        window.communicate(b"quit\n", timeout=PATIENCE)
    return cost


def round_of(state: Path, file: Path) -> dict[str, Cost]:
    """Everything once."""
    place = ["--state-dir", str(state)]
    costs = {name: whole([*DEPLOYER, name, *place]) for name in ("status", "history", "proof")}
    with serving(state) as (process, seconds):
        costs["window"] = first_line(state)
        costs["serve"] = Cost(seconds, memory_of(process))
    costs["push"] = whole(push(state, file))
    return costs


def main() -> int:
    """Measure; the exit code."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.history", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--large", type=int, default=10_000)
    parser.add_argument("--small", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        place = Path(folder)
        file = place / "image.bin"
        file.write_bytes(os.urandom(300_000))
        whole(push(place / "pattern", file))
        counts = {"small": given.small, "large": given.large}
        for size, count in counts.items():
            build(place / "pattern", place / size, count)
        on_disk = (place / "large" / "deployer.sqlite3").stat().st_size / given.large
        costs: dict[str, dict[str, Cost]] = {"small": {}, "large": {}}
        for _round in range(given.rounds):
            for size, known in costs.items():
                for name, cost in round_of(place / size, file).items():
                    known[name] = known.get(name, cost).least(cost)
    return told(costs, on_disk, as_json=given.json, check=given.check)


def told(costs: dict[str, dict[str, Cost]], on_disk: float, *, as_json: bool, check: bool) -> int:
    """Say it; the exit code."""
    good = on_disk <= ON_DISK
    figures = {}
    for name, small in costs["small"].items():
        large = costs["large"][name]
        ratio, more = large.seconds / small.seconds, large.memory - small.memory
        good = good and ratio <= SLOWER and more <= LARGER
        figures[name] = (small.seconds, large.seconds, ratio, small.memory, large.memory)
    if as_json:
        print(json.dumps({"on_disk": on_disk, **figures}))
    else:
        print(f"{'':8}  small s  large s  ratio  small MB  large MB")
        for name, (a, b, ratio, c, d) in figures.items():
            print(f"{name:8}  {a:7.2f}  {b:7.2f}  {ratio:5.2f}  {c:8.1f}  {d:8.1f}")
        print(f"{on_disk / 1000:.1f} kB on the disk for each push")
    return 0 if good or not check else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""What the first minute costs: `python -m benchmarks.demo`.

    push    deployer push --target sim, with the demo's options and its output in a pipe
    demo    deployer demo, on a terminal of 100x30, where it draws the simulated PC's screen

Processor time of each with all its children, user and system, the least of several rounds; the two
take turns, so that they share whatever else the machine does. Beside it the wall time to the demo's
first line, and how many lengths of the story were on the screen while the PC wrote it.

--rounds N  how often each is started (3)
--json      one JSON object instead of the table
--check     exit code 1 when the demo takes more than 1.2 times the push, or its first line more
            than 2 s, or fewer than 15 lengths of the story were seen
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deployer.face.cli.demo import STORY
from tests.terminal import Terminal

RATIO, FIRST, LENGTHS = 1.2, 2.0, 15
PROGRAM = [sys.executable, "-m", "deployer"]


def children() -> float:
    """Processor time of all processes that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def push(state: Path) -> float:
    """Processor time of the push alone."""
    before = children()
    options = [f"--{name}={value}" for name, value in STORY.items()]
    command = [*PROGRAM, "push", "--target", "sim", f"--state-dir={state}", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return children() - before


def demo(state: Path) -> tuple[float, float, int]:
    """Processor time of the demo, seconds to its first line, and lengths of the story seen."""
    before, first, seen = children(), 0.0, set[str]()
    with Terminal([*PROGRAM, "demo", f"--state-dir={state}"], (100, 30)) as terminal:
        while terminal.process.poll() is None:
            terminal.hear(0.05)
            text = terminal.text
            first = first or (time.monotonic() - terminal.begun if text.strip() else 0.0)
            seen.add(text.partition(f"{STORY['prompt']},")[2].partition("_")[0])
        if terminal.ended():
            raise SystemExit(f"the demo did not work:\n{terminal.text}")
    return children() - before, first, len(seen)


def figures(rounds: int) -> dict[str, float]:
    """The least of each."""
    found: dict[str, list[float]] = {"push": [], "demo": [], "first line": [], "lengths": []}
    for _round in range(rounds):
        with tempfile.TemporaryDirectory(prefix="deployer-demo-") as name:
            found["push"].append(push(Path(name) / "push"))
            used, first, lengths = demo(Path(name) / "demo")
            found["demo"].append(used)
            found["first line"].append(first)
            found["lengths"].append(lengths)
    return {name: min(values) for name, values in found.items()}


def main() -> int:
    """1 when a figure is not what --check wants."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    least = figures(options.rounds)
    ratio = least["demo"] / least["push"]
    if options.json:
        sys.stdout.write(json.dumps({**least, "ratio": ratio}) + os.linesep)
    else:
        sys.stdout.write(
            f"push        {least['push']:6.2f} s of processor time\n"
            f"demo        {least['demo']:6.2f} s, {ratio:.2f} times the push\n"
            f"first line  {least['first line']:6.2f} s after the start\n"
            f"the story   {least['lengths']:6.0f} lengths of it seen while the PC wrote it\n"
        )
    good = ratio <= RATIO and least["first line"] <= FIRST and least["lengths"] >= LENGTHS
    return 1 if options.check and not good else 0


if __name__ == "__main__":
    sys.exit(main())

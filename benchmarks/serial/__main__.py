"""How much of a 115200 8N1 line ZMODEM uses, beside sz of lrzsz: `python -m benchmarks.serial`.

A null-modem cable of terminals is paced to exactly 11,520 bytes a second towards the receiver,
which is rz for both senders: `deployer serial send` and sz, in turns.

    payload  bytes of the file for each byte that the line could have carried from the first word
             of the session to its last
    line     the same, with the escapes that the data needs counted as payload: data that is all
             escapes takes two bytes of line for each of its own, whoever sends it

--bytes N   length of each file (400,000: 35 s of line for random data)
--json      one JSON object instead of the table
--check     exit code 1 when a figure misses its goal, or sz is faster
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from deployer.host import serial
from tests.serialwire import Direction, Wire

RATE = 11_520.0
ESCAPED = bytes((0x18, 0x10, 0x11, 0x13, 0x90, 0x91, 0x93))
GOALS = {"random data": ("payload", 0.95), "all escapes": ("line", 0.90)}
EVEN = 0.001
"""Two shares of a line that differ by less are the same: it is ten bytes a second."""


@dataclass(frozen=True)
class Figure:
    """One transfer."""

    data: str
    sender: str
    seconds: float
    payload: float
    line: float


@contextlib.contextmanager
def program(command: list[str], reads: str, writes: str, where: Path) -> Iterator[None]:
    """A program of lrzsz at an end of the cable; it must end well by itself."""
    ends = [os.open(end, os.O_RDWR | os.O_NOCTTY) for end in (reads, writes)]
    peer = subprocess.Popen(command, stdin=ends[0], stdout=ends[1], cwd=where)
    try:
        yield
        if peer.wait(900):
            raise RuntimeError(f"{command[0]} failed")
    finally:
        peer.kill()
        peer.wait()
        for end in ends:
            os.close(end)


def ours(source: Path, where: Path) -> float:
    """Seconds that `deployer serial send` takes to rz, on the line's clock."""
    with (
        Wire(ab=Direction(rate=RATE), uart=True) as cable,
        program(["rz", "-q", "-b"], cable.b, cable.b_out, where),
    ):
        serial.send(serial.SerialJob(cable.a), [source])
    return cable.ab.last_at - cable.ab.first_at


def theirs(source: Path, where: Path) -> float:
    """Seconds that sz takes."""
    with (
        Wire(ba=Direction(rate=RATE, latency=0.001), uart=True) as cable,
        program(["rz", "-q", "-b"], cable.a, cable.a, where),
        program(["sz", "-q", "-b", str(source)], cable.b, cable.b_out, where),
    ):
        pass
    return cable.ba.last_at - cable.ba.first_at


def measure(name: str, data: bytes, sender: str, run: Callable[[Path, Path], float]) -> Figure:
    """One transfer, whose bytes are compared."""
    with tempfile.TemporaryDirectory() as directory:
        source, where = Path(directory) / "DATA.BIN", Path(directory) / "there"
        where.mkdir()
        source.write_bytes(data)
        seconds = run(source, where)
        if (where / "DATA.BIN").read_bytes() != data:
            raise RuntimeError(f"{sender}: the file is not the one that was sent")
    needed = len(data) + sum(data.count(byte) for byte in ESCAPED)
    return Figure(name, sender, seconds, len(data) / seconds / RATE, needed / seconds / RATE)


def verdict(figure: Figure, beside: Figure) -> str:
    """What is missed, or "met"."""
    what, goal = GOALS[figure.data]
    reached: float = getattr(figure, what)
    if reached < goal:
        return f"MISSED: {what} {goal:.2f}"
    if figure.line < beside.line - EVEN:
        return "MISSED: slower than sz"
    return f"met: {what} {goal:.2f}, not slower than sz"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bytes", type=int, default=400_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    contents = {
        "random data": random.Random(1).randbytes(options.bytes),
        "all escapes": (ESCAPED * (options.bytes // 2 // len(ESCAPED) + 1))[: options.bytes // 2],
    }
    figures, verdicts = [], {}
    for name, data in contents.items():
        mine = measure(name, data, "deployer", ours)
        other = measure(name, data, "sz", theirs)
        figures += [mine, other]
        verdicts[name] = verdict(mine, other)
        if not options.json:
            for figure in (mine, other):
                print(
                    f"{name:<12} {figure.sender:<9} {figure.seconds:7.2f} s  "
                    f"payload {figure.payload:.4f}  line {figure.line:.4f}  "
                    f"{verdicts[name] if figure is mine else ''}",
                    flush=True,
                )
    if options.json:
        print(json.dumps({"figures": [asdict(f) for f in figures], "verdicts": verdicts}))
    missed = any(text.startswith("MISSED") for text in verdicts.values())
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())

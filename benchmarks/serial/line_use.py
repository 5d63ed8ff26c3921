"""How much of a 115200 8N1 line ZMODEM uses, beside sz of lrzsz in the same run.

    python benchmarks/serial/line_use.py [--bytes 400000]

A null-modem cable of two terminals is paced to exactly 11,520 bytes a second; the receiver is rz
for both. `payload` is file bytes per second, `line` counts the escapes that the data needs as well:
data that is all escapes takes two bytes of line for each of its own, whoever sends it.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from deployer.core import transfer, zmodem  # noqa: E402
from deployer.edge.serial_drive import Hooks, drive  # noqa: E402
from deployer.edge.serialport import Flow, SerialLine  # noqa: E402
from tests.serialwire import Direction, Wire  # noqa: E402

RATE = 11_520.0
ESCAPED = {0x18, 0x10, 0x11, 0x13, 0x90, 0x91, 0x93}


def ours(data: bytes) -> float:
    with tempfile.TemporaryDirectory() as where, Wire(ab=Direction(rate=RATE)) as cable:
        handle = os.open(cable.b, os.O_RDWR | os.O_NOCTTY)
        peer = subprocess.Popen(["rz", "-q", "-b"], stdin=handle, stdout=handle, cwd=where)
        with SerialLine(cable.a, flow=Flow.NONE) as line:
            machine = zmodem.Sender([transfer.Offer("DATA.BIN", len(data))], now=time.monotonic())

            def supply(want: transfer.Want) -> bytes:
                return data[want.position : want.position + want.length]

            last = drive(machine, line, Hooks(lambda _event: None, supply), giver=machine)
        peer.wait(20)
        os.close(handle)
        assert last == transfer.Finished(), last
        assert (Path(where) / "DATA.BIN").read_bytes() == data
        return cable.ab.last_at - cable.ab.first_at


def theirs(data: bytes) -> float:
    with (
        tempfile.TemporaryDirectory() as source,
        tempfile.TemporaryDirectory() as where,
        Wire(ab=Direction(rate=RATE)) as cable,
    ):
        (Path(source) / "DATA.BIN").write_bytes(data)
        near = os.open(cable.a, os.O_RDWR | os.O_NOCTTY)
        far = os.open(cable.b, os.O_RDWR | os.O_NOCTTY)
        rz = subprocess.Popen(["rz", "-q", "-b"], stdin=far, stdout=far, cwd=where)
        sz = subprocess.Popen(["sz", "-q", "-b", "DATA.BIN"], stdin=near, stdout=near, cwd=source)
        sz.wait(600)
        try:
            rz.wait(1)
        except subprocess.TimeoutExpired:
            # sz flushes its last two bytes away on a terminal; rz would wait for them.
            rz.kill()
            rz.wait()
        os.close(near)
        os.close(far)
        assert (Path(where) / "DATA.BIN").read_bytes() == data
        return cable.ab.last_at - cable.ab.first_at


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=400_000)
    size = parser.parse_args().bytes
    worst = bytes((0x18, 0x10, 0x11, 0x13, 0x90, 0x91, 0x93)) * (size // 14)
    met = True
    for name, data, goal in (
        ("random data", random.Random(1).randbytes(size), 0.95),
        ("all escapes", worst, 0.90),
    ):
        needed = len(data) + sum(byte in ESCAPED for byte in data)
        for who, run in (("deployer", ours), ("sz", theirs)):
            seconds = run(data)
            payload, line = len(data) / seconds / RATE, needed / seconds / RATE
            figure = payload if name == "random data" else line
            verdict = ""
            if who == "deployer":
                verdict = f"goal {goal:.2f}: {'met' if figure >= goal else 'MISSED'}"
                met = met and figure >= goal
            print(
                f"{name:<12} {who:<9} {seconds:7.2f} s  payload {payload:.3f}  line {line:.3f}  "
                f"{verdict}"
            )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

"""AGENT98.EXE on the simulated PC, and what it costs: `python -m benchmarks.agent.exe`.

The real program on an emulated Pentium II, the real host in the same process, over loopback:

    first line   seconds from the first byte in the file that a batch file writes to, until the host
                 has it; at most 0.5
    output       1 MB that a batch file types, from the order to the answer, beside a plain STOR of
                 the same bytes by the same agent, in turns; at least half of what STOR reaches

--rounds N  how often each is done (5)
--check     exit code 1 when one is worse than it may be
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from deployer.core.agents import overlay, verbs
from deployer.core.agents.overlay import Enrolment
from deployer.core.agents.verbs import Verb
from deployer.sim.disk import DiskChange
from tests.agentcuts import PROGRAM
from tests.host.test_agents import Hosted, hosting
from tests.simulatedpc import HOST, SimulatedPc

BIG = (b"0123456789" * 7 + b"\r\n") * 13_889
SOONEST, SHARE = 0.5, 0.5


async def seconds(hosted: Hosted, verb: Verb) -> float:
    """How long an order takes that brings all of BIG."""
    began = time.monotonic()
    _heard, got = await hosted.end(await hosted.ask(verb))
    assert got == BIG
    return time.monotonic() - began


async def first_line(hosted: Hosted, pc: SimulatedPc) -> float:
    """Seconds from the first byte in the file of a program's output until the host has it."""
    written: list[float] = []

    def step(change: DiskChange) -> None:
        if change.kind == "write" and change.path.endswith("AGENT98.OUT"):
            written.append(time.monotonic())

    pc.machine.disk.on_step = step
    order = await hosted.ask(verbs.Run("C:\\", 0, False, "LINE.BAT"))
    seen = ""
    while not (heard := await hosted.host.heard(order, 0, seen)).data:
        seen = heard.mark
    took = time.monotonic() - written[0]
    pc.machine.disk.on_step = None
    (pc.folder / "GO.ON").write_bytes(b"x")
    await hosted.end(order)
    (pc.folder / "GO.ON").unlink()
    return took


async def measure(folder: Path, rounds: int) -> tuple[float, float, float]:
    """The middle of several: a first line, a megabyte of output, a megabyte by STOR; seconds."""
    async with hosting(folder / "state") as hosted:
        pc = SimulatedPc(folder / "c", hosted.service.ftp_port)
        (pc.folder / "BIG.TXT").write_bytes(BIG)
        (pc.folder / "BIG.BAT").write_bytes(b"@ECHO OFF\r\nTYPE BIG.TXT\r\n")
        waits = b"@ECHO OFF\r\nECHO first\r\n:A\r\nIF NOT EXIST GO.ON GOTO A\r\n"
        (pc.folder / "LINE.BAT").write_bytes(waits)
        pc.download(overlay.program(PROGRAM, Enrolment(hosted.agent, hosted.token, HOST)))
        pc.let_live()
        try:
            await hosted.here()
            lines = [await first_line(hosted, pc) for _round in range(rounds)]
            turns = [
                (
                    await seconds(hosted, verbs.Run("C:\\", 0, False, "BIG.BAT")),
                    await seconds(hosted, verbs.Get("C:\\BIG.TXT", 0, len(BIG))),
                )
                for _round in range(rounds)
            ]
        finally:
            await asyncio.to_thread(pc.off)
    output, stor = (statistics.median(each) for each in zip(*turns, strict=True))
    return statistics.median(lines), output, stor


def main() -> int:
    """Measure, show, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        line, output, stor = asyncio.run(measure(Path(folder), options.rounds))
    print(f"first line   {line * 1000:6.0f} ms after its writing (at most {SOONEST * 1000:.0f})")
    print(f"output       {len(BIG) / output / 1e6:6.1f} MB/s, {stor / output:.2f} of a plain STOR")
    good = line <= SOONEST and stor / output >= SHARE
    return 0 if good or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())

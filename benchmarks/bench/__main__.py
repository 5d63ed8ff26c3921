"""Many targets against one host: what each gets of the loopback, and what each costs.

    python -m benchmarks.bench [--targets 100] [--size 16] [--rounds 5] [--check]

Fetch-only targets, each with an address of its own, fetch one payload over active-mode FTP from a
real service with one deployment for each. One client alone fetches the same number of bytes in the
same round. `share` is the rate of all together by that of one alone; `processor share` the same of
the seconds of processor that the host took, which other work on the machine disturbs less. Figures
are medians of all rounds. The client runs in a process of its own, and bytes
are dropped inside the kernel.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.transfer.client import Loop, Script, Session, get
from deployer.host import staging
from deployer.host.offers.offer import Offer
from deployer.host.requests import Request
from deployer.host.service import Service

LEAST_SHARE, MOST_SPREAD, MOST_MEMORY = 0.9, 2.0, 1 << 20
_LIMIT = 300.0


class Target(Session):
    """A client that comes from its own address and logs in for its own deployment."""

    def __init__(self, loop: Loop, task: dict[str, Any], times: int) -> None:
        self.own = str(task["address"])
        self.seconds = 0.0
        self.task, self.times = task, times
        super().__init__(loop, self._fetch, self.own)

    def _fetch(self, _session: Session) -> Script:
        self.expect((yield "line"), "220")
        self.say(f"USER {self.task['login']}")
        self.expect((yield "line"), "331")
        self.say(f"PASS {self.task['token']}")
        self.expect((yield "line"), "230")
        self.say("TYPE I")
        self.expect((yield "line"), "200")
        yield "gate"
        began = time.monotonic()
        for _ in range(self.times):
            for part in self.task["parts"]:
                yield from get(self, part, passive=False)
        self.seconds = time.monotonic() - began
        yield "gate"
        self.say("QUIT")
        self.expect((yield "line"), "221")

    def listen(self) -> None:
        """Open a port at its own address and say PORT."""
        self.door = socket.socket()
        self.door.bind((self.own, 0))
        self.door.listen(1)
        self.door.setblocking(False)
        port = self.door.getsockname()[1]
        self.data_done = False
        self.loop.watch(self.door, self._on_door)
        self.say(f"PORT {self.own.replace('.', ',')},{port >> 8},{port & 255}")


class Targets(Loop):
    """Many targets in one process, each from its own address."""

    def fetch(self, tasks: list[dict[str, Any]], times: int) -> list[Target]:
        """All tasks at the same time, from a common start."""
        made = [Target(self, task, times) for task in tasks]
        self.open.update(made)
        end = time.monotonic() + _LIMIT
        while self.open and time.monotonic() < end:
            self.turn()
            self._open_gate()
        if self.open or self.outcome.failed:
            raise SystemExit(f"not all came through: {sorted(self.outcome.why)}")
        return made


def client() -> None:
    """The other process: fetch what standard input says, answer with figures."""
    for line in sys.stdin:
        order = json.loads(line)
        loop = Targets(("127.0.0.1", order["port"]), 60.0)
        made = loop.fetch(order["tasks"], order["times"])
        print(json.dumps({"seconds": [t.seconds for t in made], "moved": loop.outcome.moved}))
        sys.stdout.flush()


def resident() -> int:
    """Bytes of memory that this process has in RAM."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def measure(folder: Path, count: int, size: int, rounds: int) -> dict[str, Any]:
    """Figures of all rounds."""
    path = folder / "payload.bin"
    path.write_bytes(random.Random(7).randbytes(size))
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bench", "--client"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def ask(port: int, tasks: list[dict[str, Any]], times: int) -> dict[str, Any]:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({"port": port, "tasks": tasks, "times": times}) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    found = []
    try:
        state = folder / "state"
        async with Service(state, clock=time.time, address="127.0.0.1", ftp_port=0) as service:
            once, tasks = staging.Once(), []
            request = Request((path,), no_run=True)
            await _offer(service, request, once, "127.0.1.1", tasks)
            before = resident()
            began = time.monotonic()
            for number in range(2, count + 1):
                address = f"127.0.{1 + number // 200}.{1 + number % 200}"
                await _offer(service, request, once, address, tasks)
            staged = time.monotonic() - began
            for _ in range(rounds):
                cpu = [time.process_time()]
                alone = await asyncio.to_thread(ask, service.ftp_port, tasks[:1], count)
                cpu.append(time.process_time())
                most = resident()
                watching = asyncio.create_task(_most(most))
                everyone = await asyncio.to_thread(ask, service.ftp_port, tasks, 1)
                cpu.append(time.process_time())
                watching.cancel()
                most = max(await asyncio.gather(watching), default=most)
                figures = _figures(alone, everyone, (most - before) / count)
                figures["processor share"] = (cpu[1] - cpu[0]) / (cpu[2] - cpu[1])
                found.append(figures)
    finally:
        process.kill()
        process.wait()
    middle = {key: statistics.median(each[key] for each in found) for key in found[0]}
    return {"targets": count, "bytes each": size, "offered in seconds": staged, **middle,
            "bytes of memory each": max(f["memory"] for f in found), "rounds": found}  # fmt: skip


async def _offer(
    service: Service,
    request: Request,
    once: staging.Once,
    address: str,
    tasks: list[dict[str, Any]],
) -> None:
    manifest = await asyncio.to_thread(staging.stage, request, once=once)
    await service.deploy(Offer(manifest, address, r"C:\DEPLOY"))
    parts = [part.name for file in manifest.payload.files for part in file.parts]
    tasks.append(
        {"address": address, "login": manifest.login, "token": manifest.token, "parts": parts}
    )


async def _most(most: int) -> int:
    """The most memory that was seen until cancelled."""
    try:
        while True:
            most = max(most, resident())
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        return most


def _figures(alone: dict[str, Any], everyone: dict[str, Any], memory: float) -> dict[str, Any]:
    one, each = alone["seconds"][0], everyone["seconds"]
    rate_alone = alone["moved"] / one
    aggregate = everyone["moved"] / max(each)
    return {
        "alone MB/s": rate_alone / 1e6, "all together MB/s": aggregate / 1e6,
        "share": aggregate / rate_alone, "fastest s": min(each), "slowest s": max(each),
        "spread": max(each) / min(each), "memory": memory,
    }  # fmt: skip


def main() -> int:
    """Measure and print; 1 with --check when a figure is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--size", type=float, default=16, help="MiB for each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="fail when a figure is missed")
    parser.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        client()
        return 0
    with tempfile.TemporaryDirectory(prefix="deployer-bench-") as folder:
        size = int(options.size * (1 << 20))
        found = asyncio.run(measure(Path(folder), options.targets, size, options.rounds))
    wanted = [
        (
            f"all together / one alone >= {LEAST_SHARE}",
            found["share"],
            found["share"] >= LEAST_SHARE,
        ),
        (f"slowest / fastest <= {MOST_SPREAD}", found["spread"], found["spread"] <= MOST_SPREAD),
        (
            "memory for each < 1 MiB (KiB)",
            found["bytes of memory each"] / 1024,
            found["bytes of memory each"] < MOST_MEMORY,
        ),
    ]
    print(json.dumps(found, indent=1))
    for what, value, good in wanted:
        print(f"{'ok    ' if good else 'MISSED'} {what}: {value:.2f}")
    return int(options.check and not all(good for _w, _v, good in wanted))


if __name__ == "__main__":
    sys.exit(main())

"""What an agent costs and how soon it is heard: `python -m benchmarks.agent`.

An agent that speaks the protocol over loopback, and `deployer run` as a process of its own:

    first line   seconds from the writing of a line there to its reading from `deployer run` here,
                 the middle of several; at most 0.5
    output       1 MB of output, from its first byte there to its last byte here, beside a plain
                 STOR of 1 MB by the same client to the same kind of server, in turns; the middle of
                 each; at least half of what STOR reaches
    waiting      32 agents that wait for orders: memory of the serving process for each, at most
                 50 kB, and its processor time in 20 s, beside that of one which serves nobody;
                 at most 1 % of a processor more

--rounds N  how often each is done (9)
--json      one JSON object instead of the table
--check     exit code 1 when one is worse than it may be
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ftplib
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from deployer.core.agents import overlay
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.host.local import InProcess
from deployer.host.requests import AgentRequest
from deployer.host.service import Service
from tests.agentpc import AgentPC, Program
from tests.waiting import PATIENCE, free_port

HOST = "127.0.0.1"
MEGABYTE = 1_000_000
WAITING, WATCHED = 32, 20.0
SOONEST, SHARE, MEMORY, BUSY = 0.5, 0.5, 50_000, 0.01


def token(number: int) -> tuple[str, str]:
    """The id and the token of an agent."""
    return f"A-{number:08X}", f"{number:032x}"


def enrolled(state: Path, count: int) -> None:
    """A store that knows so many agents."""
    store = Store(state)
    for number in range(count):
        agent, secret = token(number)
        known = KnownAgent(agent, f"10.0.0.{number}", f"pc{number}", 1.0)
        store.agents.enrol(known, overlay.fingerprint(secret))
    store.close()


@contextlib.contextmanager
def run(state: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`deployer run`, which serves by itself."""
    command = [sys.executable, "-m", "deployer", "run", "--state-dir", str(state), "--no-link"]
    command += ["--address", HOST, "--ftp-port", str(port), "pc0", "X.EXE"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        yield process


def first_lines(folder: Path, rounds: int) -> list[float]:
    """Seconds from the writing of each line to its reading."""
    enrolled(folder, 1)
    port, told, written = free_port(), threading.Semaphore(0), []

    def program(running: Program) -> int:
        for _line in range(rounds):
            written.append(time.monotonic())
            running.write(b"line\r\n")
            told.acquire(timeout=PATIENCE)
            time.sleep(0.05)  # the host has gone to sleep again
        running.close()
        return 0

    taken = []
    with AgentPC(port, *token(0), play=program), run(folder, port) as process:
        assert process.stdout is not None
        for _line in range(rounds):
            process.stdout.readline()
            taken.append(time.monotonic() - written[-1])
            told.release()
    return taken


def output(folder: Path) -> float:
    """Seconds that a megabyte takes from a program there to standard output here."""
    enrolled(folder, 1)
    port, data = free_port(), bytes(range(32, 122)) * (MEGABYTE // 90)
    began = []

    def program(running: Program) -> int:
        running.write(b"\n")
        time.sleep(0.2)
        began.append(time.monotonic())
        for at in range(0, len(data), 8192):
            running.write(data[at : at + 8192])
        running.close()
        return 0

    with AgentPC(port, *token(0), play=program), run(folder, port) as process:
        assert process.stdout is not None
        process.stdout.readline()
        left = len(data)
        while left and (piece := os.read(process.stdout.fileno(), 1 << 16)):
            left -= len(piece)
        took = time.monotonic() - began[0]
    assert not left
    return took


def stor(folder: Path) -> float:
    """Seconds of a plain STOR of a megabyte to a server in a process of its own."""
    enrolled(folder, 1)
    data = bytes(range(32, 122)) * (MEGABYTE // 90)
    agent, secret = token(0)
    with serving(folder, listing=True) as (port, _pid, order), ftplib.FTP(timeout=PATIENCE) as ftp:
        ftp.connect(HOST, port)
        ftp.login(agent, secret)
        with ftp.transfercmd(f"STOR A.{order}") as sock:
            began = time.monotonic()
            for at in range(0, len(data), 8192):
                sock.sendall(data[at : at + 8192])
            sock.shutdown(socket.SHUT_WR)
            ftp.voidresp()
            return time.monotonic() - began


@contextlib.contextmanager
def serving(folder: Path, *, listing: bool = False) -> Iterator[tuple[int, int, str]]:
    """A host in a process of its own: its port, its process, and an order that waits there."""
    command = [sys.executable, "-m", "benchmarks.agent", "--serve", str(folder)]
    command += ["--listing"] if listing else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port, order = json.loads(process.stdout.readline())
        yield port, process.pid, order
        process.stdin.close()


async def serve(folder: Path, *, listing: bool) -> None:
    """Until standard input ends."""
    async with (
        Service(folder, clock=time.time, address=HOST, ftp_port=0) as service,
        InProcess(service, lambda _host, _directory: ()) as host,
    ):
        await service.open_for_agents(simulated=False)
        order = ""
        if listing:
            words = ("GET", "C:\\BIG.BIN", "0", str(2 * MEGABYTE))
            order = await host.give(AgentRequest(token(0)[0], words, PATIENCE))
        sys.stdout.write(json.dumps([service.ftp_port, order]) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


def memory(pid: int) -> int:
    """Bytes that a process has in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def processor(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waiting(folder: Path, count: int) -> tuple[float, float]:
    """What so many waiting agents cost: bytes of memory in all, share of a processor."""
    enrolled(folder, count)
    with serving(folder) as (port, pid, _order), contextlib.ExitStack() as sessions:
        before = memory(pid)
        for number in range(count):
            ftp = sessions.enter_context(ftplib.FTP(timeout=PATIENCE))
            ftp.connect(HOST, port)
            ftp.login(*token(number))
            ftp.sendcmd(
                "SITE HELLO 1 boot=1 name=pc win=4.10.2222 cpu=x mem=65536 free=1 state=idle"
            )
            ftp.putline("SITE WAIT 50")
        time.sleep(1.0)
        began = processor(pid)
        time.sleep(WATCHED)
        busy = (processor(pid) - began) / WATCHED
        return memory(pid) - before, busy


def main() -> int:
    """Measure, show, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--listing", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve, listing=options.listing))
        return 0
    with tempfile.TemporaryDirectory() as root:
        folders = (Path(root) / str(number) for number in range(1 << 20))
        line = statistics.median(first_lines(next(folders), options.rounds))
        turns = [(output(next(folders)), stor(next(folders))) for _round in range(options.rounds)]
        streamed, plain = (statistics.median(each) for each in zip(*turns, strict=True))
        held, busy = waiting(next(folders), WAITING)
        _none, idle = waiting(next(folders), 0)
    figures = {
        "first line": line,
        "output": streamed,
        "stor": plain,
        "share": plain / streamed,
        "bytes each": held / WAITING,
        "busy": busy,
        "idle": idle,
    }
    good = (
        line <= SOONEST
        and plain / streamed >= SHARE
        and held / WAITING <= MEMORY
        and busy - idle <= BUSY
    )
    if options.json:
        print(json.dumps(figures))
    else:
        print(
            f"first line   {line * 1000:8.1f} ms after its writing (at most {SOONEST * 1000:.0f})"
        )
        print(f"output       {MEGABYTE / streamed / 1e6:8.1f} MB/s")
        print(
            f"plain STOR   {MEGABYTE / plain / 1e6:8.1f} MB/s;"
            f" output reaches {plain / streamed:.2f} of it"
        )
        print(f"waiting      {held / WAITING / 1000:8.1f} kB for each of {WAITING} (at most 50)")
        print(f"             {busy:8.2%} of a processor, {idle:.2%} without any")
    return 0 if good or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())

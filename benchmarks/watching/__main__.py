"""What watching costs: `python -m benchmarks.watching`.

    start       `deployer tui` as a process on a terminal of 80x24, over a store of 200 deployments
                and 10,000 events: from the start of the process to the list on the screen. No
                daemon runs, so it brings one up after that
    ready       the same, until that daemon answers
    attach      the same start beside a daemon that runs already
    key press   from the key to the other deployment on the screen, the slowest of 19
    transfer    files from the FTP server of a daemon (`deployer serve`, a process of its own),
                alone and watched by everything at once: `deployer tui` on a terminal of 120x40,
                and the live page open in headless Chromium. In turns; what is shown is the median
                of the ratios. First 32 MiB with a client that takes no more than --wire Mbit/s, as
                a real wire does, which has a goal; then 1 GiB on bare loopback, where all of them
                and the client fight for the processors of one machine

Beside the time that passed stands the processor time of the process, which does not depend on what
else runs. The page is left out, and that is said, where there is no Chromium.

--rounds N  how often each is measured (5)
--wire N    Mbit/s of the limited transfer (100)
--json      one JSON object instead of the table
--check     exit code 1 when a figure misses its goal
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.watching.past import DEPLOYMENTS, fill
from deployer.edge.store import Store
from deployer.host.remote import DaemonClient
from deployer.host.requests import Order, Request
from deployer.model import State
from tests.wire.chromium import Chromium

HERE = "127.0.0.1"
PROGRAM = (sys.executable, "-m", "deployer")
LENGTH = 1 << 30
PATIENCE = 60.0
CLIENT = """
import ftplib, sys, time
port, user, token, rate, *names = sys.argv[1:]
rate = float(rate)
ftp = ftplib.FTP()
ftp.connect("127.0.0.1", int(port)); ftp.login(user, token); ftp.voidcmd("TYPE I")
begun, count = time.monotonic(), 0
for name in names:
    sock = ftp.transfercmd("RETR " + name)
    while data := sock.recv(1 << 18):
        count += len(data)
        ahead = count / rate - (time.monotonic() - begun) if rate else 0
        if ahead > 0.005:
            time.sleep(ahead)
    sock.close(); ftp.voidresp()
print(count / (time.monotonic() - begun))
ftp.close()
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `good` says whether the goal is reached."""

    name: str
    value: float
    unit: str
    goal: float
    good: bool


# --- start and key press, on a terminal


class Terminal:
    """`deployer tui` on a pseudo-terminal."""

    def __init__(self, state: Path, size: tuple[int, int] = (80, 24)) -> None:
        self.begun = time.monotonic()
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        command = [*PROGRAM, "tui", "--state-dir", str(state)]
        command += ["--ftp-port", "0", "--address", HERE]
        environment = {**os.environ, "TERM": "xterm-256color"}
        environment["PYTHONPYCACHEPREFIX"] = str(state.parent / "compiled")  # as if installed
        for name in ("NO_COLOR", "DEPLOYER_SOCKET", "PYTHONDONTWRITEBYTECODE"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=environment,
        )  # fmt: skip
        os.close(slave)
        self._data = b""

    def until(self, text: bytes, begun: float) -> float:
        """Seconds from `begun` until the text has been drawn."""
        end = time.monotonic() + PATIENCE
        while text not in self._data:
            if time.monotonic() > end:
                raise TimeoutError(f"{text!r} never came; last: {self._data[-300:]!r}")
            if select.select([self.master], [], [], 0.5)[0]:
                self._data += os.read(self.master, 1 << 16)
        self._data = self._data.partition(text)[2]
        return time.monotonic() - begun

    def settle(self) -> None:
        """Read until nothing comes for a moment."""
        while select.select([self.master], [], [], 0.3)[0]:
            os.read(self.master, 1 << 16)
        self._data = b""

    def press(self, keys: bytes, text: bytes) -> float:
        """Seconds from the key to the text."""
        begun = time.monotonic()
        os.write(self.master, keys)
        return self.until(text, begun)

    def processor(self) -> float:
        """Seconds of processor time that the process has used."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the process that this made."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def status(control: Path) -> dict[str, Any]:
    """What a daemon says of itself; empty when none answers, or one that is about to end (503)."""
    transport = httpx.HTTPTransport(uds=str(control))
    with contextlib.suppress(httpx.HTTPError), httpx.Client(transport=transport) as asking:
        told: dict[str, Any] = asking.get("http://deployer/v1/status").raise_for_status().json()
        return told
    return {}


def answering(control: Path) -> dict[str, Any]:
    """What a daemon says of itself as soon as it answers."""
    end = time.monotonic() + PATIENCE
    while not (told := status(control)):
        if time.monotonic() > end:
            raise TimeoutError(f"no daemon answers at {control}")
        time.sleep(0.01)
    return told


def end_daemon(control: Path) -> None:
    """End the daemon that a window has brought up."""
    os.kill(answering(control)["pid"], signal.SIGTERM)
    while status(control):
        time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Answered:
    """Seconds: the start, its processor time, until its daemon answers; the start beside one that
    runs; the slowest key, processor time of a key.
    """

    start: float
    start_cpu: float
    ready: float
    attach: float
    key: float
    key_cpu: float


def answers(state: Path) -> Answered:
    """One session: start, nine times down, nine times up, help; and a second window."""
    terminal = Terminal(state)
    # the machine of the newest one has ten deployments, twenty apart
    ids = [f"D{DEPLOYMENTS - 1 - 20 * n:07X}".encode() for n in range(10)]
    try:
        start = terminal.until(ids[0] + b" for", terminal.begun)
        start_cpu = terminal.processor()
        answering(state / "control.sock")
        ready = time.monotonic() - terminal.begun
        terminal.settle()
        begun_cpu = terminal.processor()
        keys = [terminal.press(b"\x1b[B", identity + b" for") for identity in ids[1:]]
        keys += [terminal.press(b"\x1b[A", one + b" for") for one in reversed(ids[:-1])]
        keys.append(terminal.press(b"?", b"Push a file"))
        key_cpu = (terminal.processor() - begun_cpu) / len(keys)
        second = Terminal(state)
        attach = second.until(ids[0] + b" for", second.begun)
        second.close()
        return Answered(start, start_cpu, ready, attach, max(keys), key_cpu)
    finally:
        terminal.close()
        end_daemon(state / "control.sock")


# --- beside a transfer


class Here:
    """This computer, as `tests.wire.chromium` wants a machine."""

    def command(self, *words: str) -> list[str]:
        """The command line as it is."""
        return list(words)


class Watchers:
    """A window and a page over a daemon, both drawing what happens; None where that is missing."""

    def __init__(self, served: Served, browser: Chromium | None) -> None:
        self._browser = browser
        self._terminal = Terminal(served.state, (120, 40))
        self._terminal.until(b"daemon", self._terminal.begun)
        self._over = threading.Event()
        self._drain = threading.Thread(target=self._read)
        self._drain.start()
        if browser is not None:
            browser.go(served.page)
            browser.wait_for("document.getElementById('line')?.textContent", lambda t: t == "live")

    def _read(self) -> None:
        """What a terminal emulator does at the least."""
        while not self._over.is_set():
            if select.select([self._terminal.master], [], [], 0.2)[0]:
                os.read(self._terminal.master, 1 << 16)

    def saw(self, deployment: str) -> None:
        """Fails unless the page shows the deployment: nothing was measured otherwise."""
        if self._browser is not None:
            self._browser.wait_for("document.body.textContent", lambda text: deployment in text)

    def close(self) -> None:
        """Look away."""
        self._over.set()
        self._drain.join()
        self._terminal.close()
        if self._browser is not None:
            self._browser.go("about:blank")


@dataclass(frozen=True, slots=True)
class Served:
    """A daemon as a process of its own: its state, its control socket, its page."""

    state: Path
    store: Path
    control: Path
    page: str


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Served]:
    """`deployer serve` on loopback."""
    control, log = folder / "control.sock", folder / "log"
    folder.mkdir()
    words = ["serve", "--no-link", "--no-http", "--web", "0", "--address", HERE, "--ftp-port", "0"]
    words += ["--state-dir", str(folder), "--control", str(control)]
    with log.open("wb") as out:
        daemon = subprocess.Popen([*PROGRAM, *words], stdout=out)
    try:
        store = Path(answering(control)["state_dir"])
        page = next(
            line.partition(" ")[2]
            for line in log.read_text().splitlines()
            if line.startswith("page: ")
        )
        yield Served(folder, store, control, page)
    finally:
        daemon.terminate()
        daemon.wait(PATIENCE)


async def transfer(
    served: Served, source: Path, rate: float, browser: Chromium | None, *, watched: bool
) -> float:
    """Bytes per second that a client gets, with or without somebody who watches."""
    watchers = await asyncio.to_thread(Watchers, served, browser) if watched else None
    try:
        async with DaemonClient(served.control) as host:
            request = Request(files=(source,), no_run=True, part_size=16 << 20)
            identity = await host.push(Order(request, HERE))
            store = Store(served.store)
            manifest = store.manifest(identity)
            store.close()
            assert manifest is not None
            names = [part.name for file in manifest.payload.files for part in file.parts]
            port = str((await host.status())["ftp_port"])
            client = await asyncio.create_subprocess_exec(
                sys.executable, "-c", CLIENT, port, manifest.login, manifest.token, str(rate),
                *names, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, _ = await asyncio.wait_for(client.communicate(), 10 * PATIENCE)
            if watchers is not None:
                await asyncio.to_thread(watchers.saw, identity)
            await host.cancel(identity)
            while any(not s.final for s in [_state(served.store, identity)]):
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.2)  # until the target is free for the next one
            return float(out)
    finally:
        if watchers is not None:
            await asyncio.to_thread(watchers.close)


def _state(folder: Path, deployment: str) -> State:
    store = Store(folder)
    state = store.state(deployment)
    store.close()
    assert state is not None
    return state


def cost(
    daemon: Served, browser: Chromium | None, rounds: int, rate: float, length: int
) -> tuple[float, float, float]:
    """Median rates alone and watched, and the median of the ratios of each round."""
    source = daemon.state / f"payload{length}.bin"
    with source.open("wb") as file:
        file.truncate(length)
    plain, watched = [], []
    for number in range(rounds + 1):
        pair = {
            on: asyncio.run(transfer(daemon, source, rate, browser, watched=on))
            for on in ((False, True) if number % 2 else (True, False))
        }
        if number:  # the first round warms up
            plain.append(pair[False])
            watched.append(pair[True])
    ratios = [a / b for a, b in zip(watched, plain, strict=True)]
    return statistics.median(plain), statistics.median(watched), statistics.median(ratios)


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Chromium | None]:
    """A browser; None, and a word about it, where there is none."""
    if shutil.which("chromium") is None:
        print("there is no chromium here: the page is not watched", file=sys.stderr)
        yield None
        return
    browser = Chromium(Here(), folder / "browser")  # type: ignore[arg-type]
    try:
        yield browser
    finally:
        browser.close()


def figures(folder: Path, rounds: int, wire: float) -> Iterator[Figure]:
    """All figures, one after the other."""
    fill(folder / "history")
    seen = [answers(folder / "history") for _ in range(rounds)]
    start = statistics.median(one.start for one in seen)
    cpu = statistics.median(one.start_cpu for one in seen)
    ready = statistics.median(one.ready for one in seen)
    attach = statistics.median(one.attach for one in seen)
    press = statistics.median(one.key for one in seen)
    key_cpu = statistics.median(one.key_cpu for one in seen)
    yield Figure("start", round(start, 3), "s", 1.0, start < 1.0)
    yield Figure("start, processor", round(cpu, 3), "s", 0.0, good=True)
    yield Figure("ready", round(ready, 3), "s", 0.0, good=True)
    yield Figure("attach", round(attach, 3), "s", 1.0, attach < 1.0)
    yield Figure("slowest key press", round(press * 1000, 1), "ms", 100.0, press < 0.1)
    yield Figure("key press, processor", round(key_cpu * 1000, 1), "ms", 0.0, good=True)
    with served(folder / "served") as daemon, chromium(folder) as browser:
        limited = wire * 1e6 / 8
        plain, watched, ratio = cost(daemon, browser, rounds, limited, 32 << 20)
        yield Figure(f"{wire:g} Mbit/s, alone", round(plain / 1e6, 2), "MB/s", 0.0, good=True)
        yield Figure(f"{wire:g} Mbit/s, watched", round(watched / 1e6, 2), "MB/s", 0.0, good=True)
        yield Figure(f"{wire:g} Mbit/s, ratio", round(ratio, 3), "", 0.95, ratio >= 0.95)
        plain, watched, ratio = cost(daemon, browser, rounds, 0.0, LENGTH)
        yield Figure("loopback, alone", round(plain / 1e6, 1), "MB/s", 0.0, good=True)
        yield Figure("loopback, watched", round(watched / 1e6, 1), "MB/s", 0.0, good=True)
        yield Figure("loopback, ratio", round(ratio, 3), "", 0.0, good=True)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--wire", type=float, default=100.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="watching-") as name:
        for row in figures(Path(name), asked.rounds, asked.wire):
            rows.append(row)
            if not asked.json:
                goal = f"   goal {row.goal:g}" if row.goal else ""
                verdict = "" if row.good else "   MISSED"
                print(f"{row.name:<24}{row.value:>10g} {row.unit:<5}{goal}{verdict}", flush=True)
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    return int(asked.check and not all(row.good for row in rows))


if __name__ == "__main__":
    sys.exit(main())

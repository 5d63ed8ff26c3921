"""`deployer tui` as a process on a terminal: however it ends, what is on its way arrives."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployer.events import ServerListening, StateChanged, TransferStarted
from deployer.face.card import typed_lines
from deployer.host.past import recorded
from deployer.model import State
from deployer.sim.cable import Link
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from tests.face.oldpc import SlowWire, payload
from tests.terminal import Terminal
from tests.waiting import PATIENCE, until

HERE = "127.0.0.1"
PROGRAM = (sys.executable, "-m", "deployer")
ALONE = {"DEPLOYER_SOCKET": "", "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
LENGTH, STOP = (4 << 20) + 300_000, (4 << 20) + 150_000
"""Bytes of the file, and at which the wire stops: the second part of 4 MiB is moving."""


@dataclass
class Place:
    """A state directory, an old PC on a slowed wire, and who serves it."""

    folder: Path
    wire: SlowWire = field(default_factory=lambda: SlowWire(stop_at=STOP))
    store: Path | None = None
    size: tuple[int, int] = (80, 24)
    _ends: list[Callable[[], object]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def tui(self, *more: str) -> Terminal:
        """`deployer tui` on a terminal; it is ended with the test."""
        words = ["tui", "--state-dir", str(self.state), "--address", HERE, "--ftp-port", "0", *more]
        self.folder.joinpath("deployer.toml").write_text(f'[targets]\nold = "{HERE}"\n')
        terminal = Terminal([*PROGRAM, *words], self.size, environment=ALONE, where=self.folder)
        self._ends.append(terminal.close)
        return terminal

    def serve(self, *more: str) -> subprocess.Popen[bytes]:
        """`deployer serve`, as a user starts it; it listens when this returns."""
        words = ["serve", "--state-dir", str(self.state), "--address", HERE, "--ftp-port", "0"]
        words += ["--no-link", "--no-http", "--control", str(self.state / "control.sock"), *more]
        process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.DEVNULL)
        self._ends += [process.wait, process.terminate]
        self.store = Path(until(self.status, "the daemon does not answer")["state_dir"])
        return process

    def status(self) -> dict[str, Any]:
        """What the daemon says of itself; empty when none answers."""
        transport = httpx.HTTPTransport(uds=str(self.state / "control.sock"))
        with (
            contextlib.suppress(httpx.HTTPError),
            httpx.Client(transport=transport, timeout=10) as asking,
        ):
            answer = asking.get("http://deployer/v1/status")
            told: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
            return told  # one that is about to end answers 503
        return {}

    def events(self) -> list[Any]:
        return [event for _seq, event in recorded(self.store or self.state)]

    def seen(self, kind: type, **fields: object) -> Any:
        """The newest event of a kind with these fields."""
        found = [
            event
            for event in self.events()
            if isinstance(event, kind)
            and all(getattr(event, name) == value for name, value in fields.items())
        ]
        return found[-1] if found else None

    def push(self, terminal: Terminal) -> str:
        """Push a file to the old PC by the keys of a user; the deployment's id."""
        terminal.until("Press  p")
        terminal.press("p")
        terminal.until("Push (Enter)")
        terminal.press(payload(self.folder, LENGTH).name)
        terminal.until("is delivered and proved")
        terminal.press("\r")
        listening = until(lambda: self.seen(ServerListening), "nothing is served")
        return str(listening.deployment)

    def switch_on(self) -> None:
        """The old PC calls, and its wire stops in the middle of the second part."""
        port = self.seen(ServerListening).port
        off = threading.Event()
        link = Link(routes={HERE: (HERE, port)}, cable=self.wire, cancelled=off.is_set)
        disk = self.folder / "pc"
        disk.mkdir()
        machine = Machine(
            Disk(disk), console=QueuedConsole(lambda _line: None), link=link, cancelled=off.is_set,
            wait=lambda _seconds: None,
        )  # fmt: skip
        lines = typed_lines(HERE)
        running = threading.Thread(target=visit, args=(machine, lines), kwargs={"tries": 1})
        running.start()
        self._ends += [running.join, off.set, self.wire.go.set]
        until(lambda: self.seen(TransferStarted, name="PAYLOAD.002"), "no part moves")

    def goes_on(self, deployment: str) -> None:
        """The wire goes on; everything arrives, and nothing was fetched twice."""
        self.wire.go.set()
        ended = until(
            lambda: next(
                (e for e in self.events() if isinstance(e, StateChanged) and e.state.final), None
            ),
            "it never ends",
        )
        assert (ended.deployment, ended.state) == (deployment, State.PROVED), ended
        names = (e.name for e in self.events() if isinstance(e, TransferStarted))
        fetched = Counter(name for name in names if name.startswith("PAYLOAD."))
        assert fetched == {f"PAYLOAD.{number:03d}": 1 for number in (1, 2)}

    def close(self) -> None:
        for end in reversed(self._ends):
            end()
        if pid := self.status().get("pid"):
            os.kill(pid, signal.SIGTERM)
        until(lambda: not self.status(), "a daemon is left behind")


@pytest.fixture
def place() -> Iterator[Place]:
    """In a directory with a short name: a socket's path may not be long."""
    folder = Path(tempfile.mkdtemp(prefix="tui-"))
    place = Place(folder)
    try:
        yield place
    finally:
        place.close()
        shutil.rmtree(folder, ignore_errors=True)


def gone(pid: int) -> bool:
    """Whether a process has ended, or waits only for its parent to notice."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


ENDS: dict[str, Callable[[Terminal], object]] = {
    "killed": lambda terminal: terminal.process.kill(),
    "window closed": lambda terminal: terminal.hang_up(),
    "told to end": lambda terminal: terminal.process.send_signal(signal.SIGTERM),
    "Ctrl-C": lambda terminal: terminal.process.send_signal(signal.SIGINT),
}


@pytest.mark.parametrize("served", ["by a daemon", "by its own"])
@pytest.mark.parametrize("how", ENDS)
def test_however_the_window_ends_the_transfer_goes_on(place: Place, how: str, served: str) -> None:
    before = place.serve() if served == "by a daemon" else None
    terminal = place.tui()
    identity = place.push(terminal)
    place.switch_on()
    terminal.until("fetching part 2 of 2")
    pid = place.status()["pid"]
    ENDS[how](terminal)
    terminal.process.wait(PATIENCE)
    place.goes_on(identity)
    if before is None:  # and then it is not needed any more
        until(lambda: gone(pid), "the daemon stays")
        assert not (place.state / "control.sock").exists()
    else:
        assert place.status()["pid"] == pid == before.pid


def test_quit_says_what_goes_on_and_how_to_end_it(place: Place) -> None:
    terminal = place.tui()
    identity = place.push(terminal)
    place.switch_on()
    terminal.until("fetching part 2 of 2")
    terminal.press("q")
    assert terminal.ended() == 0
    assert f"{identity} goes on. To end it: deployer cancel {identity}" in terminal.text
    cancel = [*PROGRAM, "cancel", identity, "--state-dir", str(place.state)]
    assert subprocess.run(cancel, timeout=PATIENCE, check=False).returncode == 0
    assert place.seen(StateChanged).state == State.CANCELLED


def test_quit_of_an_idle_window_leaves_nothing_behind(place: Place) -> None:
    terminal = place.tui()
    terminal.until("Press  p")
    pid = until(place.status, "no daemon")["pid"]
    terminal.press("q")
    assert terminal.ended() == 0
    assert terminal.text.strip() == ""
    until(lambda: gone(pid), "the daemon stays")


def test_two_windows_at_once_share_one_daemon(place: Place) -> None:
    one, two = place.tui(), place.tui()
    for terminal in (one, two):
        terminal.until("Press  p")
    identity = place.push(one)
    two.until(identity)
    place.switch_on()
    two.until("fetching part 2 of 2")
    one.process.kill()
    place.goes_on(identity)
    two.until(f"{identity} proved")


def test_a_window_gets_its_daemon_back_when_that_is_killed(place: Place) -> None:
    terminal = place.tui()
    identity = place.push(terminal)
    place.switch_on()
    first = place.status()["pid"]
    os.kill(first, signal.SIGKILL)
    until(lambda: place.status().get("pid", first) != first, "no other daemon")
    terminal.until("1 open, 0 ended")
    until(
        lambda: sum(isinstance(event, ServerListening) for event in place.events()) == 2,
        f"{identity} is not offered again",
    )


def test_what_a_push_of_its_own_process_does_is_seen_and_can_be_ended(place: Place) -> None:
    """It was started when no daemon ran, so it serves by itself."""
    words = ["--target", HERE, "--address", HERE, "--ftp-port", "0", "--no-link", "--no-run"]
    file = payload(place.folder, LENGTH)
    push = subprocess.Popen(
        [*PROGRAM, "push", str(file), *words, "--state-dir", str(place.state)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **ALONE},
    )  # fmt: skip
    place._ends += [push.wait, push.kill]
    until(lambda: place.seen(ServerListening), "nothing is served")
    terminal = place.tui()
    terminal.until("waiting for the PC's first call")
    place.switch_on()
    terminal.until("fetching part 2 of 2")
    terminal.press("c")
    terminal.until("Cancel it (y)")
    terminal.press("y")
    terminal.until("cancelled: by the user")
    assert push.wait(PATIENCE) == 130


def test_a_daemon_that_cannot_start_says_why_in_two_lines(place: Place) -> None:
    (place.state / "control.sock" / "full").mkdir(parents=True)
    place.size = (200, 24)
    terminal = place.tui()
    assert terminal.ended() == 3
    told = terminal.text.strip().splitlines()
    assert len(told) == 2, told
    first, second = told
    assert first.startswith(f"deployer: {place.state}")
    assert ": cannot write there" in first
    assert second.startswith("Choose another directory")


def test_what_the_wire_refuses_is_said_in_the_window(place: Place) -> None:
    with socket.create_server((HERE, 0)) as other:
        port = other.getsockname()[1]
        terminal = place.tui("--ftp-port", str(port))
        terminal.until("Press  p")
        terminal.press("p")
        terminal.until("Push (Enter)")
        terminal.press(f"{payload(place.folder).name}\r")
        terminal.until(f"Port {port} on")


def test_without_a_place_for_a_socket_the_window_serves_itself(place: Place) -> None:
    place.folder = place.folder / ("x" * 100)
    place.folder.mkdir()
    terminal = place.tui()
    terminal.until("served by this window")
    terminal.press("q")
    assert terminal.ended() == 0

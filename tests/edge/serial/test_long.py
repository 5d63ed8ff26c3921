"""Transfers of hours: an adapter that is pulled out, a closed lid, the time that is left."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import random
import select
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from deployer.core.serial.transfer import TransferCancelled
from deployer.edge.serial.drive import Hooks, drive
from deployer.edge.serial.job import Progress, SerialJob
from deployer.edge.serial.port import LineGoneError
from deployer.events import Event, TransferDone, TransferStarted, TransferTick
from deployer.face.serial_meter import Meter
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.hyperterm import HyperTerminal
from deployer.sim.machine import Machine
from tests.serialwire import Direction, Wire
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 60.0
DATA = random.Random(8).randbytes(400_000)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


class Adapter:
    """A USB adapter with a name that stays, and a cable from it to a port that never goes away.

    `rate` is what the cable carries, bytes a second, away from the adapter. After `hold` bytes the
    other way it stands still, until that is 0.
    """

    def __init__(self, name: Path, rate: float, *, hold: int = 0) -> None:
        self.hold = hold
        self._came = 0
        self._name = name
        self._rate = rate
        self._far, slave = pty.openpty()
        tty.setraw(slave)
        self._slaves = [slave]
        self.far = os.ttyname(slave)
        self._near: int | None = None
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self.carried = 0
        self._thread = threading.Thread(target=self._pump, daemon=True)

    def plug_in(self) -> None:
        """It appears under its name, as another device."""
        near, slave = pty.openpty()
        tty.setraw(slave)
        with self._lock:
            self._near = near
            self._slaves.append(slave)
        self._name.symlink_to(os.ttyname(slave))

    def pull_out(self) -> None:
        """It is gone, with whatever was in it."""
        self._name.unlink()
        with self._lock:
            assert self._near is not None
            os.close(self._near)
            os.close(self._slaves.pop())
            self._near = None

    def __enter__(self) -> Adapter:
        self.plug_in()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._thread.join(10)
        for handle in (self._far, self._near, *self._slaves):
            if handle is not None:
                with contextlib.suppress(OSError):
                    os.close(handle)

    def _pump(self) -> None:
        while not self._ends.is_set():
            with self._lock, contextlib.suppress(OSError):
                near = [self._near] if self._near is not None else []
                ready = select.select([self._far, *near], [], [], 0)[0]
                if near and near[0] in ready:
                    self.carried += os.write(self._far, os.read(near[0], int(self._rate / 200)))
                if self._far in ready and not 0 < self.hold <= self._came:
                    came = os.read(self._far, 4096)
                    self._came += len(came)
                    if near:
                        os.write(near[0], came)
            time.sleep(0.005)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "DATA.BIN"
    path.write_bytes(DATA)
    return path


@pytest.mark.needs("rz", "unicorn")
def test_a_push_waits_for_its_adapter_and_ends_proved(source: Path, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    machine = Machine(Disk(tmp_path / "c"), console=QueuedConsole(lambda _line: None))
    machine.boot()
    machine.run_line("MD C:\\DEPLOY")
    name, log = tmp_path / "usb-FTDI_A50285BI-if00-port0", tmp_path / "push.log"

    def told(kind: str, **fields: object) -> list[dict[str, Any]]:
        lines = [line for line in log.read_text().splitlines() if line.endswith("}")]
        found = [event for event in map(json.loads, lines) if event["event"] == kind]
        return [e for e in found if all(e[key] == value for key, value in fields.items())]

    with Adapter(name, 150_000.0) as adapter, log.open("w") as out:
        terminal = HyperTerminal(machine, adapter.far)
        there = threading.Thread(target=terminal.receive, args=(LIMIT,), daemon=True)
        there.start()
        words = ["push", "--target", f"serial:{name}", "--flow", "none", "--no-run", "--json"]
        words += ["--state-dir", str(tmp_path / "state"), str(source)]
        push = subprocess.Popen(
            [sys.executable, "-m", "deployer", *words], stdout=out, env=ENVIRONMENT
        )
        try:
            until(lambda: told("transfer-tick", name="DATA.001"), "nothing moves")
            adapter.pull_out()
            until(lambda: told("presence-changed", present=False), "it was not noticed")
            assert "has vanished" in told("presence-changed")[0]["how"]
            assert push.poll() is None
            adapter.plug_in()
            until(lambda: told("presence-changed", present=True), "it was not found again")
            there.join(LIMIT)
            machine.run_line("C:\\DEPLOY\\GO")
            assert not (tmp_path / "c" / "DEPLOY" / "NEXT.FTP").exists()
            terminal.send("RESULT.TXT")
            assert push.wait(LIMIT) == 0
        finally:
            push.kill()
            push.wait()
            terminal.close()
        assert told("state-changed")[-1]["state"] == "proved"
        assert adapter.carried < len(DATA) * 1.1 + 60_000, "it did not begin anew"


def test_two_stopped_computers_go_on(source: Path, tmp_path: Path) -> None:
    """A closed lid on both sides."""
    words = [sys.executable, "-m", "deployer", "serial"]
    with Wire(ab=Direction(rate=150_000.0), ba=Direction(rate=150_000.0)) as cable:
        ends = [
            subprocess.Popen([*words, "receive", cable.b, "--out", str(tmp_path / "out"),
                              "--flow", "none"], env=ENVIRONMENT),
            subprocess.Popen([*words, "send", cable.a, str(source), "--flow", "none"],
                             env=ENVIRONMENT),
        ]  # fmt: skip
        try:
            until(lambda: cable.ab.taken > 100_000, "nothing moves")
            for end in ends:
                end.send_signal(signal.SIGSTOP)
            states = [Path(f"/proc/{end.pid}/stat") for end in ends]
            until(lambda: all(s.read_text().split()[2] == "T" for s in states), "not stopped")
            time.sleep(1.0)  # that long nothing happens anywhere
            for end in ends:
                end.send_signal(signal.SIGCONT)
            assert [end.wait(LIMIT) for end in ends] == [0, 0]
        finally:
            for end in ends:
                end.kill()
                end.wait()
    assert (tmp_path / "out" / "DATA.BIN").read_bytes() == DATA


class Patient:
    """A protocol that gives up when it has waited for 10 seconds of its clock."""

    want = None
    done = False
    now = 0.0

    def tick(self, now: float) -> None:
        self.now = now
        self.done = self.done or now >= 10.0

    @property
    def deadline(self) -> float:
        return 10.0

    def receive_data(self, data: bytes) -> None:
        self.done = True

    def next_event(self) -> None:
        return None

    def data_to_send(self) -> bytes:
        return b""

    def cancel(self) -> None:
        self.done = True

    def line_restored(self) -> None:
        pass


class Slow:
    """A line on which something comes at the third look; between two the clock moves by `step`."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.now = 0.0
        self.looks = 0

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        self.looks += 1
        self.now += self.step
        return b"x" if self.looks == 3 else b""

    def write(self, data: bytes) -> int:
        return len(data)

    def drop_output(self) -> None:
        pass

    def drain(self, limit: float) -> None:
        pass

    def reopen(self) -> bool:
        return True


@pytest.mark.parametrize(("step", "looks"), [(0.25, 3), (3600.0, 2)])
def test_sleep_is_nobodys_silence(step: float, looks: int) -> None:
    """An hour of sleep counts as seconds, however often; it wakes to what has come meanwhile."""
    line, machine = Slow(step), Patient()
    drive(machine, line, Hooks(lambda _event: None), clock=lambda: line.now)  # type: ignore[arg-type]
    assert line.looks >= looks
    assert machine.now <= 10.0


def test_one_hour_of_sleep_does_not_end_a_transfer() -> None:
    line, machine = Slow(0.25), Patient()
    jumps: Iterator[float] = iter([0.0, 0.0, 3600.0])
    extra = [0.0]

    def clock() -> float:
        extra[0] += next(jumps, 0.0)
        return line.now + extra[0]

    drive(machine, line, Hooks(lambda _event: None), clock=clock)  # type: ignore[arg-type]
    assert line.looks == 3, "it lived to read what came"


def test_a_clock_that_is_set_back_stops_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    wall = iter([1000.0, -5000.0, -4999.0])
    elapsed = [0.0]
    progress = Progress(SerialJob("x", emit=events.append, clock=lambda: next(wall)), upload=False)
    monkeypatch.setattr(progress, "_elapsed", lambda: elapsed[0])
    progress.started("A.BIN", 100, 0)
    elapsed[0] = 4.0
    progress.at(40)
    elapsed[0] = 10.0
    progress.done(100)
    assert [type(event) for event in events] == [TransferStarted, TransferTick, TransferDone]
    assert isinstance(events[-1], TransferDone)
    assert events[-1].seconds == 10.0


def test_the_time_without_the_adapter_is_not_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    elapsed = [0.0]
    progress = Progress(SerialJob("x", emit=events.append), upload=False)
    monkeypatch.setattr(progress, "_elapsed", lambda: elapsed[0])
    progress.started("A.BIN", 100, 0)
    for elapsed[0], gone in ((5.0, True), (3605.0, False)):
        progress.gone(gone)
    elapsed[0] = 3610.0
    progress.done(100)
    assert isinstance(events[-1], TransferDone)
    assert events[-1].seconds == 10.0


@pytest.mark.parametrize(
    ("ticks", "left"),
    [
        ([(0, 0), (10, 100_000)], "1 min 30 s left"),
        # Half as fast later on: what counts is how fast it is now.
        ([(0, 0), (10, 200_000), *((10 + n, 200_000 + 5_000 * n) for n in range(1, 41))],
         "2 min 00 s left"),
        # An hour without the adapter says nothing of the line.
        ([(0, 0), (10, 100_000), (3610, 100_000), (3620, 200_000)], "1 min 20 s left"),
    ],
)  # fmt: skip
def test_the_time_left_comes_from_the_rate_of_now(
    ticks: list[tuple[float, int]], left: str
) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    now, screen = [0.0], Screen()
    meter = Meter(screen, clock=lambda: now[0])
    meter.show(TransferStarted(0.0, "", "x", "A.BIN", 1_000_000))
    for now[0], moved in ticks:
        meter.show(TransferTick(0.0, "", "x", "A.BIN", moved, 1_000_000))
    assert screen.getvalue().endswith(left)


def test_the_driver_stops_waiting_for_a_line_when_told_to() -> None:
    """Ctrl-C while the adapter is away."""

    class Gone(Slow):
        def read(self, wait: float, *, until_writable: bool = False) -> bytes:
            raise LineGoneError("unplugged")

        def reopen(self) -> bool:
            return False

    events: list[object] = []
    stop = iter([False, False])
    hooks = Hooks(events.append, cancelled=lambda: next(stop, True))
    drive(Patient(), Gone(0.0), hooks, clock=lambda: 0.0)  # type: ignore[arg-type]
    assert events == [TransferCancelled(by_peer=False)]

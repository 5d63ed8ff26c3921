"""A push over a serial line by a running daemon: the real commands in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.hyperterm import HyperTerminal
from deployer.sim.machine import Machine
from tests.serialwire import Direction, Wire
from tests.waiting import free_port, until

pytestmark = pytest.mark.needs("unicorn", "rz")
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 60.0


@dataclass
class Place:
    """A directory of state, a cable, and the processes that the test starts."""

    path: Path
    cable: Wire
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def control(self) -> Path:
        return self.path / "control.sock"

    def start(self, *words: object, log: str) -> subprocess.Popen[str]:
        out = (self.path / log).open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", "deployer", *map(str, words)],
            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
            env={
                **os.environ, "PYTHONPATH": str(ROOT), "DEPLOYER_SOCKET": str(self.control),
                "HOME": str(self.path), "DEPLOYER_STATE_DIR": str(self.path / "state"),
            },
        )  # fmt: skip
        out.close()
        self.running.append(process)
        return process

    def serve(self, log: str = "daemon.log") -> subprocess.Popen[str]:
        """The daemon; it listens when this returns."""
        process = self.start(
            "serve", "--no-link", "--no-http", "--address", "127.0.0.1", "--ftp-port", free_port(),
            "--control", self.control, log=log,
        )  # fmt: skip
        until(lambda: "ready on" in self.log(log) or process.poll() is not None, "no daemon")
        assert process.poll() is None, self.log(log)
        return process

    def push(self, *files: object, log: str = "push.log") -> subprocess.Popen[str]:
        port = f"serial:{self.cable.a}"
        words = ["push", "--target", port, "--flow", "none", "--no-run", "--part-size", "256K"]
        return self.start(*words, "--json", *files, log=log)

    def run(self, *words: object) -> str:
        """A command to its end; what it said."""
        process = self.start(*words, log="command.log")
        process.wait(LIMIT)
        return self.log("command.log")

    @property
    def store(self) -> Path:
        """Where the daemon writes things down: root's has a place of its own."""
        return self.path / "state" / ("served" if os.geteuid() == 0 else "")

    def log(self, name: str) -> str:
        return (self.path / name).read_text()

    def events(self, name: str = "push.log") -> list[dict[str, Any]]:
        """What a face with --json has been shown so far."""
        lines = self.log(name).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def told(self, kind: str, log: str = "push.log", /, **fields: Any) -> list[dict[str, Any]]:
        found = [event for event in self.events(log) if event["event"] == kind]
        return [e for e in found if all(e[key] == value for key, value in fields.items())]

    def pc(self) -> HyperTerminal:
        """The old PC with HyperTerminal at the other end, its folder made."""
        (self.path / "c").mkdir(exist_ok=True)
        machine = Machine(Disk(self.path / "c"), console=QueuedConsole(lambda _line: None))
        machine.boot()
        machine.run_line("MD C:\\DEPLOY")
        self.machine = machine
        return HyperTerminal(machine, self.cable.b)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    # Not faster than a real line: lrzsz flushes its input right after it has spoken.
    cable = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=100_000.0))
    with cable, contextlib.ExitStack() as stack:
        place = Place(tmp_path, cable)

        def end() -> None:
            for process in place.running:
                process.kill()
                process.wait()

        stack.callback(end)
        yield place


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "DATA.BIN"
    path.write_bytes(random.Random(4).randbytes(700_000))
    return path


def finish(place: Place, pc: HyperTerminal) -> None:
    """GO, and the report."""
    place.machine.run_line("C:\\DEPLOY\\GO")
    assert not (place.path / "c" / "DEPLOY" / "NEXT.FTP").exists()
    pc.send("RESULT.TXT")


def test_the_daemon_carries_it_and_every_face_sees_it(place: Place, source: Path) -> None:
    daemon = place.serve()
    pc = place.pc()
    push = place.push(source)
    names = pc.receive(LIMIT)
    until(lambda: place.told("state-changed", state="verifying"), "not all was sent")
    status = place.run("status", "--state-dir", place.store)
    other = place.path / "OTHER.BIN"
    other.write_bytes(b"other")
    second = place.push(other, log="second.log")
    assert second.wait(LIMIT) == 3
    same = place.push(source, log="same.log")
    until(lambda: place.told("state-changed", "same.log", state="verifying"), "not taken up")
    finish(place, pc)
    pc.close()
    assert push.wait(LIMIT) == 0, place.log("push.log")
    assert same.wait(LIMIT) == 0, place.log("same.log")
    assert place.events("same.log") == [e for e in place.events() if e["event"] != "transfer-tick"]

    identity = place.events()[0]["deployment"]
    parts = sorted(p.rpartition(".")[2] for p in names if p.startswith("DATA"))
    assert parts == ["A01", "A02", "A03"]
    assert identity in status
    assert "waiting for RESULT.TXT" in status
    assert "busy" in place.log("second.log")
    assert place.told("transfer-done", name="DATA.001"), "parts have their own names in events"
    assert place.told("transfer-tick"), "bytes are seen to move"
    states = [event["state"] for event in place.told("state-changed")]
    assert states == ["waiting", "fetching", "verifying", "proved"]
    assert identity in place.run("history", "--state-dir", place.store)
    assert daemon.poll() is None


def test_cancel_reaches_the_line_and_frees_the_port(place: Place, source: Path) -> None:
    place.serve()
    place.cable.ab.rate = 30_000.0
    pc = place.pc()
    push = place.push(source)
    receiving = threading.Thread(target=pc.receive, args=(LIMIT,), daemon=True)
    receiving.start()
    until(lambda: place.told("transfer-tick", name="DATA.001"), "nothing moves")
    identity = place.events()[0]["deployment"]
    assert "is cancelled" in place.run("cancel", identity)
    assert push.wait(LIMIT) == 130
    receiving.join(LIMIT)
    assert not receiving.is_alive(), "the receiver there was not told"
    place.cable.ab.rate = 400_000.0
    again = place.start("retry", identity, "--json", log="push.log")
    pc.receive(LIMIT)
    until(lambda: place.told("state-changed", state="verifying"), "retry sent nothing")
    finish(place, pc)
    pc.close()
    assert again.wait(LIMIT) == 0, place.log("push.log")
    assert place.events()[0]["deployment"] == identity


def test_a_daemon_that_is_started_anew_sends_the_rest(place: Place, source: Path) -> None:
    daemon = place.serve()
    place.cable.ab.stall(400_000, LIMIT)  # in DATA.002, however slow this process is
    pc = place.pc()
    place.push(source)
    receiving = threading.Thread(target=pc.receive, args=(LIMIT,), daemon=True)
    receiving.start()
    until(lambda: place.told("transfer-done", name="DATA.001"), "nothing moves")
    until(lambda: place.cable.ab.stalls, "nothing of DATA.002 moves")
    daemon.send_signal(signal.SIGTERM)
    place.cable.ab.rate = 20_000.0
    place.cable.ab.blocked_until = 0.0
    assert daemon.wait(LIMIT) == 0, place.log("daemon.log")
    receiving.join(LIMIT)
    identity = place.events()[0]["deployment"]
    there = {path.name.upper() for path in (place.path / "c" / "DEPLOY").iterdir()}
    assert "DATA.A01" in there

    place.cable.ab.rate = 400_000.0
    place.serve("second.log")
    assert f"{identity} goes on" in place.log("second.log")
    rest = pc.receive(LIMIT)
    assert "DATA.A03" in rest
    assert "DATA.A01" not in rest
    until(lambda: place.told("state-changed", "second.log", state="verifying"), "not sent")
    finish(place, pc)
    pc.close()
    until(lambda: place.told("state-changed", "second.log", state="proved"), "not proved")


def test_after_a_ctrl_c_the_same_command_takes_up_watching(place: Place, source: Path) -> None:
    """As the last word of the first one says: the same command goes on there."""
    place.serve()
    pc = place.pc()
    push = place.push(source)
    pc.receive(LIMIT)
    until(lambda: place.told("state-changed", state="verifying"), "not all was sent")
    push.send_signal(signal.SIGINT)
    assert push.wait(LIMIT) == 130
    assert "the same command goes on there" in place.log("push.log")
    again = place.push(source, log="again.log")
    until(lambda: place.told("state-changed", "again.log", state="verifying"), "not taken up")
    finish(place, pc)
    pc.close()
    assert again.wait(LIMIT) == 0, place.log("again.log")
    assert place.events("again.log")[0] == place.events()[0], "it is that very deployment"


def test_without_a_daemon_another_window_may_cancel(place: Place, source: Path) -> None:
    push = place.push(source)
    until(lambda: place.told("state-changed", state="waiting"), place.log("push.log"))
    identity = place.events()[0]["deployment"]
    assert "is cancelled" in place.run("cancel", identity)
    assert push.wait(LIMIT) == 130


def test_a_port_that_is_not_there_leaves_no_trace(place: Place, source: Path) -> None:
    place.serve()
    said = place.run("push", "--target", "serial:/dev/ttyNOPE", source)
    assert "no such file" in said
    assert "deployer serial ports" in said
    assert place.run("history", "--state-dir", place.store).startswith(
        "Nothing has been pushed yet"
    )

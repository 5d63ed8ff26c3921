"""`serial terminal` on a console of its own, and a real shell with real rz and sz at the other end.

The shell has its end of the null-modem cable as a getty would give it to one.
"""

from __future__ import annotations

import contextlib
import os
import pty
import random
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

from tests.serialwire import Direction, Wire

pytestmark = pytest.mark.needs("sz", "bash", "setsid")
DATA = random.Random(77).randbytes(30_000)
LIMIT = 90.0
ROOT = Path(__file__).resolve().parents[2]


class Console:
    """A terminal window with a program in it, and the person before it."""

    def __init__(self, command: Sequence[str], cwd: Path) -> None:
        self.master, slave = pty.openpty()
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.seen = b""
        self._read = 0
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.wait()
        for handle in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(handle)

    def until(self, text: bytes) -> None:
        """Wait until this appears behind what was waited for before."""
        end = time.monotonic() + LIMIT
        while (place := self.seen.find(text, self._read)) < 0:
            left = end - time.monotonic()
            assert left > 0, f"{text!r} did not come; on the screen: {self.seen[-2000:]!r}"
            if select.select([self.master], [], [], min(left, 1.0))[0]:
                self.seen += os.read(self.master, 65536)
        self._read = place + len(text)

    def knock(self, prompt: bytes) -> None:
        """Press Enter until the shell answers: sz drops what is typed while it ends."""
        end = time.monotonic() + LIMIT
        while prompt not in self.seen[self._read :]:
            assert time.monotonic() < end, f"no prompt: {self.seen[-2000:]!r}"
            self.type(b"\r")
            if select.select([self.master], [], [], 0.5)[0]:
                self.seen += os.read(self.master, 65536)
        self._read = len(self.seen)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def ended(self) -> int:
        """The exit code; what is still written meanwhile is taken."""
        end = time.monotonic() + LIMIT
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it goes on: {self.seen[-2000:]!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)
        return self.process.returncode

    @property
    def restored(self) -> bool:
        """Whether the console is set as it was before the program came."""
        return termios.tcgetattr(self.slave) == self.before


@contextlib.contextmanager
def shell(port: str, where: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A login at the other end of the cable."""
    end = os.open(port, os.O_RDWR | os.O_NOCTTY)
    subprocess.run(["stty", "sane"], stdin=end, check=True)
    where.mkdir(exist_ok=True)
    process = subprocess.Popen(
        ["setsid", "-c", "bash", "--norc", "--noediting", "-i"],
        stdin=end, stdout=end, stderr=end, cwd=where,
        env={"PS1": "old$ ", "PATH": os.environ["PATH"], "TERM": "dumb", "HISTFILE": ""},
    )  # fmt: skip
    os.close(end)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Both:
    """The terminal's console, and the directories of the two computers."""

    def __init__(self, console: Console, here: Path, there: Path, peer: subprocess.Popen[bytes]):
        self.console = console
        self.here = here
        self.there = there
        self.peer = peer


@contextlib.contextmanager
def session(tmp_path: Path, *more: str, wire: Wire | None = None) -> Iterator[Both]:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    # Not faster than a real line: lrzsz flushes its input right after it has spoken.
    paced = Wire(ab=Direction(rate=200_000.0), ba=Direction(rate=200_000.0))
    with wire or paced as cable, shell(cable.b, there) as peer:
        words = ["serial", "terminal", cable.a, "--flow", "none", *more]
        with Console([sys.executable, "-m", "deployer", *words], here) as console:
            console.until(b"s sends a file")
            yield Both(console, here, there, peer)


def test_what_is_typed_arrives_and_what_it_says_is_shown(tmp_path: Path) -> None:
    with session(tmp_path) as both:
        both.console.type(b"echo nine is $((4+5))\r")
        both.console.until(b"nine is 9\r\n")
        both.console.type(b"\x1dq")
        assert both.console.ended() == 0
        assert both.console.restored


def test_a_file_that_the_other_side_sends_is_received_by_itself(tmp_path: Path) -> None:
    with session(tmp_path) as both:
        (both.there / "THEIRS.BIN").write_bytes(DATA)
        both.console.type(b"sz -b THEIRS.BIN; echo exit $((7*6))\r")
        both.console.until(b"received: THEIRS.BIN (30,000 bytes)")
        both.console.until(b"exit 42")
        assert (both.here / "THEIRS.BIN").read_bytes() == DATA
        both.console.type(b"sz -b THEIRS.BIN\r")
        both.console.until(b"Give --overwrite")


def test_a_file_is_sent_to_a_receiver_there(tmp_path: Path) -> None:
    with session(tmp_path, "--keep-names") as both:
        (both.here / "my file.bin").write_bytes(DATA)
        both.console.type(b"rz -b; echo exit $((7*6))\r")
        both.console.until(b"Ctrl-] then s sends one")
        both.console.type(b"\x1ds")
        both.console.until(b"file to send: ")
        both.console.type(b"'my file.bin'\r")
        both.console.until(b"my file.bin has arrived")
        both.console.until(b"exit 42")
        assert (both.there / "my file.bin").read_bytes() == DATA


def test_keys_of_all_kinds_pass_through(tmp_path: Path) -> None:
    """Arrow keys, Ctrl-C, Ctrl-D, Ctrl-Z, Ctrl-S, Escape and the escape key itself, twice typed."""
    keys = b"\x1b[A\x1b[D\x03\x04\x1a\x13\x11\x1c\x1b\x7f"
    with session(tmp_path) as both:
        both.console.type(b"stty raw -echo; echo rea''dy; head -c 12 | od -An -tx1; stty sane\r")
        both.console.until(b"ready")
        both.console.type(keys[:-2] + b"\x1d\x1d")
        both.console.until(b" 1b 5b 41 1b 5b 44 03 04 1a 13 11 1c")


def test_ctrl_c_stops_what_runs_there_and_not_the_terminal(tmp_path: Path) -> None:
    with session(tmp_path) as both:
        # it speaks itself: before the shell has started it, Ctrl-C would be the shell's own
        both.console.type(b"sh -c \"echo be''gun; exec sleep 1000\"; echo after\r")
        both.console.until(b"begun")
        both.console.type(b"\x03")
        both.console.until(b"old$ ")
        both.console.type(b"echo code $?\r")
        both.console.until(b"code 130")


def test_a_transfer_is_stopped_by_ctrl_c_and_the_shell_is_there_again(tmp_path: Path) -> None:
    slow = Wire(ab=Direction(rate=20_000.0), ba=Direction(rate=20_000.0))
    with session(tmp_path, wire=slow) as both:
        (both.there / "LONG.BIN").write_bytes(DATA * 20)
        both.console.type(b"sz -b LONG.BIN\r")
        both.console.until(b"LONG.BIN: 600,000 bytes")
        both.console.type(b"\x03")
        both.console.until(b"it goes on where it stopped.]")
        both.console.knock(b"old$ ")
        both.console.type(b"echo back $((6*7))\r")
        both.console.until(b"back 42")
        assert not (both.here / "LONG.BIN").exists()


def test_an_unknown_key_is_explained_and_a_missing_file_named(tmp_path: Path) -> None:
    with session(tmp_path) as both:
        both.console.type(b"\x1d?")
        both.console.until(b"q ends, s sends a file")
        both.console.type(b"\x1ds")
        both.console.until(b"file to send: ")
        both.console.type(b"nothing.bin\r")
        both.console.until(b"nothing.bin: there is no such file")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_the_console_as_it_was(tmp_path: Path, number: signal.Signals) -> None:
    with session(tmp_path) as both:
        assert not both.console.restored
        both.console.process.send_signal(number)
        assert both.console.ended() == 130
        assert both.console.restored


def test_an_unplugged_port_is_waited_for_and_can_be_left(tmp_path: Path) -> None:
    """The name stays, what is behind it goes: as with a by-id name and its adapter."""
    port = tmp_path / "by-id"
    here = tmp_path / "here"
    here.mkdir()
    command = [sys.executable, "-m", "deployer", "serial", "terminal", str(port), "--flow", "none"]
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Wire())
        port.symlink_to(first.a)
        console = stack.enter_context(Console(command, here))
        console.until(b"s sends a file")
        port.unlink()
        first.__exit__(None, None, None)
        console.until(b"the port has vanished")
        with Wire() as second, shell(second.b, tmp_path / "there"):
            port.symlink_to(second.a)
            console.until(b"it is back")
            console.type(b"echo nine is $((4+5))\r")
            console.until(b"nine is 9")
        port.unlink()
        console.until(b"the port has vanished")
        console.type(b"\x1dq")
        assert console.ended() == 0
        assert console.restored


def test_without_a_console_it_says_what_there_is_for_scripts(tmp_path: Path) -> None:
    with Wire() as cable:
        done = subprocess.run(
            [sys.executable, "-m", "deployer", "serial", "terminal", cable.a],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "serial send" in done.stderr

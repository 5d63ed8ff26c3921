"""A small terminal: this console's keys to the line, the line's bytes to this console.

Ctrl-] is the one key it keeps: then `q` ends it, `s` sends a file, `?` helps, Ctrl-] sends itself.
While a file moves, Ctrl-] or Ctrl-C stops that. The console is as it was before, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.core.serial import zmodem
from deployer.edge.serial.port import Flow, LineGoneError, SerialLine
from deployer.errors import DeployerError, WrongUse

ESCAPE = b"\x1d"
HELP = "Ctrl-] then: q ends, s sends a file, Ctrl-] is itself"
_TURN = 0.25
_HELD_AFTER = 3.0
"""Seconds that keys wait for the line before that is worth a word."""
_MOST_HELD = 4096
_TAIL = 64

StopAsked = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class FileWays:
    """How files move. Both return what to tell; `take` also what came after the files."""

    take: Callable[[SerialLine, bytes, StopAsked], tuple[str, bytes]]
    give: Callable[[SerialLine, Path, StopAsked], str]


def run(
    line: SerialLine, moving: FileWays, *, keys: int | None = None, screen: int | None = None
) -> None:
    """Until Ctrl-] q. Raises WrongUse when there is no console."""
    keys = sys.stdin.fileno() if keys is None else keys
    screen = sys.stdout.fileno() if screen is None else screen
    with _raw(keys, screen) as ask:
        _Terminal(line, moving, keys, screen, ask).run()


class _Ended(Exception):  # noqa: N818 - not an error
    """The user ends it, or there is no user any more."""


class _Terminal:
    def __init__(
        self,
        line: SerialLine,
        moving: FileWays,
        keys: int,
        screen: int,
        ask: Callable[[str], str],
    ) -> None:
        self._line = line
        self._moving = moving
        self._keys = keys
        self._screen = screen
        self._ask = ask
        self._escaped = False
        self._tail = b""
        self._typed = bytearray()
        self._held_since = 0.0
        self._hinted = False

    def run(self) -> None:
        """Until the user ends it or the console is gone."""
        line = self._line
        how = f"{line.port}, {line.speed} bit/s, flow {line.flow.value}"
        self._say(f"{how}; files that come are received\r\n {HELP}")
        with contextlib.suppress(_Ended):
            while True:
                try:
                    self._turn()
                except LineGoneError:
                    self._wait_back()
        with contextlib.suppress(OSError):
            self._say("the terminal is closed")

    def _turn(self) -> None:
        self._write()
        came, typed = self._wait()
        if came:
            self._show(self._line.read(0.0))
        if typed:
            self._type(self._pressed())

    def _wait(self) -> tuple[bool, bool]:
        """Whether the line and the keys have something; waits a moment for either."""
        handle = self._line.handle()
        if handle is None:
            # No select on such a port: its own waiting paces the loop.
            self._show(self._line.read(0.02))
            return False, bool(select.select([self._keys], [], [], 0)[0])
        ready = select.select([handle, self._keys], [], [], 0.02 if self._typed else _TURN)[0]
        return handle in ready, self._keys in ready

    def _pressed(self) -> bytes:
        """Raises _Ended when the console has gone away."""
        try:
            data = os.read(self._keys, 1024)
        except OSError:
            data = b""
        if not data:
            raise _Ended
        return data

    def _wait_back(self) -> None:
        self._typed.clear()
        what = "the connection was cut; trying again"
        if "://" not in self._line.port:
            what = "the port has vanished; waiting for the same adapter"
        self._say(f"{what} (Ctrl-] then q ends)")
        while not self._line.reopen():
            if select.select([self._keys], [], [], _TURN)[0]:
                self._command(self._pressed())
        self._say("it is back")

    def _command(self, data: bytes) -> None:
        """Keys while there is no line: only the one that ends it counts."""
        for number in range(len(data)):
            key = data[number : number + 1]
            if self._escaped and key in (b"q", b"Q"):
                raise _Ended
            self._escaped = key == ESCAPE

    def _show(self, data: bytes) -> None:
        if not data:
            return
        known = len(self._tail)
        heard = self._tail + data
        begin = zmodem.begins(heard)
        if begin is not None:
            self._print(heard[known : max(begin, known)])
            self._tail = b""
            self._say("the other side sends by ZMODEM; Ctrl-C stops it")
            self._do(lambda: self._received(heard[begin:]))
            return
        self._print(data)
        self._tail = heard[-_TAIL:]
        if zmodem.detect(self._tail) == "receiver" and not self._hinted:
            self._hinted = True
            self._say("the other side waits for a file: Ctrl-] then s sends one")

    def _received(self, first: bytes) -> str:
        told, rest = self._moving.take(self._line, first, self._stopped)
        self._say(f"received: {told}" if told else "nothing was received")
        self._print(rest)
        return ""

    def _type(self, data: bytes) -> None:
        for number in range(len(data)):
            key = data[number : number + 1]
            if not self._escaped:
                self._escaped = key == ESCAPE
                if not self._escaped and len(self._typed) < _MOST_HELD:
                    self._typed += key
                continue
            self._escaped = False
            match key:
                case b"q" | b"Q":
                    raise _Ended
                case b"s" | b"S":
                    self._send()
                case b"\x1d":
                    self._typed += ESCAPE
                case _:
                    self._say(HELP)

    def _write(self) -> None:
        """What was typed, as far as the line takes it; said when it takes nothing for long."""
        if not self._typed:
            return
        taken = self._line.write(bytes(self._typed))
        del self._typed[:taken]
        if taken or not self._held_since:
            self._held_since = time.monotonic()
        elif time.monotonic() - self._held_since > _HELD_AFTER:
            self._held_since = float("inf")
            cure = (
                "no CTS: nobody there, or a 3-wire cable, which needs --flow xonxoff"
                if self._line.flow is Flow.RTSCTS
                else "it has sent XOFF"
            )
            self._say(f"the other side holds the line ({cure}); what you type waits")

    def _send(self) -> None:
        named = self._ask("file to send: ")
        if len(named) > 1 and named[0] == named[-1] and named[0] in "'\"":
            named = named[1:-1]  # as file managers drop them
        if not named:
            self._say("nothing is sent")
            return
        path = Path(named).expanduser()
        if path.is_file():
            self._do(lambda: self._moving.give(self._line, path, self._stopped))
        else:
            self._say(f"{path}: there is no such file")

    def _do(self, work: Callable[[], str]) -> None:
        self._hinted = False
        try:
            told = work()
        except DeployerError as error:
            told = f"{error.what} {error.remedy}"
        if told:
            self._say(told)

    def _stopped(self) -> bool:
        """Whether the user wants a transfer to stop; other keys meanwhile are dropped."""
        if not select.select([self._keys], [], [], 0)[0]:
            return False
        pressed = self._pressed()
        return b"\x03" in pressed or ESCAPE in pressed

    def _print(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._screen, data) :]
        except OSError as error:
            raise _Ended from error

    def _say(self, text: str) -> None:
        self._print(f"\r\n[{text}]\r\n".encode(errors="replace"))


@contextmanager
def _raw(keys: int, screen: int) -> Iterator[Callable[[str], str]]:
    """The console without echo and line editing; yields a way to ask for a line of text."""
    if not os.isatty(keys) or sys.platform == "win32":
        raise WrongUse(
            what="`serial terminal` needs a console of Linux or macOS.",
            remedy="Run it in a terminal window; for scripts there are serial send and receive.",
        )
    import termios  # noqa: PLC0415 - not on Windows
    import tty  # noqa: PLC0415 - not on Windows

    before: Any = termios.tcgetattr(keys)

    def ask(prompt: str) -> str:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)
        try:
            os.write(screen, f"\r\n{prompt}".encode())
            return os.read(keys, 4096).decode(errors="surrogateescape").strip()
        except KeyboardInterrupt:
            return ""
        finally:
            tty.setraw(keys)

    with _ended_by_signals():
        tty.setraw(keys)
        try:
            yield ask
        finally:
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(keys, termios.TCSADRAIN, before)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end this as Ctrl-C would, so that the console is put right."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

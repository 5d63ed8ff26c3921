"""A small terminal: this console's keys to the line, the line's bytes to this console.

Ctrl-] is the one key it keeps: then `q` ends it, `s` sends a file, Ctrl-] sends itself.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deployer.core import zmodem
from deployer.edge.serialport import LineGoneError, SerialLine
from deployer.errors import DeployerError, WrongUse

ESCAPE = b"\x1d"


def run(
    line: SerialLine,
    *,
    take: Callable[[SerialLine, bytes], str],
    give: Callable[[SerialLine, Path], str],
    keys: int | None = None,
    screen: int | None = None,
) -> None:
    """Until Ctrl-] q. `take` receives by ZMODEM what the other side sends, `give` sends a file.

    Raises WrongUse when there is no console.
    """
    keys = sys.stdin.fileno() if keys is None else keys
    screen = sys.stdout.fileno() if screen is None else screen
    _Terminal(line, take, give, keys, screen).run()


class _Terminal:
    def __init__(
        self,
        line: SerialLine,
        take: Callable[[SerialLine, bytes], str],
        give: Callable[[SerialLine, Path], str],
        keys: int,
        screen: int,
    ) -> None:
        self._line = line
        self._take = take
        self._give = give
        self._keys = keys
        self._screen = screen
        self._escaped = False
        self._tail = b""

    def run(self) -> None:
        """Until the user ends it or the line vanishes for good."""
        self._say("Ctrl-] then q ends, s sends a file; files that come are received")
        with _raw(self._keys) as ask:
            self._ask = ask
            going = True
            while going:
                try:
                    self._show(self._line.read(0.02))
                except LineGoneError:
                    self._say("the port has vanished; waiting for the same adapter")
                    going = self._wait_back()
                going = going and self._type(_pressed(self._keys))

    def _wait_back(self) -> bool:
        while not self._line.reopen():
            if ESCAPE in _pressed(self._keys, 0.3):
                return False
        self._say("it is back")
        return True

    def _show(self, data: bytes) -> None:
        if not data:
            return
        os.write(self._screen, data)
        self._tail = (self._tail + data)[-64:]
        if zmodem.detect(self._tail) == "sender":
            first, self._tail = self._tail, b""
            self._say("the other side sends by ZMODEM")
            self._do(lambda: f"received: {self._take(self._line, first)}")

    def _type(self, data: bytes) -> bool:
        for number in range(len(data)):
            key = data[number : number + 1]
            if self._escaped:
                self._escaped = False
                if key in (b"q", b"Q"):
                    return False
                if key in (b"s", b"S"):
                    self._send()
                elif key == ESCAPE:
                    self._line.write(ESCAPE)
            elif key == ESCAPE:
                self._escaped = True
            else:
                self._line.write(key)
        return True

    def _send(self) -> None:
        path = Path(self._ask("file to send: ")).expanduser()
        if path.is_file():
            self._do(lambda: self._give(self._line, path))
        else:
            self._say(f"{path}: there is no such file")

    def _do(self, work: Callable[[], str]) -> None:
        try:
            self._say(work())
        except DeployerError as error:
            self._say(f"{error.what}. {error.remedy}")

    def _say(self, text: str) -> None:
        os.write(self._screen, f"\r\n[{text}]\r\n".encode())


def _pressed(keys: int, wait: float = 0.0) -> bytes:
    ready = select.select([keys], [], [], wait)[0]
    return os.read(keys, 1024) if ready else b""


@contextmanager
def _raw(keys: int) -> Iterator[Callable[[str], str]]:
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
            return input(prompt).strip()
        except (EOFError, KeyboardInterrupt):
            return ""
        finally:
            tty.setraw(keys)

    tty.setraw(keys)
    try:
        yield ask
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)

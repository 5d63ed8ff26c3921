"""What standard input and output of the shell can be connected with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from deployer.sim.commandcom.dialect import ShellHang
from deployer.sim.commandcom.line.text import CRLF, CTRL_Z, decode, encode
from deployer.sim.disk import File


class Console(Protocol):
    """Screen and keyboard. `readline` waits for a typed line, without its end, and shows it itself.

    It may also have `readkey(timeout: float | None) -> str`: one key, "" when the time is up.
    """

    def write(self, text: str, /) -> object:
        """Show text; CR LF ends a line."""

    def readline(self) -> str:
        """The next typed line."""


class Stream(Protocol):
    """One open handle. `device` tells DOS not to expect a length."""

    device: bool

    def read(self, count: int) -> bytes:
        """Up to `count` bytes, empty at the end."""

    def write(self, data: bytes) -> int:
        """How many of the bytes were taken; fewer when the disk is full."""

    def close(self) -> None:
        """Let go."""


class ConsoleStream:
    """CON: lines from the keyboard, text to the screen."""

    device = True

    def __init__(self, console: Console) -> None:
        self.console = console
        self._line = b""

    def read(self, count: int) -> bytes:
        """What is left of a typed line; a line that is Ctrl-Z alone is the end."""
        if not self._line:
            typed = self.console.readline()
            if typed.startswith(CTRL_Z):
                return b""
            self._line = encode(typed + CRLF)
        data, self._line = self._line[:count], self._line[count:]
        return data

    def write(self, data: bytes) -> int:
        """Everything goes to the screen."""
        self.console.write(decode(data))
        return len(data)

    def key(self, timeout: float | None = None) -> str:
        """One key; "" when `timeout` seconds pass first."""
        if self._line:
            return decode(self.read(1))
        readkey = getattr(self.console, "readkey", None)
        if readkey is not None:
            return str(readkey(timeout))
        if timeout is not None:
            return ""
        return self.console.readline()[:1] or "\r"

    def close(self) -> None:
        """The console stays."""


class NulStream:
    """NUL: empty, and takes everything."""

    device = True

    def read(self, count: int) -> bytes:  # noqa: ARG002
        """Nothing."""
        return b""

    def write(self, data: bytes) -> int:
        """Everything vanishes."""
        return len(data)

    def close(self) -> None:
        """Nothing to do."""


class FileStream:
    """A file of the disk."""

    device = False

    def __init__(self, file: File) -> None:
        self.file = file

    def read(self, count: int) -> bytes:
        """Bytes from the position on."""
        return self.file.read(count)

    def write(self, data: bytes) -> int:
        """Bytes at the position."""
        return self.file.write(data)

    def close(self) -> None:
        """Flush and close."""
        self.file.close()


class ChildStream:
    """What a shell that is another program's child got for a standard handle."""

    device = False

    def __init__(self, read: Callable[[int], bytes], write: Callable[[bytes], int]) -> None:
        self.read = read
        self.write = write

    def close(self) -> None:
        """Its parent has it."""


def read_line(stream: Stream) -> str:
    """A line from a stream as DOS's line input reads it; one that has ended hangs the shell."""
    if isinstance(stream, ConsoleStream):
        return decode(stream.read(255)).rstrip("\r\n")
    out = bytearray()
    while True:
        byte = stream.read(1)
        if not byte:
            raise ShellHang("it waits for a line from a file or pipe that has ended")
        if byte == b"\r":
            return decode(bytes(out))
        if byte != b"\n":
            out += byte

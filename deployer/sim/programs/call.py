"""What a small DOS program is given, and how it speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deployer.sim.disk import Disk


def _wait(_seconds: float) -> None:
    """Nothing to wait for."""


@dataclass(frozen=True, slots=True)
class Call:
    """One start of a program: what it was given, and where its streams lead.

    `stdin` reads up to n bytes (b"" is the end); None stands for the keyboard, which gives one
    line with its line end (b"" when nobody types any more). `screen` takes what a program says past
    every redirection; without it that goes to `stdout`.
    """

    tail: str
    disk: Disk
    cwd: str
    stdout: Callable[[bytes], None]
    keyboard: Callable[[], bytes]
    stdin: Callable[[int], bytes] | None = None
    wait: Callable[[float], None] = _wait
    ping: Callable[[str], bool] | None = None
    memory: int = 128 << 20
    screen: Callable[[bytes], None] | None = None

    def say(self, text: str) -> None:
        """Write a line."""
        self.stdout(text.encode("cp437", "replace") + b"\r\n")

    def complain(self, text: str) -> None:
        """Write a line to the screen, past a redirection of standard output."""
        (self.screen or self.stdout)(text.encode("cp437", "replace") + b"\r\n")

    def input(self) -> bytes:
        """Everything that standard input has."""
        pieces: list[bytes] = []
        while data := (self.keyboard() if self.stdin is None else self.stdin(4096)):
            pieces.append(data)
        return b"".join(pieces).split(b"\x1a")[0]


ExternalProgram = Callable[[Call], int]

"""What a shell is in the middle of: a batch file, a FOR, a pipe.

`batching`, `commands.loops` and `pipes` begin and end them; the shell only holds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deployer.sim.commandcom.dialect import ShellHang

_LONGEST = 127


@dataclass(slots=True)
class Loop:
    """One FOR that is running: its variable, the command after DO, the items still to come."""

    variable: str
    command: str
    items: Iterator[str]

    def next_command(self) -> str | None:
        """The command for the next item, None after the last."""
        item = next(self.items, None)
        if item is None:
            return None
        line = self.command.replace("%" + self.variable, item)
        if len(line) > _LONGEST:
            raise ShellHang(
                f"FOR makes a command of {len(line)} bytes; the buffer holds {_LONGEST}"
            )
        return line


@dataclass(slots=True)
class Batch:
    """One batch file that is running: where it is, its words, and what its end brings back."""

    path: str
    words: list[str]
    parent: Batch | None
    echo: int
    loop: Loop | None
    offset: int = 0
    shifted: int = 0

    def word(self, number: int) -> str | None:
        """%0 to %9, None when there is none."""
        at = number + self.shifted
        return self.words[at] if at < len(self.words) else None


@dataclass(slots=True)
class Pipe:
    """The line of a pipe and how far it has come. `files` says that the two files exist."""

    running: bool = False
    files: bool = False
    text: str = ""
    pos: int = 0
    source: str = ""
    target: str = ""

"""The one way from a line to the screen: without control characters, and folded on a terminal.

`say` is for standard output, `aside` for standard error. JSON escapes by itself: `say_json`.
"""

from __future__ import annotations

import json
import sys
from typing import TextIO

from deployer.face import text


def say(line: str = "") -> None:
    """A line, or several, for who called."""
    _write(line, sys.stdout)


def aside(line: str) -> None:
    """A line that is not the answer: progress, advice, what went wrong."""
    _write(line, sys.stderr)


def say_json(value: object) -> None:
    """One JSON object on one line."""
    raw(json.dumps(value) + "\n")


def raw(written: str) -> None:
    """What has its own ends of lines: JSON, or a table of `face.tables`."""
    sys.stdout.write(text.escaped(written))
    sys.stdout.flush()


def picture(drawn: str) -> None:
    """What this program has drawn itself, with its colours."""
    sys.stdout.write(drawn)
    sys.stdout.flush()


def _write(line: str, stream: TextIO) -> None:
    lines = line.split("\n")
    stream.write("".join(f"{text.on_screen(each, stream)}\n" for each in lines))
    stream.flush()

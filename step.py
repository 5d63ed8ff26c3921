"""Run a command that may be silent for long, and show each second that it still works.

    python step.py "what it does" COMMAND [ARGUMENT ...]

What the command writes goes through as it comes, and the command has a terminal when this has one.
While it writes nothing, a terminal shows the name of the step and its seconds behind what stands
there; elsewhere a line says so every five seconds. The exit code is the command's. It asks for
Python 3.11 alone, because it shows how everything else is installed.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import termios
import time

QUIET = 1.0
"""Seconds of silence before the time is shown on a terminal, and between two times."""
QUIET_PIPED = 5.0
"""The same where each is a line of its own."""
_KEEP, _BACK, _CLEAR = "\x1b7\x1b[?7l", "\x1b[?7h\x1b8", b"\x1b[K"
"""The cursor's place is kept, and a long line is cut at the edge instead of going on below it."""


def main(name: str, command: list[str]) -> int:
    """Run the command to its end; its exit code, 127 where it cannot be started."""
    shown = sys.stdout.isatty()
    reading, writing = os.openpty() if shown else os.pipe()
    if shown:
        termios.tcsetwinsize(writing, termios.tcgetwinsize(1))
    try:
        errors = writing if shown and sys.stderr.isatty() else None
        running = subprocess.Popen(command, stdout=writing, stderr=errors)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    os.close(writing)
    try:
        _follow(name, reading, shown)
        code = running.wait()
    except KeyboardInterrupt:
        os.close(reading)  # it was interrupted from the same keyboard, and nobody reads it now
        running.wait()
        return 130
    return code if code >= 0 else 128 - code


def _follow(name: str, reading: int, shown: bool) -> None:
    """Pass on what is written until the end of it."""
    begun, ticking, last = time.monotonic(), False, b"\n"
    while True:
        if not select.select([reading], [], [], QUIET if shown else QUIET_PIPED)[0]:
            seconds = f"{name}: {time.monotonic() - begun:.0f} s"
            if shown:
                between = "" if last == b"\n" else "  "
                _write(_CLEAR + f"{_KEEP}{between}{seconds}{_BACK}".encode())
            else:
                _write((b"" if last == b"\n" else b"\n") + f"{seconds}\n".encode())
                last = b"\n"
            ticking = shown
            continue
        data = _read(reading)
        if ticking:
            _write(_CLEAR)
            ticking = False
        if not data:
            return
        _write(data)
        last = data[-1:]


def _read(reading: int) -> bytes:
    """What came; b"" at the end, for which Linux has an error where it is a terminal."""
    try:
        return os.read(reading, 1 << 16)
    except OSError:
        return b""


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

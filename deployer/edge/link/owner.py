"""One owner per wire: a lock that dies with its process and tells whose it is.

On Linux it is a socket in the abstract namespace: that belongs to the network namespace, as the
interface does, and needs no directory. Beside it stands a second one with the owner's number in its
name, which everybody may read in /proc; nobody connects to either, since a caller whom no one
answers would wait in its queue until that is full. Elsewhere it is flock on a file in the system's
temporary directory.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import IO

from deployer.errors import WireBusy

_ENDING = 5.0
"""Seconds that a child of a killed owner has to end: it notices, but a moment later."""
_LOOK = 0.02


class Ownership:
    """The right to change one interface, until `release` or the end of the process."""

    def __init__(self, interface: str) -> None:
        """Take it. Raises WireBusy, which names the process that has it."""
        self._held: tuple[socket.socket | IO[str], ...]
        if sys.platform == "linux":
            self._held = _bind(interface)
        else:
            self._held = (_flock(interface),)

    def release(self) -> None:
        """Let the next one in."""
        for held in self._held:
            held.close()


def owner(interface: str) -> int | None:
    """The process that owns the wire on this interface; None when nobody does or it is unknown."""
    if sys.platform != "linux":
        return None
    try:
        lines = Path("/proc/self/net/unix").read_bytes().splitlines()
    except OSError:
        return None
    said = b"@" + os.fsencode(_name(interface)[1:]) + b"/"
    numbers = (line.rpartition(said)[2] for line in lines if said in line)
    return next((int(number) for number in numbers if number.isdigit()), None)


def _name(interface: str) -> str:
    return f"\0deployer.wire.{interface}"


def _bind(interface: str) -> tuple[socket.socket, ...]:
    until = time.monotonic() + _ENDING
    while True:
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            lock.bind(_name(interface))
            break
        except OSError as error:
            lock.close()
            pid = owner(interface)
            if pid is None or _lives(pid) or time.monotonic() > until:
                whose = f"process {pid}" if pid else "its process cannot be seen from here"
                raise WireBusy(interface=interface, owner=whose) from error
            time.sleep(_LOOK)
    sign = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with contextlib.suppress(OSError):
        sign.bind(f"{_name(interface)}/{os.getpid()}")  # no interface's name has a slash
    return lock, sign


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2][1] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
    except OSError:  # it is another user's
        return True


def _flock(interface: str) -> IO[str]:
    name = re.sub(r"[^A-Za-z0-9]", "_", interface)
    file = (Path(tempfile.gettempdir()) / f"deployer-wire-{name}.lock").open("a+")
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        whose = f"process {file.read().strip() or 'unknown'}"
        file.close()
        raise WireBusy(interface=interface, owner=whose) from error
    with contextlib.suppress(OSError):
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
    return file

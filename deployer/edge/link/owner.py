"""One owner per wire: a lock that dies with its process and tells whose it is.

On Linux it is a listening socket in the abstract namespace: that belongs to the network namespace,
as the interface does, needs no directory, and names its owner by SO_PEERCRED. Elsewhere it is flock
on a file in the system's temporary directory.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import sys
import tempfile
from pathlib import Path
from typing import IO

from deployer.errors import WireBusy


class Ownership:
    """The right to change one interface, until `release` or the end of the process."""

    def __init__(self, interface: str) -> None:
        """Take it. Raises WireBusy, which names the process that has it."""
        self._held: socket.socket | IO[str]
        if sys.platform == "linux":
            self._held = _bind(interface)
        else:
            self._held = _flock(interface)

    def release(self) -> None:
        """Let the next one in."""
        self._held.close()


def owner(interface: str) -> int | None:
    """The process that owns the wire on this interface; None when nobody does or it is unknown."""
    if sys.platform != "linux":
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(_name(interface))
        except OSError:
            return None
        raw = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", raw)[0])


def _name(interface: str) -> str:
    return f"\0deployer.wire.{interface}"


def _bind(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        sock.bind(_name(interface))
    except OSError as error:
        sock.close()
        pid = owner(interface)
        whose = f"process {pid}" if pid else "its process cannot be seen from here"
        raise WireBusy(interface=interface, owner=whose) from error
    sock.listen(8)
    return sock


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

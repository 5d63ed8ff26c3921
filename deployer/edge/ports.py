"""Listening sockets, opened before a process gives its privileges up."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from deployer.errors import AddressMissing, DirectoryForbidden, PortBusy, PortForbidden

_BACKLOG = 512
BY_ROOT: list[Callable[[str, int], socket.socket]] = []
"""What opens a port that this process may not, where another one of ours has root's rights."""


def bind(address: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises PortBusy, PortForbidden or AddressMissing."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        match error.errno:
            case errno.EADDRINUSE:
                raise PortBusy(port=port, address=address) from error
            case errno.EACCES | errno.EPERM if BY_ROOT:
                return BY_ROOT[0](address, port)
            case errno.EACCES | errno.EPERM:
                raise PortForbidden(port=port, address=address, python=sys.executable) from error
            case errno.EADDRNOTAVAIL:
                raise AddressMissing(address=address) from error
        raise
    return sock


def listen_unix(path: Path) -> socket.socket:
    """A listening Unix socket that only its owner may use; a dead one in its place is removed.

    Raises DirectoryForbidden, also when something else is in its place.
    """
    if path.is_symlink() or (path.exists() and not path.is_socket()):
        raise DirectoryForbidden(path=path, why="something is there that is no socket")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise DirectoryForbidden(path=path.parent, why=error.strerror or error) from error
    return sock

"""Where a daemon's control socket is, and whether one answers there.

Every command looks, so little is imported: the HTTP client of the standard library, and that only
where there is a socket.
"""

from __future__ import annotations

import json
import os
import socket as sockets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SOCKET = "control.sock"
_PLACES = (Path("/run/deployer"),)
_PATIENCE = 5.0
"""Seconds that a daemon has to say who it is."""


def find(state_dir: Path, *, system: bool = True) -> Path | None:
    """The socket of a running daemon: DEPLOYER_SOCKET, the state directory's, or the system's.

    Without `system` the system's is not asked: who names a state directory wants no other.
    """
    places = _sockets(state_dir, _PLACES if system else ())
    return next((place for place in places if answers(place)), None)


def closed(state_dir: Path) -> Path | None:
    """The socket of a daemon that this user may not ask, if there is one."""
    if not hasattr(sockets, "AF_UNIX"):
        return None
    return next((place for place in _sockets(state_dir, _PLACES) if _is_closed(place)), None)


def _sockets(state_dir: Path, others: Sequence[Path]) -> list[Path]:
    named = os.environ.get("DEPLOYER_SOCKET")
    return [Path(named)] if named else [place / SOCKET for place in (state_dir, *others)]


def _is_closed(place: Path) -> bool:
    try:
        reach(place)
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def reach(place: Path) -> None:
    """Connect to a socket and hang up; takes no time, however busy the listener is.

    Raises OSError: what keeps this user from being heard there.
    """
    with sockets.socket(sockets.AF_UNIX) as sock:
        sock.setblocking(False)
        sock.connect(str(place))


def home(state_dir: Path) -> Path:
    """Where what happened is written down: by the running daemon if there is one, else here."""
    socket = find(state_dir)
    told = _status(socket).get("state_dir") if socket is not None else None
    return Path(told) if told else state_dir


def trouble(state_dir: Path, *, system: bool = True) -> tuple[str, str] | None:
    """What keeps the running daemon from going on just now, and what to do; None when nothing."""
    socket = find(state_dir, system=system)
    match _status(socket).get("trouble") if socket is not None else None:
        case [str(what), str(remedy)]:
            return what, remedy
    return None


def answers(place: Path) -> bool:
    """Whether a daemon listens there that this user may ask; a socket may outlive its daemon."""
    return bool(_status(place))


def _status(place: Path) -> dict[str, Any]:
    """Who answers there; empty when nobody does whom this user may ask."""
    try:
        if not place.is_socket():
            return {}
        found = json.loads(_get(place, "/v1/status") or b"{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _get(place: Path, path: str) -> bytes:
    """What an HTTP server on a Unix socket answers; nothing unless all is well with it."""
    from http.client import HTTPConnection, HTTPException  # noqa: PLC0415 - most have no daemon

    with sockets.socket(sockets.AF_UNIX) as sock:
        sock.settimeout(_PATIENCE)
        sock.connect(str(place))
        asking = HTTPConnection("deployer")
        asking.sock = sock
        try:
            asking.request("GET", path)
            answer = asking.getresponse()
            return answer.read() if answer.status == 200 else b""
        except HTTPException:
            return b""

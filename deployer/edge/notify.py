"""Telling systemd how the daemon is, by the socket that it names (sd_notify(3)); else silence."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


def tell(environment: Mapping[str, str] | None = None, **fields: str | int) -> bool:
    """Send fields such as `READY=1` or `STATUS="2 deployments wait"`; whether anybody listens.

    Nothing that happens here is worth stopping for.
    """
    place = (os.environ if environment is None else environment).get("NOTIFY_SOCKET", "")
    if not place or not hasattr(socket, "AF_UNIX"):
        return False
    text = "\n".join(f"{name}={value}" for name, value in fields.items())
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
    ):
        sock.connect("\0" + place[1:] if place.startswith("@") else place)
        sock.sendall(text.encode("utf-8"))
        return True
    return False

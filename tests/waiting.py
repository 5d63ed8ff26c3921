"""Waiting for what other processes and threads do: where nothing can tell a test, it looks again.

What is waited for comes at once on a quiet machine. The patience is for a busy one.
"""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PORTS = (10_000, 32_768)
"""Linux takes the ports of outgoing connections from above: ip_local_port_range."""
PATIENCE = 100.0
"""Seconds until a test gives up. A test as a whole has 300."""


def until(
    what: Callable[[], T], why: str | Callable[[], object] = "", seconds: float = PATIENCE
) -> T:
    """The first true value of `what`. AssertionError with `why` when none came in time."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"never came: {why if isinstance(why, str) else why()}"
        time.sleep(0.01)
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that the system gives to nobody by itself."""
    while True:
        port = random.randrange(*_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

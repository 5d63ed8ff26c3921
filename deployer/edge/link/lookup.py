"""What is there, on whatever system this is."""

from __future__ import annotations

import sys

from deployer.core.wire.addresses import Interface
from deployer.edge.link import this_system


def interfaces() -> tuple[Interface, ...]:
    """Every interface but loopback."""
    return this_system().interfaces()


def neighbours(index: int) -> dict[str, str]:
    """Who has spoken on an interface lately: address -> MAC. Only Linux tells."""
    if sys.platform != "linux":
        return {}
    from deployer.edge.link import linux  # noqa: PLC0415  only Linux has netlink

    try:
        return linux.neighbours(index)
    except OSError:
        return {}

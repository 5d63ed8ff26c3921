"""What is there, on whatever system this is."""

from __future__ import annotations

import sys

from deployer.core.wire.addresses import Interface
from deployer.edge.link.system import NetworkSystem
from deployer.errors import SystemUnsupported


def this_system() -> NetworkSystem:
    """The link of the system that this runs on. Raises SystemUnsupported."""
    if sys.platform == "linux":
        from deployer.edge.link.linux import LinuxLink  # noqa: PLC0415

        return LinuxLink()
    if sys.platform == "darwin":
        from deployer.edge.link.macos import MacLink  # noqa: PLC0415

        return MacLink()
    if sys.platform == "win32":
        from deployer.edge.link.windows import WindowsLink  # noqa: PLC0415

        return WindowsLink()
    raise SystemUnsupported(system=sys.platform)


def interfaces() -> tuple[Interface, ...]:
    """Every interface but loopback."""
    return this_system().interfaces()


def neighbours(index: int, *, sure: bool = False) -> dict[str, str]:
    """Who has spoken on an interface lately: address -> MAC. Only Linux shows it."""
    if sys.platform != "linux":
        return {}
    from deployer.edge.link import linux  # noqa: PLC0415  only Linux has netlink

    try:
        return linux.neighbours(index, sure=sure)
    except OSError:
        return {}

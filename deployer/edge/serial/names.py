"""What serial ports there are, what they are called, and which of them are the same adapter."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serial.tools import list_ports


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A port and what is known of its adapter. `stable` is a name that survives replugging."""

    device: str
    title: str
    serial_number: str = ""
    vid: int | None = None
    pid: int | None = None
    stable: str = ""

    @property
    def identity(self) -> tuple[object, ...] | None:
        """What distinguishes this adapter from others; None when it has nothing of the kind."""
        if self.vid is None:
            return None
        return (self.vid, self.pid, self.serial_number)


def ports(listed: Callable[[], Sequence[Any]] = list_ports.comports) -> tuple[PortInfo, ...]:
    """The serial ports of this computer, real adapters first."""
    stable = _stable_names()
    found = []
    for port in listed():
        title = " ".join(dict.fromkeys(str(t) for t in (port.manufacturer, port.product) if t)) or (
            port.description if port.description not in (None, "n/a") else ""
        )
        found.append(
            PortInfo(
                device=port.device,
                title=_plain(title),
                serial_number=_plain(port.serial_number or ""),
                vid=port.vid,
                pid=port.pid,
                stable=stable.get(port.device, ""),
            )
        )
    return tuple(sorted(found, key=lambda info: (info.vid is None, info.device)))


def _plain(text: str) -> str:
    """An adapter's strings are whatever its maker burnt in."""
    return "".join(c if c.isprintable() else "?" for c in text)[:80].strip()


def _stable_names(directory: Path = Path("/dev/serial/by-id")) -> dict[str, str]:
    if not directory.is_dir():
        return {}
    return {str(link.resolve()): str(link) for link in sorted(directory.iterdir())}


def identity_of(
    port: str, known: Callable[[], Sequence[PortInfo]] = ports
) -> tuple[object, ...] | None:
    """What distinguishes the adapter of a port's name from others."""
    device = str(Path(port).resolve()) if port.startswith("/") else port
    return next((info.identity for info in known() if info.device == device), None)


def find_again(
    port: str,
    identity: tuple[object, ...] | None,
    known: Callable[[], Sequence[PortInfo]] = ports,
) -> str | None:
    """Where the adapter is now; None while it is not plugged in.

    Replugged, an adapter may get another device name; another adapter may have got its old one.
    """
    if "://" in port:
        return port
    if identity is not None:
        return next((info.device for info in known() if info.identity == identity), None)
    if port.startswith("/"):
        return port if Path(port).exists() else None
    return port


MAKERS = {
    0x0403: "FTDI",
    0x067B: "Prolific PL2303",
    0x10C4: "Silicon Labs CP210x",
    0x1A86: "WCH CH340",
    0x04D8: "Microchip",
    0x2341: "Arduino",
}
"""USB vendors of most adapters."""


def advice(info: PortInfo) -> str:
    """What is worth knowing about an adapter; "" when nothing is."""
    if info.vid == 0x1A86:
        return (
            "CH340 clones often have no working RTS/CTS: if `serial test` says so, use "
            "--flow xonxoff"
        )
    if info.vid == 0x067B:
        return "old PL2303 clones lose bytes above 57600 bit/s: if that happens, use --speed 38400"
    if info.vid == 0x2341:
        return "this is an Arduino, not an RS-232 adapter: its 5 V lines do not drive a COM port"
    return ""


def device_of(port: str) -> str:
    """The name by which a port is opened: `ttyUSB0` is /dev/ttyUSB0 where that is there."""
    short = sys.platform != "win32" and port and "/" not in port
    return f"/dev/{port}" if short and Path("/dev", port).exists() else port


def is_locked(port: str, locks: Path = Path("/var/lock")) -> bool:
    """Whether a running program has left a lock for the port, as minicom and pppd do."""
    try:
        text = (locks / f"LCK..{Path(port).resolve().name}").read_text(errors="replace")
    except OSError:
        return False
    owner = text.split()[0] if text.split() else ""
    return owner.isdigit() and int(owner) != os.getpid() and Path("/proc", owner).exists()

"""ARP on the wire by a packet socket: who has an address? Linux, and the right CAP_NET_RAW."""

from __future__ import annotations

import contextlib
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from deployer.core.wire import arp
from deployer.core.wire.arp import Arp

_ETH_P_ARP = 0x0806
_LATE = 256
"""Packets that may lie there when the time is over: about as many as a socket holds."""


@dataclass(frozen=True, slots=True)
class ProbeTiming:
    """How often to ask and how long to listen after each question, in seconds.

    RFC 5227 waits up to 9 s, for networks with thousands of machines. On one cable an answer takes
    a millisecond, and a person waits.
    """

    probes: int = 3
    interval: float = 0.2
    last: float = 0.4


def available() -> bool:
    """Whether this process may listen and speak ARP."""
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0):
        return True
    return False


def who_has(
    interface: str, mac: str, ip: str, *, sender_ip: str = "", patience: ProbeTiming | None = None
) -> str | None:
    """The MAC of the machine that has `ip` on this interface's wire; None when nobody says so.

    Without `sender_ip` it is a probe of RFC 5227, which also sees that somebody is about to take
    the address. Raises PermissionError without the right, OSError when the interface is down.
    """
    patience = patience or ProbeTiming()
    frame = arp.request(mac, sender_ip, ip) if sender_ip else question(mac, ip)
    with listen(interface) as sock:
        for number in range(patience.probes):
            sock.send(frame)
            final = number == patience.probes - 1
            until = time.monotonic() + (patience.last if final else patience.interval)
            found = _listen(sock, ip, mac, until, strict=bool(sender_ip))
            if found:
                return found
    return None


def listen(interface: str) -> socket.socket:
    """A socket that hears all ARP on an interface's wire. Raises PermissionError, OSError."""
    if sys.platform != "linux":
        raise PermissionError("no packet sockets on this system")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.bind((interface, _ETH_P_ARP))
    except OSError:
        sock.close()
        raise
    return sock


question = arp.probe


def heard(sock: socket.socket) -> Iterator[Arp]:
    """What has come so far; it does not wait. Raises OSError when the interface is down."""
    for _ in range(_LATE):
        try:
            message = arp.parse(sock.recv(2048, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return
        if message is not None:
            yield message


def countdown(until: float) -> Iterator[float]:
    """Seconds left to listen; and when they are over, 0 for what has come before that.

    An answer that came in time counts, however late a busy computer looks; but only so many, since
    on a noisy wire something comes all the time.
    """
    while (left := until - time.monotonic()) > 0:
        yield left
    for _ in range(_LATE):
        yield 0.0


def _listen(sock: socket.socket, ip: str, mac: str, until: float, *, strict: bool) -> str | None:
    for left in countdown(until):
        ready, _, _ = select.select([sock], [], [], left)
        if not ready:
            return None
        message = arp.parse(sock.recv(2048))
        if message is None or not arp.claims(message, ip, mac):
            continue
        if strict and message.sender_ip != ip:
            continue
        return message.sender_mac
    return None

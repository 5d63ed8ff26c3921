"""Reaching the target: ICMP echo, with ARP as the second witness.

ICMP goes by a datagram socket, which needs no privilege where the system allows it; else by a raw
one; else the system's own ping is run. Only neighbours are asked: a target that stands in no subnet
of ours gets no packet, since it would leave by the way to the internet.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import itertools
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from deployer.core.wire import addresses
from deployer.core.wire.addresses import Interface
from deployer.core.wire.presence import (
    Answered,
    NoCarrier,
    NotOnWire,
    NotThere,
    Presence,
    PresenceChange,
    PresenceVerdict,
    SilentButThere,
    observe,
)
from deployer.edge.link import arp
from deployer.edge.link.lookup import this_system

_ECHO, _ECHO_REPLY = 8, 0
_DISCARD = 9
_NUMBERS = itertools.count(1)
_PAYLOAD = b"deployer"


@functools.cache
def _asking(process: int) -> ThreadPoolExecutor:  # noqa: ARG001  what it is remembered by
    """Threads of their own: many absent targets make nobody wait who reads a file.

    A forked process has none of its parent's threads, and a pool that has lost them waits for ever.
    """
    return ThreadPoolExecutor(4, "ping")


def probe(
    target: str,
    *,
    timeout: float = 1.0,
    interfaces: Callable[[], tuple[Interface, ...]] | None = None,
    patience: arp.ProbeTiming | None = None,
) -> PresenceVerdict:
    """Whether the target is there, within `timeout` seconds for ICMP and ARP's patience after."""
    if ipaddress.IPv4Address(target).is_loopback:
        rtt = echo(target, timeout)
        return NotThere() if rtt is None else Answered(rtt)
    beside = addresses.beside((interfaces or this_system().interfaces)(), target)
    if beside is None:
        return NotOnWire()
    if not beside.carrier:
        return NoCarrier(beside.name)
    rtt = echo(target, timeout)
    if rtt is not None:
        return Answered(rtt, _remembered(beside, target))
    sender = next(a.ip for a in beside.addresses if a.reaches(target))
    try:
        mac = arp.who_has(beside.name, beside.mac, target, sender_ip=sender, patience=patience)
    except PermissionError:
        return _by_the_kernel(beside, target, timeout)
    except OSError:
        return NoCarrier(beside.name)
    return SilentButThere(mac) if mac else NotThere(arp=arp.available())


def echo(target: str, timeout: float) -> float | None:
    """The round-trip time in seconds, or None. Tries the ways that this user has, in order."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            sock = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP)
        except OSError:
            continue
        with sock:
            return _exchange(sock, target, timeout)
    return _system_ping(target, timeout)


def _exchange(sock: socket.socket, target: str, timeout: float) -> float | None:
    """One echo request and its reply. The kernel sets the identifier of a datagram socket."""
    number = next(_NUMBERS) & 0xFFFF
    identifier = os.getpid() & 0xFFFF
    start = time.monotonic()
    try:
        sock.sendto(_request(identifier, number), (target, 0))
    except OSError:
        return None
    for left in arp.countdown(start + timeout):
        ready, _, _ = select.select([sock], [], [], left)
        if not ready:
            return None
        try:
            data, (peer, _port) = sock.recvfrom(2048)
        except OSError:
            return None
        if peer == target and _is_reply(data, number):
            return time.monotonic() - start
    return None


def _request(identifier: int, number: int) -> bytes:
    body = struct.pack("!BBHHH", _ECHO, 0, 0, identifier, number) + _PAYLOAD
    return body[:2] + struct.pack("!H", _checksum(body)) + body[4:]


def _checksum(data: bytes) -> int:
    """RFC 1071: the ones' complement of the sum in ones' complement."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _is_reply(data: bytes, number: int) -> bool:
    if data[:1] and data[0] >> 4 == 4:  # raw sockets, and macOS, hand over the IP header too
        data = data[(data[0] & 15) * 4 :]
    if len(data) < 8:
        return False
    kind, _, _, _, sequence = struct.unpack_from("!BBHHH", data)
    return kind == _ECHO_REPLY and sequence == number and data[8:].startswith(_PAYLOAD)


def _system_ping(target: str, timeout: float) -> float | None:
    words = system_words(sys.platform, target, timeout)
    program = shutil.which(words[0])
    if program is None:
        return None
    start = time.monotonic()
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [program, *words[1:]], capture_output=True, timeout=timeout + 2, check=False
        )
        if done.returncode == 0:
            return parse_system(done.stdout.decode("utf-8", "replace"), time.monotonic() - start)
    return None


def parse_system(text: str, elapsed: float) -> float | None:
    """The round-trip time in what the system's ping printed, in any language; else `elapsed`.

    Windows ends with 0 also when a router says that there is no way; only replies tell a TTL.
    """
    if "ttl=" not in text.lower():
        return None
    found = re.search(r"[=<]\s*(\d+(?:[.,]\d+)?)\s*ms", text)
    return float(found[1].replace(",", ".")) / 1000 if found else elapsed


def system_words(system: str, target: str, timeout: float) -> list[str]:
    """The system's own ping, once: Linux counts its patience in seconds, the others in ms."""
    if system == "win32":
        return ["ping", "-n", "1", "-w", f"{timeout * 1000:.0f}", target]
    if system == "darwin":
        return ["ping", "-c", "1", "-W", f"{timeout * 1000:.0f}", target]
    return ["ping", "-c", "1", "-W", f"{max(1, round(timeout))}", target]


def _by_the_kernel(beside: Interface, target: str, timeout: float) -> PresenceVerdict:
    """The verdict of a user who may send neither ICMP nor ARP: what a datagram brings about.

    A closed port is refused by a machine that is there; and the kernel, asking by ARP for its sake,
    remembers who answered.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout)
        refused = False
        try:
            asking.connect((target, _DISCARD))
            asking.send(b"\0")
            asking.recv(1)
        except ConnectionRefusedError:
            refused = True
        except OSError:
            pass  # silence, or no route: the kernel's table decides
    mac = _remembered(beside, target, sure=not refused)
    return SilentButThere(mac) if refused or mac else NotThere(arp=False)


def _remembered(beside: Interface, target: str, *, sure: bool = False) -> str:
    """The target's MAC as the kernel's table has it, or ""."""
    if sys.platform != "linux":
        return ""
    from deployer.edge.link.linux import neighbours  # noqa: PLC0415  only Linux has netlink

    try:
        return neighbours(beside.index, sure=sure).get(target, "")
    except OSError:
        return ""


async def watch(
    target: str,
    *,
    interval: float = 1.0,
    patience: int = 3,
    ask: Callable[[str], PresenceVerdict] = probe,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[tuple[float, PresenceChange, PresenceVerdict], None]:
    """Every time that the target appears, vanishes or returns, until the caller stops listening."""
    seen = Presence(patience=patience)
    loop = asyncio.get_running_loop()
    while True:
        try:
            verdict = await loop.run_in_executor(_asking(os.getpid()), ask, target)
        except OSError:  # the interface comes or goes this very moment: ask again
            await sleep(interval)
            continue
        seen, change = observe(seen, verdict, clock())
        if change is not None:
            yield clock(), change, verdict
        await sleep(interval)

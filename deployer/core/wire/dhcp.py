"""DHCP for the PCs on one wire: messages as values, and who has which address as a fold over them.

RFC 2131 and 2132, as far as an old PC needs them: an address, a mask and how long it has them.
There is no router, no name server and no WINS server on the wire, and none is named: a PC would
wait a minute for each. What is sent when, and over which socket, is somebody else's business.
"""

from __future__ import annotations

import enum
import ipaddress
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from deployer.core.wire.addresses import Address

_FIXED = struct.Struct("!4BIHH4s4s4s4s16s192s4s")
_COOKIE = b"\x63\x82\x53\x63"
_ASKS, _ANSWERS, _ETHERNET, _MAC = 1, 2, 1, 6
_BROADCAST = 0x8000
_LEAST = 300
"""Bytes of the shortest message: BOOTP relays, and some clients, throw shorter ones away."""
_NOBODY = "0.0.0.0"
_PAD, _END, _OVERLOAD = 0, 255, 52
_MASK, _NAME, _WANTED_IP, _SECONDS, _KIND, _SERVER = 1, 12, 50, 51, 53, 54
_ASKED_FOR, _RENEW, _REBIND, _VENDOR = 55, 58, 59, 60


class DhcpKind(enum.IntEnum):
    """What a message is (RFC 2132, option 53)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


@dataclass(frozen=True, slots=True)
class DhcpMessage:
    """One message. Addresses are "" where the message has none, `seconds` is 0.

    `current` is what the client has already (ciaddr), `given` what it gets (yiaddr), `wanted` what
    it asks for (option 50). `vendor` and `asked_for` tell which system it is: Windows 98 says
    "MSFT 98", its second edition "MSFT 5.0".
    """

    kind: DhcpKind
    number: int
    mac: str
    current: str = ""
    given: str = ""
    wanted: str = ""
    server: str = ""
    name: str = ""
    vendor: str = ""
    asked_for: bytes = b""
    mask: str = ""
    seconds: int = 0
    broadcast: bool = False


# ---- bytes


def parse(data: bytes) -> DhcpMessage | None:
    """The message in a datagram; None for anything else. Never raises."""
    if len(data) < _FIXED.size:
        return None
    op, hardware, length, _hops, number, _secs, flags, *rest = _FIXED.unpack_from(data)
    current, given, _next, _relay, mac, boot, cookie = rest
    if (hardware, length, cookie) != (_ETHERNET, _MAC, _COOKIE) or op not in (_ASKS, _ANSWERS):
        return None
    options = _options(data[_FIXED.size :])
    if options.get(_OVERLOAD, b"\0")[-1] & 1:  # what did not fit stands where a file's name may be
        options |= _options(boot[64:])
    kind = options.get(_KIND, b"")
    if len(kind) != 1 or kind[0] not in set(DhcpKind):
        return None
    return DhcpMessage(
        kind=DhcpKind(kind[0]),
        number=number,
        mac=mac[:_MAC].hex(":"),
        current=_ip(current),
        given=_ip(given),
        wanted=_ip(options.get(_WANTED_IP, b"")),
        server=_ip(options.get(_SERVER, b"")),
        name=_text(options.get(_NAME, b"")),
        vendor=_text(options.get(_VENDOR, b"")),
        asked_for=options.get(_ASKED_FOR, b""),
        mask=_ip(options.get(_MASK, b"")),
        seconds=_seconds(options.get(_SECONDS, b"")),
        broadcast=bool(flags & _BROADCAST),
    )


def encode(message: DhcpMessage) -> bytes:
    """The datagram of a message."""
    answers = message.kind in (DhcpKind.OFFER, DhcpKind.ACK, DhcpKind.NAK)
    fixed = _FIXED.pack(
        _ANSWERS if answers else _ASKS, _ETHERNET, _MAC, 0, message.number, 0,
        _BROADCAST if message.broadcast else 0,
        _packed(message.current), _packed(message.given), bytes(4), bytes(4),
        bytes.fromhex(message.mac.replace(":", "")), b"", _COOKIE,
    )  # fmt: skip
    options = b"".join(
        bytes((code, len(value))) + value for code, value in _values(message) if value
    )
    return (fixed + options + bytes((_END,))).ljust(_LEAST, b"\0")


def _values(message: DhcpMessage) -> Iterator[tuple[int, bytes]]:
    yield _KIND, bytes((message.kind,))
    for code, address in (
        (_SERVER, message.server), (_WANTED_IP, message.wanted), (_MASK, message.mask),
    ):  # fmt: skip
        yield code, _packed(address) if address else b""
    if message.seconds:
        for code, part in ((_SECONDS, 1.0), (_RENEW, 0.5), (_REBIND, 0.875)):
            yield code, struct.pack("!I", int(message.seconds * part))
    yield _NAME, message.name.encode("latin-1", "replace")[:255]
    yield _VENDOR, message.vendor.encode("latin-1", "replace")[:255]
    yield _ASKED_FOR, message.asked_for[:255]


def _options(data: bytes) -> dict[int, bytes]:
    """Options by their code; one that comes twice is one value in two pieces (RFC 3396)."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        value = data[at + 2 : at + 2 + length]
        if len(value) == length:
            found[data[at]] = found.get(data[at], b"") + value
        at += 2 + length
    return {code: value for code, value in found.items() if value}


def _ip(raw: bytes) -> str:
    return str(ipaddress.IPv4Address(raw)) if len(raw) == 4 and any(raw) else ""


def _packed(ip: str) -> bytes:
    return ipaddress.IPv4Address(ip or _NOBODY).packed


def _text(raw: bytes) -> str:
    """What a PC calls itself; some count the zero at the end."""
    return raw.rstrip(b"\0").decode("latin-1")


def _seconds(raw: bytes) -> int:
    return int.from_bytes(raw, "big") if len(raw) == 4 else 0


# ---- who has which address


@dataclass(frozen=True, slots=True)
class DhcpLease:
    """A PC's address, until when, in seconds of the clock that `answer` is given; its name."""

    mac: str
    ip: str
    until: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class DhcpPool:
    """What there is to give, and who has it.

    `ours` is this computer's address with its subnet. `fixed` are addresses that a user has given
    to a MAC. `leases` are by MAC; one that has run out still says what that PC had before.
    `avoided` are addresses that a PC has found to be somebody else's, until when.
    """

    ours: Address
    fixed: Mapping[str, str] = field(default_factory=dict)
    leases: Mapping[str, DhcpLease] = field(default_factory=dict)
    avoided: Mapping[str, float] = field(default_factory=dict)
    seconds: int = 86_400
    patience: float = 60.0
    """Seconds for which an offer is kept, and an address that was declined is avoided tenfold."""


def answer(pool: DhcpPool, message: DhcpMessage, at: float) -> tuple[DhcpPool, DhcpMessage | None]:
    """The pool after a message, and what is answered.

    Nothing is answered to a PC that takes another server's offer, or has an address that is not
    from here: another server may be about to answer. So a PC is never told that its address is
    wrong (NAK) unless it takes our own offer with another address than was offered.
    """
    match message.kind:
        case DhcpKind.DISCOVER:
            return _offer(pool, message, at)
        case DhcpKind.REQUEST:
            return _grant(pool, message, at)
        case DhcpKind.INFORM:
            told = replace(_reply(pool, message, DhcpKind.ACK), seconds=0)
            return pool, told if pool.ours.reaches(message.current or _NOBODY) else None
        case DhcpKind.DECLINE if message.server == pool.ours.ip and message.wanted:
            avoided = {**pool.avoided, message.wanted: at + 10 * pool.patience}
            return replace(_without(pool, message.mac), avoided=avoided), None
        case DhcpKind.RELEASE if message.server == pool.ours.ip:
            lease = pool.leases.get(message.mac)
            if lease is None or lease.ip != message.current:
                return pool, None
            return _with(pool, replace(lease, until=at)), None
        case _:
            return pool, None


def rival(pool: DhcpPool, message: DhcpMessage) -> str | None:
    """The address of another server on the wire, when a message shows that there is one.

    It is that server's own, or a PC takes that server's offer.
    """
    if message.kind not in (DhcpKind.OFFER, DhcpKind.ACK, DhcpKind.REQUEST):
        return None
    return message.server if message.server not in ("", pool.ours.ip) else None


# ---- what is told


@dataclass(frozen=True, slots=True)
class DhcpStatus:
    """Whether addresses are given on an interface's wire.

    `refused` is before the first one, `stopped` after it: another server, at the address `rival`
    with the network card `mac` ("" where it is not known), or what `why` says.
    """

    state: Literal["serving", "refused", "stopped"]
    interface: str
    rival: str = ""
    mac: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class DhcpGrant:
    """A PC has got an address for so many seconds; what it calls itself, and its system."""

    mac: str
    ip: str
    name: str
    vendor: str
    seconds: int


def _offer(pool: DhcpPool, message: DhcpMessage, at: float) -> tuple[DhcpPool, DhcpMessage | None]:
    ip = _free(pool, message, at)
    if ip is None:
        return pool, None
    before = pool.leases.get(message.mac)
    held = before is not None and before.ip == ip and before.until > at + pool.patience
    until = before.until if before is not None and held else at + pool.patience
    pool = _with(pool, DhcpLease(message.mac, ip, until, message.name))
    return pool, replace(_reply(pool, message, DhcpKind.OFFER), given=ip)


def _grant(pool: DhcpPool, message: DhcpMessage, at: float) -> tuple[DhcpPool, DhcpMessage | None]:
    """A PC takes an offer, comes back after a restart, or wants its address for longer."""
    lease = pool.leases.get(message.mac)
    if message.server not in ("", pool.ours.ip):  # it takes another's offer, and not ours
        return (_without(pool, message.mac) if lease is not None else pool), None
    wanted = message.wanted or message.current
    if lease is None or lease.ip != wanted or not _usable(pool, message.mac, wanted, at):
        refused = replace(_reply(pool, message, DhcpKind.NAK), mask="", seconds=0)
        return pool, refused if message.server == pool.ours.ip else None
    name = message.name or lease.name
    pool = _with(pool, DhcpLease(message.mac, wanted, at + pool.seconds, name))
    return pool, replace(_reply(pool, message, DhcpKind.ACK), given=wanted)


def _reply(pool: DhcpPool, message: DhcpMessage, kind: DhcpKind) -> DhcpMessage:
    """To everybody on the wire: Windows 98 does not hear what is sent to it alone before it has
    an address, and does not say so.
    """
    return DhcpMessage(
        kind=kind,
        number=message.number,
        mac=message.mac,
        server=pool.ours.ip,
        current=message.current if kind == DhcpKind.ACK else "",
        mask=str(pool.ours.network.netmask),
        seconds=pool.seconds,
        broadcast=True,
    )


def _free(pool: DhcpPool, message: DhcpMessage, at: float) -> str | None:
    """What a PC gets: what a user has given it, had before, asks for, or the first free one."""
    before = pool.leases.get(message.mac)
    liked = (pool.fixed.get(message.mac, ""), before.ip if before else "", message.wanted)
    for ip in (*liked, *map(str, pool.ours.network.hosts())):
        if ip and _usable(pool, message.mac, ip, at):
            return ip
    return None


def _usable(pool: DhcpPool, mac: str, ip: str, at: float) -> bool:
    """Whether a PC can have an address: in our subnet, not ours, and nobody else's."""
    network = pool.ours.network
    ends = (str(network.network_address), str(network.broadcast_address))
    if not pool.ours.reaches(ip) or ip in (pool.ours.ip, *ends):
        return False
    others = (own for theirs, own in pool.fixed.items() if theirs != mac)
    taken = (each.ip for each in pool.leases.values() if each.mac != mac and each.until > at)
    return ip not in others and ip not in taken and pool.avoided.get(ip, at) <= at


def _with(pool: DhcpPool, lease: DhcpLease) -> DhcpPool:
    """The pool with a lease; who had that address before, and has it no more, is forgotten."""
    kept = {mac: each for mac, each in pool.leases.items() if each.ip != lease.ip}
    return replace(pool, leases={**kept, lease.mac: lease})


def _without(pool: DhcpPool, mac: str) -> DhcpPool:
    return replace(pool, leases={m: each for m, each in pool.leases.items() if m != mac})

"""UDP that goes by on the wire, whoever it is for, by a packet socket. Linux, and CAP_NET_RAW.

The kernel lets nothing through but UDP over IPv4 to the ports that are asked for, so that a
transfer at full speed costs nothing here.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ETH_P_IP = 0x0800
_SO_ATTACH_FILTER = 26
_UDP = 17
_MOST = 256
_EVERYBODY = b"\xff" * 6
_IP = struct.Struct("!BBHHHBBH4s4s")
_HEAD = struct.Struct("!4H")
_LD_BYTE, _LD_HALF, _LD_HALF_X, _LDX_HEADER = 0x30, 0x28, 0x48, 0xB1
_JUMP_EQUAL, _JUMP_SET, _RETURN = 0x15, 0x45, 0x06


@dataclass(frozen=True, slots=True)
class Datagram:
    """One that went by: from which network card and address, to which address and port."""

    mac: str
    source: str
    target: str
    port: int
    data: bytes


def capture(interface: str, ports: Sequence[int]) -> socket.socket:
    """A socket that hears all UDP to these ports on an interface's wire.

    Raises PermissionError without the right, OSError when there is no such interface.
    """
    if sys.platform != "linux":
        raise PermissionError(errno.EPERM, "no packet sockets on this system")
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    try:
        _let_through(sock, ports)
        sock.bind((interface, _ETH_P_IP))
    except OSError:
        sock.close()
        raise
    return sock


def heard(sock: socket.socket) -> Iterator[Datagram]:
    """What has come so far; it does not wait. Raises OSError when the interface is down."""
    for _ in range(_MOST):
        try:
            packet, where = sock.recvfrom(2048, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        found = _datagram(packet, bytes(where[4]))
        if found is not None:
            yield found


def send(sock: socket.socket, interface: str, data: bytes, *, port: int, source_port: int) -> None:
    """To everybody on the wire, from a machine that has no address yet. Raises OSError."""
    length = _HEAD.size + len(data)
    head = (0x45, 0, _IP.size + length, 0, 0, 64, _UDP)
    ends = (bytes(4), b"\xff" * 4)
    total = _checksum(_IP.pack(*head, 0, *ends))
    packet = _IP.pack(*head, total, *ends) + _HEAD.pack(source_port, port, length, 0) + data
    sock.sendto(packet, (interface, _ETH_P_IP, 0, 0, _EVERYBODY))


def _datagram(packet: bytes, mac: bytes) -> Datagram | None:
    """None for what is no whole UDP datagram."""
    if len(packet) < _IP.size:
        return None
    first, *_between, kind, _sum, source, target = _IP.unpack_from(packet)
    start = (first & 15) * 4
    if first >> 4 != 4 or kind != _UDP or len(packet) < start + _HEAD.size:
        return None
    _from, port, length, _check = _HEAD.unpack_from(packet, start)
    data = packet[start + _HEAD.size : start + length]
    return Datagram(mac.hex(":"), socket.inet_ntoa(source), socket.inet_ntoa(target), port, data)


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _let_through(sock: socket.socket, ports: Sequence[int]) -> None:
    """A program for the kernel: first fragments of UDP over IPv4 to these ports."""
    many = len(ports)
    program = [
        (_LD_BYTE, 0, 0, 9),
        (_JUMP_EQUAL, 0, 4 + many, _UDP),
        (_LD_HALF, 0, 0, 6),
        (_JUMP_SET, 2 + many, 0, 0x1FFF),
        (_LDX_HEADER, 0, 0, 0),
        (_LD_HALF_X, 0, 0, 2),
        *((_JUMP_EQUAL, many - number, 0, port) for number, port in enumerate(ports)),
        (_RETURN, 0, 0, 0),
        (_RETURN, 0, 0, 0xFFFF),
    ]
    code = b"".join(struct.pack("=HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(code, len(code))
    where = struct.pack("@HP", len(program), ctypes.addressof(held))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, where)

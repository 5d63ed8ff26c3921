"""Who may be served, as the kernel says: by which interface a connection came, and whose it is.

The wire's servers listen on one address, but Linux takes packets for it on every interface, and
every user of this computer can call it. So a connection must have come by the interface that has
the address, and one from this computer itself must be of the same user, or of root. Systems that
cannot be asked let it pass: there the address, the login and its token decide alone.
"""

from __future__ import annotations

import array
import ipaddress
import os
import socket
import struct
import sys
from pathlib import Path

_IP_PKTINFO, _IP_PKTOPTIONS = 8, 9
_SIOCGIFCONF = 0x8912
_IFREQ = 40 if sys.maxsize > 2**32 else 32
_MOST_ADDRESSES = 1024


def admitted(sock: socket.socket) -> bool:
    """Whether whoever has connected may be served. False when the connection is gone already."""
    if sys.platform != "linux" or sock.family != socket.AF_INET:
        return True
    try:
        ours, port = sock.getsockname()
        theirs, their_port = sock.getpeername()
        if theirs == ours or ipaddress.ip_address(theirs).is_loopback:
            return owner((theirs, their_port), (ours, port)) in (0, os.geteuid())
        return _interface_of_arrival(sock) in _interfaces_with(ours)
    except (OSError, ValueError):
        return False


def owner(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """The user who has a connection of this computer open; None when nobody has.

    A connection that its program has closed already belongs to nobody: the kernel shows root.
    """
    wanted = f"{_hexadecimal(*local)} {_hexadecimal(*remote)}"
    with Path("/proc/net/tcp").open(encoding="ascii") as table:
        for line in table:
            if wanted in line:
                fields = line.split()
                return int(fields[7]) if fields[9] != "0" else None
    return None


def _hexadecimal(address: str, port: int) -> str:
    """As /proc/net/tcp has it: the address in the processor's order of bytes."""
    (number,) = struct.unpack("=I", socket.inet_aton(address))
    return f"{number:08X}:{port:04X}"


def _interface_of_arrival(sock: socket.socket) -> int:
    """The number of the interface by which the other side's handshake came."""
    sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    told = sock.getsockopt(socket.IPPROTO_IP, _IP_PKTOPTIONS, 256)
    at = struct.calcsize("Nii")  # the header of a control message; its data is an in_pktinfo
    (index,) = struct.unpack_from("i", told, at)
    return int(index)


def _interfaces_with(address: str) -> frozenset[int]:
    """The numbers of the interfaces that have an IPv4 address."""
    import fcntl  # noqa: PLC0415 - Windows has none

    room = array.array("B", bytes(_IFREQ * _MOST_ADDRESSES))
    where, length = room.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        told = fcntl.ioctl(asked.fileno(), _SIOCGIFCONF, struct.pack("iP", length, where))
    data = room.tobytes()[: struct.unpack_from("i", told)[0]]
    wanted, found = socket.inet_aton(address), set()
    for at in range(0, len(data), _IFREQ):
        name = data[at : at + 16].partition(b"\0")[0].partition(b":")[0]
        if data[at + 20 : at + 24] == wanted:
            found.add(socket.if_nametoindex(os.fsdecode(name)))
    return frozenset(found)

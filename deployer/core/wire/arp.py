"""ARP on Ethernet: frames as values, and what they say about an address (RFC 826, RFC 5227)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

_HEADER = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_ETHERTYPE = 0x0806
_ETHERNET, _IPV4 = 1, 0x0800
_BROADCAST = b"\xff" * 6
_NOBODY = "0.0.0.0"
REQUEST, REPLY = 1, 2


@dataclass(frozen=True, slots=True)
class Arp:
    """What an ARP frame says. MACs as `02:00:00:00:00:01`."""

    operation: int
    sender_mac: str
    sender_ip: str
    target_ip: str


def request(mac: str, sender_ip: str, target_ip: str) -> bytes:
    """A broadcast question who has `target_ip`, from us."""
    own = bytes.fromhex(mac.replace(":", ""))
    sender, target = (ipaddress.IPv4Address(ip).packed for ip in (sender_ip, target_ip))
    return _HEADER.pack(
        _BROADCAST, own, _ETHERTYPE, _ETHERNET, _IPV4, 6, 4, REQUEST, own, sender, bytes(6), target
    )


def probe(mac: str, ip: str) -> bytes:
    """RFC 5227's probe: a question without a sender's address, so that nobody's table changes."""
    return request(mac, _NOBODY, ip)


def parse(frame: bytes) -> Arp | None:
    """The ARP message in an Ethernet frame; None for anything else."""
    if len(frame) < _HEADER.size:
        return None
    fields = _HEADER.unpack_from(frame)
    if fields[2:7] != (_ETHERTYPE, _ETHERNET, _IPV4, 6, 4) or fields[7] not in (REQUEST, REPLY):
        return None
    return Arp(fields[7], _mac(fields[8]), _ip(fields[9]), _ip(fields[11]))


def claims(message: Arp, ip: str, own_mac: str) -> bool:
    """Whether somebody else has `ip`, or is about to take it (RFC 5227, section 2.1.1)."""
    if message.sender_mac == own_mac.lower():
        return False
    probing = message.operation == REQUEST and message.sender_ip == _NOBODY
    return message.sender_ip == ip or (probing and message.target_ip == ip)


def _mac(raw: bytes) -> str:
    return raw.hex(":")


def _ip(raw: bytes) -> str:
    return str(ipaddress.IPv4Address(raw))

"""Which PC has which address, kept beside the note of how to undo: one JSON file per interface.

It appears whole or not at all. A damaged one is as none: each PC asks for its own address again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from deployer.core.wire.addresses import as_file_name
from deployer.core.wire.dhcp import DhcpLease
from deployer.edge import files


def read(state_dir: Path, interface: str) -> Mapping[str, DhcpLease]:
    """The leases of an interface's wire, by MAC."""
    try:
        data = _path(state_dir, interface).read_bytes()
        return {lease.mac: lease for lease in msgspec.json.decode(data, type=list[DhcpLease])}
    except (OSError, msgspec.MsgspecError):
        return {}


def write(state_dir: Path, interface: str, leases: Mapping[str, DhcpLease]) -> None:
    """Keep them. A full disk loses what is remembered, and nothing else."""
    data = msgspec.json.format(msgspec.json.encode(list(leases.values())))
    with contextlib.suppress(OSError):
        files.write_atomically(_path(state_dir, interface), data + b"\n")


def _path(state_dir: Path, interface: str) -> Path:
    return state_dir / f"wire-{as_file_name(interface)}.leases.json"

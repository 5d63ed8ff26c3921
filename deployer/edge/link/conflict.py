"""Looking for what stands in the way: reads, asks the wire by ARP, and changes nothing."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from deployer.core.wire import addresses, conflicts, firewall, firewall_rules
from deployer.core.wire.addresses import Address, Diagnosis, Interface
from deployer.core.wire.conflicts import Listener, Walls
from deployer.core.wire.firewall import Ruleset
from deployer.edge.link import arp
from deployer.edge.link.owner import owner

_LISTEN = "0A"
_PATIENCE = 10.0


def find(
    interfaces: tuple[Interface, ...],
    chosen: Interface,
    address: Address,
    *,
    target: str = "",
    host_route: bool = False,
    patience: arp.ProbeTiming | None = None,
) -> tuple[Diagnosis, ...]:
    """Every conflict with `address` on the wire of `chosen`; nothing on a healthy one."""
    peer = target or addresses.neighbour_of(address)
    packets = firewall.needed(chosen.name, address.ip, peer)
    return (
        *conflicts.duplicate(address, duplicate(chosen, address, patience)),
        *conflicts.subnet(interfaces, chosen.name, address, host_route=host_route),
        *conflicts.servers(tuple(_foreign(chosen, address)), address.ip, ()),
        *conflicts.walls(walls(), packets),
        *conflicts.cables(interfaces, chosen.name),
    )


def duplicate(
    chosen: Interface, address: Address, patience: arp.ProbeTiming | None = None
) -> str | None:
    """The MAC of another machine on the wire that has our address; None without a live cable."""
    if not chosen.carrier:
        return None
    with contextlib.suppress(OSError):
        return arp.who_has(chosen.name, chosen.mac, address.ip, patience=patience)
    return None


def between(
    interfaces: tuple[Interface, ...], chosen: Interface, address: Address, target: str
) -> tuple[Diagnosis, ...]:
    """What loses packets between `target` and `address`, which is set: a network, a firewall."""
    return (
        *conflicts.subnet(interfaces, chosen.name, address, host_route=address.prefix == 32),
        *conflicts.walls(walls(), firewall.needed(chosen.name, address.ip, target)),
    )


def _foreign(chosen: Interface, address: Address) -> Iterator[Listener]:
    """Who listens besides us: this process, and the one that owns the wire with its child.

    That one may be somebody else's, so that its number cannot be seen: then it is known by the
    address, since only the wire's owner has it.
    """
    holder = owner(chosen.name)
    for each in listeners():
        hidden = holder is not None and not each.pid and each.ip == address.ip
        if not hidden and not {each.pid, _parent(each.pid)} & {os.getpid(), holder}:
            yield each


def _parent(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        found = re.search(r"^PPid:\t(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return int(found[1]) if found else None
    return None


def listeners() -> Iterator[Listener]:
    """Who listens for TCP connections on this computer (Linux; elsewhere nobody is seen)."""
    if sys.platform != "linux":
        return
    found = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/self/net/{name}").read_text(encoding="ascii")
            found += parse_sockets(text)
    wanted = {inode for _, port, inode in found if port in (conflicts.FTP, conflicts.HTTP)}
    owners = _owners(wanted) if wanted else {}
    for ip, port, inode in found:
        program, pid = owners.get(inode, ("", 0))
        yield Listener(ip, port, program, pid)


def parse_sockets(text: str) -> list[tuple[str, int, str]]:
    """Listening sockets in the text of /proc/net/tcp or tcp6: (address, port, inode)."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            raw, _, port = fields[1].partition(":")
            found.append((_proc_address(raw), int(port, 16), fields[9]))
    return found


def _proc_address(raw: str) -> str:
    """The kernel prints addresses as words in the machine's byte order."""
    words = [int(raw[i : i + 8], 16) for i in range(0, len(raw), 8)]
    data = struct.pack(f"={len(words)}I", *words)
    if len(words) == 1:
        return socket.inet_ntoa(data)
    text = socket.inet_ntop(socket.AF_INET6, data)
    return text.removeprefix("::ffff:")


def _owners(inodes: set[str]) -> dict[str, tuple[str, int]]:
    """Program and process of socket inodes, as far as this user may see."""
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            for handle in (process / "fd").iterdir():
                link = re.fullmatch(r"socket:\[(\d+)\]", str(handle.readlink()))
                if link and link[1] in inodes:
                    name = (process / "comm").read_text(encoding="utf-8").strip()
                    found[link[1]] = (name, int(process.name))
    return found


def walls() -> Walls:
    """The firewalls that are active on this computer."""
    if sys.platform != "linux":
        return Walls()
    unread: list[str] = []
    saved = _iptables(unread)
    nft = _nft(unread, with_iptables=bool(saved))
    rulesets = tuple(r for r in (nft, *saved) if r is not None and r.chains)
    hooked = [c for r in rulesets for c in r.chains if c.hook]
    names = list(_names(c for r in rulesets for c in r.chains))
    if unread:
        names += [n for n in _claimed() if n not in names]
    if not names and any(c.rules or c.policy == "drop" for c in hooked):
        names = sorted({c.owner for c in hooked if c.rules or c.policy == "drop"})
    return Walls(tuple(names), rulesets, "; ".join(unread))


def _names(chains: Iterable[firewall.Chain]) -> Iterator[str]:
    """Which program wrote the rules, as its names for chains and tables tell."""
    all_chains = list(chains)
    if any(c.name.startswith("ufw-") for c in all_chains):
        yield "ufw"
    if any(c.owner.endswith(" firewalld") for c in all_chains):
        yield "firewalld"


def _claimed() -> Iterator[str]:
    """Firewalls whose own files say that they are on, for users who may not read the rules."""
    with contextlib.suppress(OSError):
        if re.search(r"^ENABLED=yes", Path("/etc/ufw/ufw.conf").read_text("utf-8"), re.MULTILINE):
            yield "ufw"
    if Path("/run/firewalld").is_dir():
        yield "firewalld"


def _nft(unread: list[str], *, with_iptables: bool) -> Ruleset | None:
    """The rules of nftables, without the tables that iptables wrote and shows better itself."""
    text = _output(["nft", "-j", "list", "ruleset"], unread)
    if text is None:
        return None
    try:
        rules = firewall_rules.parse_nft(text)
    except (ValueError, KeyError, TypeError) as error:
        unread.append(f"nft: {error}")
        return None
    if not with_iptables:
        return rules
    return Ruleset(tuple(c for c in rules.chains if c.owner != "nftables table ip filter"))


def _iptables(unread: list[str]) -> tuple[Ruleset, ...]:
    """The rules of iptables, of both kinds: the one in nftables, and the old one where in use."""
    programs = ["iptables-nft-save"] if shutil.which("iptables-nft-save") else ["iptables-save"]
    with contextlib.suppress(OSError):  # asking it when it is not in use would load it
        if Path("/proc/self/net/ip_tables_names").read_text(encoding="ascii").strip():
            programs.append("iptables-legacy-save")
    texts = [_output([program], unread) for program in programs]
    return tuple(firewall_rules.parse_iptables(text) for text in texts if text is not None)


def _output(words: list[str], unread: list[str]) -> str | None:
    """What a program says; None when it is not installed or refuses, which `unread` then says."""
    program = shutil.which(words[0]) or shutil.which(words[0], path="/usr/sbin:/sbin")
    if program is None:
        return None
    if os.geteuid() != 0:
        unread.append("only root may read them")
        return None
    try:
        done = subprocess.run(
            [program, *words[1:]], capture_output=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        unread.append(f"{words[0]}: {error}")
        return None
    if done.returncode:
        return None
    return done.stdout.decode("utf-8", "replace")

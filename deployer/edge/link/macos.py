"""The wire on macOS, by ifconfig and route; networksetup shows which interface is what.

The address is an alias: it lies beside what the system's settings say, which are not changed, and a
restart takes it away. Tested on the tools' published outputs; not yet on a real Mac.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from deployer.core.wire.addresses import Address, Interface
from deployer.edge.link import commands
from deployer.edge.link.system import Change
from deployer.errors import LinkFailed

PORTS = ("networksetup", "-listallhardwareports")
INTERFACES = ("ifconfig", "-a")
DEFAULT = ("route", "-n", "get", "default")
BOOT = ("sysctl", "-n", "kern.bootsessionuuid")

_WIRELESS = ("wi-fi", "airport")
_NO_CABLE = ("bluetooth", "thunderbolt bridge", "iphone", "firewire")


class MacLink(commands.ByCommands):
    """See `NetworkSystem`."""

    system = "macOS"
    tried = False
    boot_words = BOOT

    def __init__(
        self,
        run: commands.RunCommand = commands.run,
        number: Callable[[str], int] = socket.if_nametoindex,
    ) -> None:
        """`number` is the kernel's of an interface, which ifconfig does not print."""
        super().__init__(run, apply_words, revert_words)
        self._number = number

    def interfaces(self) -> tuple[Interface, ...]:
        """Every interface but loopback, as it is now."""
        ports = parse_ports(self._run(PORTS))
        try:
            default = parse_default(self._run(DEFAULT))
        except LinkFailed:  # "not in table": there is no way to the internet
            default = ("", "")
        found = parse_interfaces(self._run(INTERFACES), ports, default)
        return tuple(replace(each, index=self._numbered(each)) for each in found)

    def _numbered(self, interface: Interface) -> int:
        try:
            return self._number(interface.name)
        except OSError:  # it went this very moment
            return interface.index


def apply_words(interface: str, change: Change) -> tuple[str, ...]:
    """The command line that makes a change."""
    match change.kind:
        case "up":
            return ("ifconfig", interface, "up")
        case "address":
            ip, mask = commands.ip_and_mask(change.value)
            return ("ifconfig", interface, "inet", ip, "netmask", mask, "alias")
        case "route":
            target = change.value.split(" ")[0]
            return ("route", "-n", "add", "-host", target, "-interface", interface)
    return ()


def revert_words(interface: str, change: Change) -> tuple[str, ...]:
    """The command line that takes a change back."""
    match change.kind:
        case "up":
            return ("ifconfig", interface, "down")
        case "address":
            return ("ifconfig", interface, "inet", commands.ip_and_mask(change.value)[0], "-alias")
        case "route":
            target = change.value.split(" ")[0]
            return ("route", "-n", "delete", "-host", target, "-interface", interface)
    return ()


def parse_ports(text: str) -> dict[str, str]:
    """Device -> name of the hardware port, from `networksetup -listallhardwareports`."""
    found = re.findall(r"^Hardware Port: (.*)\nDevice: (\S+)$", text, re.MULTILINE)
    return {device: port for port, device in found}


def parse_default(text: str) -> tuple[str, str]:
    """Interface and gateway of the default route, from `route -n get default`; "" for none."""
    fields = dict(re.findall(r"^\s*(\w+): (\S+)$", text, re.MULTILINE))
    return fields.get("interface", ""), fields.get("gateway", "")


def parse_interfaces(
    text: str, ports: Mapping[str, str], default: tuple[str, str]
) -> tuple[Interface, ...]:
    """The interfaces in the output of `ifconfig -a`, numbered as they stand there."""
    found = []
    for index, (name, flags, body) in enumerate(_blocks(text), 1):
        if "LOOPBACK" in flags:
            continue
        port = ports.get(name, "").lower()
        carries = name == default[0]
        up = "UP" in flags
        found.append(
            Interface(
                name=name,
                index=index,
                mac=_first(r"^\s+ether (\S+)", body),
                up=up,
                carrier=up and _first(r"^\s+status: (.+)$", body) == "active",
                addresses=tuple(_addresses(body)),
                default_route=carries,
                gateways=(default[1],) if carries and default[1] else (),
                wireless=port.startswith(_WIRELESS),
                virtual=not port or port.startswith(_NO_CABLE),
                speed=_speed(body),
                duplex=_first(r"<.*?(full|half)-duplex", body),
            )
        )
    return tuple(found)


def _blocks(text: str) -> Iterator[tuple[str, list[str], str]]:
    for match in re.finditer(r"^(\S+): flags=\w+<([^>]*)>.*\n((?:\s.*\n?)*)", text, re.MULTILINE):
        yield match[1], match[2].split(","), match[3]


def _addresses(body: str) -> Iterator[Address]:
    for ip, mask in re.findall(r"^\s+inet (\S+).*? netmask 0x([0-9a-f]{8})", body, re.MULTILINE):
        yield Address(ip, int(mask, 16).bit_count())


def _speed(body: str) -> int | None:
    number = _first(r"^\s+media: .*?(\d+)base", body)
    return int(number) if number else None


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else ""

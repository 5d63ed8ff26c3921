"""The wire on Windows 10 and 11: PowerShell shows what is there, netsh changes it.

All changes go to the active store, which a restart empties. An interface with DHCP keeps it:
Windows is told that a static address may stand beside. Tested on its words; not yet on a real
Windows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.core.wire.addresses import Address, Interface
from deployer.edge.link import commands
from deployer.edge.link.system import Change
from deployer.errors import LinkFailed

_SCRIPT = (
    "[Console]::OutputEncoding=[Text.Encoding]::UTF8;"
    "ConvertTo-Json -Depth 3 @{"
    "adapters=@(Get-NetAdapter -IncludeHidden:$false|Select-Object Name,ifIndex,Status,"
    "MacAddress,Virtual,NdisPhysicalMedium,Speed,FullDuplex);"
    "addresses=@(Get-NetIPAddress -AddressFamily IPv4|Select-Object ifIndex,IPAddress,"
    "PrefixLength);"
    "routes=@(Get-NetRoute -ErrorAction SilentlyContinue -DestinationPrefix '0.0.0.0/0','::/0'|"
    "Select-Object ifIndex,NextHop);"
    "dhcp=@(Get-NetIPInterface -AddressFamily IPv4 -Dhcp Enabled "
    "-ErrorAction SilentlyContinue|Select-Object ifIndex)}"
)
LOOK = ("powershell", "-NoProfile", "-NonInteractive", "-Command", _SCRIPT)
BOOT = (
    "powershell",
    "-NoProfile",
    "-NonInteractive",
    "-Command",
    "(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToFileTimeUtc()",
)

_WIRELESS_LAN, _WIRELESS_WAN, _BLUETOOTH = 9, 8, 10
"""NDIS_PHYSICAL_MEDIUM of ntddndis.h; a cable is 14 (802.3), a USB adapter often 0."""


class WindowsLink(commands.ByCommands):
    """See `NetworkSystem`."""

    system = "Windows"
    tried = False
    boot_words = BOOT

    def __init__(self, run: commands.RunCommand = commands.run) -> None:
        super().__init__(run, apply_words, revert_words)

    def interfaces(self) -> tuple[Interface, ...]:
        """Every interface but loopback, as it is now."""
        return parse_interfaces(self._run(LOOK))

    def before_address(self, interface: Interface) -> Iterator[Change]:
        """With DHCP, a static address must be allowed beside it."""
        if interface.index in parse_dhcp(self._run(LOOK)):
            yield Change("coexist")


def apply_words(interface: str, change: Change) -> tuple[str, ...]:
    """The command line that makes a change."""
    return _words(interface, change, "enabled", "add")


def revert_words(interface: str, change: Change) -> tuple[str, ...]:
    """The command line that takes a change back."""
    return _words(interface, change, "disabled", "delete")


def _words(interface: str, change: Change, state: str, verb: str) -> tuple[str, ...]:
    """`netsh` for both directions: they differ in one word, and in the mask of a new address."""
    ipv4 = ("netsh", "interface", "ipv4")
    match change.kind:
        case "up":
            return ("netsh", "interface", "set", "interface", f"name={interface}", f"admin={state}")
        case "coexist":
            return (*ipv4, "set", "interface", f"interface={interface}",
                    f"dhcpstaticipcoexistence={state}", "store=active")  # fmt: skip
        case "address":
            address, mask = commands.ip_and_mask(change.value)
            width = (f"mask={mask}",) if verb == "add" else ()
            return (*ipv4, verb, "address", f"name={interface}", f"address={address}", *width,
                    "store=active")  # fmt: skip
        case "route":
            target = change.value.split(" ")[0]
            return (*ipv4, verb, "route", f"prefix={target}/32", f"interface={interface}",
                    "store=active")  # fmt: skip
    return ()


def parse_interfaces(text: str) -> tuple[Interface, ...]:
    """The interfaces in what PowerShell printed. Raises LinkFailed when that is no JSON."""
    seen = _parse(text)
    default: dict[int, tuple[str, ...]] = {}
    for route in seen["routes"]:
        default[route["ifIndex"]] = (*default.get(route["ifIndex"], ()), route["NextHop"])
    return tuple(_interface(adapter, seen, default) for adapter in seen["adapters"])


def parse_dhcp(text: str) -> frozenset[int]:
    """Indexes of the interfaces that get their address by DHCP."""
    return frozenset(each["ifIndex"] for each in _parse(text)["dhcp"])


def _interface(
    adapter: Mapping[str, Any], seen: Mapping[str, Any], default: Mapping[int, tuple[str, ...]]
) -> Interface:
    index, status = adapter["ifIndex"], adapter["Status"]
    medium = adapter.get("NdisPhysicalMedium") or 0
    connected = status == "Up"
    speed = adapter.get("Speed") or 0
    return Interface(
        name=adapter["Name"],
        index=index,
        mac=(adapter.get("MacAddress") or "").replace("-", ":").lower(),
        up=status in ("Up", "Disconnected"),
        carrier=connected,
        addresses=tuple(
            Address(a["IPAddress"], a["PrefixLength"])
            for a in seen["addresses"]
            if a["ifIndex"] == index
        ),
        default_route=index in default,
        gateways=tuple(hop for hop in default.get(index, ()) if hop not in ("0.0.0.0", "::")),
        wireless=medium in (_WIRELESS_LAN, _WIRELESS_WAN),
        virtual=bool(adapter.get("Virtual")) or medium == _BLUETOOTH,
        speed=speed // 1_000_000 if connected and speed else None,
        duplex={True: "full", False: "half"}.get(adapter.get("FullDuplex") or False, "")
        if connected
        else "",
    )


def _parse(text: str) -> dict[str, Any]:
    try:
        seen = json.loads(text)
        return {name: seen.get(name) or [] for name in ("adapters", "addresses", "routes", "dhcp")}
    except (ValueError, AttributeError) as error:
        why = "PowerShell did not list the interfaces"
        raise LinkFailed(interface="powershell", why=why) from error

"""macOS and Windows: what is said to their programs, and how their answers are read.

No such system is at hand, so nothing here proves that the wire works there; `deployer doctor` says
the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from deployer.core.wire.addresses import Address
from deployer.edge.link import arp, lease, macos, ping, windows
from deployer.edge.link.macos import MacLink
from deployer.edge.link.system import Change, NetworkSystem
from deployer.edge.link.windows import WindowsLink
from deployer.errors import LinkFailed

ADDRESS = Address("192.168.1.1", 24)

HARDWARE_PORTS = """
Hardware Port: Ethernet
Device: en0
Ethernet Address: a8:20:66:31:95:57

Hardware Port: Wi-Fi
Device: en1
Ethernet Address: 8c:2d:aa:33:03:e9

Hardware Port: USB 10/100/1000 LAN
Device: en5
Ethernet Address: 00:1e:10:1f:00:01

Hardware Port: Bluetooth PAN
Device: en4
Ethernet Address: 8c:2d:aa:33:03:ea

Hardware Port: Thunderbolt Bridge
Device: bridge0
Ethernet Address: N/A

VLAN Configurations
===================
"""

IFCONFIG = """\
lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\toptions=1203<RXCSUM,TXCSUM,TXSTATUS,SW_TIMESTAMP>
\tinet 127.0.0.1 netmask 0xff000000
\tinet6 ::1 prefixlen 128
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\toptions=50b<RXCSUM,TXCSUM,VLAN_HWTAGGING,AV,CHANNEL_IO>
\tether a8:20:66:31:95:57
\tinet6 fe80::1c8a:1b2c:3d4e:5f60%en0 prefixlen 64 secured scopeid 0x4
\tinet 169.254.33.44 netmask 0xffff0000 broadcast 169.254.255.255
\tnd6 options=201<PERFORMNUD,DAD>
\tmedia: autoselect (100baseTX <full-duplex,flow-control>)
\tstatus: active
en1: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tether 8c:2d:aa:33:03:e9
\tinet 10.0.1.7 netmask 0xffffff00 broadcast 10.0.1.255
\tmedia: autoselect
\tstatus: active
en5: flags=8822<BROADCAST,SMART,SIMPLEX,MULTICAST> mtu 1500
\tether 00:1e:10:1f:00:01
\tmedia: autoselect (none)
\tstatus: inactive
bridge0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tether 32:00:1b:25:92:c0
\tstatus: inactive
utun0: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1380
\tinet6 fe80::aaaa:bbbb:cccc:dddd%utun0 prefixlen 64 scopeid 0xf
"""

ROUTE = """\
   route to: default
destination: default
       mask: default
    gateway: 10.0.1.1
  interface: en1
      flags: <UP,GATEWAY,DONE,STATIC,PRCLONING,GLOBAL>
 recvpipe  sendpipe  ssthresh  rtt,msec    rttvar  hopcount      mtu     expire
       0         0         0         0         0         0      1500         0
"""

POWERSHELL = json.dumps(
    {
        "adapters": [
            {
                "Name": "Wi-Fi", "ifIndex": 12, "Status": "Up", "Virtual": False,
                "MacAddress": "8C-2D-AA-33-03-E9", "NdisPhysicalMedium": 9,
                "Speed": 866700000, "FullDuplex": None,
            },
            {
                "Name": "Ethernet 2", "ifIndex": 7, "Status": "Up", "Virtual": False,
                "MacAddress": "00-1E-10-1F-00-01", "NdisPhysicalMedium": 14,
                "Speed": 100000000, "FullDuplex": True,
            },
            {
                "Name": "Ethernet", "ifIndex": 9, "Status": "Disconnected", "Virtual": False,
                "MacAddress": "00-1E-10-1F-00-02", "NdisPhysicalMedium": 14,
                "Speed": 0, "FullDuplex": None,
            },
            {
                "Name": "vEthernet (WSL)", "ifIndex": 40, "Status": "Up", "Virtual": True,
                "MacAddress": "00-15-5D-01-02-03", "NdisPhysicalMedium": 0,
                "Speed": 10000000000, "FullDuplex": True,
            },
        ],
        "addresses": [
            {"ifIndex": 12, "IPAddress": "192.168.178.20", "PrefixLength": 24},
            {"ifIndex": 7, "IPAddress": "169.254.1.2", "PrefixLength": 16},
            {"ifIndex": 1, "IPAddress": "127.0.0.1", "PrefixLength": 8},
        ],
        "routes": [{"ifIndex": 12, "NextHop": "192.168.178.1"}],
        "dhcp": [{"ifIndex": 12}, {"ifIndex": 7}],
    }
)  # fmt: skip


class Said:
    """A system's programs: answers with texts of the real ones, and remembers what was said."""

    def __init__(self, answers: dict[Sequence[str], str], wire: str) -> None:
        self.answers = answers
        self.wire = wire
        self.commands: list[str] = []
        self.has_address = False

    def __call__(self, words: Sequence[str]) -> str:
        if words in self.answers:
            answer = self.answers[words]
            return self.with_address(answer) if self.has_address else answer
        self.commands.append(" ".join(words))
        if "alias" in words or "add address" in " ".join(words):
            self.has_address = True
        if "-alias" in words or "delete address" in " ".join(words):
            self.has_address = False
        return ""

    def with_address(self, text: str) -> str:
        if text.startswith("{"):
            seen = json.loads(text)
            ours = {"ifIndex": 7, "IPAddress": "192.168.1.1", "PrefixLength": 24}
            seen["addresses"].append(ours)
            return json.dumps(seen)
        line = "\tinet 192.168.1.1 netmask 0xffffff00 broadcast 192.168.1.255\n"
        place = "\tnd6 options=201<PERFORMNUD,DAD>\n"
        return text.replace(place, line + place)


def mac() -> tuple[NetworkSystem, Said]:
    said = Said(
        {
            macos.PORTS: HARDWARE_PORTS, macos.INTERFACES: IFCONFIG, macos.DEFAULT: ROUTE,
            macos.BOOT: "6E4B1F5C-0000-4000-8000-000000000001\n",
        },
        "en0",
    )  # fmt: skip
    numbers = {"en0": 4, "en1": 6, "en5": 9, "bridge0": 11, "utun0": 12}
    return MacLink(said, numbers.__getitem__), said


def win() -> tuple[NetworkSystem, Said]:
    said = Said({windows.LOOK: POWERSHELL, windows.BOOT: "133800000000000000\n"}, "Ethernet 2")
    return WindowsLink(said), said


def test_macos_interfaces_are_read() -> None:
    link, _ = mac()
    found = {i.name: i for i in link.interfaces()}
    assert set(found) == {"en0", "en1", "en5", "bridge0", "utun0"}
    assert (found["en0"].speed, found["en0"].duplex, found["en0"].carrier) == (100, "full", True)
    assert found["en0"].addresses == (Address("169.254.33.44", 16),)
    assert found["en1"].wireless
    assert found["en1"].default_route
    assert found["en1"].gateways == ("10.0.1.1",)
    assert (found["en5"].up, found["en5"].carrier, found["en5"].wired) == (False, False, True)
    assert found["bridge0"].virtual
    assert found["utun0"].virtual


def test_windows_interfaces_are_read() -> None:
    link, _ = win()
    found = {i.name: i for i in link.interfaces()}
    assert found["Ethernet 2"].mac == "00:1e:10:1f:00:01"
    assert (found["Ethernet 2"].speed, found["Ethernet 2"].duplex) == (100, "full")
    assert (found["Ethernet"].up, found["Ethernet"].carrier) == (True, False)
    assert found["Wi-Fi"].wireless
    assert found["Wi-Fi"].gateways == ("192.168.178.1",)
    assert found["vEthernet (WSL)"].virtual


STORIES = {
    "macOS": (
        mac,
        "en0",
        [
            "ifconfig en0 inet 192.168.1.1 netmask 255.255.255.0 alias",
            "ifconfig en0 inet 192.168.1.1 -alias",
        ],
    ),
    "Windows": (
        win,
        "Ethernet 2",
        [
            "netsh interface ipv4 set interface interface=Ethernet 2 "
            "dhcpstaticipcoexistence=enabled store=active",
            "netsh interface ipv4 add address name=Ethernet 2 address=192.168.1.1 "
            "mask=255.255.255.0 store=active",
            "netsh interface ipv4 delete address name=Ethernet 2 address=192.168.1.1 store=active",
            "netsh interface ipv4 set interface interface=Ethernet 2 "
            "dhcpstaticipcoexistence=disabled store=active",
        ],
    ),
}


@pytest.mark.parametrize("system", STORIES)
def test_the_cable_is_found_set_and_given_back(system: str, tmp_path: Path) -> None:
    make, name, expected = STORIES[system]
    link, said = make()
    nobody_is_asked = arp.ProbeTiming(probes=0)
    held = lease.up(lease.LeaseRequest(ADDRESS, patience=nobody_is_asked), tmp_path, link=link)
    assert held.interface == name
    held.release()
    assert said.commands == expected
    assert not list(tmp_path.glob("*.json"))


VPN = """utun7: flags=8051<UP,POINTOPOINT,RUNNING,MULTICAST> mtu 1380
\tinet 10.200.0.2 --> 10.200.0.1 netmask 0xffffffff
"""


def test_a_mac_knows_its_interface_again_when_another_comes_before_it(tmp_path: Path) -> None:
    _, said = mac()
    numbers = {"en0": 4, "en1": 6, "en5": 9, "bridge0": 11, "utun0": 12, "utun7": 13}
    link = MacLink(said, numbers.__getitem__)
    nobody_is_asked = arp.ProbeTiming(probes=0)
    held = lease.up(lease.LeaseRequest(ADDRESS, patience=nobody_is_asked), tmp_path, link=link)
    said.answers[macos.INTERFACES] = VPN + IFCONFIG
    held.release()
    assert said.commands[-1] == "ifconfig en0 inet 192.168.1.1 -alias"


WORDS = [
    (macos, "up", "", "ifconfig en5 up", "ifconfig en5 down"),
    (
        macos, "route", "192.168.1.2 192.168.1.1",
        "route -n add -host 192.168.1.2 -interface en5",
        "route -n delete -host 192.168.1.2 -interface en5",
    ),
    (
        windows, "up", "",
        "netsh interface set interface name=en5 admin=enabled",
        "netsh interface set interface name=en5 admin=disabled",
    ),
    (
        windows, "route", "192.168.1.2 192.168.1.1",
        "netsh interface ipv4 add route prefix=192.168.1.2/32 interface=en5 store=active",
        "netsh interface ipv4 delete route prefix=192.168.1.2/32 interface=en5 store=active",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("system", "kind", "value", "there", "back"), WORDS)
def test_words(system, kind, value, there, back) -> None:
    change = Change(kind, value)
    assert " ".join(system.apply_words("en5", change)) == there
    assert " ".join(system.revert_words("en5", change)) == back


def test_a_mac_without_internet() -> None:
    assert macos.parse_default("route: writing to routing socket: not in table\n") == ("", "")


def test_powershell_that_says_nothing() -> None:
    with pytest.raises(LinkFailed):
        windows.parse_interfaces("Get-NetAdapter : not recognized")


def test_neither_claims_to_have_been_tried() -> None:
    assert not mac()[0].tried
    assert not win()[0].tried


PINGS = {
    "linux": ("64 bytes from 192.168.1.2: icmp_seq=1 ttl=32 time=0.413 ms\n", 0.000413),
    "macOS": ("64 bytes from 192.168.1.2: icmp_seq=0 ttl=32 time=1.234 ms\n", 0.001234),
    "Windows": ("Reply from 192.168.1.2: bytes=32 time<1ms TTL=32\r\n", 0.001),
    "Windows, German": ("Antwort von 192.168.1.2: Bytes=32 Zeit=12ms TTL=32\r\n", 0.012),
    "Windows, no way": ("Reply from 192.168.1.1: Destination host unreachable.\r\n", None),
}


@pytest.mark.parametrize("case", PINGS)
def test_the_systems_ping_is_read(case: str) -> None:
    text, expected = PINGS[case]
    assert ping.parse_system(text, 9.0) == pytest.approx(expected)


PING_WORDS = {
    "linux": "ping -c 1 -W 1 192.168.1.2",
    "darwin": "ping -c 1 -W 700 192.168.1.2",
    "win32": "ping -n 1 -w 700 192.168.1.2",
}


@pytest.mark.parametrize("system", PING_WORDS)
def test_the_systems_ping_is_asked(system: str) -> None:
    assert " ".join(ping.system_words(system, "192.168.1.2", 0.7)) == PING_WORDS[system]

"""Is the target there? Every answer on a real wire: up, silent, unplugged, nobody, rebooted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.wire.conftest import Lab, Machine

PROBE = """
from deployer.edge.link import arp, ping
import msgspec
found = ping.probe(target, timeout=0.3, patience=arp.ProbeTiming(2, 0.05, 0.15))
result = [type(found).__name__, msgspec.to_builtins(found)]
"""


def probe(machine: Machine, target: str = "192.168.1.2", **more: str) -> tuple[str, dict]:
    name, fields = machine.python(PROBE, target=target, **more)
    return name, fields


@pytest.fixture
def ready(wire: Lab) -> Lab:
    wire.host.ip("addr add 192.168.1.1/24 dev wire0")
    wire.host.ip("link set wire0 up")
    return wire


def test_a_target_that_is_up_answers(ready: Lab) -> None:
    name, fields = probe(ready.host)
    assert name == "Answered"
    assert 0 < fields["rtt"] < 0.3
    assert fields["mac"] == ready.target.mac("eth0")


def test_a_target_that_is_silent_is_there_by_arp(ready: Lab) -> None:
    ready.target.sysctl("net.ipv4.icmp_echo_ignore_all", 1)
    assert probe(ready.host) == ("SilentButThere", {"mac": ready.target.mac("eth0")})


def test_a_target_that_is_off_is_not_there(ready: Lab) -> None:
    ready.target.ip("link set eth0 down")
    assert probe(ready.host) == ("NotThere", {"arp": True})


def test_an_address_of_nobody_is_not_there(ready: Lab) -> None:
    assert probe(ready.host, "192.168.1.77")[0] == "NotThere"


def test_a_pulled_cable_is_no_carrier(ready: Lab) -> None:
    ready.pull("host")
    assert probe(ready.host) == ("NoCarrier", {"interface": "wire0"})


def test_without_an_address_of_ours_nothing_is_sent(ready: Lab) -> None:
    assert probe(ready.host, "10.9.9.9")[0] == "NotOnWire"


def test_nothing_is_sent_by_the_way_to_the_internet(wire: Lab) -> None:
    wire.home("10.1.1.5/24", "10.1.1.1")
    assert probe(wire.host)[0] == "NotOnWire"


def test_the_wire_is_asked_when_the_network_at_home_has_the_same_subnet(ready: Lab) -> None:
    ready.home("192.168.1.50/24", "192.168.1.254")
    ready.host.ip("addr flush dev wire0")
    ready.host.ip("addr add 192.168.1.1/32 dev wire0")
    ready.host.ip("route add 192.168.1.2/32 dev wire0 src 192.168.1.1")
    assert probe(ready.host)[0] == "Answered"
    ready.pull("host")
    assert probe(ready.host)[0] != "Answered"


def test_a_datagram_socket_needs_no_capability(ready: Lab) -> None:
    ready.host.sh("sh", "-c", "echo 0 0 > /proc/sys/net/ipv4/ping_group_range")
    assert probe(ready.host, without="net_admin,net_raw")[0] == "Answered"


WITHOUT_ICMP = {"there": ("true", True), "off": ("ip link set eth0 down", False)}


@pytest.mark.parametrize("case", WITHOUT_ICMP)
def test_who_may_send_neither_icmp_nor_arp_learns_it_from_the_kernel(ready: Lab, case: str) -> None:
    line, there = WITHOUT_ICMP[case]
    ready.target.sh(*line.split())
    name, fields = probe(ready.host, without="net_admin,net_raw")
    if there:
        assert (name, fields["mac"]) == ("SilentButThere", ready.target.mac("eth0"))
    else:
        assert (name, fields) == ("NotThere", {"arp": False})


def test_an_unprivileged_user_learns_of_a_silent_target_from_the_kernel(ready: Lab) -> None:
    ready.target.sysctl("net.ipv4.icmp_echo_ignore_all", 1)
    ready.host.sh("sh", "-c", "echo 0 0 > /proc/sys/net/ipv4/ping_group_range")
    name, _ = probe(ready.host, without="net_admin,net_raw")
    assert name == "SilentButThere"


LATE = """
import socket, time
from deployer.edge.link import arp, ping
from deployer.edge.link.lookup import this_system

class Late(socket.socket):
    def sendto(self, *given):
        super().sendto(*given)
        time.sleep(0.3)

    def send(self, *given):
        super().send(*given)
        time.sleep(0.3)

with Late(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
    result = [ping._exchange(sock, "192.168.1.2", 0.1) is not None]
arp.socket.socket = Late
wire = next(i for i in this_system().interfaces() if i.name == "wire0")
once = arp.ProbeTiming(1, 0.1, 0.1)
for ip in ("192.168.1.2", "192.168.1.77"):
    result.append(arp.who_has("wire0", wire.mac, ip, sender_ip="192.168.1.1", patience=once))
"""


def test_an_answer_that_came_in_time_counts_however_late_it_is_read(ready: Lab) -> None:
    """This computer may be busy; the old PC is not to be called absent for that."""
    assert ready.host.python(LATE) == [True, ready.target.mac("eth0"), None]


WATCH = """
import asyncio, subprocess
from deployer.edge.link import arp, ping
quick = arp.ProbeTiming(1, 0.0, 0.05)
seen, steps = [], iter(script)
def ask(target):
    return ping.probe(target, timeout=0.15, patience=quick)
async def follow():
    async for _, change, verdict in ping.watch("192.168.1.2", interval=0.01, patience=2, ask=ask):
        seen.append([change, type(verdict).__name__])
        words = next(steps, None)
        if words is None:
            return
        subprocess.run(words, check=True)
asyncio.run(asyncio.wait_for(follow(), 20))
result = seen
"""


def test_a_reboot_is_seen(ready: Lab) -> None:
    def at(name: str, line: str) -> list[str]:
        machine = ready.machines[name].name
        return ["nsenter", f"--net=/run/netns/{machine}", "sh", "-c", line]

    seen = ready.host.python(
        WATCH,
        script=[
            at("target", "ip link set eth0 down"),
            at("target", "ip link set eth0 up"),
            at("switch", "ip link set host down"),
            at("switch", "ip link set host up"),
            at("target", "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all"),
        ],
    )
    assert seen == [
        ["appeared", "Answered"],
        ["vanished", "NotThere"],
        ["returned", "Answered"],
        ["vanished", "NoCarrier"],
        ["returned", "Answered"],
        ["silent", "SilentButThere"],
    ]


COMMANDS = {
    "up": ("", 0, "192.168.1.2 answered after"),
    "silent": ("echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all", 0, "but does not answer ping"),
    "off": ("ip link set eth0 down", 4, "nobody on the wire has the address 192.168.1.2"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_deployer_ping_tells_and_ends_with_the_code(ready: Lab, case: str) -> None:
    line, code, words = COMMANDS[case]
    ready.target.sh("sh", "-c", line or "true")
    quick = ["--count", "1", "--timeout", "0.3"]
    done = ready.host.deployer("ping", "192.168.1.2", *quick)
    assert done.returncode == code, done.stderr
    assert words in done.stdout
    if code:
        assert "WINIPCFG" in done.stderr


def test_deployer_ping_speaks_json(ready: Lab) -> None:
    done = ready.host.deployer("ping", "192.168.1.2", "--count", "2", "--interval", "0.1", "--json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["verdict"] == second["verdict"] == "Answered"
    assert first["target"] == "192.168.1.2"

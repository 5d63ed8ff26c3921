"""Addresses for PCs that ask for one, over real wires: clients and a rival that others wrote."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess

    from tests.wire.conftest import Lab, Machine

PYTHON = (sys.executable, "-m", "deployer")
QUICK = """
from deployer.edge.link import dhcp
from deployer.host import wire
import threading, time
timing = dhcp.DhcpTiming((0.0, 0.1, 0.2), 0.4, again=0.5, retry=0.1)
dhcp.DhcpServer.__init__.__kwdefaults__["timing"] = timing
"""


def giving(lab: Lab, state: Path, *more: str) -> subprocess.Popen[str]:
    """`link up --dhcp`, which asks for less long than usual whether another server is there."""
    code = f"{QUICK}\nimport sys; from deployer.__main__ import main; main()"
    words = ["link", "up", "--dhcp", "--json", "--state-dir", str(state), *more]
    return lab.host.start(sys.executable, "-c", code, *words)


def until(process: subprocess.Popen[str], kind: str, **fields: Any) -> dict[str, Any]:
    """The first event of a kind with these fields."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == kind and fields.items() <= event.items():
            return event
    raise AssertionError("".join(said))


def unset(machine: Machine) -> None:
    machine.ip("addr flush dev eth0")


def udhcpc(machine: Machine, folder: Path, *more: str) -> str:
    """What it was told, as its script's environment."""
    script, told = folder / "udhcpc.sh", folder / "told"
    script.write_text(
        f"#!/bin/sh\n[ $1 = bound ] || exit 0\nenv > {told}\nip addr add $ip/$mask dev $interface\n"
    )
    script.chmod(0o755)
    words = ["-i", "eth0", "-n", "-q", "-t", "5", "-T", "1", "-s", str(script), *more]
    machine.sh("udhcpc", *words)
    return told.read_text()


@pytest.fixture
def dhclient_conf(tmp_path: Path) -> Path:
    conf = tmp_path / "dhclient.conf"
    conf.write_text("timeout 10;\n")
    return conf


@pytest.mark.needs("udhcpc")
def test_udhcpc_gets_an_address_and_no_router_or_name_server(wire: Lab, tmp_path: Path) -> None:
    """A PC would wait a minute for a name server that is not there."""
    unset(wire.target)
    server = giving(wire, tmp_path / "state")
    until(server, "dhcp-changed", state="serving")
    words = ["-V", "MSFT 98", "-x", "hostname:PENTIUM"]
    words += ["-O", "router", "-O", "dns", "-O", "wins", "-O", "wpad"]
    told = dict(line.split("=", 1) for line in udhcpc(wire.target, tmp_path, *words).splitlines())
    given = until(server, "address-given")
    assert (given["peer"], given["name"], given["vendor"]) == ("192.168.1.2", "PENTIUM", "MSFT 98")
    assert (told["ip"], told["subnet"], told["serverid"]) == (
        "192.168.1.2", "255.255.255.0", "192.168.1.1",
    )  # fmt: skip
    assert told["lease"] == "86400"
    assert not {"router", "dns", "wins", "wpad", "domain"} & set(told)
    wire.target.sh("ping", "-c1", "-W2", "192.168.1.1")


@pytest.mark.needs("dhclient")
def test_dhclient_gets_one_and_the_same_again_after_a_restart_of_the_host(
    wire: Lab, tmp_path: Path, dhclient_conf: Path
) -> None:
    """The leases are kept, and who was first stays at its address although it asks second."""
    other = wire.machine("other")
    wire.plug(other, "eth0")
    other.ip("link set eth0 up")
    unset(wire.target)
    state = tmp_path / "state"
    server = giving(wire, state)
    until(server, "dhcp-changed", state="serving")
    for machine in (wire.target, other):
        dhclient(machine, tmp_path, dhclient_conf)
    first = [until(server, "address-given")["peer"] for _ in range(2)]
    assert first == ["192.168.1.2", "192.168.1.3"]
    wire.target.sh("ping", "-c1", "-W2", "192.168.1.1")
    server.terminate()
    server.wait(20)
    again = giving(wire, state)
    until(again, "dhcp-changed", state="serving")
    for machine in (other, wire.target):
        unset(machine)
        (tmp_path / f"{machine.name}.leases").unlink()
        dhclient(machine, tmp_path, dhclient_conf)
    assert [until(again, "address-given")["peer"] for _ in range(2)] == first[::-1]


def dhclient(machine: Machine, folder: Path, conf: Path) -> None:
    """Debian's own script would write name servers to /etc of this machine: one that only sets."""
    script = folder / "dhclient.sh"
    script.write_text(
        "#!/bin/sh\ncase $reason in BOUND|RENEW|REBOOT) ip addr replace "
        "$new_ip_address/$new_subnet_mask dev $interface;; esac\n"
    )
    script.chmod(0o755)
    leases = folder / f"{machine.name}.leases"
    leases.touch()
    words = ["-4", "-1", "-cf", conf, "-lf", leases, "-pf", folder / f"{machine.name}.pid"]
    process = machine.start("dhclient", "-d", *words, "-sf", script, "eth0")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("bound to "):
            break
    else:
        raise AssertionError("dhclient has not got an address")
    process.terminate()
    process.wait(20)


@pytest.mark.needs("udhcpc")
def test_an_address_that_a_pc_has_by_hand_is_not_given(wire: Lab, tmp_path: Path) -> None:
    """Nobody told the server of it; it asks on the wire first."""
    other = wire.machine("other")
    wire.plug(other, "eth0")
    other.ip("link set eth0 up")
    server = giving(wire, tmp_path / "state")
    until(server, "dhcp-changed", state="serving")
    udhcpc(other, tmp_path)
    assert until(server, "address-given")["peer"] == "192.168.1.3"


def rival(machine: Machine, folder: Path) -> None:
    """dnsmasq, as a router or another program would give addresses."""
    machine.ip("addr flush dev eth0")
    machine.ip("addr add 192.168.1.254/24 dev eth0")
    machine.start(
        "dnsmasq", "--no-daemon", "--port=0", "--interface=eth0", "--bind-interfaces",
        "--conf-file=/dev/null", "--dhcp-range=192.168.1.100,192.168.1.150,1h", "--user=root",
        f"--dhcp-leasefile={folder / 'dnsmasq.leases'}", f"--pid-file={folder / 'dnsmasq.pid'}",
        "--dhcp-authoritative", "--no-ping",
    )  # fmt: skip


@pytest.mark.needs("dnsmasq")
def test_beside_another_server_nothing_is_offered(wire: Lab, tmp_path: Path) -> None:
    """It is asked before the first offer, and named with its network card."""
    process = wire.target.running
    rival(wire.target, tmp_path)
    assert process[-1].stdout is not None
    for line in process[-1].stdout:
        if "DHCP, IP range" in line or "sockets bound" in line:
            break
    server = giving(wire, tmp_path / "state")
    refused = until(server, "dhcp-changed")
    assert (refused["state"], refused["rival"]) == ("refused", "192.168.1.254")
    assert refused["mac"] == wire.target.mac("eth0")
    assert server.wait(20) == 0


@pytest.mark.needs("dnsmasq", "udhcpc")
def test_a_server_that_appears_while_a_lease_is_out_stops_ours(wire: Lab, tmp_path: Path) -> None:
    """The PC keeps its address; nothing is taken from it, and nothing more is offered."""
    other = wire.machine("other")
    wire.plug(other, "eth0")
    other.ip("link set eth0 up")
    unset(wire.target)
    server = giving(wire, tmp_path / "state")
    until(server, "dhcp-changed", state="serving")
    udhcpc(wire.target, tmp_path)
    until(server, "address-given")
    rival(other, tmp_path)
    stopped = until(server, "dhcp-changed")
    assert (stopped["state"], stopped["rival"]) == ("stopped", "192.168.1.254")
    assert server.wait(20) == 0
    wire.target.sh("ping", "-c1", "-W2", "192.168.1.1")


def test_the_usual_three_questions_come_before_the_first_offer(wire: Lab, tmp_path: Path) -> None:
    """Within ten seconds, from a network card that nobody has; a push says how it stands."""
    file = tmp_path / "file"
    file.write_bytes(b"x")
    words = ["push", file, "--dhcp", "--json", "--no-run", "--state-dir", tmp_path / "state"]
    code = """
import select, time
from deployer.core.wire import dhcp
from deployer.edge.link import capture
sock = capture.capture("eth0", (67,))
print("listens", flush=True)
at, found = [], []
while len(found) < 3 and select.select([sock], [], [], 60)[0]:
    found += [dhcp.parse(each.data) for each in capture.heard(sock)]
    at.append(time.time())
print(len({each.mac for each in found}), {each.kind.name for each in found}, flush=True)
print(found[0].mac, at[0], at[-1], flush=True)
"""
    listening = wire.target.start(sys.executable, "-c", code)
    assert listening.stdout is not None
    assert listening.stdout.readline() == "listens\n"
    process = wire.host.start(*PYTHON, *words)
    assert listening.stdout.readline() == "1 {'DISCOVER'}\n"
    mac, first, third = listening.stdout.readline().split()
    assert (mac[:2], mac != wire.host.mac("wire0")) == ("02", True)
    assert float(third) - float(first) < 10
    assert until(process, "dhcp-changed", state="serving")["at"] > float(third)


REFUSED = {
    "--no-link": ["--address", "192.168.1.1"],
    "a host route": ["--host-route", "192.168.1.2"],
}


@pytest.mark.parametrize("case", [*REFUSED, "a default route"])
def test_it_is_refused_where_addresses_are_not_ours_to_give(
    wire: Lab, tmp_path: Path, case: str
) -> None:
    more = REFUSED.get(case, ["--force-interface", "--yes", "--interface", "wire0"])
    if case == "--no-link":
        wire.host.ip("addr add 192.168.1.1/24 dev wire0")
        wire.host.ip("link set wire0 up")
        words: list[object] = ["push", __file__, "--no-run", *more]
    else:
        words = ["link", "up", *more]
    if case == "a default route":
        wire.host.ip("link set wire0 up")
        wire.host.ip("addr add 10.0.0.1/24 dev wire0")
        wire.host.ip("route add default via 10.0.0.2")
    before = wire.host.picture()
    done = wire.host.deployer(*words, "--dhcp", "--state-dir", tmp_path / "state")
    assert (done.returncode, "No addresses are given out: " in done.stderr) == (3, True), done
    assert wire.host.picture() == before, "nothing is changed"


def test_another_program_of_this_computer_that_has_the_port_is_named(
    wire: Lab, tmp_path: Path
) -> None:
    code = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 67));"
    other = wire.host.start(sys.executable, "-c", f"{code} print('ready', flush=True); input()")
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    server = giving(wire, tmp_path / "state")
    told = until(server, "dhcp-changed")
    assert told["state"] == "refused"
    assert "Port 67 on wire0 is in use by another program." in told["why"]
    assert os.WIFEXITED(server.wait(20))


@pytest.mark.needs("udhcpc")
def test_a_daemon_that_has_become_a_user_gives_addresses_too(wire: Lab) -> None:
    """Its first process has the right and the sockets; the second one records what it did."""
    unset(wire.target)
    with tempfile.TemporaryDirectory(prefix="deployer-wire-") as name:
        place = Path(name)
        place.chmod(0o755)
        code = f"{QUICK}\nimport sys; from deployer.__main__ import main; main()"
        words = ["serve", "--dhcp", "--state-dir", name, "--control", f"{name}/run/control.sock"]
        daemon = wire.host.start(sys.executable, "-c", code, *words, "--user", "nobody")
        until(daemon, "dhcp-changed", state="serving")
        udhcpc(wire.target, place)
        assert until(daemon, "address-given")["peer"] == "192.168.1.2"
        leases = json.loads((place / "wire-wire0.leases.json").read_text())
        assert [lease["mac"] for lease in leases] == [wire.target.mac("eth0")]
        daemon.terminate()
        assert daemon.wait(20) == 0

"""Each conflict, made for real, is found by its name; a healthy wire has none."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import needs
from tests.wire.conftest import Lab, Machine

FIND = """
from deployer.core.wire.addresses import choose, parse_address
from deployer.edge.link import arp
from deployer.edge.link import conflict
from deployer.edge.link.lookup import this_system
import msgspec
result = []
for _ in range(rounds):
    address = parse_address("192.168.1.1/24")
    interfaces = this_system().interfaces()
    chosen = choose(interfaces, "wire0", address)
    patience = arp.ProbeTiming(2, 0.03, 0.1)
    found = conflict.find(interfaces, chosen, address, patience=patience)
    result += msgspec.to_builtins(found)
"""


def found_on(machine: Machine, rounds: int = 1) -> list[dict]:
    return machine.python(FIND, rounds=rounds)


@pytest.fixture
def ready(wire: Lab) -> Lab:
    """The wire with our address set."""
    wire.host.ip("addr add 192.168.1.1/24 dev wire0")
    wire.host.ip("link set wire0 up")
    return wire


def duplicate(lab: Lab) -> None:
    lab.plug(lab.machine("third"), "eth0", "192.168.1.1/24")


def same_subnet(lab: Lab) -> None:
    lab.home("192.168.1.50/24", "192.168.1.254")


def ftp_server(lab: Lab) -> None:
    lab.host.listen("0.0.0.0", 21)


def ftp_server_here(lab: Lab) -> None:
    lab.host.listen("192.168.1.1", 21)


def ftp_server_ipv6(lab: Lab) -> None:
    lab.host.listen("::", 21)


def web_server(lab: Lab) -> None:
    lab.host.listen("0.0.0.0", 80)


def two_cables(lab: Lab) -> None:
    lab.cable(lab.host, "wire1", lab.machine("third"), "eth0")
    lab.machine("third").ip("link set eth0 up")
    lab.host.ip("link set wire1 up")


def nft(rules: str) -> Callable[[Lab], None]:
    def install(lab: Lab) -> None:
        lab.host.sh("nft", "-f", "-", text=rules)

    return install


def shell(lines: str) -> Callable[[Lab], None]:
    def install(lab: Lab) -> None:
        for line in lines.strip().splitlines():
            lab.host.sh(*line.split())

    return install


NFT_POLICY = """
table inet filter {
  chain input { type filter hook input priority 0; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname "lo" accept
    tcp dport { 22, 8000-8080 } accept
  }
}"""
NFT_OUT = """
table inet guard {
  chain out { type filter hook output priority 0; policy accept;
    tcp sport 1024-65535 tcp dport 1024-65535 ct state new reject
  }
}"""
NFT_JUMP = """
table ip myrules {
  chain later {
    ip saddr 192.168.0.0/16 tcp dport ftp drop
  }
  chain input { type filter hook input priority 10; policy accept;
    iifname "wire*" jump later
  }
}"""

CONFLICTS = {
    "a second machine with our address": (duplicate, "address-taken", "broken", "--address", ()),
    "the network at home": (same_subnet, "same-subnet", "broken", "--host-route 192.168.1.2", ()),
    "an FTP server on all addresses": (ftp_server, "other-ftp-server", "broken", "Stop", ()),
    "an FTP server on our address": (ftp_server_here, "other-ftp-server", "broken", "Stop", ()),
    "an FTP server on IPv6 and IPv4": (ftp_server_ipv6, "other-ftp-server", "broken", "Stop", ()),
    "a web server": (web_server, "other-web-server", "warning", "Stop", ()),
    "two cables": (two_cables, "two-cables", "warning", "--interface wire1", ()),
    "nftables lets little in": (
        nft(NFT_POLICY), "firewall", "broken",
        'nft insert rule inet filter input iifname "wire0" accept', ("nft",),
    ),
    "nftables lets no data connection out": (
        nft(NFT_OUT), "firewall", "broken", 'oifname "wire0" accept', ("nft",),
    ),
    "nftables drops in a jump": (nft(NFT_JUMP), "firewall", "broken", "ip myrules input", ("nft",)),
    "iptables drops by policy": (
        shell("iptables-nft -P INPUT DROP\niptables-nft -A INPUT -i lo -j ACCEPT"),
        "firewall", "broken", "iptables -I INPUT -i wire0 -j ACCEPT", ("iptables-nft",),
    ),
    "iptables drops port 21": (
        shell("iptables-nft -A INPUT -p tcp -m multiport --dports 20:21,69 -j REJECT"),
        "firewall", "broken", "iptables -I INPUT -i wire0", ("iptables-nft",),
    ),
    "iptables lets nothing new out": (
        shell("iptables-nft -A OUTPUT -m state --state NEW ! -d 10.0.0.0/8 -j DROP"),
        "firewall", "broken", "iptables -I OUTPUT -o wire0", ("iptables-nft",),
    ),
    "the old iptables": (
        shell("iptables-legacy -A INPUT -p tcp --dport 21 -j DROP"),
        "firewall", "broken", "iptables -I INPUT -i wire0", ("iptables-legacy",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONFLICTS)
def test_a_conflict_is_found_by_its_name(ready: Lab, case: str) -> None:
    make, name, severity, fix, programs = CONFLICTS[case]
    needs.require(*programs)
    try:
        make(ready)
    except AssertionError as error:
        if "legacy" in case or "old" in case:
            pytest.skip(f"this kernel has no old iptables: {str(error)[-80:]}")
        raise
    (found,) = found_on(ready.host)
    assert (found["id"], found["severity"]) == (name, severity)
    assert fix in found["fix"], found


FRIENDLY = """
table inet filter {
  set friends { type ipv4_addr; elements = { 192.168.1.2 } }
  chain input { type filter hook input priority 0; policy drop;
    ct state { established, related } accept
    ip saddr @friends accept
    iifname "wire0" tcp dport { 21, 80 } accept
  }
  chain output { type filter hook output priority 0; policy accept;
    tcp dport 25 drop
  }
  chain forward { type filter hook forward priority 0; policy drop; }
}"""


def test_a_healthy_wire_has_none_in_20_rounds(ready: Lab) -> None:
    ready.home("10.1.1.5/24", "10.1.1.1")
    ready.host.listen("127.0.0.1", 21)
    if needs.here("nft"):
        nft(FRIENDLY)(ready)
    if needs.here("iptables-nft"):
        shell("iptables-nft -A INPUT -p tcp --dport 23 -j DROP")(ready)
    assert found_on(ready.host, rounds=20) == []


def test_a_rule_that_is_not_understood_frightens_nobody(ready: Lab) -> None:
    needs.require("nft")
    nft(
        "table inet f { chain in { type filter hook input priority 0; policy accept; "
        "meta skuid 5 drop; tcp dport 21 limit rate 5/second drop\n }\n}"
    )(ready)
    assert found_on(ready.host) == []


KNOCK = """
import socket
try:
    socket.create_connection(("192.168.1.1", 21), 1.0).close()
    result = True
except TimeoutError:
    result = False
"""


def test_the_rules_say_what_the_kernel_does(ready: Lab) -> None:
    """The verdict of our reading against a real connection from the old PC."""
    needs.require("nft")
    ready.host.listen("192.168.1.1", 21)

    def connects() -> bool:
        return bool(ready.target.python(KNOCK))

    assert connects()
    nft(NFT_POLICY)(ready)
    assert not connects()
    fix = next(f["fix"] for f in found_on(ready.host) if f["id"] == "firewall")
    ready.host.sh(*fix.partition("sudo ")[2].replace('"', "").split())
    assert connects()
    assert "firewall" not in [f["id"] for f in found_on(ready.host)]


def test_ufw_is_named(ready: Lab, tmp_path: Path) -> None:
    needs.require("ufw", "iptables-nft")
    for name in ("etc", "lib", "run"):
        (tmp_path / name).mkdir()
    script = f"""
    set -e
    cp -a /etc/ufw {tmp_path}/etc/ufw; mount --bind {tmp_path}/etc/ufw /etc/ufw
    cp -a /etc/default {tmp_path}/etc/default; mount --bind {tmp_path}/etc/default /etc/default
    cp -a /lib/ufw {tmp_path}/lib/ufw; mount --bind {tmp_path}/lib/ufw /lib/ufw
    sed -i 's/^IPV6=.*/IPV6=no/' /etc/default/ufw
    sed -i 's/^IPT_MODULES=.*/IPT_MODULES=""/' /etc/default/ufw
    sed -i 's/^IPT_SYSCTL=.*/IPT_SYSCTL=\\/dev\\/null/' /etc/default/ufw
    ufw --force enable
    """
    done = subprocess.run(
        ready.host.command("unshare", "-m", "bash", "-c", script),
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"ufw does not run here: {done.stderr[-200:]}")
    (found,) = found_on(ready.host)
    assert found["what"].startswith("ufw blocks FTP, port 21 in (iptables, chain INPUT)")
    assert "ufw allow in on wire0" in found["fix"]

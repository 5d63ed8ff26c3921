"""Findings about what stands in the way, from facts alone (the wire tests make each for real)."""

from __future__ import annotations

import pytest

from deployer.core.wire import conflicts
from deployer.core.wire.addresses import Interface, parse_address
from deployer.core.wire.conflicts import Listener, Walls
from deployer.core.wire.firewall import Chain, Packet, Ruleset

OURS = parse_address("192.168.1.1/24")


def interface(name: str, address: str = "", **fields: object) -> Interface:
    addresses = (parse_address(address),) if address else ()
    facts: dict[str, object] = {"up": True, "carrier": False, "addresses": addresses} | fields
    return Interface(name, 1, "", **facts)  # type: ignore[arg-type]


def test_another_machine_with_our_address() -> None:
    assert conflicts.duplicate(OURS, None) == ()
    (found,) = conflicts.duplicate(OURS, "00:11:22:33:44:55")
    assert found.id == "address-taken"
    assert "192.168.1.2" in found.fix


@pytest.mark.parametrize(
    ("other", "gateways", "host_route", "fix"),
    [
        ("10.0.0.5/24", (), False, None),
        ("192.168.1.50/24", (), False, "--host-route 192.168.1.2"),
        ("192.168.1.50/24", (), True, None),
        ("192.168.1.50/24", ("192.168.1.1",), True, "Use another subnet"),
    ],
)
def test_the_same_subnet_elsewhere(
    other: str, gateways: tuple[str, ...], host_route: bool, fix: str | None
) -> None:
    here = [interface("wire0"), interface("home0", other, gateways=gateways)]
    found = conflicts.subnet(here, "wire0", OURS, host_route=host_route)
    assert bool(found) == bool(fix)
    assert not fix or fix in found[0].fix


@pytest.mark.parametrize(
    ("listener", "id_"),
    [
        (Listener("0.0.0.0", 21, "vsftpd", 7), "other-ftp-server"),
        (Listener("192.168.1.1", 21), "other-ftp-server"),
        (Listener("::", 80, "nginx", 8), "other-web-server"),
        (Listener("127.0.0.1", 21, "vsftpd", 7), None),
        (Listener("0.0.0.0", 22, "sshd", 7), None),
        (Listener("0.0.0.0", 21, "deployer", 99), None),
    ],
)
def test_other_servers(listener: Listener, id_: str | None) -> None:
    found = conflicts.servers([listener], "192.168.1.1", {99})
    assert [f.id for f in found] == ([id_] if id_ else [])


def test_a_second_live_cable() -> None:
    chosen = interface("wire0", carrier=True)
    assert conflicts.cables([chosen], "wire0") == ()
    other = interface("eth1", carrier=True)
    (found,) = conflicts.cables([chosen, other], "wire0")
    assert "--interface eth1" in found.fix


def dropping(owner: str, hook: str = "input") -> Walls:
    chain = Chain(owner=owner, name="IN", hook=hook, priority=0, policy="drop", rules=())
    return Walls((), (Ruleset((chain,)),))


INWARD = Packet("input", "wire0", "192.168.1.2", "192.168.1.1", 1025, 21)
OUTWARD = Packet("output", "wire0", "192.168.1.1", "192.168.1.2", 20, 1030)
PAGE = Packet("input", "wire0", "192.168.1.2", "192.168.1.1", 1025, 80)


@pytest.mark.parametrize(
    ("names", "owner", "packet", "fix"),
    [
        (("ufw",), "iptables", INWARD, "ufw allow in on wire0"),
        (("ufw",), "iptables", OUTWARD, "ufw allow out on wire0"),
        (("firewalld",), "nftables table inet firewalld", INWARD, "--change-interface=wire0"),
        (
            (),
            "nftables table inet filter",
            INWARD,
            'nft insert rule inet filter IN iifname "wire0"',
        ),
        ((), "nftables table inet filter", OUTWARD, 'oifname "wire0" accept'),
        ((), "iptables", INWARD, "iptables -I INPUT -i wire0"),
        ((), "iptables", OUTWARD, "iptables -I OUTPUT -o wire0"),
    ],
)
def test_a_firewall_in_the_way(
    names: tuple[str, ...], owner: str, packet: Packet, fix: str
) -> None:
    walls = Walls(names, dropping(owner, packet.hook).rulesets)
    (found,) = conflicts.walls(walls, {"the way": packet})
    assert fix in found.fix
    assert found.severity == "broken"


def test_a_blocked_first_page_is_only_a_warning() -> None:
    (found,) = conflicts.walls(dropping("iptables"), {"the first page": PAGE})
    assert found.severity == "warning"


def test_rules_that_could_not_be_read_are_told_of() -> None:
    assert conflicts.walls(Walls(), {"the way": INWARD}) == ()
    (found,) = conflicts.walls(Walls(("ufw",), (), "not root"), {"the way": INWARD})
    assert "sudo" in found.fix

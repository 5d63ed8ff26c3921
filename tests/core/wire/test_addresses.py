"""Which interface is the wire, what clashes, and what ARP, presence and the doctor say: pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.wire import addresses, arp, doctor, presence
from deployer.core.wire.addresses import Address, Diagnosis, Interface
from deployer.core.wire.presence import (
    Answered,
    NoCarrier,
    NotOnWire,
    NotThere,
    Presence,
    SilentButThere,
)
from deployer.errors import DeployerError, WrongUse

ADDRESS = Address("192.168.1.1", 24)


def interface(name: str, **more: object) -> Interface:
    plain = Interface(name, 2, "02:00:00:00:00:01", up=True, carrier=True)
    return replace(plain, **more)


ETH = interface("eth0")
UNPLUGGED = interface("eth1", carrier=False)
OFF = interface("eth2", up=False, carrier=False)
WLAN = interface("wlan0", wireless=True, default_route=True)
HOME = interface("eno1", default_route=True, addresses=(Address("10.0.0.5", 24),))
DOCKER = interface("docker0", virtual=True)

CHOICES = {
    "the only one": ([ETH], None, "eth0"),
    "the one that is not the internet": ([HOME, WLAN, ETH, DOCKER], None, "eth0"),
    "the one with a cable": ([UNPLUGGED, ETH, OFF], None, "eth0"),
    "the only one, without a cable": ([UNPLUGGED, WLAN], None, "eth1"),
    "the only one, switched off": ([OFF, HOME], None, "eth2"),
    "named": ([ETH, UNPLUGGED], "eth1", "eth1"),
    "the one that has the address": (
        [ETH, interface("eth5", addresses=(ADDRESS,))], None, "eth5",
    ),
    "none": ([WLAN, DOCKER], None, "NoWiredInterface"),
    "none at all": ([], None, "NoWiredInterface"),
    "only the internet": ([HOME, WLAN], None, "InterfaceCarriesInternet"),
    "two with a cable": ([ETH, interface("eth9")], None, "InterfaceAmbiguous"),
    "two without": ([UNPLUGGED, OFF], None, "InterfaceAmbiguous"),
    "named, missing": ([ETH], "eth7", "InterfaceMissing"),
    "named, the internet": ([ETH, HOME], "eno1", "InterfaceCarriesInternet"),
    "named, wireless": ([replace(WLAN, default_route=False)], "wlan0", "InterfaceWireless"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHOICES)
def test_choice(case: str) -> None:
    interfaces, named, expected = CHOICES[case]
    try:
        chosen = addresses.choose(interfaces, named, ADDRESS).name
    except DeployerError as error:
        chosen = type(error).__name__
    assert chosen == expected


def test_force_takes_the_named_one_only() -> None:
    assert addresses.choose([HOME], "eno1", ADDRESS, force=True) == HOME
    with pytest.raises(DeployerError):
        addresses.choose([HOME], None, ADDRESS, force=True)


ADDRESSES = {
    "192.168.1.1/24": "192.168.1.1/24",
    "192.168.1.1": "192.168.1.1/24",
    "10.0.0.1/8": "10.0.0.1/8",
    "192.168.1.1/32": "192.168.1.1/32",
    "192.168.1.0/24": None,
    "192.168.1.255/24": None,
    "127.0.0.1": None,
    "224.0.0.1": None,
    "0.0.0.0": None,
    "192.168.1": None,
    "192.168.1.1/33": None,
    "fe80::1/64": None,
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_addresses(text: str) -> None:
    if ADDRESSES[text] is None:
        with pytest.raises(WrongUse):
            addresses.parse_address(text)
    else:
        assert str(addresses.parse_address(text)) == ADDRESSES[text]


def test_another_subnet_is_one_that_nobody_here_has() -> None:
    taken = [interface("a", addresses=(Address("192.168.98.7", 24), Address("192.168.0.1", 16)))]
    assert str(addresses.free_subnet(taken)) == "10.98.98.1/24"


def test_the_old_pc_is_the_next_address() -> None:
    assert addresses.neighbour_of(ADDRESS) == "192.168.1.2"
    assert addresses.neighbour_of(Address("192.168.1.254", 24)) == "192.168.1.253"


def test_the_narrowest_subnet_leads_to_the_target() -> None:
    home = interface("wlan0", addresses=(Address("192.168.1.50", 24),))
    ours = interface("eth0", addresses=(Address("192.168.1.1", 30),))
    assert addresses.beside([home, ours], "192.168.1.2") == ours
    assert addresses.beside([home, ours], "192.168.1.9") == home
    assert addresses.beside([home, ours], "10.0.0.1") is None


# The frames of RFC 826 as tcpdump shows them: who-has 192.168.1.2 tell 192.168.1.1, and its reply.
REQUEST = bytes.fromhex(
    "ffffffffffff 020000000001 0806 0001 0800 06 04 0001020000000001 c0a80101 000000000000 c0a80102"
)
REPLY = bytes.fromhex(
    "020000000001 020000000002 0806 0001 0800 06 04 0002020000000002 c0a80102 020000000001 c0a80101"
)


def test_arp_frames() -> None:
    assert arp.request("02:00:00:00:00:01", "192.168.1.1", "192.168.1.2") == REQUEST
    message = arp.parse(REPLY + bytes(18))
    assert message is not None
    assert arp.claims(message, "192.168.1.2", "02:00:00:00:00:01")
    assert not arp.claims(message, "192.168.1.2", "02:00:00:00:00:02")
    assert not arp.claims(message, "192.168.1.3", "02:00:00:00:00:01")


def test_somebody_who_probes_for_our_address_is_about_to_take_it() -> None:
    theirs = arp.parse(arp.probe("02:00:00:00:00:09", "192.168.1.1"))
    assert theirs is not None
    assert arp.claims(theirs, "192.168.1.1", "02:00:00:00:00:01")


@pytest.mark.parametrize("cut", [0, 13, 41])
def test_half_a_frame_says_nothing(cut: int) -> None:
    assert arp.parse(REPLY[:cut]) is None


HERE, SILENT, AWAY = Answered(0.001), SilentButThere("02:00:00:00:00:02"), NotThere()
STORIES = {
    "comes": ([AWAY, AWAY, HERE], [None, None, "appeared"]),
    "goes": ([HERE, AWAY, AWAY, AWAY, AWAY], ["appeared", None, None, "vanished", None]),
    "one lost packet": ([HERE, AWAY, HERE], ["appeared", None, None]),
    "reboots": (
        [HERE, AWAY, AWAY, NoCarrier("eth0"), AWAY, HERE],
        ["appeared", None, None, "vanished", None, "returned"],
    ),
    "falls silent": ([HERE, SILENT, HERE], ["appeared", "silent", "speaking"]),
}


@pytest.mark.parametrize("case", STORIES)
def test_presence(case: str) -> None:
    verdicts, expected = STORIES[case]
    watch, changes = Presence(patience=3), []
    for at, verdict in enumerate(verdicts):
        watch, change = presence.observe(watch, verdict, float(at))
        changes.append(change)
    assert changes == expected


@pytest.mark.parametrize("verdict", [HERE, SILENT, AWAY, NoCarrier("eth0"), NotOnWire()])
def test_every_verdict_has_words_and_all_but_the_best_has_advice(verdict) -> None:
    assert presence.say("192.168.1.2", verdict)
    assert bool(presence.advice("192.168.1.2", verdict)) == (verdict != HERE)


WELL = doctor.Facts(
    system="Linux", tried=True, address=ADDRESS, chosen=interface("eth0", addresses=(ADDRESS,)),
    state_dir="/s", disk_free=1 << 40, target="192.168.1.2", verdict=HERE,
)  # fmt: skip
ILL = {
    "never tried": ({"tried": False}, "system", "warning"),
    "no interface": ({"chosen": None, "refusal": ("none", "plug")}, "interface", "broken"),
    "no cable": ({"chosen": UNPLUGGED}, "carrier", "broken"),
    "switched off": ({"chosen": OFF}, "carrier", "warning"),
    "no address": ({"chosen": ETH}, "address", "warning"),
    "a conflict": (
        {"conflicts": (Diagnosis("firewall", "broken", "x", "y"),)}, "firewall", "broken",
    ),
    "ports": ({"may_bind": False}, "ports", "broken"),
    "state directory": ({"state_dir_error": "read-only"}, "state", "broken"),
    "full disk": ({"disk_free": 1000}, "state", "warning"),
    "clock": ({"now": 0.0}, "clock", "warning"),
    "programs": ({"damaged": ("DEPLOY98.EXE",)}, "programs", "broken"),
    "target": ({"verdict": AWAY}, "target", "broken"),
    "silent target": ({"verdict": SILENT}, "target", "warning"),
}  # fmt: skip


def test_a_healthy_computer_is_all_ok() -> None:
    assert {f.severity for f in doctor.examine(WELL)} == {"ok"}


@pytest.mark.parametrize("case", ILL)
def test_the_doctor_names_each_trouble_with_its_fix(case: str) -> None:
    more, name, severity = ILL[case]
    found = next(f for f in doctor.examine(replace(WELL, **more)) if f.id == name)
    assert found.severity == severity
    assert found.fix


def test_a_daemon_that_serves_needs_no_right_of_ours() -> None:
    facts = replace(WELL, may_bind=False, owner=4711)
    assert not doctor.broken(doctor.examine(facts))

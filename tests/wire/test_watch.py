"""The wire is watched while we serve: what becomes of it is told at once, and mended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

WATCH = """
import dataclasses, json, sys
from pathlib import Path
from deployer.core.wire.addresses import parse_address
from deployer.edge.link import arp, lease
from deployer.edge.link.watch import WatchTiming, WireWatch
wanted = lease.LeaseRequest(parse_address("192.168.1.1/24"), patience=arp.ProbeTiming(2, 0.05, 0.1))
held = lease.up(wanted, Path(sys.argv[1]))
def tell(status):
    print(json.dumps(dataclasses.asdict(status)), flush=True)
timing = WatchTiming(ask=0.3, doubt=0.1, settle=0.1, first=0.2, most=0.2)
watch = WireWatch(held.record.before, held.address, tell, held, timing=timing)
print("ready", flush=True)
sys.stdin.read()
watch.close()
held.release()
"""


class Watched:
    """A process that has the wire and watches it; `next` is what it tells."""

    def __init__(self, lab: Lab, state: Path) -> None:
        self.lab = lab
        self.process = lab.host.start(sys.executable, "-c", WATCH, state)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == "ready\n", line + self.process.stdout.read()

    def next(self) -> dict[str, str]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End it, and wait until it has given the interface back."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(20) == 0, self.process.stdout and self.process.stdout.read()


@pytest.fixture
def watched(wire: Lab, tmp_path: Path) -> Callable[[], Watched]:
    return lambda: Watched(wire, tmp_path / "state")


def unplug(lab: Lab) -> None:
    lab.host.ip("link delete wire0")


def plug_in(lab: Lab, name: str = "wire0", *, mac: str = "") -> None:
    """The adapter again, with a cable to the switch as before."""
    lab.cable(lab.host, name, lab.machines["switch"], "host")
    if mac:
        lab.host.ip(f"link set {name} address {mac}")
    lab.machines["switch"].ip("link set host master wire up")


def shown(lab: Lab, name: str = "wire0") -> dict:
    return json.loads(lab.host.sh("ip", "-j", "addr", "show", name))[0]


def test_an_adapter_that_is_plugged_in_again_has_the_address_again(
    wire: Lab, watched: Callable[[], Watched], tmp_path: Path
) -> None:
    seen = watched()
    unplug(wire)
    assert seen.next()["state"] == "gone"
    plug_in(wire)
    assert seen.next()["state"] == "bare"
    assert seen.next()["state"] == "ready"
    wire.host.sh("ping", "-c1", "-W2", "192.168.1.2")
    seen.close()
    assert shown(wire)["addr_info"] == []
    assert "UP" not in shown(wire)["flags"]
    assert not list((tmp_path / "state").iterdir())


def test_it_is_known_by_its_mac_when_it_gets_another_name(
    wire: Lab, watched: Callable[[], Watched]
) -> None:
    mac = wire.host.mac("wire0")
    seen = watched()
    unplug(wire)
    assert seen.next()["state"] == "gone"
    plug_in(wire, "usb7", mac=mac)
    told = seen.next()
    while told["state"] != "ready":
        told = seen.next()
    assert told["interface"] == "usb7"
    seen.close()
    assert shown(wire, "usb7")["addr_info"] == []


def test_another_machine_that_takes_our_address_is_told_until_it_gives_it_up(
    wire: Lab, watched: Callable[[], Watched]
) -> None:
    third = wire.machine("third")
    wire.plug(third, "eth0", "192.168.1.3/24")
    seen = watched()
    third.ip("addr add 192.168.1.1/24 dev eth0")
    told = seen.next()
    assert (told["state"], told["rival"]) == ("taken", third.mac("eth0"))
    third.ip("addr del 192.168.1.1/24 dev eth0")
    assert seen.next()["state"] == "ready"
    assert shown(wire)["addr_info"][0]["local"] == "192.168.1.1"
    seen.close()


def test_a_second_card_of_ours_on_the_same_wire_is_no_other_machine(
    wire: Lab, watched: Callable[[], Watched]
) -> None:
    """Linux answers on each card for the addresses of all."""
    wire.cable(wire.host, "wire1", wire.machines["switch"], "host1")
    wire.machines["switch"].ip("link set host1 master wire up")
    wire.host.ip("link set wire1 up")
    wire.host.ip("link set wire0 up")
    wire.host.ip("addr add 10.9.9.9/24 dev wire1")
    wire.host.ip("route add default via 10.9.9.1 dev wire1")
    seen = watched()
    wire.target.sh("arping", "-c", "3", "-w", "3", "-I", "eth0", "192.168.1.1", check=False)
    unplug(wire)
    assert seen.next()["state"] == "gone"
    seen.process.kill()


def test_while_a_machine_has_our_address_the_adapter_does_not_get_it(
    wire: Lab, watched: Callable[[], Watched]
) -> None:
    third = wire.machine("third")
    wire.plug(third, "eth0", "192.168.1.3/24")
    seen = watched()
    unplug(wire)
    assert seen.next()["state"] == "gone"
    third.ip("addr add 192.168.1.1/24 dev eth0")
    plug_in(wire)
    assert seen.next()["state"] == "bare"
    told = seen.next()
    assert (told["state"], told["rival"]) == ("taken", third.mac("eth0"))
    assert shown(wire)["addr_info"] == []
    third.ip("addr del 192.168.1.1/24 dev eth0")
    while told["state"] != "ready":
        told = seen.next()
    seen.close()


def test_an_address_that_another_program_takes_away_is_set_again(
    wire: Lab, watched: Callable[[], Watched]
) -> None:
    seen = watched()
    wire.host.ip("addr del 192.168.1.1/24 dev wire0")
    assert seen.next()["state"] == "bare"
    assert seen.next()["state"] == "ready"
    seen.close()
    assert shown(wire)["addr_info"] == []


def test_what_the_user_switched_on_is_not_switched_off(
    wire: Lab, watched: Callable[[], Watched]
) -> None:
    seen = watched()
    wire.host.ip("link set wire0 down")
    assert seen.next()["state"] == "off"
    wire.host.ip("link set wire0 up")
    assert seen.next()["state"] == "ready"
    seen.close()
    assert "UP" in shown(wire)["flags"]
    assert shown(wire)["addr_info"] == []


def routes(lab: Lab) -> list[str]:
    """All but the one to our own subnet, which goes with our address."""
    lines = lab.host.sh("ip", "route").splitlines()
    return [line.strip() for line in lines if not line.startswith("192.168.1.0")]


BY_HAND = {
    "a route": "route add 10.50.0.0/16 dev wire0",
    "an address": "addr add 10.9.8.7/24 dev wire0",
}


@pytest.mark.parametrize("case", BY_HAND)
def test_what_the_user_added_is_not_taken_away(
    wire: Lab, watched: Callable[[], Watched], case: str
) -> None:
    seen = watched()
    wire.host.ip(BY_HAND[case])
    before = routes(wire)
    seen.close()
    assert "UP" in shown(wire)["flags"]
    assert routes(wire) == before
    assert "192.168.1.1" not in [a["local"] for a in shown(wire)["addr_info"]]


def test_it_is_one_thread_that_sleeps(wire: Lab, watched: Callable[[], Watched]) -> None:
    """While nothing happens it costs next to nothing: no program is started, nothing is read."""
    seen = watched()
    stat = Path(f"/proc/{seen.process.pid}/stat")
    before = stat.read_text().split()[13:15]
    with pytest.raises(subprocess.TimeoutExpired):
        seen.process.wait(1)
    used = [int(b) - int(a) for a, b in zip(before, stat.read_text().split()[13:15], strict=True)]
    assert sum(used) <= 10  # hundredths of a second, for four looks
    seen.close()

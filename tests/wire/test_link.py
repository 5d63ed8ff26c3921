"""The address is set, and given back exactly, on real interfaces."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.wire.test_daemon import for_everybody

if TYPE_CHECKING:
    from tests.wire.conftest import Lab, Machine

ADDRESS = "192.168.1.1/24"
UP = """
from deployer.core.wire.addresses import parse_address
from deployer.edge.link import arp
from deployer.edge.link import lease
from deployer.errors import DeployerError
given = dict(address=parse_address(address), patience=arp.ProbeTiming(2, 0.05, 0.1))
given.update(request)
try:
    held = lease.up(lease.LeaseRequest(**given), Path(state))
    result = {"interface": held.interface, "changes": [c.kind for c in held.record.changes]}
    result |= {"beside": str(held.record.beside), "left_out": held.record.left_out}
except DeployerError as error:
    result = {"error": type(error).__name__, "what": error.what, "remedy": error.remedy}
"""
DOWN = """
from deployer.edge.link import lease
result = lease.down(Path(state))
"""


def up(machine: Machine, state: Path, address: str = ADDRESS, **request: object) -> dict:
    """Set the address, as `link up` does: it stays when the process ends."""
    request.setdefault("keep", True)
    return machine.python(UP, state=str(state), address=address, request=request)


def down(machine: Machine, state: Path) -> list[str]:
    return machine.python(DOWN, state=str(state))


def addresses(machine: Machine, interface: str) -> list[str]:
    shown = json.loads(machine.sh("ip", "-j", "addr", "show", interface))[0]["addr_info"]
    return [f"{a['local']}/{a['prefixlen']}" for a in shown]


BEFORE = {
    "bare and down": [],
    "bare and up": ["link set wire0 up"],
    "up with another address": ["addr add 10.9.8.7/24 dev wire0", "link set wire0 up"],
    "down with another address": ["addr add 10.9.8.7/24 dev wire0"],
    "up with a neighbour's subnet": ["addr add 192.168.1.77/24 dev wire0", "link set wire0 up"],
    "up with routes": [
        "addr add 10.9.8.7/24 dev wire0",
        "link set wire0 up",
        "route add 10.50.0.0/16 via 10.9.8.1",
        "route add 192.168.7.0/24 dev wire0",
    ],
    "the address is there already": ["addr add 192.168.1.1/24 dev wire0", "link set wire0 up"],
}


@pytest.mark.parametrize("case", BEFORE)
def test_the_address_is_set_and_given_back_exactly(wire: Lab, tmp_path: Path, case: str) -> None:
    for line in BEFORE[case]:
        wire.host.ip(line)
    before = wire.host.picture()
    assert up(wire.host, tmp_path)["interface"] == "wire0"
    assert ADDRESS in addresses(wire.host, "wire0")
    wire.host.sh("ping", "-c1", "-W2", "192.168.1.2")
    assert down(wire.host, tmp_path) == ["wire0"]
    assert wire.host.picture() == before
    assert not list(tmp_path.iterdir())


def test_an_address_beside_ours_survives_the_end(wire: Lab, tmp_path: Path) -> None:
    up(wire.host, tmp_path)
    wire.host.ip("addr add 192.168.1.9/24 dev wire0")
    wire.host.ip("link set wire0 up")
    down(wire.host, tmp_path)
    assert addresses(wire.host, "wire0") == ["192.168.1.9/24"]
    (left,) = json.loads(wire.host.sh("ip", "-j", "link", "show", "wire0"))
    assert "UP" in left["flags"]


LINK_LOCAL = "169.254.1.1/16"


def test_a_second_address_is_for_pcs_that_nobody_has_configured(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    wire.target.ip("addr add 169.254.77.88/16 dev eth0")
    done = up(wire.host, tmp_path, link_local=True)
    assert done["changes"] == ["up", "address", "address"]
    assert addresses(wire.host, "wire0") == [ADDRESS, LINK_LOCAL]
    wire.target.sh("ping", "-c1", "-W2", "169.254.1.1")
    assert up(wire.host, tmp_path, link_local=True)["changes"] == done["changes"]
    assert down(wire.host, tmp_path) == ["wire0"]
    assert wire.host.picture() == before


def test_link_up_says_both_addresses_and_serves_a_pc_without_settings(
    wire: Lab, tmp_path: Path
) -> None:
    wire.target.ip("addr flush dev eth0")
    wire.target.ip("addr add 169.254.77.88/16 dev eth0")
    done = wire.host.deployer("link", "up", "--state-dir", tmp_path)
    assert "It has 169.254.1.1/16 too, for PCs that have no address" in done.stdout
    shown = wire.host.deployer("link", "status", "--state-dir", tmp_path).stdout
    assert "address 169.254.1.1/16 (set by deployer)" in shown
    wire.target.sh("ping", "-c1", "-W2", "169.254.1.1")
    assert wire.host.deployer("link", "down", "--state-dir", tmp_path).returncode == 0
    assert addresses(wire.host, "wire0") == []
    wire.host.deployer("link", "up", "--no-link-local", "--state-dir", tmp_path)
    assert addresses(wire.host, "wire0") == [ADDRESS]


def test_the_wires_own_link_local_address_is_the_second_one(wire: Lab, tmp_path: Path) -> None:
    wire.host.ip("link set wire0 up")
    wire.host.ip("addr add 169.254.9.8/16 dev wire0")
    before = wire.host.picture()
    assert up(wire.host, tmp_path, link_local=True)["beside"] == "169.254.9.8/16"
    assert sorted(addresses(wire.host, "wire0")) == ["169.254.9.8/16", ADDRESS]
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


ELSEWHERE = {
    "an address": "addr add 169.254.9.8/16 dev home0",
    "a route": "route add 169.254.0.0/16 dev home0",
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_the_way_to_other_link_local_machines_is_not_taken_away(
    wire: Lab, tmp_path: Path, case: str
) -> None:
    wire.home(ours="10.1.1.5/24", router="10.1.1.1")
    wire.host.ip(ELSEWHERE[case])
    done = up(wire.host, tmp_path, link_local=True)
    assert done["left_out"] == "home0 is this computer's way to 169.254/16"
    assert addresses(wire.host, "wire0") == [ADDRESS]


def test_a_second_address_that_answers_is_left_out(wire: Lab, tmp_path: Path) -> None:
    third = wire.machine("third")
    wire.plug(third, "eth0", LINK_LOCAL)
    before = wire.host.picture()
    done = up(wire.host, tmp_path, link_local=True)
    assert third.mac("eth0") in done["left_out"]
    assert addresses(wire.host, "wire0") == [ADDRESS]
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_up_twice_keeps_the_first_state_in_mind(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    up(wire.host, tmp_path)
    assert up(wire.host, tmp_path)["changes"] == ["up", "address"]
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_another_address_takes_the_place_of_the_first(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    up(wire.host, tmp_path)
    up(wire.host, tmp_path, "192.168.98.1/24")
    assert addresses(wire.host, "wire0") == ["192.168.98.1/24"]
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_down_without_up_does_nothing(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    assert down(wire.host, tmp_path) == []
    assert wire.host.picture() == before


def test_down_twice_is_down(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    up(wire.host, tmp_path)
    down(wire.host, tmp_path)
    assert down(wire.host, tmp_path) == []
    assert wire.host.picture() == before


def test_an_interface_that_was_unplugged_is_forgotten(wire: Lab, tmp_path: Path) -> None:
    up(wire.host, tmp_path)
    wire.host.ip("link delete wire0")
    assert down(wire.host, tmp_path) == ["wire0"]
    assert not list(tmp_path.iterdir())


def test_a_new_interface_of_the_same_name_is_left_alone(wire: Lab, tmp_path: Path) -> None:
    up(wire.host, tmp_path)
    wire.host.ip("link delete wire0")
    wire.plug(wire.machine("third"), "eth0")
    wire.cable(wire.host, "wire0", wire.machine("third"), "eth1")
    wire.host.ip("addr add 192.168.1.1/24 dev wire0")
    wire.host.ip("link set wire0 up")
    before = wire.host.picture()
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_a_kept_address_is_set_and_kept_on_the_adapter_that_came_back(
    wire: Lab, tmp_path: Path
) -> None:
    up(wire.host, tmp_path)
    wire.host.ip("link delete wire0")
    wire.cable(wire.host, "wire0", wire.machine("third"), "eth1")
    wire.host.ip("link set wire0 up")  # see the fixture `wire`
    wire.host.ip("link set wire0 down")
    before = wire.host.picture()
    code = UP.replace("result =", "held.release(); result =", 1)
    wire.host.python(code, state=str(tmp_path), address=ADDRESS, request={})
    assert addresses(wire.host, "wire0") == [ADDRESS]
    assert down(wire.host, tmp_path) == ["wire0"]
    assert wire.host.picture() == before


def test_a_lease_gives_back_at_its_end(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    code = UP.replace("result =", "held.release(); result =", 1)
    wire.host.python(code, state=str(tmp_path), address=ADDRESS, request={})
    assert wire.host.picture() == before


def test_a_daemon_leaves_what_the_user_asked_to_keep(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    up(wire.host, tmp_path)
    code = UP.replace("result =", "held.release(); result =", 1)
    wire.host.python(code, state=str(tmp_path), address=ADDRESS, request={})
    assert addresses(wire.host, "wire0") == [ADDRESS]
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_one_owner_per_wire(wire: Lab, tmp_path: Path) -> None:
    code = UP + "print(json.dumps(result), flush=True); sys.stdin.read()"
    values = {"state": str(tmp_path / "a"), "address": ADDRESS, "request": {}}
    program = f"import json, sys\nfrom pathlib import Path\nglobals().update({values!r})\n{code}"
    daemon = wire.host.start(sys.executable, "-c", program)
    assert daemon.stdout is not None
    assert "wire0" in daemon.stdout.readline()
    refused = up(wire.host, tmp_path / "b")
    assert refused["error"] == "WireBusy"
    assert f"process {daemon.pid}" in refused["what"]
    with pytest.raises(AssertionError, match="belongs to another deployer"):
        down(wire.host, tmp_path / "a")
    assert addresses(wire.host, "wire0") == [ADDRESS]


LOOK = """
from deployer.edge.link.owner import owner
result = [owner("wire0") for _ in range(50)]
"""


def test_looking_at_a_wire_in_use_costs_its_owner_nothing(wire: Lab, tmp_path: Path) -> None:
    """However often somebody asks, everybody gets the answer at once."""
    code = UP + "print(json.dumps(result), flush=True); sys.stdin.read()"
    values = {"state": str(tmp_path), "address": ADDRESS, "request": {}}
    program = f"import json, sys\nfrom pathlib import Path\nglobals().update({values!r})\n{code}"
    daemon = wire.host.start(sys.executable, "-c", program)
    assert daemon.stdout is not None
    assert "wire0" in daemon.stdout.readline()
    assert wire.host.python(LOOK) == [daemon.pid] * 50
    assert wire.host.python(LOOK.replace("wire0", "wire")) == [None] * 50


HELD_BY_A_CHILD = """
import os, time
from deployer.edge.link.owner import Ownership, owner
ready, told = os.pipe()
first = os.fork()
if not first:
    held = Ownership("wire0")
    if not os.fork():  # as the daemon's child, which ends a moment after the first process
        os.write(told, b"!")
        time.sleep(0.5)
        os._exit(0)
    os._exit(1)
os.read(ready, 1)
if reaped:
    os.waitpid(first, 0)
else:
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
before = owner("wire0")
held = Ownership("wire0")
result = before == first and owner("wire0") == os.getpid()
"""


@pytest.mark.parametrize("reaped", [False, True])
def test_what_a_killed_owner_leaves_is_waited_for(wire: Lab, reaped: bool) -> None:
    """Else `link down`, or the next start, after a kill -9 would be refused for a moment."""
    assert wire.host.python(HELD_BY_A_CHILD, reaped=reaped)


SQUATTER = """
import fcntl, os, pathlib, socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.bind("\\0deployer.wire.wire0")  # what was the lock once
wanted = [pathlib.Path("/run/deployer"), *pathlib.Path("/run/deployer").glob("wire-*")]
for path in wanted:
    try:
        fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        print(path.suffix, error.strerror)
try:
    pathlib.Path("/run/deployer/wire-mine.lock").write_text("1")
except OSError as error:
    print("mine", error.strerror)
from deployer.edge.link.owner import owner
print("owner", owner("wire0"), flush=True)
sys.stdin.read()
"""


def test_another_user_may_see_who_has_the_wire_but_not_take_it(wire: Lab, tmp_path: Path) -> None:
    """Whatever that user binds, opens and locks: root sets the address and gives it back."""
    code = UP + "print(json.dumps(result), flush=True); sys.stdin.read(); held.release()"
    values = {"state": str(tmp_path / "own"), "address": ADDRESS, "request": {}}
    program = f"import json, sys\nfrom pathlib import Path\nglobals().update({values!r})\n{code}"
    first = wire.host.start(sys.executable, "-c", program)
    assert first.stdout is not None
    assert first.stdin is not None
    assert "wire0" in first.stdout.readline()
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    shown = ("sh", "-c", for_everybody(), "sh")
    other = wire.host.start(
        *shown, *nobody, "env", "-u", "XDG_RUNTIME_DIR", sys.executable, "-c", SQUATTER
    )
    assert other.stdout is not None
    said = []
    for line in other.stdout:
        said.append(line.strip())
        if line.startswith("owner"):
            break
    assert ".lock Permission denied" in said
    assert "mine Permission denied" in said
    assert said[-1] == f"owner {first.pid}"
    first.stdin.close()
    assert first.wait(20) == 0
    assert up(wire.host, tmp_path)["interface"] == "wire0"
    assert down(wire.host, tmp_path) == ["wire0"]


def alike(lab: Lab) -> tuple[str, str]:
    """Two interfaces whose names differ in punctuation only."""
    names = ("w.0", "w-0")
    for number, name in enumerate(names):
        lab.cable(lab.host, name, lab.machine("third"), f"eth{number}")
        lab.machine("third").ip(f"link set eth{number} up")
    return names


def test_interfaces_with_names_alike_are_each_given_back(lab: Lab, tmp_path: Path) -> None:
    before = (alike(lab), lab.host.picture())[1]
    up(lab.host, tmp_path, "192.168.1.1/24", interface="w.0")
    up(lab.host, tmp_path, "192.168.98.1/24", interface="w-0")
    assert addresses(lab.host, "w.0") == ["192.168.1.1/24"]
    assert addresses(lab.host, "w-0") == ["192.168.98.1/24"]
    assert sorted(down(lab.host, tmp_path)) == ["w-0", "w.0"]
    left = lab.host.picture()
    assert left["route"] == before["route"]
    assert [each["addr_info"] for each in left["addr"]] == [
        each["addr_info"] for each in before["addr"]
    ]
    assert not list(tmp_path.iterdir())


def test_a_note_of_an_earlier_version_is_read_and_is_nobody_elses(lab: Lab, tmp_path: Path) -> None:
    """Its file has `_` for whatever is no letter or digit."""
    alike(lab)
    up(lab.host, tmp_path, "192.168.1.1/24", interface="w.0")
    (note,) = tmp_path.iterdir()
    note.rename(tmp_path / "wire-w_0.undo.json")
    up(lab.host, tmp_path, "192.168.98.1/24", interface="w-0")
    assert addresses(lab.host, "w.0") == ["192.168.1.1/24"]
    up(lab.host, tmp_path, "192.168.1.1/24", interface="w.0")
    assert not (tmp_path / "wire-w_0.undo.json").exists()
    down(lab.host, tmp_path)
    assert addresses(lab.host, "w.0") == addresses(lab.host, "w-0") == []
    assert not list(tmp_path.iterdir())


RENAMED = {
    "its name": ["link set wire0 down", "link set wire0 name cable7", "link set cable7 up"],
    "its MAC": ["link set wire0 address 02:00:00:00:00:77"],
}


@pytest.mark.parametrize("case", RENAMED)
def test_an_interface_that_was_given_another_is_known_again(
    wire: Lab, tmp_path: Path, case: str
) -> None:
    up(wire.host, tmp_path)
    for line in RENAMED[case]:
        wire.host.ip(line)
    (here,) = (i for i in json.loads(wire.host.sh("ip", "-j", "link")) if i["ifname"] != "lo")
    status = wire.host.deployer("link", "status", "--state-dir", tmp_path).stdout
    assert "address 192.168.1.1/24 (set by deployer)" in status
    down(wire.host, tmp_path)
    assert addresses(wire.host, here["ifname"]) == []
    (left,) = json.loads(wire.host.sh("ip", "-j", "link", "show", here["ifname"]))
    assert "UP" not in left["flags"]


def test_another_namespace_is_another_computer(wire: Lab, tmp_path: Path) -> None:
    """One that looks alike is not touched: a container that is started again, for one."""
    twin, far = wire.machine("twin"), wire.machine("far")
    up(wire.host, tmp_path)
    index = json.loads(wire.host.sh("ip", "-j", "link", "show", "wire0"))[0]["ifindex"]
    alike = f"index {index} address {wire.host.mac('wire0')}"
    twin.ip(f"link add wire0 {alike} type veth peer name far0 netns {far.name}")
    twin.ip("addr add 192.168.1.1/24 dev wire0")
    twin.ip("link set wire0 up")
    before = twin.picture()
    down(twin, tmp_path)
    assert twin.picture() == before


REFUSALS = {
    "the interface with the default route": ("home0", {}, "InterfaceCarriesInternet"),
    "an interface that is not there": ("nope0", {}, "InterfaceMissing"),
    "an address of the network at home": ("wire0", {}, "SubnetTaken"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_could_cut_the_user_off_is_refused(wire: Lab, tmp_path: Path, case: str) -> None:
    name, more, error = REFUSALS[case]
    wire.home()
    before = wire.host.picture()
    assert up(wire.host, tmp_path, interface=name, **more)["error"] == error
    assert wire.host.picture() == before
    assert not list(tmp_path.iterdir())


def test_the_default_route_is_touched_only_when_forced(wire: Lab, tmp_path: Path) -> None:
    wire.home(ours="10.1.1.5/24", router="10.1.1.1")
    before = wire.host.picture()
    done = up(wire.host, tmp_path, interface="home0", force=True)
    assert done["changes"] == ["address"]
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


INTERNET = {
    "a bridge over it": ["link add br0 type bridge", "link set home0 master br0",
                         "addr add 10.1.1.5/24 dev br0", "link set br0 up",
                         "route add default via 10.1.1.1 dev br0"],
    "another on top of it": ["link add link home0 name home0.7 type macvlan", "link set home0.7 up",
                     "addr add 10.1.1.5/24 dev home0.7", "route add default via 10.1.1.1"],
    "a VPN over it": ["addr add 10.1.1.5/24 dev home0", "route add 192.0.2.7 via 10.1.1.1",
                      "tuntap add tun0 mode tun", "addr add 10.200.0.2/24 dev tun0",
                      "link set tun0 up", "route add default dev tun0"],
    "half and half": ["addr add 10.1.1.5/24 dev home0", "route add 0.0.0.0/1 via 10.1.1.1",
                      "route add 128.0.0.0/1 via 10.1.1.1"],
    "IPv6 alone": ["addr add fd00::5/64 dev home0 nodad",
                   "route add default via fd00::1 dev home0"],
}  # fmt: skip


@pytest.mark.parametrize("case", INTERNET)
def test_the_way_to_the_internet_is_seen_through(wire: Lab, tmp_path: Path, case: str) -> None:
    wire.cable(wire.host, "home0", wire.machine("home"), "lan")
    wire.machine("home").ip("link set lan up")
    if case == "IPv6 alone":
        wire.host.sysctl("net.ipv6.conf.home0.disable_ipv6", 0)
    wire.host.ip("link set home0 up")
    for line in INTERNET[case]:
        wire.host.ip(f"-6 {line}" if "IPv6" in case else line)
    assert up(wire.host, tmp_path, interface="home0")["error"] == "InterfaceCarriesInternet"
    assert up(wire.host, tmp_path)["interface"] == "wire0"


def test_alone_with_the_internet_it_is_refused(lab: Lab, tmp_path: Path) -> None:
    lab.home()
    assert up(lab.host, tmp_path)["error"] == "InterfaceCarriesInternet"


def test_the_other_interface_is_chosen(wire: Lab, tmp_path: Path) -> None:
    wire.home(ours="10.1.1.5/24", router="10.1.1.1")
    before = wire.host.picture()
    assert up(wire.host, tmp_path)["interface"] == "wire0"
    wire.host.sh("ping", "-c1", "-W2", "10.1.1.1")
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_a_router_with_our_address_leaves_another_subnet(wire: Lab, tmp_path: Path) -> None:
    wire.home()
    remedy = up(wire.host, tmp_path)["remedy"]
    assert "--address 192.168.98.1/24" in remedy
    assert "192.168.98.2" in remedy
    assert "--host-route" not in remedy


def test_a_host_route_is_set_where_there_is_no_other_way_at_all(wire: Lab, tmp_path: Path) -> None:
    """A computer without any network: the kernel knows no way to the old PC at all."""
    before = wire.host.picture()
    words = ["--host-route", "192.168.1.2", "--state-dir", tmp_path]
    assert wire.host.deployer("link", "up", *words).returncode == 0
    assert "192.168.1.2 dev wire0 proto static scope link src 192.168.1.1" in wire.host.sh(
        "ip", "route"
    )
    wire.target.sh("ping", "-c1", "-W2", "192.168.1.1")
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_a_host_route_passes_by_the_network_at_home(wire: Lab, tmp_path: Path) -> None:
    wire.home(ours="192.168.1.50/24", router="192.168.1.254")
    assert "--host-route 192.168.1.2" in up(wire.host, tmp_path)["remedy"]
    before = wire.host.picture()
    done = up(wire.host, tmp_path, address="192.168.1.1/32", host_route="192.168.1.2")
    assert done["changes"] == ["up", "address", "route"]
    wire.host.sh("ping", "-c1", "-W2", "192.168.1.2")
    wire.host.sh("ping", "-c1", "-W2", "192.168.1.254")
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_an_address_that_answers_is_not_set(wire: Lab, tmp_path: Path) -> None:
    third = wire.machine("third")
    wire.plug(third, "eth0", "192.168.1.1/24")
    before = wire.host.picture()
    refused = up(wire.host, tmp_path)
    assert refused["error"] == "AddressTaken"
    assert third.mac("eth0") in refused["what"]
    assert wire.host.picture() == before
    assert not list(tmp_path.iterdir())


def test_without_a_cable_the_address_is_set_all_the_same(wire: Lab, tmp_path: Path) -> None:
    wire.host.ip("link set wire0 up")
    wire.pull("host")
    before = wire.host.picture()
    assert up(wire.host, tmp_path)["changes"] == ["address"]
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_ipv6_comes_back_too(wire: Lab, tmp_path: Path) -> None:
    wire.host.sysctl("net.ipv6.conf.wire0.disable_ipv6", 0)
    wire.host.sysctl("net.ipv6.conf.wire0.accept_dad", 0)
    set_by_hand = ["-6 addr add fd00::5/64 dev wire0 nodad", "-6 addr add fd00::7/64 dev wire0"]
    for first in ([], set_by_hand, ["link set wire0 up"]):
        for line in first:
            wire.host.ip(line)
        before = wire.host.picture()
        up(wire.host, tmp_path)
        down(wire.host, tmp_path)
        assert wire.host.picture() == before


KILLED = """
import os, random, signal, subprocess, time
import pyroute2
from deployer.core.wire.addresses import parse_address
from deployer.edge.link import arp
from deployer.edge.link import lease

def picture():
    shown = [subprocess.run(["ip", "-j", *words], capture_output=True, check=True).stdout.decode()
             for words in (["addr"], ["route", "show", "table", "all"])]
    return shown

def forever():
    quick = arp.ProbeTiming(1, 0.0, 0.0)
    want = lease.LeaseRequest(parse_address("192.168.1.1/24"), patience=quick, keep=keep)
    while True:
        lease.up(want, Path(state)).release()
        lease.down(Path(state))
        os.write(started, b"!")

result = {"wrong": [], "left": 0}
before = picture()
for moment in moments:
    wait_here, started = os.pipe()
    child = os.fork()
    if not child:
        try:
            forever()
        finally:
            os._exit(1)
    os.read(wait_here, 1)
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    os.close(wait_here)
    os.close(started)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    result["left"] += picture() != before or bool(list(Path(state).glob("*.json")))
    lease.down(Path(state))
    if picture() != before or list(Path(state).glob("*.json")):
        result["wrong"].append(moment)
"""


@pytest.mark.parametrize("keep", [False, True], ids=["serve", "link up"])
def test_kill_9_at_any_moment_then_link_down_restores(
    wire: Lab, tmp_path: Path, keep: bool
) -> None:
    chance = random.Random(98)
    moments = [chance.uniform(0.0, 0.1) for _ in range(20)]
    done = wire.host.python(KILLED, state=str(tmp_path), keep=keep, moments=moments)
    assert done["wrong"] == []
    assert done["left"], "not one of the moments hit the middle"


def test_kill_9_then_the_next_start_still_knows_the_first_state(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    code = UP + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    for keep in (False, True, False):
        with pytest.raises(AssertionError):
            wire.host.python(
                code, state=str(tmp_path), address=ADDRESS, request={"keep": keep}
            )  # fmt: skip
        assert addresses(wire.host, "wire0") == [ADDRESS]
    down(wire.host, tmp_path)
    assert wire.host.picture() == before


def test_a_damaged_note_is_said_and_nothing_is_changed(wire: Lab, tmp_path: Path) -> None:
    (tmp_path / "wire-wire0.undo.json").write_text("{")
    before = wire.host.picture()
    assert up(wire.host, tmp_path)["error"] == "UndoDamaged"
    assert wire.host.picture() == before


def test_without_the_right_it_says_so(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    refused = wire.host.python(
        UP, state=str(tmp_path), address=ADDRESS, request={}, without="net_admin,net_raw"
    )
    assert refused["error"] == "LinkForbidden"
    assert "sudo" in refused["remedy"]
    assert wire.host.picture() == before
    assert not list(tmp_path.iterdir())


def test_the_kernel_is_asked_not_ip(wire: Lab, tmp_path: Path) -> None:
    """No program is needed to set an address: PATH may be empty."""
    code = "import os; os.environ['PATH'] = '/nowhere'\n" + UP
    done = wire.host.python(code, state=str(tmp_path), address=ADDRESS, request={"keep": True})
    assert done["interface"] == "wire0"

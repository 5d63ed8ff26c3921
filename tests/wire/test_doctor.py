"""deployer doctor and deployer link, from the command line, on real wires."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

CHECKS = [
    "interface", "carrier", "address", "subnet", "duplicate", "servers", "firewall", "cables",
    "ports", "state", "clock", "programs", "target",
]  # fmt: skip


def doctor(lab: Lab, state: Path, *more: object) -> tuple[int, dict[str, dict]]:
    done = lab.host.deployer("doctor", "--state-dir", state, "--json", *more)
    lines = map(json.loads, done.stdout.splitlines())
    return done.returncode, {line["id"]: line for line in lines}


def test_a_healthy_wire_is_all_ok(wire: Lab, tmp_path: Path) -> None:
    done = wire.host.deployer("link", "up", "--state-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    _code, lines = doctor(wire, tmp_path, "--target", "192.168.1.2")
    assert list(lines) == CHECKS
    unwell = {name for name, line in lines.items() if line["severity"] != "ok"}
    assert unwell <= {"programs"}, unwell  # a tree whose programs are not built says so


BROKEN = {
    "no cable": ("carrier", "broken"),
    "target off": ("target", "broken"),
    "address not set": ("address", "warning"),
    "no wired interface": ("interface", "broken"),
    "state directory": ("state", "broken"),
    "firewall": ("firewall", "broken"),
    "server": ("other-ftp-server", "broken"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_trouble_is_named_with_its_fix(wire: Lab, tmp_path: Path, case: str) -> None:
    wire.host.ip("addr add 192.168.1.1/24 dev wire0")
    wire.host.ip("link set wire0 up")
    state: Path = tmp_path
    more = ["--target", "192.168.1.2"] if "target" in case else []
    match case:
        case "no cable":
            wire.pull("host")
        case "target off":
            wire.target.ip("link set eth0 down")
        case "address not set":
            wire.host.ip("addr flush dev wire0")
        case "no wired interface":
            wire.host.ip("link delete wire0")
        case "state directory":
            state = Path("/proc/nowhere")
        case "firewall":
            wire.host.sh("iptables-nft", "-P", "INPUT", "DROP")
        case "server":
            wire.host.listen("0.0.0.0", 21)
    name, severity = BROKEN[case]
    code, lines = doctor(wire, state, *more)
    assert lines[name]["severity"] == severity
    assert lines[name]["fix"]
    if severity == "broken":
        only_target = [n for n, x in lines.items() if x["severity"] == "broken"] == ["target"]
        assert code == (4 if only_target else 3)


def test_without_rights_it_names_exactly_what_is_missing(wire: Lab, tmp_path: Path) -> None:
    wire.host.ip("addr add 192.168.1.1/24 dev wire0")
    wire.host.ip("link set wire0 up")
    code = """
from deployer.host import wire
import msgspec
found = wire.examine(wire.Wanted("192.168.1.1", Path(state)))
result = {f.id: f.fix for f in found if f.severity == "broken"}
"""
    limits = "net_admin,net_raw,net_bind_service"
    broken = wire.host.python(code, state=str(tmp_path), without=limits)
    assert "cap_net_bind_service=+ep" in broken["ports"]


def test_doctor_changes_nothing(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    doctor(wire, tmp_path / "not-made", "--target", "192.168.1.2")
    assert wire.host.picture() == before
    assert not (tmp_path / "not-made").exists()


def test_link_up_status_down_for_people(wire: Lab, tmp_path: Path) -> None:
    state = ("--state-dir", tmp_path)
    up = wire.host.deployer("link", "up", *state)
    assert "wire0 has the address 192.168.1.1/24 now." in up.stdout
    assert "deployer link down" in up.stdout
    wire.host.sh("ping", "-c1", "-W2", "192.168.1.2")
    status = wire.host.deployer("link", "status", *state).stdout
    assert "address 192.168.1.1/24 (set by deployer)" in status
    assert f"neighbour 192.168.1.2 ({wire.target.mac('eth0')})" in status
    assert "live cable, 10000 Mbit/s full" in status
    assert wire.host.deployer("link", "down", *state).stdout == "wire0: as before.\n"
    again = wire.host.deployer("link", "down", *state).stdout
    assert again.startswith("Nothing was changed")


def test_link_speaks_json(wire: Lab, tmp_path: Path) -> None:
    state = ("--state-dir", tmp_path, "--json")
    up = json.loads(wire.host.deployer("link", "up", *state).stdout)
    assert up == {
        "interface": "wire0", "address": "192.168.1.1/24", "link_local": "169.254.1.1/16",
        "left_out": "", "changes": ["up", "address", "address"],
    }  # fmt: skip
    (standing,) = map(json.loads, wire.host.deployer("link", "status", *state).stdout.splitlines())
    assert standing["interface"]["carrier"] is True
    down = json.loads(wire.host.deployer("link", "down", *state).stdout)
    assert down == {"given_back": ["wire0"]}


def test_forcing_the_way_to_the_internet_asks_first(wire: Lab, tmp_path: Path) -> None:
    wire.home("10.1.1.5/24", "10.1.1.1")
    words = ("link", "up", "--interface", "home0", "--state-dir", tmp_path)
    assert wire.host.deployer(*words).returncode == 3
    before = wire.host.picture()
    asked = wire.host.deployer(*words, "--force-interface")
    assert asked.returncode == 130
    assert "may be cut off" in asked.stderr
    assert wire.host.picture() == before
    assert wire.host.deployer(*words, "--force-interface", "--yes").returncode == 0
    wire.host.deployer("link", "down", "--state-dir", tmp_path)
    assert wire.host.picture() == before


def test_a_pc_that_gives_itself_an_address_and_is_not_there_may_have_stopped_asking(
    wire: Lab, tmp_path: Path
) -> None:
    """Windows 95's eight keys: KB Q162948."""
    assert wire.host.deployer("link", "up", "--state-dir", tmp_path).returncode == 0
    words = ["doctor", "--target", "169.254.7.8", "--state-dir", tmp_path]
    said = wire.host.deployer(*words).stdout
    assert "its registry holds eight DhcpInfo keys" in said
    assert r"System\CurrentControlSet\Services\VxD\DHCP" in said
    assert "DhcpInfo" not in wire.host.deployer(*words[:2], "192.168.1.2", *words[3:]).stdout
    wire.host.deployer("link", "down", "--state-dir", tmp_path)

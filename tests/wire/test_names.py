"""Names for the PCs of the wire: a PC is known again by its network card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

CARD = "network card"


def named(lab: Lab, state: Path) -> list[dict[str, Any]]:
    out = lab.host.deployer("name", "--json", "--state-dir", state).stdout
    return [json.loads(line) for line in out.splitlines()]


def test_a_named_pc_is_found_again_at_another_address(wire: Lab, tmp_path: Path) -> None:
    """It has given itself one first, and was set up by hand later."""
    mac = wire.target.mac("eth0")
    assert wire.host.deployer("link", "up", "--state-dir", tmp_path).returncode == 0
    wire.target.ip("addr add 169.254.7.8/16 dev eth0")
    said = wire.host.deployer("name", "169.254.7.8", "Pentium", "--state-dir", tmp_path).stdout
    assert said == f"pentium is the PC at 169.254.7.8 ({CARD}: {mac}).\n"
    wire.target.ip("addr del 169.254.7.8/16 dev eth0")
    wire.host.ip("neigh flush all")
    wire.target.sh("ping", "-c1", "-W2", "192.168.1.1")
    wire.host.sh("ping", "-c1", "-W2", "192.168.1.2")
    words = ["ping", "pentium", "--count", "1", "--json", "--state-dir", tmp_path]
    verdict = json.loads(wire.host.deployer(*words).stdout)
    assert (verdict["target"], verdict["verdict"]) == ("192.168.1.2", "Answered")
    (kept,) = named(wire, tmp_path)
    assert (kept["name"], kept["ip"], kept["mac"]) == ("pentium", "192.168.1.2", mac)
    wire.host.deployer("link", "down", "--state-dir", tmp_path)


def test_a_pc_that_does_not_answer_is_named_by_its_address(wire: Lab, tmp_path: Path) -> None:
    assert wire.host.deployer("link", "up", "--state-dir", tmp_path).returncode == 0
    said = wire.host.deployer("name", "192.168.1.77", "absent", "--state-dir", tmp_path).stdout
    assert f"({CARD}: not known, since it does not answer" in said
    again = wire.host.deployer("name", "192.168.1.77", "silent", "--state-dir", tmp_path)
    assert again.returncode == 0
    assert [each["name"] for each in named(wire, tmp_path)] == ["silent"], "a PC has one name"
    gone = wire.host.deployer("name", "--remove", "silent", "--state-dir", tmp_path)
    assert gone.stdout == "No PC is called silent any more.\n"
    assert named(wire, tmp_path) == []
    wire.host.deployer("link", "down", "--state-dir", tmp_path)

"""`deployer devices` on a real wire: who asks, who speaks NetBIOS, who has a name."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.core.wire import dhcp
from tests.core.wire.test_devices import registration
from tests.core.wire.test_dhcp import discover

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

SPEAK = """
import socket, sys, time
sock = socket.socket(type=socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
while True:
    sock.sendto(bytes.fromhex(sys.argv[2]), ("255.255.255.255", int(sys.argv[1])))
    time.sleep(0.2)
"""


def shown(lab: Lab, state: Path) -> list[dict[str, Any]]:
    words = ["devices", "--json", "--listen", "1.5", "--state-dir", state]
    done = lab.host.deployer(*words)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_everybody_on_the_wire_is_listed_with_what_is_missing(wire: Lab, tmp_path: Path) -> None:
    other = wire.machine("other")
    wire.plug(other, "eth0", "169.254.77.88/16")
    assert wire.host.deployer("link", "up", "--state-dir", tmp_path).returncode == 0
    assert (
        wire.host.deployer("name", "192.168.1.2", "desk", "--state-dir", tmp_path).returncode == 0
    )
    asking = dhcp.encode(discover("02:00:00:00:98:98"))
    other.start(sys.executable, "-c", SPEAK, 67, asking.hex())
    other.start(sys.executable, "-c", SPEAK, 137, registration("PENTIUM").hex())
    rows = {row["mac"]: row for row in shown(wire, tmp_path)}
    assert set(rows) == {wire.target.mac("eth0"), other.mac("eth0"), "02:00:00:00:98:98"}
    desk, pentium = rows[wire.target.mac("eth0")], rows[other.mac("eth0")]
    assert (desk["ip"], desk["name"], desk["here"]) == ("192.168.1.2", "desk", True)
    assert (pentium["ip"], pentium["computer"]) == ("169.254.77.88", "PENTIUM")
    assert pentium["missing"] == "no agent: push, and open http://169.254.1.1/ there"
    asks = rows["02:00:00:00:98:98"]
    assert (asks["computer"], asks["system"]) == ("PENTIUM", "MSFT 98")
    wire.host.deployer("link", "down", "--state-dir", tmp_path)


def test_without_a_wire_it_says_so(wire: Lab, tmp_path: Path) -> None:
    done = wire.host.deployer("devices", "--listen", "0", "--state-dir", tmp_path)
    assert done.returncode == 0
    assert "there is no wire with a live cable" in done.stderr
    assert done.stdout.startswith("Nobody is on the wire, as far as can be heard.")

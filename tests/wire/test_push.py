"""The whole way on a real wire: our address, port 21, active-mode data connections, a proof."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.wire.conftest import Lab


def test_a_push_over_the_wire_is_proved_and_leaves_nothing(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    file = tmp_path / "firmware.img"
    file.write_bytes(random.Random(98).randbytes(3_000_000))
    state, disk = tmp_path / "state", tmp_path / "disk"
    disk.mkdir()
    assert wire.host.deployer("link", "up", "--state-dir", state).returncode == 0
    words = ["push", "--target", "192.168.1.2", file, "--no-run", "--json", "--state-dir", state]
    push = wire.host.start(sys.executable, "-m", "deployer", *words, "--timeout", 60)
    assert push.stdout is not None
    for line in push.stdout:
        if json.loads(line).get("protocol") == "ftp":
            break
    own = ["--address", "192.168.1.2", "--disk", disk]
    wire.target.start(sys.executable, "-m", "deployer.sim", "--host", "192.168.1.1", *own)
    events = [json.loads(line) for line in push.stdout]
    assert push.wait(30) == 0
    assert events[-1]["state"] == "proved"
    peers = {event["peer"] for event in events if event.get("peer")}
    assert peers == {"192.168.1.2"}
    wire.host.deployer("link", "down", "--state-dir", state)
    assert wire.host.picture() == before


def test_a_pc_that_nobody_has_configured_is_served_on_169_254_1_1(
    wire: Lab, tmp_path: Path
) -> None:
    """It has the address that it gave itself; nothing is set for it on either side before."""
    wire.target.ip("addr flush dev eth0")
    wire.target.ip("addr add 169.254.77.88/16 dev eth0")
    before = wire.host.picture()
    file = tmp_path / "firmware.img"
    file.write_bytes(random.Random(98).randbytes(300_000))
    state, disk = tmp_path / "state", tmp_path / "disk"
    disk.mkdir()
    words = ["push", "--target", "169.254.77.88", file, "--no-run", "--json", "--state-dir", state]
    push = wire.host.start(sys.executable, "-m", "deployer", *words, "--timeout", 60)
    assert push.stdout is not None
    for line in push.stdout:
        if json.loads(line).get("protocol") == "ftp":
            break
    own = ["--address", "169.254.77.88", "--disk", disk]
    wire.target.start(sys.executable, "-m", "deployer.sim", "--host", "169.254.1.1", *own)
    events = [json.loads(line) for line in push.stdout]
    assert push.wait(30) == 0
    assert events[-1]["state"] == "proved"
    assert wire.host.picture() == before

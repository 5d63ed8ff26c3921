"""The daemon that a window brings up for itself, on a real wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.edge.privileges import CAPABILITIES
from tests.waiting import PATIENCE
from tests.wire.test_daemon import bench, ended, random_file, until_served

if TYPE_CHECKING:
    from tests.wire.test_daemon import Bench

__all__ = ["bench"]


def test_on_demand_the_wire_is_touched_at_the_first_push_and_given_back(bench: Bench) -> None:
    """What `deployer tui` brings up: looking changes nothing here, and it ends by itself."""
    before = bench.lab.host.picture()
    daemon = bench.serve("--on-demand")
    assert bench.lab.host.picture() == before
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    held = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    kept = ("dac_override", "net_bind_service", "net_admin", "net_raw")
    assert int(held.split()[1], 16) == sum(1 << CAPABILITIES[name] for name in kept)
    push = bench.push(random_file(bench.place / "a.img", 1000), "--no-run")
    events = [json.loads(line) for line in until_served(push)]
    assert bench.lab.host.picture() != before
    bench.pc()
    events += ended(push)
    assert events[-1]["state"] == "proved"
    assert daemon.wait(PATIENCE) == 0, bench.log
    assert bench.lab.host.picture() == before

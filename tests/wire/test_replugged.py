"""An adapter is pulled out and put back while something is delivered over it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.wire.test_daemon import bench, ended, random_file, slow, wait_for
from tests.wire.test_watch import plug_in, shown, unplug

if TYPE_CHECKING:
    from tests.wire.test_daemon import Bench

__all__ = ["bench"]


@pytest.mark.parametrize("user", ["", "nobody"], ids=["as root", "as another user"])
def test_the_daemon_says_it_and_goes_on_where_the_part_was_cut(bench: Bench, user: str) -> None:
    """The first process has the right to set the address again, the second one serves."""
    bench.user = user
    slow(bench, "10mbit")
    daemon = bench.serve()
    file = random_file(bench.place / "big.img", 2_000_000)
    push = bench.push(file, "--no-run", "--part-size", "256K", "--detach", nobody=bool(user))
    identity = ended(push)[0]["deployment"]
    bench.pc()
    wait_for(lambda: bench.told("transfer-done", name="BIG.002"), bench.log)
    unplug(bench.lab)
    (gone,) = wait_for(lambda: bench.told("wire-changed", state="gone"), bench.log)
    assert (gone["interface"], gone["address"]) == ("wire0", "192.168.1.1")
    plug_in(bench.lab)
    wait_for(lambda: bench.told("wire-changed", state="ready"), bench.log)
    wait_for(lambda: bench.told("state-changed", deployment=identity, state="proved"), bench.log)
    assert len(bench.told("transfer-started", name="BIG.001")) == 1
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert shown(bench.lab)["addr_info"] == []
    assert "UP" not in shown(bench.lab)["flags"]


def test_a_machine_with_our_address_is_told_by_the_daemon(bench: Bench) -> None:
    third = bench.lab.machine("third")
    bench.lab.plug(third, "eth0", "192.168.1.3/24")
    bench.serve()
    third.ip("addr add 192.168.1.1/24 dev eth0")
    third.sh("ping", "-c1", "-W1", "192.168.1.2", check=False)  # it asks by ARP, as every user
    (taken,) = wait_for(lambda: bench.told("wire-changed", state="taken"), bench.log)
    assert taken["rival"] == third.mac("eth0")

"""An adapter is pulled out and put back while something is delivered over it."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.waiting import PATIENCE, until
from tests.wire.test_daemon import TARGET, bench, ended, random_file, slow
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
    until(lambda: bench.told("transfer-done", name="BIG.002"), bench.log)
    unplug(bench.lab)
    (gone,) = until(lambda: bench.told("wire-changed", state="gone"), bench.log)
    assert (gone["interface"], gone["address"]) == ("wire0", "192.168.1.1")
    plug_in(bench.lab)
    until(lambda: bench.told("wire-changed", state="ready"), bench.log)
    until(lambda: bench.told("state-changed", deployment=identity, state="proved"), bench.log)
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
    (taken,) = until(lambda: bench.told("wire-changed", state="taken"), bench.log)
    assert taken["rival"] == third.mac("eth0")


def test_a_push_by_itself_says_it_and_goes_on(bench: Bench) -> None:
    """Without a daemon, in words for people."""
    slow(bench, "10mbit")
    file = random_file(bench.place / "big.img", 2_000_000)
    words = [sys.executable, "-m", "deployer", "push", "--target", TARGET, str(file), "--no-run"]
    words += ["--part-size", "256K", "--state-dir", str(bench.state)]
    log = bench.place / "push.log"
    with log.open("w") as out:
        push = bench.start(words, stdout=out)
    until(lambda: "server ready" in log.read_text() or "GO" in log.read_text(), log.read_text())
    bench.pc()
    inbox = bench.state / "inbox"
    until(lambda: inbox.is_dir() and any(inbox.iterdir()), "the old PC never called")
    unplug(bench.lab)
    until(lambda: "wire0 is gone from this computer. Plug the adapter in" in log.read_text())
    plug_in(bench.lab)
    until(lambda: "wire0 has 192.168.1.1 again: it goes on." in log.read_text())
    assert push.wait(PATIENCE) == 0, log.read_text()
    assert shown(bench.lab)["addr_info"] == []

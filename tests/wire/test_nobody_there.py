"""A PC that nobody has touched, on a real wire: its browser once, then its agent and nobody."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer.host.agents.simulated import LINKS
from tests.wire.test_dhcp import QUICK, dhclient, rival, udhcpc, unset
from tests.wire.test_untouched import UNTOUCHED, unconfigured, until

if TYPE_CHECKING:
    import subprocess

    from tests.wire.conftest import Lab, Machine

pytest.importorskip("unicorn")
DEPLOYER = (sys.executable, "-c", f"{QUICK}\nfrom deployer.__main__ import main; main()")


def serving(lab: Lab, state: Path, *more: str, dhcp: str = "") -> None:
    """A daemon for agents and everybody else, ready; of its addresses it has said what is asked."""
    words = ["serve", "--state-dir", str(state), "--control", str(state / "control.sock")]
    daemon = lab.host.start(*DEPLOYER, *words, *more)
    if dhcp:
        until(daemon, "dhcp-changed", state=dhcp)
        return
    assert daemon.stdout is not None
    assert any(line.startswith("ready on") for line in daemon.stdout)


def push(lab: Lab, state: Path, number: int, *more: str) -> subprocess.Popen[str]:
    """Push a batch file that is run."""
    file = state.parent / f"HELLO{number}.BAT"
    file.write_bytes(b"@ECHO Hello %d\r\n" % number + b"@REM longer\r\n" * 2000)
    words = ["push", file, "--run", file.name, "--json", "--state-dir", state, "--timeout", 60]
    return lab.host.start(*DEPLOYER, *words, *more)


def browser(machine: Machine, disk: Path, url: str) -> subprocess.Popen[str]:
    """A PC with default settings, switched on; its user types one address and follows two links."""
    links = [f"--follow={words}" for words in LINKS]
    return machine.start(
        sys.executable, "-m", "deployer.sim", f"--untouched={url}", "--disk", disk, *links
    )


def test_one_typed_address_and_then_nothing(wire: Lab, tmp_path: Path) -> None:
    """Windows 98 gives itself 169.254.x.y; the second push comes after the PC was off."""
    unconfigured(wire.target)
    state = tmp_path / "state"
    serving(wire, state)
    first = push(wire, state, 1)
    until(first, "deployment-staged", target="any")
    browser(wire.target, tmp_path / "c", "http://169.254.1.1/")
    until(first, "state-changed", state="proved")
    assert first.wait(30) == 0
    off = wire.host.deployer("poweroff", UNTOUCHED, "--state-dir", state)
    assert off.returncode == 0, off.stderr
    second = push(wire, state, 2, "--target", UNTOUCHED)
    until(second, "state-changed", state="proved")
    assert second.wait(30) == 0
    said = wire.host.deployer("run", "--state-dir", state, UNTOUCHED, "HELLO2.BAT")
    assert (said.stdout.splitlines()[0], said.returncode) == ("Hello 2", 0)
    off = wire.host.deployer("poweroff", UNTOUCHED, "--state-dir", state)
    assert off.returncode == 0, off.stderr
    wire.target.ip("addr flush dev eth0")  # its user gives it an address of its own
    wire.target.ip("addr add 192.168.1.2/24 dev eth0")
    said = wire.host.deployer("run", "--state-dir", state, "OLD-PC", "HELLO2.BAT")
    assert (said.stdout.splitlines()[0], said.returncode) == ("Hello 2", 0)


@pytest.mark.needs("udhcpc", "dhclient")
@pytest.mark.parametrize("client", ["udhcpc", "dhclient"])
def test_where_addresses_are_given(wire: Lab, tmp_path: Path, client: str) -> None:
    """Its address is from us; the rest is the same, on the first address."""
    unset(wire.target)
    state = tmp_path / "state"
    serving(wire, state, "--dhcp", dhcp="serving")
    first = push(wire, state, 1)
    until(first, "deployment-staged", target="any")
    if client == "udhcpc":
        udhcpc(wire.target, tmp_path)
    else:
        conf = tmp_path / "dhclient.conf"
        conf.write_text("timeout 10;\n")
        dhclient(wire.target, tmp_path, conf)
    browser(wire.target, tmp_path / "c", "http://192.168.1.1/")
    assert until(first, "target-found")["peer"] == "192.168.1.2"
    until(first, "state-changed", state="proved")


@pytest.mark.needs("dnsmasq", "udhcpc")
def test_where_another_server_gives_addresses(wire: Lab, tmp_path: Path) -> None:
    """Ours gives none and says so; the PC that has one of the other's is pushed to all the same."""
    router = wire.machine("router")
    wire.plug(router, "eth0")
    router.ip("link set eth0 up")
    rival(router, tmp_path)
    unset(wire.target)
    state = tmp_path / "state"
    serving(wire, state, "--dhcp", dhcp="refused")
    first = push(wire, state, 1)
    until(first, "deployment-staged", target="any")
    udhcpc(wire.target, tmp_path)
    browser(wire.target, tmp_path / "c", "http://192.168.1.1/")
    assert until(first, "target-found")["peer"].startswith("192.168.1.1")
    until(first, "state-changed", state="proved")

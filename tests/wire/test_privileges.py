"""What is left of root once the ports are open, and what systemd is told."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer.edge import notify
from tests import needs

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

ROOT = Path(__file__).resolve().parents[2]

DROP = """
import errno, os, socket, subprocess, threading
from deployer.core.wire.addresses import parse_address
from deployer.edge import privileges
from deployer.edge.link import arp
from deployer.edge.link import lease

wanted = lease.LeaseRequest(parse_address("192.168.1.1/24"), patience=arp.ProbeTiming(1, 0.0, 0.05))
held = lease.up(wanted, Path(state))
ftp = socket.create_server(("192.168.1.1", 21))
privileges.keep_only(["net_admin"])

def refused(act):
    try:
        act()
    except OSError as error:
        return error.errno in (errno.EPERM, errno.EACCES)
    return False

result = {
    "port 80 is closed now": refused(lambda: socket.create_server(("192.168.1.1", 80))),
    "ARP": refused(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)),
    "other users' files": refused(lambda: os.chown(state, 65534, 65534)),
    "chroot": refused(lambda: os.chroot("/tmp")),
    "port 21 is open still": ftp.getsockname()[1] == 21,
    "bits": privileges.effective(),
}
shell = subprocess.run(["sh", "-c", "grep Cap /proc/self/status"], capture_output=True, text=True)
caps = dict(line.split(":\\t") for line in shell.stdout.splitlines())
result["a child gains nothing"] = int(caps["CapEff"], 16) & ~(1 << 12) == 0
held.release()
result["the address is given back"] = not list(Path(state).iterdir())
"""


def test_only_what_undoing_needs_is_kept(wire: Lab, tmp_path: Path) -> None:
    before = wire.host.picture()
    told = wire.host.python(DROP, state=str(tmp_path))
    assert told.pop("bits") == 1 << 12
    assert {name for name, fine in told.items() if not fine} == set()
    assert wire.host.picture() == before


def test_with_threads_it_is_too_late(wire: Lab) -> None:
    code = """
import threading
from deployer.edge import privileges
stop = threading.Event()
threading.Thread(target=stop.wait, daemon=True).start()
try:
    privileges.keep_only([])
    result = "dropped"
except RuntimeError as error:
    result = str(error)
stop.set()
"""
    assert "before the first thread" in wire.host.python(code)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(tmp_path: Path, abstract: bool) -> None:
    place = f"@deployer-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + place[1:] if abstract else place)
        assert notify.tell({"NOTIFY_SOCKET": place}, READY=1, STATUS="2 deployments wait")
        assert listener.recv(1000) == b"READY=1\nSTATUS=2 deployments wait"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_systemd_there_is_silence(environment: dict[str, str]) -> None:
    assert not notify.tell(environment, READY=1)


def test_the_unit_is_one_that_systemd_accepts() -> None:
    needs.require("systemd-analyze")
    unit = ROOT / "configs" / "systemd" / "deployer.service"
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    complaints = [
        line
        for line in done.stderr.splitlines()
        if "deployer.service" in line and "not executable" not in line
    ]
    assert complaints == []

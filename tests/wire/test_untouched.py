"""PCs that nobody has configured, on a real wire: both of our addresses serve at once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.wire.conftest import Lab, Machine

UNTOUCHED = "169.254.77.88"
PYTHON = (sys.executable, "-m")


def payload(folder: Path, length: int = 300_000) -> Path:
    file = folder / "firmware.img"
    file.write_bytes(random.Random(length).randbytes(length))
    return file


def pc(machine: Machine, address: str, disk: Path, host: str) -> None:
    """An old PC that types the card for a host."""
    disk.mkdir()
    words = ["--host", host, "--address", address, "--disk", disk]
    machine.start(*PYTHON, "deployer.sim", *words)


def unconfigured(machine: Machine, address: str = UNTOUCHED) -> None:
    """The address that Windows 98 gives itself where nobody gives it one."""
    machine.ip("addr flush dev eth0")
    machine.ip(f"addr add {address}/16 dev eth0")


def serving(lab: Lab, state: Path, *more: str) -> list[str]:
    """A daemon on the lab's host; what it said until it was ready."""
    words = ["serve", "--state-dir", str(state), "--control", str(state / "control.sock")]
    daemon = lab.host.start(*PYTHON, "deployer", *words, *more)
    assert daemon.stdout is not None
    said = []
    for line in daemon.stdout:
        said.append(line.rstrip())
        if line.startswith("ready on"):
            return said
    raise AssertionError(said)


def push(lab: Lab, state: Path, *words: object) -> subprocess.Popen[str]:
    own = ["push", *words, "--no-run", "--json", "--state-dir", state, "--timeout", 60]
    return lab.host.start(*PYTHON, "deployer", *own)


def until(process: subprocess.Popen[str], kind: str, **fields: Any) -> dict[str, Any]:
    """The first event of a kind with these fields."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == kind and fields.items() <= event.items():
            return event
    raise AssertionError("".join(said))


def fetched(machine: Machine, url: str) -> str:
    code = "import urllib.request as r; result = r.urlopen(url, timeout=20).read().decode()"
    return str(machine.python(code, url=url))


def test_one_daemon_serves_the_configured_and_the_untouched(wire: Lab, tmp_path: Path) -> None:
    """Each on the address that it reaches, at once, and each GO.BAT calls that one."""
    other = wire.machine("other")
    wire.plug(other, "eth0", f"{UNTOUCHED}/16")
    before = wire.host.picture()
    file, state = payload(tmp_path), tmp_path / "state"
    assert "ready on 192.168.1.1 and 169.254.1.1:21; control at" in serving(wire, state)[-1]
    first = push(wire, state, file, "--target", "192.168.1.2")
    second = push(wire, state, file, "--target", UNTOUCHED)
    assert until(first, "server-listening", protocol="ftp")["address"] == "192.168.1.1"
    assert until(second, "server-listening", protocol="ftp")["address"] == "169.254.1.1"
    assert "FTP 192.168.1.1" in fetched(wire.target, "http://192.168.1.1/")
    assert "FTP 169.254.1.1" in fetched(other, "http://169.254.1.1/")
    assert "open 169.254.1.1" in fetched(other, "http://169.254.1.1/GO.BAT")
    pc(wire.target, "192.168.1.2", tmp_path / "one", "192.168.1.1")
    pc(other, UNTOUCHED, tmp_path / "two", "169.254.1.1")
    until(first, "state-changed", state="proved")
    until(second, "state-changed", state="proved")
    wire.host.running[0].terminate()
    assert wire.host.running[0].wait(30) == 0
    assert wire.host.picture() == before


def test_a_pc_with_both_addresses_is_called_back_where_it_called(wire: Lab, tmp_path: Path) -> None:
    """The push is for its configured address, and it came to 169.254.1.1 all the same."""
    file, state = payload(tmp_path), tmp_path / "state"
    process = push(wire, state, file, "--target", "192.168.1.2")
    until(process, "server-listening", protocol="ftp")
    wire.target.ip("route add 169.254.0.0/16 dev eth0")
    assert "open 169.254.1.1" in fetched(wire.target, "http://169.254.1.1/GO.BAT")
    assert "open 192.168.1.1" in fetched(wire.target, "http://192.168.1.1/GO.BAT")


def test_without_the_second_address_an_untouched_pc_is_refused(wire: Lab, tmp_path: Path) -> None:
    """It is left out where the host has another way to 169.254/16, and that is said."""
    home = wire.machine("home")
    wire.cable(wire.host, "home0", home, "lan0")
    wire.host.ip("addr add 169.254.9.8/16 dev home0")
    wire.host.ip("link set home0 up")
    state = tmp_path / "state"
    said = serving(wire, state, "--interface", "wire0")
    assert "there is no address in 169.254/16: home0 is this computer's way to 169.254/16" in said
    assert said[-1].startswith("ready on 192.168.1.1:21;")
    words = ["push", payload(tmp_path), "--target", UNTOUCHED, "--state-dir", state]
    done = wire.host.deployer(*words)
    assert done.returncode == 3
    assert f"{UNTOUCHED} has no way to this computer" in done.stderr


def test_the_second_port_may_be_another_programs(wire: Lab, tmp_path: Path) -> None:
    """A program that listens there keeps it; the first address is served, and that is said."""
    assert wire.host.deployer("link", "up", "--state-dir", tmp_path / "own").returncode == 0
    wire.host.listen("169.254.1.1", 21)
    said = serving(wire, tmp_path / "state", "--no-link")
    line = "port 21 is served on the first address only: Port 21 on 169.254.1.1 is in use by"
    assert any(each.startswith(line) for each in said)
    assert said[-1].startswith("ready on 192.168.1.1:21;")


def test_no_link_local_leaves_it_out(wire: Lab, tmp_path: Path) -> None:
    said = serving(wire, tmp_path / "state", "--no-link-local")
    assert said[-1].startswith("ready on 192.168.1.1:21;")
    assert "169.254" not in wire.host.sh("ip", "addr")


def test_whoever_asks_first_has_it_and_the_second_is_told(wire: Lab, tmp_path: Path) -> None:
    """No target is named; the PC that nobody has configured becomes it, for the proof as well."""
    other = wire.machine("other")
    wire.plug(other, "eth0", f"{UNTOUCHED}/16")
    file, state = payload(tmp_path), tmp_path / "state"
    process = push(wire, state, file)
    staged = until(process, "deployment-staged")
    assert staged["target"] == "any"
    until(process, "server-listening", protocol="ftp", address="169.254.1.1")
    card = wire.host.deployer("card", staged["deployment"], "--state-dir", state).stdout
    assert "FTP 192.168.1.1  (or 169.254.1.1, when WINIPCFG there shows 169.254.x.y)" in card
    assert "Nothing waits" not in fetched(wire.target, "http://192.168.1.1/"), (
        "a look takes nothing"
    )
    pc(other, UNTOUCHED, tmp_path / "disk", "169.254.1.1")
    found = until(process, "target-found")
    assert (found["peer"], found["host"]) == (UNTOUCHED, "169.254.1.1")
    assert found["mac"] == other.mac("eth0")
    page = "import urllib.request as r, urllib.error as e\n"
    page += "try: r.urlopen('http://192.168.1.1/', timeout=20)\n"
    page += "except e.HTTPError as error: result = error.read().decode()"
    assert f"is for the one at <B>{UNTOUCHED}</B> now" in str(wire.target.python(page))
    login = "import ftplib\nftp = ftplib.FTP('192.168.1.1', timeout=20)\n"
    login += "try: ftp.login()\nexcept ftplib.error_perm as error: result = str(error)"
    assert "530 Another PC has taken what waits here" in str(wire.target.python(login))
    until(process, "state-changed", state="proved")
    assert process.wait(30) == 0
    proof = json.loads(wire.host.deployer("proof", "--json", "--state-dir", state).stdout)
    assert proof["target"] == UNTOUCHED


def test_of_two_that_ask_at_once_one_gets_it(wire: Lab, tmp_path: Path) -> None:
    """Both are logged in as guests before either asks for GO.BAT."""
    other = wire.machine("other")
    wire.plug(other, "eth0", f"{UNTOUCHED}/16")
    process = push(wire, tmp_path / "state", payload(tmp_path), "--target", "any")
    until(process, "server-listening", protocol="ftp", address="169.254.1.1")
    ask = """
import ftplib, sys
ftp = ftplib.FTP(sys.argv[1], timeout=20); ftp.login()
print("in", flush=True); sys.stdin.readline()
try:
    ftp.retrlines("RETR GO.BAT", lambda line: None); print("has it", flush=True)
except ftplib.error_perm as error:
    print(error, flush=True)
"""
    guests = [
        wire.target.start(sys.executable, "-c", ask, "192.168.1.1"),
        other.start(sys.executable, "-c", ask, "169.254.1.1"),
    ]
    said = []
    for guest in guests:
        assert guest.stdout is not None
        assert guest.stdout.readline() == "in\n"
    for guest in guests:
        assert guest.stdin is not None
        guest.stdin.write("\n")
        guest.stdin.flush()
    for guest in guests:
        assert guest.stdout is not None
        said.append(guest.stdout.readline().strip())
    assert sorted(said)[1] == "has it"
    assert sorted(said)[0].startswith("550 Another PC has taken what waits here")


def test_what_became_a_pcs_goes_on_there_alone(wire: Lab, tmp_path: Path) -> None:
    """After the end of the host a retry is for the PC that had asked, and GO.BAT goes on there."""
    file, state = payload(tmp_path), tmp_path / "state"
    process = push(wire, state, file)
    identity = until(process, "deployment-staged")["deployment"]
    until(process, "server-listening", protocol="ftp")
    fetched(wire.target, "http://192.168.1.1/GO.BAT")
    until(process, "target-found", peer="192.168.1.2")
    process.kill()
    process.wait(30)
    assert "192.168.1.2" in wire.host.deployer("status", "--state-dir", state).stdout
    again = wire.host.start(
        *PYTHON, "deployer", "retry", identity, "--json", "--state-dir", state, "--timeout", 60
    )
    assert until(again, "deployment-staged")["target"] == "192.168.1.2"
    until(again, "server-listening", protocol="ftp")
    pc(wire.target, "192.168.1.2", tmp_path / "disk", "192.168.1.1")
    until(again, "state-changed", state="proved")

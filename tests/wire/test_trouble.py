"""What nobody hopes for while a daemon or a push has the wire, and what is left after it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs
from tests.waiting import PATIENCE, until
from tests.wire.test_daemon import (
    NOBODY,
    TARGET,
    Bench,
    bench,
    ended,
    random_file,
    slow,
    until_served,
)
from tests.wire.test_link import addresses, down, up

__all__ = ["bench"]

PUSH = [sys.executable, "-m", "deployer", "push", "--target", TARGET]


def unwell(bench: Bench, *before: str) -> set[str]:
    """What doctor finds on the host that is not well."""
    words = [*before, sys.executable, "-m", "deployer", "doctor", "--json"]
    done = bench.start([*words, "--state-dir", str(bench.state)], stdout=subprocess.PIPE)
    out, _ = done.communicate(timeout=PATIENCE)
    found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert len(found) > 5, out
    return {line["id"] for line in found if line["severity"] != "ok"}


@pytest.mark.parametrize("user", ["", "nobody"])
def test_doctor_takes_the_daemon_for_no_other_server(bench: Bench, user: str) -> None:
    """Whoever asks, and whoever the daemon has become."""
    bench.user = user
    bench.serve()
    servers = {"other-ftp-server", "other-web-server"}
    assert not unwell(bench) & servers
    assert not unwell(bench, *NOBODY) & servers


@pytest.mark.parametrize("user", ["", "nobody"])
def test_a_closed_terminal_ends_the_daemon_as_ctrl_c_does(bench: Bench, user: str) -> None:
    before = bench.lab.host.picture()
    bench.user = user
    daemon = bench.serve()
    daemon.send_signal(signal.SIGHUP)
    assert daemon.wait(PATIENCE) == 0, bench.log
    assert bench.lab.host.picture() == before


SLOW_TO_GIVE_BACK = """
import os, signal, sys, threading
from deployer.edge.link.linux import LinuxLink

revert = LinuxLink.revert
def slowly(self, interface, change):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
    revert(self, interface, change)
LinuxLink.revert = slowly

from deployer.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_stops_it_again_and_again_gets_the_wire_back_too(bench: Bench, number: int) -> None:
    """The signals come in the middle of giving back."""
    before = bench.lab.host.picture()
    file = random_file(bench.place / "a.img", 1000)
    own = ["--json", "--state-dir", str(bench.state)]
    words = ["push", "--target", TARGET, str(file), "--no-run", *own]
    push = bench.start([sys.executable, "-c", SLOW_TO_GIVE_BACK, *words], stdout=subprocess.PIPE)
    until_served(push)
    assert bench.lab.host.picture() != before
    push.send_signal(number)
    push.communicate(timeout=PATIENCE)
    assert push.returncode != 0
    assert bench.lab.host.picture() == before
    assert not list(bench.state.glob("*.undo.json"))


def test_after_a_killed_push_the_next_one_gives_back_what_was_first(bench: Bench) -> None:
    before = bench.lab.host.picture()
    file = random_file(bench.place / "a.img", 1000)
    words = [str(file), "--no-run", "--json", "--state-dir", str(bench.state)]
    push = bench.start([*PUSH, *words], stdout=subprocess.PIPE)
    until_served(push)
    push.kill()
    push.communicate(timeout=PATIENCE)
    assert bench.lab.host.picture() != before
    again = bench.start([*PUSH, *words], stdout=subprocess.PIPE)
    until_served(again)
    bench.pc()
    assert ended(again)[-1]["state"] == "proved"
    assert bench.lab.host.picture() == before


def test_a_push_says_in_words_who_is_on_the_wire(bench: Bench) -> None:
    """The old PC is there, is switched off, comes back; then our own end of the wire is pulled."""
    file = random_file(bench.place / "a.img", 1000)
    words = [str(file), "--no-run", "--state-dir", str(bench.state), "--timeout", "120"]
    push = bench.start([*PUSH, *words], stdout=subprocess.PIPE)
    steps = [
        ("192.168.1.2 answered after", lambda: bench.lab.target.ip("link set eth0 down")),
        (
            "nobody on the wire has the address 192.168.1.2. Switch the old PC on",
            lambda: bench.lab.target.ip("link set eth0 up"),
        ),
        ("192.168.1.2 answered after", lambda: bench.lab.pull("host")),
        ("no live cable in wire0. Plug the cable in", lambda: push.send_signal(signal.SIGINT)),
    ]
    assert push.stdout is not None
    for said, then in steps:
        assert any(line.startswith(said) for line in push.stdout), f"not said: {said}"
        then()
    push.communicate(timeout=PATIENCE)
    assert push.returncode == 130


def test_a_taken_port_80_costs_the_daemon_only_the_page(bench: Bench) -> None:
    bench.lab.host.listen("0.0.0.0", 80)
    bench.serve()
    assert "no page on the wire: Port 80 on 192.168.1.1 is in use" in bench.log
    push = bench.push(random_file(bench.place / "a.img", 1000), "--no-run")
    events = [json.loads(line) for line in until_served(push)]
    assert {e["protocol"] for e in events if e["event"] == "server-listening"} == {"ftp"}
    bench.pc()
    assert ended(push)[-1]["state"] == "proved"


def test_a_state_directory_that_was_removed_keeps_nobody_from_giving_back(bench: Bench) -> None:
    before = bench.lab.host.picture()
    daemon = bench.serve()
    shutil.rmtree(bench.state)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE) == 0, bench.log
    assert bench.lab.host.picture() == before


def test_a_damaged_note_is_told_by_doctor_and_spoils_no_other(bench: Bench) -> None:
    host = bench.lab.host
    assert up(host, bench.state)["interface"] == "wire0"
    (bench.state / "wire-eth9.undo.json").write_text("{")
    assert "state" in unwell(bench)
    with pytest.raises(
        AssertionError, match=r"wire-eth9.undo.json: the saved settings .* cannot be read"
    ):
        down(host, bench.state)
    assert addresses(host, "wire0") == []
    (bench.state / "wire-eth9.undo.json").unlink()
    assert "state" not in unwell(bench)


def test_a_socket_that_an_earlier_daemon_left_is_replaced(bench: Bench) -> None:
    daemon = bench.serve()
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait(PATIENCE)
    assert bench.socket.exists()
    bench.serve().send_signal(signal.SIGTERM)
    until(lambda: not bench.socket.exists(), "the socket is there still")


def test_another_file_is_not_taken_for_a_socket(bench: Bench) -> None:
    before = bench.lab.host.picture()
    precious = bench.place / "thesis.txt"
    precious.write_text("precious")
    refused = bench.serve("--control", precious, ready=False)
    assert refused.wait(PATIENCE) == 3
    assert "thesis.txt: cannot write there (something is there that is no socket)" in bench.log
    assert precious.read_text() == "precious"
    assert bench.lab.host.picture() == before


def test_an_old_pc_with_another_network_card_goes_on(bench: Bench) -> None:
    """Its address is the same, its MAC is not: the card was changed while the push waited."""
    file = random_file(bench.place / "big.img", 1_000_000)
    slow(bench, "10mbit")
    push = bench.start(
        [*PUSH, str(file), "--no-run", "--json", "--state-dir", str(bench.state)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    until_served(push)
    until(lambda: str(_neighbour(bench)) == bench.lab.target.mac("eth0"), "not seen")
    for line in ("down", "address 02:00:00:00:00:99", "up"):
        bench.lab.target.ip(f"link set eth0 {line}")
    bench.pc()
    assert ended(push)[-1]["state"] == "proved"


def _neighbour(bench: Bench) -> str | None:
    shown = json.loads(bench.lab.host.sh("ip", "-j", "neigh", "show", TARGET) or "[]")
    return shown[0].get("lladdr") if shown else None


def test_a_firewall_that_comes_up_in_the_middle_only_delays(bench: Bench) -> None:
    """While it stands, doctor names it; when it is gone, everything goes on."""
    needs.require("nft")
    file = random_file(bench.place / "big.img", 2_000_000)
    slow(bench, "10mbit")
    bench.serve()
    identity = ended(bench.push(file, "--no-run", "--part-size", "256K", "--detach"))[0][
        "deployment"
    ]
    bench.pc("--tries", "1")
    until(lambda: bench.told("transfer-done", name="BIG.002"))
    rules = "table inet late { chain in { type filter hook input priority 0; policy drop; }\n }\n"
    bench.lab.host.sh("nft", "-f", "-", text=rules)
    assert "firewall" in unwell(bench)
    bench.lab.host.sh("nft", "delete", "table", "inet", "late")
    until(
        lambda: bench.told("state-changed", deployment=identity, state="proved"), lambda: bench.log
    )


FIREWALL = "table inet early { chain in { type filter hook input priority 0; policy drop; }\n }\n"
BLOCKS = "nft blocks FTP, port 21 in (nftables table inet early, chain in)"
ALLOW = 'sudo nft insert rule inet early in iifname "wire0" accept'


def test_a_firewall_is_named_before_anybody_waits_for_it(bench: Bench) -> None:
    """By push and by the daemon, with the command that opens it; they go on all the same."""
    needs.require("nft")
    bench.lab.host.sh("nft", "-f", "-", text=FIREWALL)
    file = random_file(bench.place / "a.img", 1000)
    words = [str(file), "--no-run", "--state-dir", str(bench.state), "--timeout", "0.5"]
    push = bench.start([*PUSH, *words], stdout=subprocess.PIPE)
    out, _ = push.communicate(timeout=PATIENCE)
    assert push.returncode == 4, out
    for said in (BLOCKS.removeprefix("nft "), ALLOW):
        assert out.count(said) == 1, out
    bench.serve()
    for said in (BLOCKS.removeprefix("nft "), ALLOW):
        assert bench.log.count(said) == 1, bench.log


def test_several_open_deployments_are_taken_over_and_each_is_told(bench: Bench) -> None:
    """One whose file has changed, and one whose file is gone, cannot go on; the others do."""
    for number in (3, 4, 5):
        bench.lab.target.ip(f"addr add 192.168.1.{number}/24 dev eth0")
    daemon = bench.serve()
    names: dict[int, str] = {}
    for number in (2, 3, 4, 5):
        file = random_file(bench.place / f"f{number}.img", 1000 + number)
        more = ["--no-run", "--detach", "--target", f"192.168.1.{number}"]
        names[number] = ended(bench.push(file, *more))[0]["deployment"]
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait(PATIENCE)
    (bench.place / "f3.img").write_bytes(b"changed")
    (bench.place / "f4.img").unlink()
    bench.serve()
    log = Path(bench.logs[-1]).read_text()
    for number in (2, 5):
        assert f"{names[number]} goes on" in log
    for number in (3, 4):
        assert f"{names[number]} cannot go on: its files are gone or have changed" in log
    bench.pc()
    until(
        lambda: bench.told("state-changed", deployment=names[2], state="proved"), lambda: bench.log
    )


def test_who_may_not_ask_the_daemon_is_told_that_it_is_another_users(bench: Bench) -> None:
    """Port 21 cannot be opened then, but that is not what keeps this user from pushing."""
    bench.serve()
    file = random_file(bench.place / "a.img", 1000)
    asked = [*NOBODY, "env", f"DEPLOYER_SOCKET={bench.socket}", *PUSH, str(file), "--no-run"]
    own = bench.place / "home" / "own"
    done = bench.start([*asked, "--state-dir", str(own)], stdout=subprocess.PIPE)
    said, _ = done.communicate(timeout=PATIENCE)
    assert done.returncode == 3
    what, remedy = said.strip().splitlines()[-2:]
    assert what == (
        "deployer: A daemon has the port, but this user may not ask it: "
        f"its control socket is {bench.socket}."
    )
    assert remedy.endswith('sudo "$(command -v deployer)" serve --user YOU')

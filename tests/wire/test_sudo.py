"""`sudo deployer ...` works as the user who called it: one history, and no file there is root's.

Played with a user of its own, in a view of the disk in which there is that user.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import PATIENCE, until
from tests.wire.test_daemon import for_everybody

if TYPE_CHECKING:
    from tests.wire.conftest import Lab

UID = 41398
TARGET = "192.168.1.2"


@dataclass
class Account:
    """A user of this computer who may call sudo. What is run sees the user's files and accounts."""

    place: Path
    lab: Lab

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def state(self) -> Path:
        return self.home / ".local" / "state" / "deployer"

    @property
    def of_root(self) -> Path:
        """What is /var/lib for what is run."""
        return self.place / "lib"

    def command(self, *words: object, sudo: bool) -> list[str]:
        """A command line of `deployer`, under sudo or as the user."""
        view = [
            f"mount --bind {self.of_root} /var/lib",
            f"mount --bind {self.place}/passwd /etc/passwd",
            for_everybody(),
        ]
        own = ["env", "-u", "DEPLOYER_STATE_DIR", "-u", "XDG_STATE_HOME"]
        if sudo:
            own += [f"SUDO_UID={UID}", f"SUDO_GID={UID}", "SUDO_USER=user98", "HOME=/root"]
        else:
            own += [f"HOME={self.home}", "setpriv", f"--reuid={UID}", f"--regid={UID}"]
            own += ["--clear-groups"]
        program = [*own, sys.executable, "-m", "deployer", *map(str, words)]
        return self.lab.host.command("sh", "-c", "; ".join(view), "sh", *program)

    def deployer(self, *words: object, sudo: bool = False) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            self.command(*words, sudo=sudo),
            capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=self.place,
        )  # fmt: skip

    def history(self, *, sudo: bool = False) -> list[str]:
        """The targets of what is seen to have been pushed, the oldest first."""
        done = self.deployer("history", "--json", sudo=sudo)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["target"] for line in done.stdout.splitlines()]

    def start(self, *words: object, stdin: int | None = None) -> subprocess.Popen[str]:
        """Start it under sudo."""
        process = subprocess.Popen(
            self.command(*words, sudo=True),
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=self.place,
        )  # fmt: skip
        self.lab.host.running.append(process)
        return process

    def second(self, process: subprocess.Popen[str]) -> int:
        """The process that has become the user."""
        path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return int(until(lambda: path.read_text().split(), "there is one process")[0])


@pytest.fixture
def account(wire: Lab) -> Iterator[Account]:
    with tempfile.TemporaryDirectory(prefix="deployer-sudo-") as name:
        place = Path(name)
        place.chmod(0o755)
        found = Account(place, wire)
        found.of_root.mkdir()
        found.home.mkdir()
        os.chown(found.home, UID, UID)
        line = f"user98:x:{UID}:{UID}::{found.home}:/bin/sh\n"
        (place / "passwd").write_text(Path("/etc/passwd").read_text() + line)
        (place / "some.img").write_bytes(bytes(range(256)) * 400)
        yield found


def until_listening(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("{") and (event := json.loads(line)).get("protocol") == "ftp":
            return dict(event)
    raise AssertionError(f"it never listened: {said}")


def visit(wire: Lab, disk: Path) -> None:
    """The PC calls, and does what the card says."""
    disk.mkdir()
    own = ["--address", TARGET, "--disk", disk]
    wire.target.start(sys.executable, "-m", "deployer.sim", "--host", "192.168.1.1", *own)


def test_what_sudo_pushed_the_user_sees_and_the_other_way_round(account: Account) -> None:
    words = ("push", "--target", "sim", "some.img", "--no-run")
    done = account.deployer(*words, sudo=True)
    assert done.returncode == 0, done.stderr
    assert account.history() == ["sim"]
    assert account.deployer("proof").returncode == 0
    assert account.deployer("push", "--target", "sim:b", *words[3:]).returncode == 0
    assert account.history(sudo=True) == account.history() == ["sim", "sim:b"]
    assert {path.lstat().st_uid for path in account.home.rglob("*")} == {UID}
    assert not list(account.of_root.iterdir()), "nothing is kept apart"


def test_a_push_over_the_wire_under_sudo_is_the_users(
    account: Account, wire: Lab, tmp_path: Path
) -> None:
    """The address and port 21 are the first process', all else is the user's."""
    before = wire.host.picture()
    push = account.start("push", "--target", TARGET, "some.img", "--no-run", "--json")
    assert until_listening(push)["port"] == 21
    assert Path(f"/proc/{account.second(push)}").stat().st_uid in (UID, 0)
    status = Path(f"/proc/{account.second(push)}/status").read_text()
    assert f"Uid:\t{UID}\t{UID}\t{UID}\t{UID}" in status
    assert "CapEff:\t0000000000000000" in status
    visit(wire, tmp_path / "disk")
    assert push.wait(PATIENCE) == 0
    assert account.history() == [TARGET]
    assert wire.host.picture() == before
    assert {path.lstat().st_uid for path in account.home.rglob("*")} == {UID}


def test_what_needs_root_knows_the_names_that_the_user_gave(account: Account) -> None:
    assert account.deployer("name", TARGET, "pentium").returncode == 0
    done = account.deployer("doctor", "--target", "pentium", "--json", sudo=True)
    assert TARGET in done.stdout + done.stderr
    assert "pentium" not in done.stderr
    assert account.deployer("name", TARGET, "second", sudo=True).returncode == 0
    assert "second" in account.deployer("name").stdout
    assert {path.lstat().st_uid for path in account.home.rglob("*")} == {UID}


def test_the_window_under_sudo_is_the_users(account: Account, wire: Lab, tmp_path: Path) -> None:
    """It serves by itself: with root's address and port 21, and with the user's history."""
    before = wire.host.picture()
    window = account.start("tui", "--plain", stdin=subprocess.PIPE)
    assert window.stdin is not None
    assert window.stdout is not None
    window.stdin.write(f"push {TARGET} {account.place / 'some.img'}\n")
    window.stdin.flush()
    until_said(window, "FTP server ready")
    status = Path(f"/proc/{account.second(window)}/status").read_text()
    assert f"Uid:\t{UID}\t{UID}\t{UID}\t{UID}" in status
    visit(wire, tmp_path / "disk")
    until_said(window, "proved")
    window.communicate("quit\n", timeout=PATIENCE)
    assert window.returncode == 0
    assert account.history() == account.history(sudo=True) == [TARGET]
    assert wire.host.picture() == before
    assert {path.lstat().st_uid for path in account.home.rglob("*")} == {UID}


def until_said(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"never said {words!r}: {said}")


def test_who_is_on_the_wire_is_heard_with_roots_rights_and_known_by_the_users_names(
    account: Account, wire: Lab
) -> None:
    words = ("devices", "--json", "--listen", "0.5")
    assert account.deployer("name", TARGET, "pentium").returncode == 0
    assert account.deployer("link", "up", sudo=True).returncode == 0
    as_user, by_root = account.deployer(*words), account.deployer(*words, sudo=True)
    assert "Nobody was listened to" in as_user.stderr
    assert by_root.stderr == ""
    seen = [json.loads(line) for line in by_root.stdout.splitlines()]
    assert [each["name"] for each in seen if each["ip"] == TARGET] == ["pentium"]
    assert {path.lstat().st_uid for path in account.home.rglob("*")} == {UID}
    assert account.deployer("link", "down", sudo=True).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_wire_is_given_back_however_the_users_process_ends(
    account: Account, wire: Lab, number: signal.Signals
) -> None:
    before = wire.host.picture()
    push = account.start("push", "--target", TARGET, "some.img", "--no-run", "--json")
    until_listening(push)
    os.kill(account.second(push) if number == signal.SIGKILL else push.pid, number)
    push.communicate(timeout=PATIENCE)
    assert push.returncode == (137 if number == signal.SIGKILL else 130)
    assert wire.host.picture() == before


def test_a_link_in_the_users_home_leads_root_nowhere(account: Account) -> None:
    """What is there is opened as the user: who may not write there, does not by sudo either."""
    closed = account.place / "closed"
    closed.mkdir(mode=0o700)
    account.state.parent.mkdir(parents=True)
    account.state.symlink_to(closed)
    for path in (account.state.parent, account.state.parent.parent):
        os.chown(path, UID, UID)
    done = account.deployer("push", "--target", "sim", "some.img", "--no-run", sudo=True)
    assert done.returncode == 3, done.stderr
    assert not list(closed.iterdir())


def test_what_a_daemon_under_sudo_did_is_there_when_it_has_ended(
    account: Account, wire: Lab, tmp_path: Path
) -> None:
    control = account.place / "run" / "control.sock"
    serve = account.start("serve", "--control", control)
    until(control.exists, "it listens")
    words = account.command(
        "push", "--target", TARGET, "some.img", "--no-run", "--json", sudo=False
    )
    words.insert(words.index("setpriv"), f"DEPLOYER_SOCKET={control}")
    push = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=account.place
    )
    until_listening(push)
    visit(wire, tmp_path / "disk")
    assert push.wait(PATIENCE) == 0
    serve.send_signal(signal.SIGTERM)
    serve.communicate(timeout=PATIENCE)
    assert serve.returncode == 0
    assert account.history() == account.history(sudo=True) == [TARGET]
    assert {path.lstat().st_uid for path in account.home.rglob("*")} == {UID}

"""What goes wrong in the middle: the next run goes on, and the user is told what happened."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.faults import judge, kill
from benchmarks.faults.world import Case
from deployer.__main__ import run
from deployer.errors import DeploymentEnded, DeploymentUnknown
from deployer.events import DeploymentStaged, ProofReceived, StateChanged, TransferDone
from deployer.host import past
from deployer.host.past import recorded
from deployer.model import State
from deployer.sim.faults import Fault
from tests.waiting import until as wait_until

PUSH = (sys.executable, "-m", "deployer", "push", "--target", "sim", "--json")


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    path = tmp_path / "payload.bin"
    path.write_bytes(bytes(range(256)) * 4000)
    return path


def start(state: Path, *arguments: object) -> subprocess.Popen[str]:
    """A push of its own process, as it runs in another window."""
    return subprocess.Popen(
        [*PUSH, "--state-dir", str(state), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def until(process: subprocess.Popen[str], wanted: Callable[[dict[str, object]], bool]) -> None:
    """Read the events of a push until one is as wanted."""
    assert process.stdout is not None
    for line in process.stdout:
        if wanted(json.loads(line)):
            return
    raise AssertionError("the push ended before that")


def states(state: Path) -> list[State]:
    return [e.state for _seq, e in recorded(state) if isinstance(e, StateChanged)]


@pytest.mark.parametrize("seed", range(3))
def test_after_kill_9_the_same_push_ends_proved(seed: int) -> None:
    killed = kill.kill_at_random(seed)
    assert not killed.broken, killed


@pytest.mark.parametrize(
    "fault", [Fault("off", n) for n in (4, 17, 30, 43)] + [Fault("power", n) for n in (9, 45, 80)]
)
def test_after_a_power_failure_the_deployment_ends_proved(fault: Fault) -> None:
    outcome = judge.play(Case(2, (fault,), run=True, restart=None, rot=False))
    assert not outcome.broken
    assert outcome.happened == (str(fault),)
    assert outcome.state == State.PROVED


def test_the_simulated_pc_does_not_outlive_its_host(tmp_path: Path, payload: Path) -> None:
    disk = tmp_path / "state" / "sim-pc"
    process = start(tmp_path / "state", "--part-size", "256K", payload)
    until(process, lambda event: event["event"] == "transfer-done")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not _running(str(disk)), "the simulated PC ends")


def _running(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if b"deployer.sim" in text and mark.encode() in text:
            found.append(path.parent.name)
    return found


def test_cancel_from_another_window(
    tmp_path: Path, payload: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    process = start(state, "--part-size", "256K", "--fault", "hang@400000", payload)
    until(process, lambda event: event["event"] == "transfer-started")
    identity = next(e.deployment for _s, e in recorded(state) if isinstance(e, DeploymentStaged))
    assert run(["cancel", identity.lower(), "--state-dir", str(state)]) == 0
    assert f"{identity} is cancelled." in capsys.readouterr().out
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"The deployment {identity} was cancelled." in err
    with pytest.raises(DeploymentEnded, match="cancelled"):
        past.cancel(state, identity)
    assert run(["retry", identity, "--state-dir", str(state)]) == 0
    assert states(state)[-1] == State.PROVED
    assert {e.deployment for _s, e in recorded(state) if e.deployment} == {identity}


def test_cancel_of_a_deployment_whose_host_is_gone(
    tmp_path: Path, payload: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    process = start(state, "--fault", "hang@200000", payload)
    until(process, lambda event: event["event"] == "login-accepted")
    process.kill()
    process.communicate()
    identity = next(e.deployment for _s, e in recorded(state) if isinstance(e, DeploymentStaged))
    assert run(["cancel", identity, "--state-dir", str(state)]) == 0
    assert "nobody was delivering" in capsys.readouterr().out
    assert states(state)[-1] == State.CANCELLED


@pytest.mark.parametrize("command", ["cancel", "retry"])
def test_an_unknown_deployment_is_one_line(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "D0000000", "--state-dir", str(tmp_path / "none")]) == 1
    assert "no deployment D0000000" in capsys.readouterr().err
    with pytest.raises(DeploymentUnknown):
        past.open_store(tmp_path, "D0000000")


def test_pruning_keeps_what_was_sent_and_proved(tmp_path: Path, payload: Path) -> None:
    state = tmp_path / "state"
    assert run(["push", "--target", "sim", "--json", "--state-dir", str(state), str(payload)]) == 0
    before = list(recorded(state))
    assert len(before) < 90, "lines of the simulated screen are stored many at a time"
    assert past.prune(state, 1, now=time.time()) == 0
    gone = past.prune(state, 1, now=time.time() + 2 * 86400)
    kept = [event for _seq, event in recorded(state)]
    assert gone == len(before) - len(kept) > 10
    kinds = {type(event) for event in kept}
    assert kinds == {DeploymentStaged, StateChanged, ProofReceived}
    assert past.prune(tmp_path / "none", 1, now=0) == 0


@contextlib.contextmanager
def on_a_full_disk(state: Path, payload: Path) -> Iterator[subprocess.Popen[str]]:
    """A push that has said that it cannot write down what happens."""
    arguments = ["--part-size", "256K", "--state-dir", str(state), str(payload)]
    with subprocess.Popen(
        [*PUSH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as push:  # fmt: skip
        assert push.stdout is not None
        resource.prlimit(push.pid, resource.RLIMIT_FSIZE, (400_000, -1))  # it still starts
        try:
            assert any("nothing more can be written there" in line for line in push.stdout)
            yield push
        finally:
            push.kill()


def test_a_push_without_a_daemon_waits_for_room_as_a_daemon_does(
    tmp_path: Path, payload: Path
) -> None:
    with on_a_full_disk(tmp_path / "state", payload) as push:
        children = Path(f"/proc/{push.pid}/task/{push.pid}/children").read_text().split()
        for process in (push.pid, *map(int, children)):
            resource.prlimit(process, resource.RLIMIT_FSIZE, (-1, -1))
        out, _ = push.communicate(timeout=120)
        assert push.returncode == 0, out
    assert states(tmp_path / "state")[-1] == State.PROVED


def test_a_push_that_waits_for_room_ends_with_ctrl_c(tmp_path: Path, payload: Path) -> None:
    state = tmp_path / "state"
    with on_a_full_disk(state, payload) as push:
        push.send_signal(signal.SIGINT)
        out, _ = push.communicate(timeout=60)
        assert push.returncode == 130, out
        assert "Traceback" not in out
    assert run(["push", "--target", "sim", "--json", "--part-size", "256K", "--state-dir",
                str(state), str(payload)]) == 0  # fmt: skip
    assert states(state)[-1] == State.PROVED


def test_a_file_that_changes_while_it_is_served_stops_the_deployment(
    tmp_path: Path, payload: Path
) -> None:
    state = tmp_path / "state"
    process = start(state, "--part-size", "256K", "--fault", "hang@200000", payload)
    until(process, lambda e: e["event"] == "transfer-started" and e["name"] == "PAYLOAD.001")
    with payload.open("r+b") as file:
        file.write(b"changed")
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    what, remedy = err.strip().splitlines()
    assert what.endswith("payload.bin: the file changed while it was being sent, so its checksums no longer hold.")  # fmt: skip  # noqa: E501
    assert "push again" in remedy
    found = list((state / "sim-pc" / "DEPLOY").glob("PAYLOAD.BIN"))
    assert not found
    assert run(["push", "--target", "sim", "--json", "--part-size", "256K", "--state-dir",
                str(state), str(payload)]) == 0  # fmt: skip


def test_two_pushes_to_two_targets_share_a_store(tmp_path: Path, payload: Path) -> None:
    """Events of another process in the same store keep nobody waiting."""
    state = tmp_path / "state"
    waiting = start(state, "--timeout", "30", payload)
    until(waiting, lambda event: event["event"] == "server-listening")
    writer = threading.Thread(target=_write_on, args=(state,))
    writer.start()
    _out, err = waiting.communicate(timeout=60)
    writer.join()
    assert waiting.returncode == 0, err


def _write_on(state: Path) -> None:
    store = past.Store(state)
    for number in range(200):
        store.append(TransferDone(time.time(), "DFFFFFFF", "127.0.0.9", "A.001", number, 0.1))
        time.sleep(0.02)
    store.close()

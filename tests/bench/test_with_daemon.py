"""The same run by a daemon's hands: it delivers, the bench watches."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deployer.bench import Outcome
from deployer.events import Event, StateChanged
from deployer.model import State

if TYPE_CHECKING:
    from tests.bench.conftest import World


@pytest.fixture
def daemon(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A daemon on loopback that the bench finds."""
    socket = world.folder / "control.sock"
    monkeypatch.setenv("DEPLOYER_SOCKET", str(socket))
    process = subprocess.Popen(
        [sys.executable, "-m", "deployer", "serve", "--no-link", "--no-http", "--ftp-port", "0",
         "--address", "127.0.0.1", "--control", str(socket),
         "--state-dir", str(world.folder / "daemon")],
        stdout=subprocess.PIPE, text=True, cwd=world.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready on "):
            break
    yield process
    process.terminate()
    process.communicate(timeout=30)


def test_a_daemon_delivers_and_the_second_run_sends_nothing(
    world: World, daemon: subprocess.Popen[str]
) -> None:
    targets = [world.target(1, world.payload("one"), world.payload("two")), world.target(2)]
    for number in (1, 2):
        world.pc(number)
    first = world.run(*targets)
    assert [target.outcome for target in first] == [Outcome.PROVED, Outcome.PROVED]
    second = world.run(*targets)
    assert [target.outcome for target in second] == [Outcome.THERE, Outcome.THERE]
    assert not world.moved()


def test_what_an_interrupted_run_left_with_the_daemon_is_taken_up(
    world: World, daemon: subprocess.Popen[str]
) -> None:
    offered: list[str] = []

    def interrupt(event: Event) -> None:
        if isinstance(event, StateChanged) and event.state == State.WAITING:
            offered.append(event.deployment)
            raise KeyboardInterrupt

    world.at_event = interrupt
    with pytest.raises(KeyboardInterrupt):
        world.run(world.target(1))
    world.at_event = lambda _event: None
    world.pc(1)
    (target,) = world.run(world.target(1), resume=True)
    assert target.outcome in (Outcome.PROVED, Outcome.THERE)
    assert target.deliveries[0].deployment == offered[0]

"""A store with a long history: 200 deployments to 20 machines, three of them still open."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from deployer.edge.store import Store
from deployer.events import (
    ClientGone,
    DeploymentStaged,
    Event,
    FileStaged,
    LoginAccepted,
    StateChanged,
    TargetReported,
    TransferDone,
    TransferStarted,
)
from deployer.model import Report, State

DEPLOYMENTS, EVENTS = 200, 10_000


def history() -> Iterator[Event]:
    """200 deployments to 20 machines with 50 events each; three have not ended."""
    rng = random.Random(98)
    start = time.time() - 86_400 * 30
    for number in range(DEPLOYMENTS):
        identity, target = f"D{number:07X}", f"192.168.1.{2 + number % 20}"
        at = start + number * 9_000
        file = FileStaged(
            "STORI15M.BIN", "stories15M.bin", 60_816_028, "0" * 64, "S.001", 15, 4 << 20
        )
        yield DeploymentStaged(
            at, identity, target, "192.168.1.1", r"C:\DEPLOY", (file,), file.length
        )
        yield StateChanged(at, identity, State.WAITING)
        report = Report(identity, True, command="CHECK", exit_code=1, system="Windows 98")
        for event in range(11):
            at += rng.uniform(3, 9)
            name = f"S.{event + 1:03d}"
            yield LoginAccepted(at, identity, target, identity)
            yield TransferStarted(at, identity, target, name, 4 << 20)
            yield TransferDone(at + 4, identity, target, name, 4 << 20, 4.0)
            yield ClientGone(at + 4, identity, target)
        yield TargetReported(at, identity, report)
        yield StateChanged(at, identity, State.VERIFYING)
        yield StateChanged(at, identity, State.RUNNING)
        if number < DEPLOYMENTS - 3:
            yield StateChanged(at + 30, identity, State.PROVED)


def fill(folder: Path) -> int:
    """A store with the long history; how many events it has."""
    store = Store(folder)
    count = 0
    for event in history():
        store.append(event)
        count += 1
    while count < EVENTS:
        store.append(LoginAccepted(time.time(), "", "192.168.1.2", "anonymous"))
        count += 1
    store.close()
    return count

"""What is there already, as the newest deployments of a target tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.bench import known
from deployer.bench.plan import plan
from deployer.core.view import Row, fold_all
from deployer.edge.store import store as stores
from deployer.events import DeploymentStaged, Event, FileStaged, ProofReceived, StateChanged
from deployer.host.bus import Bus
from deployer.model import FileStamp, Payload, Proof, Report, StagedFile, State
from tests.bench.conftest import WIRE, World
from tests.bench.test_dry_run import Bench

PC, HERE = "192.168.1.2", "C:\\DEPLOY"


def file(name: str, content: str = "one", place: str = "") -> FileStaged:
    return FileStaged(name, place or name.lower(), 3, content.ljust(64, "0"), "", 0, 0, place)


def deployed(
    number: int, *files: FileStaged, end: State | None = State.PROVED, directory: str = HERE
) -> list[Event]:
    name = f"D{number:07X}"
    told: list[Event] = [DeploymentStaged(number, name, PC, "192.168.1.1", directory, files, 3)]
    if end in (State.PROVED, State.FAILED):
        proof = Proof(name, end == State.PROVED, "", Report(name, True), ())
        told.append(ProofReceived(number, name, proof))
    if end is not None:
        told.append(StateChanged(number, name, end))
    return told


def there(*told: list[Event]) -> str:
    """The deployment that has put A.TXT there, "" for none."""
    rows: list[Row] = list(fold_all(event for events in told for event in events).values())
    wanted = file("A.TXT")
    staged = StagedFile(
        "/a.txt", wanted.name, wanted.long_name, 3, wanted.sha256, (), FileStamp(0, 0, 3, 0, 0)
    )
    found = known.look(rows, HERE, Payload((staged,), "", "files")).there
    return found.deployment if found else ""


A, OTHER = deployed(1, file("A.TXT")), file("B.TXT", "two")


@pytest.mark.parametrize(
    "later",
    [
        [],
        deployed(2, OTHER),
        deployed(2, file("A.TXT", "two"), directory="C:\\OTHER"),
        deployed(2, file("A.TXT"), OTHER),
        deployed(2, file("A.TXT"), end=State.CANCELLED),
        deployed(2, file("A.TXT"), end=None),
        deployed(2, file("LONG_123.TXT", "two", "A/Long name.txt")),
    ],
)
def test_it_is_still_there(later: list[Event]) -> None:
    assert there(A, later) == "D0000001"


@pytest.mark.parametrize(
    "later",
    [
        deployed(2, file("A.TXT", "two")),
        deployed(2, file("A.TXT", "two"), end=State.CANCELLED),
        deployed(2, file("A.TXT", "two"), end=None),
        deployed(2, file("A.TXT"), end=State.FAILED),
        deployed(2, file("A_123.TXT", "two", "a.txt")),
        deployed(2, file("X.TXT", "two", "DEPLOY/A.TXT"), directory="C:"),
        deployed(2, file("A_123.TXT", "two", "A~1.TXT")),
        deployed(2, file("A.TXT", "two"), directory="C:\\DEPLO~1"),
    ],
)
def test_another_file_may_be_in_its_place(later: list[Event]) -> None:
    assert there(A, later) == ""


def test_sent_again_it_is_there_again() -> None:
    again = deployed(3, file("A.TXT"))
    assert there(A, deployed(2, file("A.TXT", "two")), again) == "D0000003"


def test_a_run_reads_nothing_of_what_was_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.pc(1)
    assert world.run(world.target(1)).exit_code == 0
    asked: list[int] = []
    subscribe = Bus.subscribe

    def spied(bus: Bus, since: int | None = None):
        asked.append(bus._store.last_seq() - (since or 0))
        return subscribe(bus, since)

    monkeypatch.setattr(Bus, "subscribe", spied)
    again = world.run(world.target(1))
    assert [target.outcome for target in again] == ["there"]
    assert asked == [0]


def test_a_dry_run_reads_no_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.pc(1)
    world.run(world.target(1))
    monkeypatch.setattr(stores, "_event", None)
    state: Path = world.folder / "state"
    assert [step.there for step in plan(Bench((world.target(1),), WIRE), state).steps] == [True]

"""The rows of a store are what its events make, whoever wrote them, and in how many steps."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from deployer.core.view import Row, fold_all
from deployer.edge.store import Store
from deployer.edge.store.database import VERSION
from deployer.events import (
    ClientConnected,
    ClientGone,
    DeploymentStaged,
    Event,
    FileStaged,
    LoginAccepted,
    LoginRefused,
    ScreenLine,
    ServerListening,
    StateChanged,
    TargetReported,
    TransferDone,
    TransferStarted,
)
from deployer.model import FileStamp, Manifest, Part, Payload, Report, StagedFile, State
from tests.edge.oldstore import write_old_store

IDS = ("D0000001", "D0000002", "D0000003")
PEERS = {name: f"192.168.1.{number}" for number, name in enumerate(IDS, 2)}


def staged(name: str, at: float, parts: int = 3) -> DeploymentStaged:
    file = FileStaged("A.BIN", "a.bin", parts * 10, "0" * 64, "A.001", parts, 10)
    return DeploymentStaged(
        at, name, PEERS.get(name, "sim"), "192.168.1.1", r"C:\DEPLOY", (file,), parts * 10
    )


def happened(name: str, kind: int, at: float) -> Event:
    """An event of a deployment, or of none but concerning its target."""
    peer = PEERS[name]
    report = Report(name, sealed=True, command="CHECK", exit_code=1, have=(("A", "1-2"),))
    of_a_kind: tuple[Event, ...] = (
        staged(name, at, parts=40),
        StateChanged(at, name, State.WAITING),
        StateChanged(at, name, State.FETCHING),
        StateChanged(at, name, State.CANCELLED, "by the user", "user"),
        ServerListening(at, name, "ftp", "192.168.1.1", 21),
        LoginAccepted(at, name, peer, name),
        ClientGone(at, name, peer),
        TransferStarted(at, name, peer, "A.001", 10),
        TransferDone(at, name, peer, "A.001", 10, 0.5),
        TransferStarted(at, name, peer, "A.017", 10),
        TargetReported(at, name, report),
        ScreenLine(at, name, "C:\\>"),
        ClientConnected(at, "", peer),
        LoginRefused(at, "", peer, "root", "there is no such login"),
    )
    return of_a_kind[kind % len(of_a_kind)]


def in_order(events: list[Event]) -> list[Row]:
    """The rows that all events make, in the order of the last staging of each."""
    newest = {e.deployment: n for n, e in enumerate(events) if isinstance(e, DeploymentStaged)}
    return sorted(fold_all(events).values(), key=lambda row: newest[row.deployment])


def test_events_of_another_process_whose_row_is_not_written_yet_are_taken_in(
    tmp_path: Path,
) -> None:
    with contextlib.closing(Store(tmp_path)) as one, contextlib.closing(Store(tmp_path)) as other:
        events = [happened(IDS[0], kind, float(kind)) for kind in (0, 4, 1)]
        one.append(events[0])
        other.append(events[1])
        one.append(events[2])
        assert list(one.all_rows()) == in_order(events)


class Rows(RuleBasedStateMachine):
    """Two processes write into one store."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stores = [Store(self.folder), Store(self.folder)]
        self.events: list[Event] = []

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)

    @rule(
        who=st.integers(0, 1),
        name=st.sampled_from(IDS),
        kinds=st.lists(st.integers(0, 13), min_size=1, max_size=12),
    )
    def append(self, who: int, name: str, kinds: list[int]) -> None:
        for kind in kinds:
            event = happened(name, kind, float(len(self.events)))
            self.stores[who].append(event)
            self.events.append(event)

    @rule(who=st.integers(0, 1))
    def open_anew(self, who: int) -> None:
        self.stores[who].close()
        self.stores[who] = Store(self.folder)

    @rule(who=st.integers(0, 1))
    def stage_something(self, who: int) -> None:
        """Which packs what has ended."""
        manifest = Manifest("D9999999", "192.168.1.1", "D9999999", "abcdefgh", Payload(()))
        self.stores[who].keep(manifest, "sim", 1.0)

    @rule(version=st.booleans())
    def another_version_of_the_rows(self, *, version: bool) -> None:
        for store in self.stores:
            store.close()
        with contextlib.closing(sqlite3.connect(self.folder / "deployer.sqlite3")) as db, db:
            if version:
                db.execute("UPDATE rows SET version = 0")
            else:
                db.execute("DELETE FROM rows")
            db.execute("PRAGMA user_version=1")
        self.stores = [Store(self.folder), Store(self.folder)]

    @invariant()
    def rows_are_what_the_events_make(self) -> None:
        expected = in_order(self.events)
        for store in self.stores:
            assert [event for _seq, event in store.replay()] == self.events
            assert list(store.all_rows()) == expected
            assert store.rows(2) == expected[-2:]
            assert store.open_rows() == [row for row in expected if not row.state.final]
            assert store.count() == len(expected)
            for name in IDS:
                row = fold_all(self.events).get(name)
                assert store.row(name) == row
                assert store.state(name) == (row.state if row else None)
                assert store.rows(9, PEERS[name]) == ([row] if row else [])


TestRows = Rows.TestCase
TestRows.settings = settings(max_examples=30, stateful_step_count=12, deadline=None)


def story(number: int) -> Iterator[Event]:
    name, at = f"D{number:07X}", float(number)
    yield staged(name, at)
    yield StateChanged(at, name, State.WAITING)
    yield from (ScreenLine(at, name, f"line {line}") for line in range(100))
    yield StateChanged(at, name, State.CANCELLED, "by the user", "user")


def manifest(number: int) -> Manifest:
    part = Part("A.001", 0, 30, 7)
    file = StagedFile(
        "/x/a.bin", "A.BIN", "a.bin", 30, "0" * 64, (part,), FileStamp(0, 0, 30, 9, 0)
    )
    return Manifest(f"D{number:07X}", "192.168.1.1", "D7F3A21C", "abc123", Payload((file,)))


def test_a_store_of_version_1_loses_nothing(tmp_path: Path) -> None:
    events = [event for number in range(300) for event in story(number)]
    events += [staged("D0000FFF", 400.0), ClientConnected(401.0, "", "127.0.0.1")]
    manifests = [(manifest(number), "sim", float(number)) for number in range(300)]
    write_old_store(tmp_path, events, manifests)
    before = (tmp_path / "deployer.sqlite3").stat().st_size
    with contextlib.closing(Store(tmp_path)) as store:
        assert [event for _seq, event in store.replay()] == events
        assert list(store.all_rows()) == in_order(events)
        assert store.manifest("D0000007") == manifest(7)
        assert store.last_seq() == len(events)
        assert store.append(ScreenLine(1.0, "D0000FFF", "x")) == len(events) + 1
    assert (tmp_path / "deployer.sqlite3").stat().st_size < before / 4


def shape(schema: object) -> object:
    """A JSON schema without what is only said in words."""
    match schema:
        case dict():
            return {key: shape(value) for key, value in schema.items() if key != "description"}
        case list():
            return [shape(each) for each in schema]
        case _:
            return schema


def test_rows_of_another_shape_have_another_version() -> None:
    """Raise VERSION, then write the new sum here: else rows of before are misread."""
    found = msgspec.json.encode(shape(msgspec.json.schema(Row)), order="sorted")
    assert (VERSION, hashlib.sha256(found).hexdigest()[:16]) == PINNED


PINNED = (9, "a1014ffb48621e6f")


@pytest.mark.parametrize("at", [0.0, 4e9])
def test_the_deployment_staged_last_is_the_newest_whatever_the_clock_said(
    tmp_path: Path, at: float
) -> None:
    with contextlib.closing(Store(tmp_path)) as store:
        for number, when in ((1, at), (2, 1.0)):
            store.keep(manifest(number), "sim", when)
            store.append(replace(staged(f"D{number:07X}", when), target="sim"))
        found = store.newest("sim")
        assert found is not None
        assert found.deployment == "D0000002"
        assert [row.deployment for row in store.rows(1)] == ["D0000002"]

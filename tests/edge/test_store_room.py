"""A store that cannot be written for a while says so and goes on; one that is pruned shrinks."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.core.target import proof
from deployer.core.view import fold_all
from deployer.edge.store import Store, database
from deployer.errors import StoreBusy, StoreFull
from deployer.events import (
    DeploymentStaged,
    Event,
    LoginRefused,
    ProofReceived,
    ScreenLine,
    StateChanged,
)
from deployer.host import staging
from deployer.host.offers.offer import Offer, staged
from deployer.host.requests import Request
from deployer.model import Report, State

DAY = 86_400.0


def name(number: int) -> str:
    return f"D{number:07X}"


def deployment(number: int, at: float, lines: int = 50) -> Iterator[Event]:
    """One that was cancelled, and what the screen showed, of which nothing is like the other."""
    identity = name(number)
    yield DeploymentStaged(at, identity, "sim", "192.168.1.1", r"C:\DEPLOY", (), 0)
    yield StateChanged(at, identity, State.WAITING)
    for line in range(lines):
        yield ScreenLine(at, identity, f"{hash((number, line)):x}" * 10)
    yield StateChanged(at, identity, State.CANCELLED, "by the user")


def file_of(store: Store) -> Path:
    return store.directory / database.NAME


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(Store(tmp_path / "state")) as opened:
        yield opened


def test_a_store_that_another_keeps_locked_is_busy_and_then_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_PATIENCE", 0.05)
    first, second, third, *_rest = deployment(1, 1.0)
    with contextlib.closing(Store(tmp_path)) as store:
        store.append(first)
        with contextlib.closing(sqlite3.connect(file_of(store), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusy):
                store.append(second)
            assert [row.state for row in store.open_rows()] == [State.STAGED]  # reading goes on
            other.execute("ROLLBACK")
        store.append(second)
        store.append(third)
        events = [event for _seq, event in store.replay()]
        assert events == [first, second, third]
        assert store.row(name(1)) == fold_all(events)[name(1)]


def test_what_a_full_disk_refuses_is_not_half_written(store: Store) -> None:
    events = list(deployment(1, 1.0, lines=2000))
    inside = store._db._db
    (pages,) = inside.execute("PRAGMA page_count").fetchone()
    inside.execute(f"PRAGMA max_page_count={pages + 20}")
    written = []

    def write() -> None:
        for event in events:
            store.append(event)
            written.append(event)

    with pytest.raises(StoreFull):
        write()
    assert [event for _seq, event in store.replay()] == written
    assert store.row(name(1)) == fold_all(written)[name(1)]
    inside.execute("PRAGMA max_page_count=1000000")  # somebody has made room
    for event in events[len(written) :]:
        store.append(event)
    assert store.row(name(1)) == fold_all(events)[name(1)]


def test_pruning_leaves_what_was_sent_and_how_it_ended_and_the_file_shrinks(store: Store) -> None:
    for number in range(40):
        for event in deployment(number, 1.0 if number < 30 else 90 * DAY):
            store.append(event)
    store.append(LoginRefused(1.0, "", "192.168.1.9", "root", "there is no such login"))
    rows = list(store.all_rows())
    store.append(DeploymentStaged(1.0, "DFFFFFFF", "sim", "192.168.1.1", r"C:\DEPLOY", (), 0))
    before = file_of(store).stat().st_size
    assert store.prune(60 * DAY) == 30 * 50 + 1
    assert file_of(store).stat().st_size < before / 1.5
    assert [row.deployment for row in store.all_rows()] == [*map(name, range(40)), "DFFFFFFF"]
    assert list(store.all_rows())[:40] == rows
    kinds = [type(event) for _seq, event in store.replay(deployment=name(3))]
    assert kinds == [DeploymentStaged, StateChanged, StateChanged]
    assert len(list(store.replay(deployment=name(35)))) == 53
    assert store.prune(60 * DAY) == 0
    assert [seq for seq, _event in store.replay()][-1] == store.last_seq()


def test_others_write_while_a_large_store_is_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits longer than for one small step."""
    monkeypatch.setattr(database, "_PATIENCE", 1.0)
    with contextlib.closing(Store(tmp_path)) as store, store.together():
        for number in range(400):
            for event in deployment(number, 1.0):
                store.append(event)
    done = threading.Event()
    failed: list[BaseException] = []

    def prune() -> None:
        try:
            with contextlib.closing(Store(tmp_path)) as other:
                assert other.prune(60 * DAY) == 400 * 50
        except BaseException as error:
            failed.append(error)
        finally:
            done.set()

    with contextlib.closing(Store(tmp_path)) as store:
        thread = threading.Thread(target=prune)
        thread.start()
        written = 0
        while not done.is_set():
            store.append(ScreenLine(90 * DAY, "D9999999", "x"))
            written += 1
        thread.join()
        assert not failed
        assert len(list(store.replay(deployment="D9999999"))) == written


def test_each_of_many_files_takes_little_memory(store: Store, tmp_path: Path) -> None:
    """`python -m benchmarks.trees --only memory` measures a whole push of 20,000."""
    count = 400
    source = tmp_path / "payload"
    source.mkdir()
    for number in range(count):
        (source / f"{number}.dat").write_bytes(b"%d" % number)
    request, once = Request((source,), no_run=True), staging.Once()
    staging.stage(Request((source / "0.dat",), no_run=True))  # what is imported only once
    tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        manifest = staging.stage(request, once=once)
        kept = (tracemalloc.get_traced_memory()[0] - before) / count
        store.keep(manifest, "sim", 1.0)
        store.append(staged(Offer(manifest, "sim", "C:\\TREE"), 1.0))
        found = proof.expectation(manifest.payload)
        report = Report(manifest.deployment, sealed=True, exit_code=0, files=found)
        made = proof.prove(report, manifest.payload, manifest.deployment)
        store.append(ProofReceived(2.0, manifest.deployment, made))
        store.append(StateChanged(3.0, manifest.deployment, State.PROVED, "all is well"))
        store.close()  # packs what has ended
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_300, "bytes of each file while it is served"
    assert (peak - before) / count < 4_000, "bytes of each file at most"

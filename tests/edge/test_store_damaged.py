"""A store with rows that cannot be read, and files that are no store: the rest stays readable."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.edge.store import Store, peek
from deployer.errors import StoreDamaged
from deployer.events import DeploymentStaged, NotUnderstood, StateChanged
from deployer.model import Manifest, Payload, State
from tests.edge.oldstore import write_old_store

EVENTS = (
    DeploymentStaged(1.0, "D0000001", "192.168.1.2", "192.168.1.1", r"C:\DEPLOY", (), 0),
    StateChanged(2.0, "D0000001", State.WAITING),
    StateChanged(3.0, "D0000001", State.CANCELLED, "by the user", "user"),
    DeploymentStaged(4.0, "D0000002", "192.168.1.3", "192.168.1.1", r"C:\DEPLOY", (), 0),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifest = Manifest("D0000001", "192.168.1.1", "D0000001", "abcdefgh", Payload(()))
    write_old_store(tmp_path, EVENTS, [(manifest, "192.168.1.2", 1.0)])
    return tmp_path


def change(folder: Path, text: str, *values: object) -> None:
    with sqlite3.connect(folder / "deployer.sqlite3") as db:
        db.execute(text, values)


DAMAGE = {
    "cut": '{"event":"state-ch',
    "newer kind": '{"event":"teleported","at":2.0,"deployment":"D0000001"}',
    "newer state": '{"event":"state-changed","at":2.0,"deployment":"D0000001","state":"napping"}',
    "bytes": b"\x00\xff\xfe",
    "empty": "",
    "another type": '{"event":"state-changed","at":"two","deployment":7,"state":[]}',
    "deep": "[" * 100_000,
    "no object": "[1]",
}


@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE)
def test_one_row_that_cannot_be_read_takes_no_other_away(
    folder: Path, harm: object, capsys: pytest.CaptureFixture[str]
) -> None:
    change(folder, "UPDATE events SET json = ? WHERE seq = 2", harm)
    store = Store(folder)
    found = list(store.replay())
    assert [seq for seq, _event in found] == [1, 2, 3, 4]
    assert [event for _seq, event in found if not isinstance(event, NotUnderstood)] == [
        EVENTS[0], *EVENTS[2:]
    ]  # fmt: skip
    assert (found[1][1].at, found[1][1].deployment) == (2.0, "D0000001")
    assert peek(folder, "192.168.1.2", 9) == store.rows(9, "192.168.1.2") != []
    assert store.state("D0000001") == State.CANCELLED
    assert store.left_open() == ()
    store.close()
    for command in ("history", "status"):
        assert run([command, "--state-dir", str(folder)]) == 0
        told = capsys.readouterr()
        assert "D0000001" in told.out
        assert "D0000002" in told.out
        assert told.err.startswith("1 event in ")
    assert run(["history", "--json", "--state-dir", str(folder)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("command", ["cancel", "retry", "proof", "card"])
def test_a_deployment_whose_rows_cannot_be_read_is_not_known(
    folder: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change(folder, "UPDATE events SET json = 'x'")
    assert run([command, "D0000001", "--state-dir", str(folder)]) == 1
    assert "There is no deployment D0000001" in capsys.readouterr().err
    change(folder, "UPDATE deployments SET json = 'x'")
    assert run([command, "D0000001", "--state-dir", str(folder)]) == 1


def test_a_row_that_cannot_be_read_is_made_anew_from_the_events(folder: Path) -> None:
    with contextlib.closing(Store(folder)) as store:
        before = list(store.all_rows())
        assert [row.state for row in before] == [State.CANCELLED, State.STAGED]
    change(folder, "UPDATE rows SET body = x'00'")
    with contextlib.closing(Store(folder)) as store:
        assert list(store.all_rows()) == before
        assert store.row("D0000001") == before[0]
        store.append(StateChanged(5.0, "D0000002", State.WAITING))
        assert [row.state for row in store.open_rows()] == [State.WAITING]


def test_of_a_pack_that_cannot_be_read_one_line_is_left(folder: Path) -> None:
    Store(folder).close()
    change(folder, "UPDATE packs SET body = x'00' WHERE deployment = 'D0000001'")
    with contextlib.closing(Store(folder)) as store:
        found = [event for _seq, event in store.replay()]
        assert [type(event) for event in found] == [NotUnderstood, DeploymentStaged]
        assert store.state("D0000001") == State.CANCELLED


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(98).randbytes(8192))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(data)


def a_page_of_the_rows(path: Path) -> None:
    """One page in the middle: the file opens, and most of it can be read."""
    with contextlib.closing(Store(path.parent)) as store:
        store.append(EVENTS[0])
        for number in range(200):
            store.append(replace(EVENTS[3], deployment=f"D{number:07X}"))
    with contextlib.closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rows'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    data = bytearray(path.read_bytes())
    data[(root - 1) * size : root * size] = b"\xff" * size
    path.write_bytes(data)


@pytest.mark.parametrize("command", ["history", "status", "proof", "card"])
def test_a_damaged_page_is_told_as_what_it_is(
    folder: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    a_page_of_the_rows(folder / "deployer.sqlite3")
    assert run([command, "--state-dir", str(folder)]) == 3
    assert "Move deployer.sqlite3 away" in capsys.readouterr().err


@pytest.mark.parametrize("harm", [garbage, cut, pages])
def test_a_file_that_is_no_store_is_said_to_be_one(
    folder: Path, harm: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    harm(folder / "deployer.sqlite3")
    with pytest.raises(StoreDamaged):
        list(Store(folder).replay())
    with pytest.raises(StoreDamaged):
        peek(folder, "192.168.1.2", 9)
    assert run(["history", "--state-dir", str(folder)]) == 3
    assert "Move deployer.sqlite3 away" in capsys.readouterr().err

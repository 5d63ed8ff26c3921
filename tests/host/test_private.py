"""What a push leaves in the state directory is its user's alone, also where it was there before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.edge.files import close_directory
from deployer.edge.store import Store
from tests.host.test_one_road import SIMULATOR

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights are told otherwise there")


@pytest.fixture(autouse=True)
def _ordinary_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def others_may(path: Path) -> int:
    """The rights of everybody else."""
    return stat.S_IMODE(path.lstat().st_mode) & 0o077


def push(state: Path, file: Path) -> None:
    words = ["push", "--target", "sim", "--no-run", "--json", "--state-dir", str(state), str(file)]
    assert run(words) == 0


@SIMULATOR
def test_nobody_else_gets_at_what_a_push_leaves(tmp_path: Path) -> None:
    state, file = tmp_path / "state", tmp_path / "image.bin"
    file.write_bytes(b"x" * 1000)
    push(state, file)
    left = [state, *state.rglob("*")]
    assert {path.name for path in left} >= {"deployer.sqlite3", "inbox", "sim-pc", "RESULT.TXT"}
    assert [path for path in left if others_may(path)] == []


@SIMULATOR
def test_what_was_open_to_others_is_closed(tmp_path: Path) -> None:
    """An earlier version left it so."""
    state, file = tmp_path / "state", tmp_path / "image.bin"
    file.write_bytes(b"x" * 1000)
    push(state, file)
    for path in (state, *state.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    file.write_bytes(b"y" * 1000)
    push(state, file)
    closed = ("", "deployer.sqlite3", "inbox", "locks", "sim-pc")
    assert [name for name in closed if others_may(state / name)] == []


def test_a_directory_of_other_work_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)
    Store(tmp_path).close()
    assert others_may(tmp_path) == 0o055
    assert [
        path for path in tmp_path.rglob("*") if others_may(path) and path.suffix != ".tex"
    ] == []


def test_a_directory_that_is_made_for_the_user_has_the_usual_rights(tmp_path: Path) -> None:
    file = tmp_path / "image.bin"
    file.write_bytes(b"x")
    assert run(["stage", "--out", str(tmp_path / "out"), str(file)]) == 0
    assert others_may(tmp_path / "out") == 0o055


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_user_is_not_touched(tmp_path: Path) -> None:
    place = tmp_path / "theirs"
    place.mkdir(mode=0o755)
    os.chown(place, 12_345, 12_345)
    close_directory(place)
    assert others_may(place) == 0o055

"""Directories become items; what cannot go is named."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest

from deployer.edge import folders
from deployer.errors import DirectoryEmpty, FileUnreadable, NotAFile


def test_the_tree_is_kept_in_a_fixed_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/B.txt", ".hidden", "a/deep/er/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "none").mkdir()
    folder = folders.walk(tmp_path)
    places = [item.place for item in folder.items]
    assert places == [".hidden", "a/B.txt", "a/deep/er/x", "a/z.txt", "b.txt"]
    assert all(item.path.read_text() == item.place for item in folder.items)
    assert folder.empty == ("none",)


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(DirectoryEmpty):
        folders.walk(tmp_path)


def test_what_windows_98_has_not_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loop").symlink_to(".")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAFile) as caught:
        folders.walk(tmp_path)
    assert caught.value.what.endswith("link: this is a symbolic link, and Windows 98 has none.")
    assert "The same: " in caught.value.remedy
    assert "loop" in caught.value.remedy
    assert "pipe" in caught.value.remedy


def test_a_socket_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("s")
        with pytest.raises(NotAFile, match="a socket"):
            folders.walk(tmp_path)


def test_an_unreadable_directory_is_named() -> None:
    owner = os.geteuid()
    with tempfile.TemporaryDirectory() as name:  # pytest's own directories are closed to others
        top = Path(name)
        top.chmod(0o755)
        (top / "closed").mkdir(mode=0)
        try:
            if owner == 0:
                os.seteuid(65534)  # root may read everything, nobody may not
            with pytest.raises(FileUnreadable) as caught:
                folders.walk(top)
        finally:
            os.seteuid(owner)
            (top / "closed").chmod(0o700)
    assert "closed" in caught.value.what


def test_a_directory_that_vanishes_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="No such file"):
        folders.walk(tmp_path / "gone")


def test_a_very_deep_tree_is_walked(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 200)
    deep.mkdir(parents=True)
    (deep / "x").touch()
    assert len(folders.walk(tmp_path).items[0].place) == 401

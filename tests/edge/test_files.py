"""Files are measured in one pass and written atomically."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import pytest

from deployer.edge import files
from deployer.edge.choose import choose
from deployer.errors import (
    DirectoryForbidden,
    FileChanged,
    FileEmpty,
    FileMissing,
    FileUnreadable,
    NotAFile,
)

BLOCK = 1 << 20


@pytest.mark.parametrize("part_size", [1000, BLOCK, BLOCK + 7, 4 * BLOCK])
@pytest.mark.parametrize("length", [0, 1, 999, 1000, 1001, BLOCK, 2 * BLOCK + 3])
def test_the_sums_of_parts_and_whole(tmp_path: Path, length: int, part_size: int) -> None:
    data = bytes(i * 31 % 251 for i in range(1000)) * (length // 1000 + 1)
    data = data[:length]
    path = tmp_path / "f"
    path.write_bytes(data)
    seen: list[int] = []
    measured = files.measure(path, part_size, seen.append)
    pieces = [data[i : i + part_size] for i in range(0, length, part_size)]
    assert measured.sha256 == hashlib.sha256(data).hexdigest()
    assert measured.crcs == tuple(zlib.crc32(p) for p in pieces)
    assert (measured.length, sum(seen)) == (length, length)


def test_a_file_that_grows_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(3 * BLOCK))

    def grow(_count: int) -> None:
        with path.open("ab") as file:
            file.write(b"x")

    with pytest.raises(FileChanged):
        files.measure(path, BLOCK, grow)


def test_what_is_no_file_to_send(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(FileMissing):
        files.length_of(tmp_path / "nothing")
    with pytest.raises(FileEmpty):
        files.length_of(tmp_path / "empty")
    with pytest.raises(FileUnreadable, match="directory"):
        files.length_of(tmp_path)
    assert files.length_of(tmp_path / "empty", empty_allowed=True) == 0
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotAFile, match="a named pipe"):
        files.length_of(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["n" * 300, "a/" * 3000])
def test_a_name_that_no_file_can_have_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileUnreadable, match="File name too long"):
        choose((tmp_path / name,), "", bare=True)


def test_writing_leaves_the_old_or_the_new_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f"
    files.write_atomically(path, b"old")
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_directory_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for attempt in (
        lambda: files.write_atomically(tmp_path / "none" / "f", b"x"),
        lambda: files.make_directory(tmp_path / "file" / "below"),
    ):
        with pytest.raises(DirectoryForbidden) as caught:
            attempt()
        assert caught.value.exit_code == 3


def test_a_slice_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "f"
    source.write_bytes(b"0123456789")
    files.copy_slice(source, 3, 4, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"3456"
    with pytest.raises(FileChanged):
        files.copy_slice(source, 8, 4, tmp_path / "short")

"""Images of floppy disks: what was put on one is on it, by our own reader and by two of others."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.media import fat12
from deployer.sim.disk.images import Floppy

SIZES = sorted(fat12.GEOMETRIES)
DATE = 0x2A436000
"""3 February 2001, noon."""
CONTENTS = st.lists(st.binary(max_size=3000), max_size=12)


def image(kib: int, files: list[tuple[str, bytes]]) -> bytes:
    return fat12.image(fat12.GEOMETRIES[kib], "D7F3A21C-01", files, date=DATE, serial=0x7F3A21C0)


def named(contents: list[bytes]) -> list[tuple[str, bytes]]:
    return [(f"F{n}.{n:03d}" if n % 3 else f"NAME{n}", data) for n, data in enumerate(contents)]


@settings(max_examples=40)
@given(CONTENTS, st.sampled_from(SIZES))
def test_what_was_put_on_it_is_on_it(contents: list[bytes], kib: int) -> None:
    files = named(contents)
    data = image(kib, files)
    assert len(data) == kib * 1024
    assert fat12.files_of(data) == dict(files)
    simulated = Floppy(data)
    assert {file.name: file.data for file in simulated.files()} == dict(files)
    assert simulated.label == "D7F3A21C-01"


@pytest.mark.parametrize("kib", SIZES)
def test_a_full_disk_is_full_to_the_last_cluster(kib: int) -> None:
    geometry = fat12.GEOMETRIES[kib]
    whole = geometry.clusters * geometry.cluster
    assert fat12.files_of(image(kib, [("A.BIN", b"x" * whole)]))["A.BIN"] == b"x" * whole
    with pytest.raises(ValueError, match="do not fit"):
        image(kib, [("A.BIN", b"x" * (whole + 1))])
    most = geometry.root_entries - 1
    assert len(fat12.files_of(image(kib, [(f"F{n}", b"") for n in range(most)]))) == most
    with pytest.raises(ValueError, match="do not fit"):
        image(kib, [(f"F{n}", b"") for n in range(most + 1)])


@pytest.mark.parametrize("kib", SIZES)
@pytest.mark.needs("mdir", "fsck.fat")
def test_mtools_and_fsck_agree_with_what_was_meant(kib: int, tmp_path: Path) -> None:
    files = named([b"hello", b"", b"x" * 70_001, bytes(range(256)) * 300])
    path = tmp_path / "0.img"
    path.write_bytes(image(kib, files))
    checked = subprocess.run(["fsck.fat", "-n", path], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    for name, data in files:
        read = subprocess.run(["mtype", "-i", path, f"::{name}"], capture_output=True, check=True)
        assert read.stdout == data
    listed = subprocess.run(
        ["mdir", "-i", path, "::"], capture_output=True, text=True, check=True
    ).stdout
    assert "D7F3A21C-01" in listed
    assert f"{len(files)} files" in listed


@settings(max_examples=60)
@given(st.binary(max_size=600), st.integers(0, 2000), st.integers(0, 255))
def test_a_damaged_image_is_read_or_refused(noise: bytes, at: int, byte: int) -> None:
    data = bytearray(image(720, [("A.BIN", b"x" * 5000), ("B.BIN", b"y")]))
    data[at] = byte
    for damaged in (noise, bytes(data), bytes(data[: at * 8])):
        with contextlib.suppress(ValueError):
            fat12.files_of(damaged)

"""A directory that we change is not read again for each name, and is right all the same."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.sim.disk import Disk, DiskError


def shown(disk: Disk) -> list[tuple[str, str]]:
    return sorted((entry.long, entry.short) for entry in disk.listdir("C:\\"))


@pytest.mark.parametrize("seed", range(12))
def test_after_any_changes_it_shows_what_a_new_look_shows(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    disk = Disk(tmp_path)
    names = ["A.TXT", "long name one.txt", "long name two.txt", "Long Name.3", "B", "c.d", "Sub"]

    def make() -> None:
        disk.write_bytes(f"C:\\{rng.choice(names)}", b"x")

    def remove() -> None:
        disk.delete(f"C:\\{rng.choice(names)}")

    def move() -> None:
        disk.rename(f"C:\\{rng.choice(names)}", f"C:\\{rng.choice(names)}")

    def folder() -> None:
        disk.mkdir(f"C:\\{rng.choice(names)}")

    def no_folder() -> None:
        disk.rmdir(f"C:\\{rng.choice(names)}")

    steps: list[Callable[[], None]] = [make, make, remove, move, folder, no_folder]
    for _ in range(60):
        try:
            rng.choice(steps)()
        except DiskError:
            continue
        there = sorted(path.name for path in tmp_path.iterdir())
        assert sorted(entry.long for entry in disk.listdir("C:\\")) == there
        shorts = [entry.short for entry in disk.listdir("C:\\")]
        assert len(set(shorts)) == len(shorts)
    before = shown(disk)
    disk.power_on()  # forgets what it has read, keeps the aliases
    assert shown(disk) == before


def test_what_another_program_puts_there_is_seen(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.write_bytes("C:\\OURS.TXT", b"x")
    (tmp_path / "theirs.txt").write_bytes(b"y")
    end = time.monotonic() + 10
    while not disk.exists("C:\\THEIRS.TXT"):
        assert time.monotonic() < end


def test_a_thousand_names_cost_a_few_looks_at_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    real = os.scandir

    def counted(path: object) -> object:
        nonlocal looks
        looks += 1
        return real(path)  # type: ignore[call-overload]

    disk = Disk(tmp_path)
    began = time.monotonic()
    monkeypatch.setattr(os, "scandir", counted)
    for number in range(1000):
        disk.write_bytes(f"C:\\F{number}.DAT", b"x")
    assert looks <= 20 + 20 * (time.monotonic() - began)

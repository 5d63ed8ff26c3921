"""The power goes off, or the disk is full, at every single change of the disk that DEPLOY98 makes.

After each stop the machine is started again: GO.BAT deletes the state and runs from its beginning.
Nothing wrong may ever stand under a final name, nothing that was right may be lost (only what the
stop itself tore may be fetched again), and the end is always the whole deployment.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.payloads.targetdir import (
    ID,
    MANIFEST,
    STOPPED,
    Pack,
    Runner,
    StagedFile,
    Target,
    manifest,
)

RANDOM = random.Random(1998)
MODEL = StagedFile("STORI260.BIN", RANDOM.randbytes(4_300))
ONE = StagedFile("TOK512.BIN", RANDOM.randbytes(900))
EMPTY = StagedFile("EMPTY.TXT", b"")
PLACED = StagedFile("DEEP.DAT", RANDOM.randbytes(2_500), place="a/b/long name.txt")
DATED = 0x2EE32A84
SMALL = [
    StagedFile(
        f"S{n}.DAT", RANDOM.randbytes(size), place=f"s/{n}.dat", date=DATED, attributes=n % 2
    )
    for n, size in enumerate((700, 0, 90, 400, 1))
]
PACK = Pack(tuple(SMALL), each=3)
FILES = [PACK, MODEL, ONE, EMPTY, PLACED]


def changed(file: StagedFile, length: int) -> bytes:
    """An older version: another length, the third part different."""
    data = bytearray((file.data + bytes(length))[:length])
    data[2_000:2_100] = bytes(100)
    return bytes(data)


def all_parts(t: Target) -> None:
    t.put_parts()


def fetched(t: Target) -> None:
    for file in t.staged:
        for number, piece in enumerate(file.pieces, 1):
            t.write(file.temp(number), piece)


def fetched_damaged(t: Target) -> None:
    fetched(t)
    t.write(MODEL.temp(2), MODEL.pieces[1][:-1])
    t.write(PLACED.temp(1), b"")
    t.write(PACK.temp(2), PACK.pieces[1][:-1])


def half_joined(t: Target) -> None:
    t.put_parts()
    t.write(MODEL.work, MODEL.data[:2_500])
    for number in (1, 2):
        (t.directory / MODEL.part(number)).unlink()


def half_unpacked(t: Target) -> None:
    all_parts(t)
    t.write(SMALL[0].place, SMALL[0].data)
    t.write(SMALL[3].place, SMALL[3].data)
    t.write(PACK.work, SMALL[2].data[:40])


def an_old_version(t: Target) -> None:
    t.write(SMALL[2].place, b"old")
    t.write(PACK.part(1), PACK.pieces[0])
    for file, length in ((MODEL, 4_300), (PLACED, 2_500)):
        t.write(file.place or file.name, changed(file, length))
    t.write(MODEL.part(3), MODEL.pieces[2])
    t.write(PLACED.part(3), PLACED.pieces[2])
    t.write(ONE.part(1), ONE.data)
    t.write(ONE.name, b"old")
    t.write(EMPTY.name, b"not empty")


def a_longer_old_version(t: Target) -> None:
    an_old_version(t)
    t.write(MODEL.name, changed(MODEL, 6_000))


def old_and_half_joined(t: Target) -> None:
    an_old_version(t)
    t.write(MODEL.work, bytes(3_000) + MODEL.data[3_000:4_000])


def delivered(t: Target) -> None:
    for file in t.files:
        t.write(file.place or file.name, file.data)
    for name in (MODEL.part(1), MODEL.temp(2), MODEL.work, PACK.part(1), PACK.temp(2), PACK.work):
        t.write(name, b"left over")


SCENES = [
    all_parts, fetched, fetched_damaged, half_joined, half_unpacked, an_old_version,
    a_longer_old_version, old_and_half_joined, delivered,
]  # fmt: skip
STOPS: dict[str, dict[str, str]] = {
    "after": {},
    "torn": {"SYS_STOP_TORN": "1"},
    "unflushed lost": {"SYS_STOP_TORN": "1", "SYS_STOP_LOSE": "1"},
}

Scene = Callable[[Target], None]


def step(t: Target, command: str, **faults: str) -> int:
    return t.helper(command, MANIFEST, **faults)


def right_parts(t: Target) -> set[tuple[str, int]]:
    """The parts whose bytes are right somewhere on the disk, by our own reckoning."""
    right = set()
    for pack in t.staged:
        if isinstance(pack, Pack):
            for number, (group, piece) in enumerate(zip(pack.groups, pack.pieces, strict=True), 1):
                names = (pack.part(number), pack.temp(number))
                whole = all(
                    t.final(f).is_file() and t.final(f).read_bytes() == f.data for f in group
                )
                if whole or any(t.exists(n) and t.read(n) == piece for n in names):
                    right.add((pack.base, number))
    for file in t.staged:
        if isinstance(file, Pack):
            continue
        final = t.final(file)
        whole = final.read_bytes() if final.is_file() else b""
        work = t.read(file.work) if t.exists(file.work) else b""
        for number, piece in enumerate(file.pieces, 1):
            at = (number - 1) * file.step
            places = [whole[at : at + len(piece)], work[at : at + len(piece)]]
            places += [t.read(n) for n in (file.part(number), file.temp(number)) if t.exists(n)]
            if piece in places:
                right.add((file.name, number))
    return right


def allowed_finals(t: Target, before: dict[str, bytes]) -> None:
    """Under a final name is what was there before, or the right file, or nothing."""
    for file in t.files:
        path = t.final(file)
        if path.is_file():
            assert path.read_bytes() in (file.data, before.get(file.name)), file.name


def finals(t: Target) -> dict[str, bytes]:
    return {f.name: t.final(f).read_bytes() for f in t.files if t.final(f).is_file()}


def prepare(folder: Path, runner: Runner, scene: Scene) -> Target:
    shutil.rmtree(folder, ignore_errors=True)
    t = Target(folder, runner, FILES)
    scene(t)
    return t


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in memory when there is one: thousands of small files are made."""
    memory = Path("/dev/shm")
    if memory.is_dir():
        with tempfile.TemporaryDirectory(prefix="deploy98-", dir=memory) as path:
            yield Path(path)
    else:
        yield tmp_path_factory.mktemp("power")


@pytest.mark.parametrize("how", STOPS)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_stop_after_every_change(folder: Path, hosted: Runner, scene: Scene, how: str) -> None:
    """CHECK, fetch, CHECK, JOIN with the power off after the N-th change of each command."""
    work = folder / "D"
    for command, before in (("CHECK", ()), ("JOIN", ("CHECK",))):
        for number in range(1, 1000):
            t = prepare(work, hosted, scene)
            for earlier in before:
                if step(t, earlier) == 1:
                    t.fetch()
                    assert step(t, earlier) == 0
            old = finals(t)
            right = right_parts(t)
            code = step(t, command, SYS_STOP_AFTER=str(number), **STOPS[how])
            allowed_finals(t, old)
            lost = right - right_parts(t)
            assert not lost, (command, number, lost)
            if code != STOPPED:
                break
            t.power_cut()
            missing = sum(len(f.pieces) for f in FILES) - len(right)
            assert t.deliver() <= missing
            assert not [n for n in t.names() if n.endswith((".WRK", ".TMP"))], number
        assert code in (0, 1)
        assert number > 1


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_full_disk_at_every_write(folder: Path, hosted: Runner, scene: Scene) -> None:
    """From the N-th write on every write fails half way; then room is made and all goes well."""
    work = folder / "D"
    for command, before in (("CHECK", ()), ("JOIN", ("CHECK",))):
        for number in range(1, 1000):
            t = prepare(work, hosted, scene)
            for earlier in before:
                if step(t, earlier) == 1:
                    t.fetch()
                    assert step(t, earlier) == 0
            old = finals(t)
            right = right_parts(t)
            code = step(t, command, SYS_FULL_AT=str(number))
            allowed_finals(t, old)
            assert not right - right_parts(t), (command, number)
            if code in (0, 1):
                break
            assert code == 3
            assert not t.exists("NEXT.FTP")
            assert t.deliver() <= sum(len(f.pieces) for f in FILES) - len(right)
        assert number > 1


def test_join_needs_no_more_than_the_file_and_one_part(folder: Path, hosted: Runner) -> None:
    t = prepare(folder / "D", hosted, all_parts)
    assert t.check() == 0
    reports = 4096
    assert t.join(SYS_FREE=str(1_000 + reports)) == 0
    assert t.is_delivered()


def test_a_full_disk_leaves_room_for_the_report(folder: Path, hosted: Runner) -> None:
    """The torn growth of the work file is given back, so that RESULT.TXT can say why."""
    t = prepare(folder / "D", hosted, all_parts)
    big = StagedFile("BIG.BIN", RANDOM.randbytes(40_000), step=20_000)
    t.files = [big]
    t.write(MANIFEST, manifest(t.files))
    t.put_parts()
    assert t.check() == 0
    assert t.join(SYS_FREE="10000") == 3
    assert "full" in t.result()["reason"][0]
    assert t.join() == 0


def test_a_stop_twice_and_thrice(folder: Path, hosted: Runner) -> None:
    """Stops in the recovery from stops: every pair of the first, then random ones."""
    work = folder / "D"
    for seed in range(150):
        rng = random.Random(seed)
        t = prepare(work, hosted, rng.choice(SCENES))
        for _ in range(rng.randint(2, 5)):
            command = rng.choice(["CHECK", "JOIN", "JOIN"])
            stop = {"SYS_STOP_AFTER": str(rng.randint(1, 30)), **rng.choice([*STOPS.values()])}
            old = finals(t)
            if step(t, command, **stop) == 1 and t.exists("NEXT.FTP"):
                t.fetch()
            allowed_finals(t, old)
            t.power_cut()
        t.deliver()


def test_the_state_survives_being_torn(folder: Path, hosted: Runner) -> None:
    """Every cut of the .STA file is as good as none."""
    t = prepare(folder / "D", hosted, fetched)
    assert t.check() == 0
    state = t.read(f"{ID}.STA")
    for length in range(0, len(state), 7):
        t.write(f"{ID}.STA", state[:length])
        assert t.check() == 0

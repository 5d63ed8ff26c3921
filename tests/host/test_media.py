"""Floppy disks and CDs: read by a simulated PC, proved, and the proof read from what comes back.

The disks are changed by somebody who puts in the wrong one, none, or one that cannot be read.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("unicorn")

from deployer.core.media import batch, fat12, spread
from deployer.core.media.batch import Kind
from deployer.errors import OutputExists, ProofMissing, WrongUse
from deployer.host import staging
from deployer.host.media import proofs, write
from deployer.host.requests import Request
from deployer.sim.disk import Disk, DiskChange, PowerOff
from deployer.sim.disk.images import Floppy
from deployer.sim.disk.removable import RemovableDisk
from deployer.sim.diskbox import SLIPS, DiskBox
from deployer.sim.machine import Machine

GAME = "C:\\GAME"


def payload(folder: Path, *, size: int = 5_000_000) -> Path:
    """A tree of small files, a large one and an empty one."""
    chosen = random.Random(1)
    (folder / "levels").mkdir(parents=True)
    for number in range(12):
        (folder / "levels" / f"Level {number}.dat").write_bytes(chosen.randbytes(900 * number))
    (folder / "Größe-1.bin").write_bytes(chosen.randbytes(600_000))
    (folder / "big.bin").write_bytes(chosen.randbytes(size - 660_000))
    return folder


class Pc:
    """A PC with drive A:, and a person with the box of disks."""

    def __init__(self, folder: Path, images: list[Path]) -> None:
        self.c = folder / "c"
        self.c.mkdir(parents=True, exist_ok=True)
        self.box = DiskBox(images)
        self.a = RemovableDisk("A", folder / "a", self.box.answer)
        self.d = RemovableDisk("D", folder / "d", self.box.answer)
        self.e = RemovableDisk("E", folder / "e", self.box.answer)
        self.box.drive = self.a
        drives = {"A": self.a, "D": self.d, "E": self.e}
        self.machine = Machine(Disk(self.c), console=self.box, drives=drives)
        self.machine.boot()

    def go(self, drive: str = "A:") -> str:
        """Type it; what the screen showed."""
        shown = self.box.shown
        for line in (drive, "GO"):
            self.machine.run_line(line)
        self.a.eject()
        return "\n".join(self.box.since(shown))

    def has(self, source: Path) -> bool:
        """Whether C:\\GAME is the folder that was staged."""
        files = [path for path in source.rglob("*") if path.is_file()]
        return all(
            (self.c / "GAME" / path.relative_to(source)).read_bytes() == path.read_bytes()
            for path in files
        )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three floppy disks of 720 KB."""
    return payload(tmp_path_factory.mktemp("small") / "game", size=1_700_000)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return payload(tmp_path_factory.mktemp("source") / "game")


def floppies(source: Path, out: Path, kib: int = 1440) -> list[Path]:
    made = write.floppies(Request((source,), no_run=True), out, GAME, kib)
    return [path for path, _medium in made.files]


@pytest.mark.needs("mdir", "fsck.fat")
def test_floppies_of_5_mb_are_read_and_proved(source: Path, tmp_path: Path) -> None:
    images = floppies(source, tmp_path / "out")
    pc = Pc(tmp_path / "pc", images)
    pc.box.slips = ["wrong", "none"]
    pc.a.insert(images[0])
    screen = pc.go()
    assert pc.has(source)
    assert "That is another one, or it cannot be read." in screen
    assert "Not ready reading drive A" in screen
    manifest, proof = proofs.read(tmp_path / "out")
    assert proof is not None
    assert proof.proved, proof.reason
    code = screen.partition("The code of the proof is\n")[2].partition("\n")[0].strip()
    assert proofs.read(images[0], code.lower()) == (manifest, None)
    for image in images:
        done = subprocess.run(
            ["fsck.fat", "-n", image], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_a_part_that_cannot_be_read_is_named_and_asked_for_again(
    small: Path, tmp_path: Path
) -> None:
    images = floppies(small, tmp_path / "out")
    pc = Pc(tmp_path / "pc", images)
    last = Floppy(images[1].read_bytes()).files()[-1].name
    pc.box.slips = ["bad"]
    pc.a.insert(images[0])
    screen = pc.go()
    label = Floppy(images[1].read_bytes()).label
    assert f"Copy {last} again: it did not come whole from label {label}." in screen
    assert pc.has(small)
    proof = proofs.read(tmp_path / "out")[1]
    assert proof is not None
    assert proof.proved


def test_a_damaged_part_is_named_and_its_disk_written_anew(small: Path, tmp_path: Path) -> None:
    images = floppies(small, tmp_path / "out", 720)
    good = images[2].read_bytes()
    harmed = Floppy(good).files()[3]
    data = bytearray(good)
    data[harmed.sectors[5] * 512] ^= 1
    images[2].write_bytes(data)
    pc = Pc(tmp_path / "pc", images)
    pc.a.insert(images[0])
    screen = pc.go()
    assert screen.count(f"{harmed.name} came damaged") == 4, "three times, and in the reason"
    assert "It did not work, for the reason above" in screen
    proof = proofs.read(tmp_path / "out")[1]
    assert proof is not None
    assert harmed.name in proof.reason
    assert not proof.proved
    images[2].write_bytes(good)
    pc.box.asked.clear()
    pc.a.insert(images[0])
    pc.go()
    assert pc.box.asked == [Floppy(good).label], "no disk is asked for that has come whole"
    assert pc.has(small)


def test_a_second_delivery_asks_for_the_disks_of_what_changed(small: Path, tmp_path: Path) -> None:
    pc = Pc(tmp_path / "pc", [])
    for turn in ("first", "second"):
        images = floppies(small, tmp_path / turn, 1200)
        pc.box.images = {Floppy(path.read_bytes()).label: path for path in images}
        pc.box.asked.clear()
        pc.a.insert(images[0])
        screen = pc.go()
        assert pc.has(small)
        assert "again" not in screen
    assert pc.box.asked == [], "all of it is there already"


@pytest.mark.needs("isoinfo")
def test_a_cd_is_read_and_proved(small: Path, tmp_path: Path) -> None:
    iso = tmp_path / "game.iso"
    made = write.cd(Request((small,), no_run=True), iso, GAME)
    names = {path.lstrip("/") for path in listed(iso, "-J")}
    assert {"GO.BAT", "AUTORUN.INF", "DEPLOY98.EXE", "PACK0.001", "GROSSE_1.001"} <= names
    assert "GROSSE_1.001;1" in {path.lstrip("/") for path in listed(iso)}
    pc = Pc(tmp_path / "pc", [])
    pc.e.insert(iso)
    screen = pc.go("E:")
    assert pc.has(small)
    assert made.code in screen
    assert proofs.read(iso, made.code)[1] is None
    with pytest.raises(ProofMissing):
        proofs.read(iso, "AAAA-AAAA")
    with pytest.raises(OutputExists):
        write.cd(Request((small,), no_run=True), iso, GAME)


def listed(iso: Path, *options: str) -> list[str]:
    command = ["isoinfo", "-f", *options, "-i", str(iso)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_a_damaged_file_of_a_staged_folder_is_named(tmp_path: Path) -> None:
    """Not the first of those that would have travelled together over the network."""
    source = payload(tmp_path / "game", size=700_000)
    out = tmp_path / "c" / "X"
    staging.write_out(Request((source,), no_run=True), out, "C:\\X", host=None, login=("", ""))
    (out / "levels" / "Level 7.dat").write_bytes(b"x")
    (out / "levels" / "Level 9.dat").unlink()
    pc = Pc(tmp_path, [])
    for line in ("CD \\X", "GO"):
        pc.machine.run_line(line)
    screen = pc.box.text()
    assert "Level 7.dat is not what was sent" in screen
    assert "Level 9.dat is not here yet" in screen
    assert "Level 1" not in screen
    for name in ("Level 7.dat", "Level 9.dat"):
        (out / "levels" / name).write_bytes((source / "levels" / name).read_bytes())
    pc.machine.run_line("GO")
    proof = proofs.read(out)[1]
    assert proof is not None
    assert proof.proved, "the folder came back with RESULT.TXT in it"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_goes_wrong_the_next_go_goes_on(seed: int, small: Path, tmp_path: Path) -> None:
    """Disks of all sorts, and the power fails."""
    chosen = random.Random(seed)
    images = floppies(small, tmp_path / "out", 720)
    pc = Pc(tmp_path / "pc", images)
    pc.machine.disk.on_step = power_fails_at(pc.machine.disk, chosen.randrange(60, 220))
    for _turn in range(5):
        pc.box.slips = [chosen.choice((*SLIPS, "", "")) for _slip in range(6)]
        pc.a.insert(images[0])
        try:
            screen = pc.go()
        except PowerOff:
            pc.machine.boot()
            continue
        if "Finished. Every file is here and verified." in screen:
            break
    assert pc.has(small)
    proof = proofs.read(tmp_path / "out")[1]
    assert proof is not None
    assert proof.proved, proof.reason


def power_fails_at(disk: Disk, step: int) -> Callable[[DiskChange], None]:
    done: list[int] = []

    def cut(_step: DiskChange) -> None:
        if disk.steps >= step and not done:
            done.append(step)
            raise PowerOff(kept=100)

    return cut


def test_what_cannot_be_staged(small: Path, tmp_path: Path) -> None:
    request = Request((small,), no_run=True)
    with pytest.raises(WrongUse, match="no such floppy disk"):
        write.floppies(request, tmp_path / "out", GAME, 360)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_bytes(b"")
    with pytest.raises(OutputExists):
        write.floppies(request, tmp_path / "full", GAME, 1440)
    with pytest.raises(WrongUse, match="one deployment is needed"):
        proofs.read(tmp_path / "full")


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("run", ["", "BIG.EXE /x"])
def test_every_variant_of_the_batch_files_passes_lint(kind: Kind, run: str, small: Path) -> None:
    staged = staging.stage(Request((small,), no_run=True), host=write.NO_HOST)
    staged = replace(staged, payload=replace(staged.payload, run=run))
    media = spread.spread(
        staged.deployment, staged.payload.parts * 20, fat12.GEOMETRIES[1440], first=9, files=1
    )
    for directory in ("C:\\A", "D:\\Long name\\Game"):
        batch.starter(staged, directory, media, kind)
        batch.worker(staged, directory, media, kind, "ABCD-EFGH")

"""Floppy disks and a CD of ours in DOSBox: it reads what was meant, and GO.BAT works there."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

pytest.importorskip("unicorn")

from deployer.host.media import write
from deployer.host.requests import Request
from deployer.sim.disk import Disk
from deployer.sim.disk.images import Floppy, cd_files
from deployer.sim.machine import Machine
from tests.interop.test_dosbox import run
from tests.interop.test_gobat_dosbox import STUB

pytestmark = pytest.mark.needs("dosbox")

GAME = "C:\\GAME"


def payload(folder: Path, size: int) -> Path:
    chosen = random.Random(2)
    folder.mkdir()
    (folder / "one file.bin").write_bytes(chosen.randbytes(size))
    (folder / "Größe.txt").write_bytes(b"y" * 700)
    return folder


def play(tmp_path: Path, lines: list[str]) -> Path:
    """Have DOSBox carry out lines of a batch file; its drive C:."""
    drive_c = tmp_path / "c"
    (drive_c / "DEPLOY").mkdir(parents=True, exist_ok=True)
    (drive_c / "ALL.BAT").write_bytes("\r\n".join([*lines, ""]).encode())
    run(tmp_path, [f"MOUNT C {drive_c}", "C:", "CALL ALL"])
    return drive_c


def proved(drive_c: Path, deployment: str) -> bool:
    """Whether the helper, on a simulated PC with that drive C:, verifies and joins it all."""
    machine = Machine(Disk(drive_c))
    machine.boot()
    machine.run_line("CD \\DEPLOY")
    for command in ("CHECK", "JOIN"):
        machine.run_line(f"DEPLOY98 {command} {deployment}.MAN")
    return (drive_c / "DEPLOY" / "RESULT.TXT").read_text("ascii").count(" good") == 2


def test_the_disks_of_5_mb_are_read_by_dosbox_and_proved(tmp_path: Path) -> None:
    source = payload(tmp_path / "source", 5_000_000)
    made = write.floppies(Request((source,), no_run=True), tmp_path / "out", GAME, 1440)
    lines = []
    for path, _medium in made.files:
        lines += [f"IMGMOUNT A {path} -t floppy", "COPY A:\\*.* C:\\DEPLOY", "MOUNT -U A"]
    drive_c = play(tmp_path, lines)
    for path, _medium in made.files:
        for file in Floppy(path.read_bytes()).files():
            assert (drive_c / "DEPLOY" / file.name).read_bytes() == file.data
    assert proved(drive_c, made.deployment)
    whole = drive_c / "GAME" / "one file.bin"
    assert whole.read_bytes() == (source / "one file.bin").read_bytes()


def test_the_cd_is_read_by_dosbox_and_proved(tmp_path: Path) -> None:
    source = payload(tmp_path / "source", 3_000_000)
    iso = tmp_path / "a.iso"
    made = write.cd(Request((source,), no_run=True, part_size=512 << 10), iso, GAME)
    drive_c = play(tmp_path, [f"IMGMOUNT D {iso} -t iso", "COPY D:\\*.* C:\\DEPLOY"])
    for file in cd_files(iso.read_bytes()):
        assert (drive_c / "DEPLOY" / file.name).read_bytes() == file.data
    assert proved(drive_c, made.deployment)


STEPS = ((0, 7), (0, 0), (8, 1), (8, 0), (8, 0))
"""What the helper's commands make (8: RESULT.TXT) and say: SELF, INFO, CHECK, CHECK, JOIN."""


def test_go_bat_of_a_disk_works_in_dosbox(tmp_path: Path) -> None:
    """Up to the report on the disk; the helper is a program that says what it is told to."""
    source = payload(tmp_path / "source", 300_000)
    made = write.floppies(Request((source,), no_run=True), tmp_path / "out", GAME, 720)
    ((image, medium),) = made.files
    floppy = Floppy(image.read_bytes())
    worker = {file.name: file.data for file in floppy.files()}[f"{made.deployment}.BAT"]
    floppy.put(f"{made.deployment}.BAT", worker.removesuffix(b"PAUSE\r\n"))  # nobody presses a key
    image.write_bytes(floppy.data)
    there = tmp_path / "c" / "DEPLOY"
    there.mkdir(parents=True)
    (there / "DEPLOY98.COM").write_bytes(STUB[:2] + b"D" + STUB[3:])
    (there.parent / "S.DAT").write_bytes(b"".join(bytes(step) for step in STEPS))
    copied = {part.name: there / part.name.replace(".0", ".A") for part in medium.parts}
    for path in copied.values():
        path.write_bytes(b"")
    play(tmp_path, [f"IMGMOUNT A {image} -t floppy", "A:", "CALL GO"])
    said = (there.parent / "LOG.TXT").read_text("ascii").split("\n")
    name = f"{made.deployment}.MAN"
    assert [line[1:].strip() for line in said if line.strip()] == [
        "SELF", "INFO", f"CHECK {name}", f"CHECK {name}", f"JOIN {name}",
    ]  # fmt: skip
    carried = {file.name: file.data for file in Floppy(image.read_bytes()).files()}
    assert {part: path.read_bytes() for part, path in copied.items()} == {
        part: carried[part] for part in copied
    }
    assert "RESULT.TXT" in carried, "the report has come back on the disk"

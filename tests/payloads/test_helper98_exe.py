"""payloads/bin/DEPLOY98.EXE itself, on an emulated Pentium II under Windows 98's KERNEL32."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip("unicorn")

from deployer.sim.disk import Disk
from deployer.sim.disk.values import DiskChange, PowerOff
from deployer.sim.win32 import Ending, StepClock, run_program
from tests.payloads import test_helper98_power as power
from tests.payloads.targetdir import (
    ID,
    MANIFEST,
    STOPPED,
    Runner,
    StagedFile,
    Target,
    manifest,
    sealed_lines,
)

RANDOM = random.Random(350)
TEXT = (b"line of text\r\n\n" * 70)[:1000]
MODEL = StagedFile("STORI260.BIN", RANDOM.randbytes(1000) + TEXT + RANDOM.randbytes(2300))
SMALL = StagedFile("TOK512.BIN", RANDOM.randbytes(900))
EMPTY = StagedFile("EMPTY.TXT", b"")
PLACED = StagedFile("DEEP.DAT", RANDOM.randbytes(1_500), place="sub/dir/long n%E9me.txt")
ALL = [MODEL, SMALL, EMPTY, PLACED]


@dataclass
class Pc:
    """A simulated PC whose only program is the helper; `runner` fits `Target`."""

    exe: bytes
    screen: bytearray = field(default_factory=bytearray)
    capacity: int = 100_000_000
    free: int | None = None
    stop_after: int = 0
    mhz: int = 350
    step: float = 0.01

    def runner(self, directory: Path, args: tuple[str, ...], faults: Mapping[str, str]) -> int:
        """Runs the helper in C:\\DEPLOY; STOPPED when the power went off."""
        assert not faults
        disk = Disk(directory.parent, capacity=self.capacity, clock=lambda: 915_148_800.0)
        if self.free is not None:
            disk = Disk(directory.parent, cluster=1, clock=lambda: 915_148_800.0)
            disk.leave_free(self.free)
        if self.stop_after:
            disk.on_step = self._cut
        try:
            status = run_program(
                self.exe,
                disk=disk,
                args=" ".join(args),
                path="C:\\DEPLOY\\DEPLOY98.EXE",
                cwd="C:\\DEPLOY",
                console_out=self.screen.extend,
                clock=StepClock(step=self.step),
                mhz=self.mhz,
            )
        except PowerOff:
            disk.power_off()
            return STOPPED
        assert status.ending is Ending.EXITED, status
        return status.code

    def _cut(self, step: DiskChange) -> None:
        if step.number == self.stop_after:
            raise PowerOff(kept=step.length // 2)


@pytest.fixture
def pc(root: Path) -> Pc:
    """The PC with the committed program."""
    return Pc((root / "payloads" / "bin" / "DEPLOY98.EXE").read_bytes())


def visit(tmp_path: Path, runner: Runner, *files: StagedFile, run: str = "") -> Target:
    """C:\\DEPLOY with a manifest, and the program's own file for SELF."""
    return Target(tmp_path / "DEPLOY", runner, list(files or ALL), run)


def test_self_and_info(pc: Pc, tmp_path: Path) -> None:
    t = visit(tmp_path, pc.runner)
    t.write("DEPLOY98.EXE", pc.exe)
    assert t.helper("SELF") == 7
    for at in (0x300, len(pc.exe) - 1, pc.exe.index(b"SHA-256")):
        t.write("DEPLOY98.EXE", pc.exe[:at] + bytes([pc.exe[at] ^ 1]) + pc.exe[at + 1 :])
        assert t.helper("SELF") == 8
    t.write("DEPLOY98.EXE", pc.exe[:-100])
    assert t.helper("SELF") == 8
    assert t.helper("INFO") == 0
    values = sealed_lines(t.read("INFO.TXT"))
    assert values["system"] == ["Windows 98 4.10.1998"]
    assert values["cpu"] == ["GenuineIntel family 6 model 5 stepping 2"]
    assert values["cpu_features"] == ["fpu tsc cx8 cmov mmx"]
    assert values["memory"] == ["134217728"]
    assert 300 < int(values["cpu_mhz"][0]) < 400


def test_a_whole_deployment(pc: Pc, tmp_path: Path) -> None:
    t = visit(tmp_path, pc.runner)
    assert t.deliver() == 8
    assert t.names() >= {"STORI260.BIN", "TOK512.BIN", "EMPTY.TXT"}
    assert not [n for n in t.names() if re.search(r"\.(\d{3}|[A-J]\d\d|WRK|TMP)$", n)]
    assert t.result()["file"] == [f"{f.name} {len(f.data)} {f.sha256} good" for f in ALL]
    assert b"CHECK D7F3A21C: 0 of 8 parts here, 8 to fetch (round 1)\r\n" in pc.screen
    assert b"JOIN D7F3A21C: all 4 files are whole\r\n" in pc.screen
    t.power_cut()
    assert t.check() == 0
    assert t.join() == 0


DAMAGES = {
    "missing": lambda data: None,
    "empty": lambda data: b"",
    "cut": lambda data: data[:-1],
    "one bit wrong": lambda data: data[:500] + bytes([data[500] ^ 16]) + data[501:],
    "swapped": lambda data: MODEL.pieces[2],
    "CR LF mangled": lambda data: data.replace(b"\n", b"\r\n"),
    "LF only": lambda data: data.replace(b"\r\n", b"\n"),
    "extra": lambda data: data + b"\x1a",
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_download_costs_exactly_its_own_get(pc: Pc, tmp_path: Path, how: str) -> None:
    t = visit(tmp_path, pc.runner, MODEL)
    assert t.check() == 1
    t.fetch(lambda name, data: DAMAGES[how](data) if name == "STORI260.002" else data)
    assert t.check() == 1
    assert t.gets() == [("STORI260.002", "STORI260.A02")]
    t.fetch()
    assert t.check() == 0
    assert t.join() == 0
    assert t.is_delivered()


def test_what_takes_long_shows_its_progress(pc: Pc, tmp_path: Path) -> None:
    pc.step = 0.4  # seconds between two looks at the clock
    big = StagedFile("BIG.BIN", RANDOM.randbytes(300_000), step=300_000)
    t = visit(tmp_path, pc.runner, big)
    t.put_parts()
    assert t.check() == 0
    assert re.search(rb"BIG\.001 \d\d% \rBIG\.001 \d+% \r", pc.screen)


def test_gives_up_as_the_rules_say(pc: Pc, tmp_path: Path) -> None:
    t = visit(tmp_path, pc.runner, SMALL)
    assert [t.check() for _ in range(4)] == [1, 1, 1, 2]
    t.power_cut()
    for _ in range(3):
        assert t.check() == 1
        t.fetch(lambda name, data: data[:-1])
    assert t.check() == 2
    assert t.result()["bad"] == ["TOK512.001 3"]


def test_a_changed_byte_moves_one_part(pc: Pc, tmp_path: Path) -> None:
    t = visit(tmp_path, pc.runner, MODEL)
    t.deliver()
    t.power_cut()
    t.files = [StagedFile(MODEL.name, MODEL.data[:2500] + b"?" + MODEL.data[2501:])]
    t.write(MANIFEST, manifest(t.files))
    assert t.deliver() == 1


def test_low_disk_is_said_before_the_first_get(pc: Pc, tmp_path: Path) -> None:
    pc.capacity = 60_000
    t = visit(tmp_path, pc.runner, MODEL)
    assert t.check() == 3
    assert "KB of disk are needed" in t.result()["reason"][0]


@pytest.mark.parametrize("data", [b"", b"DEPLOY98 1 D7F3A21C\r\n", b"x" * 3000], ids=repr)
def test_refused_manifests(pc: Pc, tmp_path: Path, data: bytes) -> None:
    t = visit(tmp_path, pc.runner)
    t.write(MANIFEST, data)
    assert [t.helper(c, MANIFEST) for c in ("CHECK", "JOIN", "RUN")] == [5, 5, 5]
    assert t.helper("WALTZ") == 4


def test_a_read_only_old_file_is_replaced(pc: Pc, tmp_path: Path) -> None:
    t = visit(tmp_path, pc.runner, SMALL)
    t.write(SMALL.name, b"old")
    (t.directory / SMALL.name).chmod(0o444)
    t.deliver()


def old_and_new(t: Target) -> None:
    """Parts, a half-joined file and an old version, all to be made into the new one."""
    t.put_parts()
    t.write(MODEL.name, MODEL.data[:1000] + bytes(1000) + MODEL.data[2000:] + bytes(700))
    (t.directory / MODEL.part(1)).unlink()
    (t.directory / MODEL.part(3)).unlink()
    t.write(PLACED.work, PLACED.data[:1200])
    (t.directory / PLACED.part(1)).unlink()


def test_join_survives_a_stop_at_every_change_of_the_disk(pc: Pc, tmp_path: Path) -> None:
    """FAT's way of losing: what is open when the power goes falls back to its directory entry."""
    allowed = {f.name: {f.data} for f in ALL}
    number = 0
    code = STOPPED
    while code == STOPPED:
        number += 1
        shutil.rmtree(tmp_path / "DEPLOY", ignore_errors=True)
        t = visit(tmp_path, pc.runner)
        old_and_new(t)
        allowed[MODEL.name].add(t.read(MODEL.name))
        assert t.check() == 0
        pc.stop_after = number
        code = t.join()
        pc.stop_after = 0
        for file in ALL:
            if t.final(file).exists():
                assert t.final(file).read_bytes() in allowed[file.name], (number, file.name)
        if code == STOPPED:
            t.power_cut()
            assert t.deliver() == 0, number
    assert code == 0
    assert number > 25


ENGINE = "LLAMA98.EXE CAMP.BIN -z CAMP.TOK -t 0 -n 12"


def with_engine(t: Target, root: Path) -> None:
    """The engine and a model, as if they had been pushed before."""
    models = root / "payloads" / "models" / "campfire"
    shutil.copy(root / "payloads" / "bin" / "LLAMA98.EXE", t.directory)
    shutil.copy(models / "campfire260K.bin", t.directory / "CAMP.BIN")
    shutil.copy(models / "campfire.tok.bin", t.directory / "CAMP.TOK")


@pytest.mark.parametrize("free", [777, 5_001])
@pytest.mark.parametrize("scene", power.SCENES, ids=lambda scene: scene.__name__)
def test_a_full_disk_loses_nothing(pc: Pc, tmp_path: Path, scene: power.Scene, free: int) -> None:
    t = visit(tmp_path, pc.runner, *power.FILES)
    scene(t)
    before = power.finals(t)
    for command in ("CHECK", "JOIN", "CHECK", "JOIN"):
        right, pc.free = power.right_parts(t), free
        assert power.step(t, command) in (0, 1, 3)
        assert right <= power.right_parts(t)
        power.allowed_finals(t, before)
    pc.free = None
    t.power_cut()
    t.deliver()


def test_run_starts_a_real_child(pc: Pc, root: Path, tmp_path: Path) -> None:
    t = visit(tmp_path, pc.runner, SMALL, run=ENGINE)
    with_engine(t, root)
    t.deliver()
    pc.screen.clear()
    assert t.helper("RUN", MANIFEST) == 0
    output = t.read("OUTPUT.TXT")
    assert re.search(rb"\r\ntokens=\d+ seconds=[\d.]+ tok/s=[\d.]+ \(int8 mmx\)\r\n\Z", output)
    assert output in pc.screen
    result = t.result()
    assert result["run"] == [ENGINE]
    assert result["run_exit"] == ["0"]
    assert result["output_bytes"] == [str(len(output))]
    assert result["output"] == ["whole"]


def test_run_records_how_a_child_failed(pc: Pc, root: Path, tmp_path: Path) -> None:
    t = visit(tmp_path, pc.runner, SMALL, run="LLAMA98.EXE NOTHERE.BIN")
    with_engine(t, root)
    t.deliver()
    assert t.helper("RUN", MANIFEST) == 6
    assert t.result()["run_exit"] == ["2"]
    assert b"NOTHERE.BIN" in t.read("OUTPUT.TXT")  # standard error is recorded, too


def test_a_program_that_is_missing_is_not_started(pc: Pc, tmp_path: Path) -> None:
    t = visit(tmp_path, pc.runner, SMALL, run="NOTHERE.EXE")
    t.deliver()
    assert t.helper("RUN", MANIFEST) == 6
    assert "run_exit" not in t.result()
    assert t.exists(f"{ID}.STA")

"""payloads/bin/GATHER98.EXE itself, with other programs at the files that it reads."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("unicorn")

from deployer.core.pull import ask, collected, listing, parts
from deployer.core.pull.collected import RecordKind
from deployer.core.pull.listing import Listing, PulledFile
from deployer.model import Gather, Manifest, Payload
from deployer.sim.codepage import PAGES
from deployer.sim.disk import Disk, File
from deployer.sim.win32 import Ending, StepClock, run_program

ID = "D7F3A21C"
SOURCE = "C:\\LOGS\\*.*"
OVER_LINE = Manifest(ID, "", ID, "secret99", Payload((), gather=Gather(SOURCE, "out")))
PULL = Manifest(ID, "192.168.1.1", ID, "secret99", Payload((), gather=Gather(SOURCE, "out")))
SOUND = random.Random(98).randbytes(70_000)


@pytest.fixture
def japanese() -> Iterator[None]:
    """A Windows in whose letters the second byte may be that of a backslash."""
    before = PAGES.ansi
    PAGES.use(932)
    yield
    PAGES.use(before)


class BusyDisk(Disk):
    """A drive C: on which another program is told of each file that is opened to be read."""

    opened: Callable[[str], None] = staticmethod(lambda _path: None)

    def open(self, path: str, *how: object, **more: object) -> File:
        file = super().open(path, *how, **more)  # type: ignore[arg-type]
        self.opened(path)
        return file


class Pulled:
    """A PC with a folder of logs, and GATHER's rounds on it as GO.BAT begins them."""

    def __init__(self, root: Path, program: Path) -> None:
        self.logs = root / "LOGS"
        self.own = root / "DEPLOY"
        for folder in (self.logs, self.own):
            folder.mkdir()
        self.disk = BusyDisk(root, clock=lambda: 915_148_800.0)
        self._program = program.read_bytes()
        self.known: Listing | None = None
        (self.logs / "SOUND.DAT").write_bytes(SOUND)

    def gather(self, *want: ask.PullSpan, pull: Manifest = PULL) -> int:
        """One round; the list is read where it is new."""
        asked = ask.render(pull, SOURCE, "C:\\DEPLOY", self.known, want)
        (self.own / f"{ID}.ASK").write_bytes(asked)
        status = run_program(
            self._program, disk=self.disk, args=f"GATHER {ID}.ASK", cwd="C:\\DEPLOY",
            path="C:\\DEPLOY\\DEPLOY98.EXE", console_out=lambda _text: None,
            clock=StepClock(step=0.01), mhz=350,
        )  # fmt: skip
        assert status.ending is Ending.EXITED, status
        made = self.own / f"{ID}.LST"
        if made.exists():
            self.known = listing.parse(made.read_bytes(), ID, SOURCE)
        return status.code

    def file(self, name: str) -> PulledFile:
        assert self.known is not None
        return next(file for file in self.known.files if file.short == name)

    def collected(self) -> list[tuple[RecordKind, bytes]]:
        """What stands in PULL.DAT."""
        data = (self.own / "PULL.DAT").read_bytes()
        return [(one.kind, data[one.start : one.stop]) for one in collected.records(data, ID)]

    def parts(self) -> list[parts.SentPart]:
        found = sorted(self.own.glob(f"{ID}.PA?"))
        return [parts.parse(path.read_bytes(), ID) for path in found]


@pytest.fixture
def pc(tmp_path: Path, root: Path) -> Pulled:
    return Pulled(tmp_path, root / "payloads" / "bin" / "GATHER98.EXE")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_changes_while_it_is_summed_is_summed_again(pc: Pulled, times: int) -> None:
    busy = pc.logs / "BUSY.LOG"
    busy.write_bytes(b"line\r\n" * 10)
    left = [times]

    def grow(path: str) -> None:
        if path.endswith("BUSY.LOG") and left[0]:
            left[0] -= 1
            busy.write_bytes(busy.read_bytes() + b"one more\r\n")

    pc.disk.opened = grow  # type: ignore[method-assign]
    assert pc.gather() == 1
    assert pc.file("BUSY.LOG").sha256 == sha(busy.read_bytes())
    assert pc.file("SOUND.DAT").sha256 == sha(SOUND)


def test_a_file_that_keeps_changing_is_named_and_keeps_no_other(pc: Pulled) -> None:
    busy = pc.logs / "BUSY.LOG"
    busy.write_bytes(b"line\r\n")

    def grow(path: str) -> None:
        if path.endswith("BUSY.LOG"):
            busy.write_bytes(busy.read_bytes() + b"more\r\n")

    pc.disk.opened = grow  # type: ignore[method-assign]
    assert pc.gather() == 1
    assert (pc.file("BUSY.LOG").sha256, pc.file("BUSY.LOG").why) == ("", "it keeps changing")
    assert pc.file("SOUND.DAT").sha256 == sha(SOUND)


def test_a_file_that_changes_after_it_was_summed_is_not_sent_as_the_old_one(pc: Pulled) -> None:
    busy = pc.logs / "BUSY.LOG"
    busy.write_bytes(b"line\r\n")
    assert pc.gather() == 1
    before = pc.file("BUSY.LOG")
    busy.write_bytes(b"another line\r\n")
    assert pc.gather(ask.PullSpan(1, 2)) == 1
    assert pc.file("BUSY.LOG") != before
    assert pc.file("BUSY.LOG").sha256 == sha(b"another line\r\n")


def test_a_file_that_another_program_has_locked_is_named_and_comes_when_it_is_free(
    pc: Pulled,
) -> None:
    (pc.logs / "LOCKED.DB").write_bytes(b"records")
    with pc.disk.open("C:\\LOGS\\LOCKED.DB", deny_read=True):
        assert pc.gather() == 1
        assert pc.file("LOCKED.DB").why == "it cannot be read there"
        assert pc.file("SOUND.DAT").sha256 == sha(SOUND)
    number = 1 + [file.short for file in pc.known.files].index("LOCKED.DB") if pc.known else 0
    assert pc.gather(ask.PullSpan(number, number)) == 1
    assert pc.file("LOCKED.DB").sha256 == sha(b"records")


def test_attributes_stand_in_the_list(pc: Pulled) -> None:
    for name, bits in {"PLAIN": 0x20, "READONLY": 0x21, "HIDDEN": 0x22, "SYSTEM": 0x24}.items():
        (pc.logs / name).write_bytes(b"x")
        pc.disk.set_attributes(f"C:\\LOGS\\{name}", bits)
    assert pc.gather() == 1
    found = {file.short: file.attributes & 7 for file in pc.known.files} if pc.known else {}
    assert found == {"PLAIN": 0, "READONLY": 1, "HIDDEN": 2, "SYSTEM": 4, "SOUND.DAT": 0}


@pytest.mark.parametrize("free", [1 << 14, 1_200_000, 2_400_000])
def test_a_disk_with_little_room_makes_as_few_parts_as_fit_or_says_that_it_is_full(
    pc: Pulled, free: int
) -> None:
    (pc.logs / "BIG.DAT").write_bytes(random.Random(1).randbytes(3_000_000))
    assert pc.gather() == 1
    (pc.own / f"{ID}.ASK").unlink()
    pc.disk.leave_free(free)
    code = pc.gather(ask.PullSpan(1, 2))
    brought = sum(extent.length for part in pc.parts() for extent in part.extents)
    if free < 1 << 20:
        assert (code, brought) == (3, 0)
    else:
        assert code == 1
        assert len(pc.parts()) == free // ((1 << 20) + (64 << 10))
        assert 0 < brought < free


@pytest.mark.usefixtures("japanese")
def test_no_second_byte_of_a_letter_is_taken_for_a_backslash(pc: Pulled) -> None:
    names = ("\u30bd.txt", "\u8868/\u80fd\u529b.txt", "\u8868/\u5341/\u30dd.dat")
    for name in names:
        path = pc.logs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    assert pc.gather() == 1
    assert pc.known is not None
    assert pc.known.codepage == 932
    assert {file.path for file in pc.known.files} == {"SOUND.DAT", *names}
    count = len(pc.known.files)
    assert pc.gather(ask.PullSpan(1, count, 0, pc.known.files[-1].length)) == 1
    (part,) = pc.parts()
    assert sum(extent.length for extent in part.extents) == pc.known.total


def test_over_a_line_all_is_one_file_with_the_report_at_its_end(pc: Pulled) -> None:
    (pc.logs / "SAME.DAT").write_bytes(SOUND)
    (pc.logs / "EMPTY.DAT").write_bytes(b"")
    with pc.disk.open("C:\\LOGS\\EMPTY.DAT", deny_read=True):
        assert pc.gather(*ask.EVERYTHING, pull=OVER_LINE) == 0
    found = pc.collected()
    (first, _), *cut, (last, report) = found
    assert (first, last) == (RecordKind.LIST, RecordKind.REPORT)
    sizes = [each.length for _, part in cut for each in parts.parse(part, ID).extents]
    assert sum(sizes) == len(SOUND), "each content once"
    assert report == (pc.own / "RESULT.TXT").read_bytes()
    assert b"exit=0\r\n" in report
    assert not (pc.own / "NEXT.FTP").exists()


def test_over_a_line_the_list_comes_alone_where_that_is_asked(pc: Pulled) -> None:
    assert pc.gather(pull=OVER_LINE) == 1
    assert [kind for kind, _ in pc.collected()] == [RecordKind.LIST]
    assert pc.gather(pull=OVER_LINE) == 0, "the host has it and wants nothing"
    assert [kind for kind, _ in pc.collected()] == [RecordKind.REPORT]


def test_over_a_line_a_file_that_has_changed_since_comes_with_a_new_list(pc: Pulled) -> None:
    assert pc.gather(pull=OVER_LINE) == 1
    (pc.logs / "SOUND.DAT").write_bytes(b"another sound")
    assert pc.gather(ask.PullSpan(1, 1, 0, len(SOUND)), pull=OVER_LINE) == 1
    ((kind, listed),) = pc.collected()
    assert kind is RecordKind.LIST
    (file,) = listing.parse(listed, ID, SOURCE).files
    assert file.sha256 == sha(b"another sound")
    assert pc.gather(ask.PullSpan(1, 1, 0, 13), pull=OVER_LINE) == 0


def test_over_a_line_a_disk_with_little_room_gives_what_fits(pc: Pulled, tmp_path: Path) -> None:
    whole = SOUND * 10
    (pc.logs / "SOUND.DAT").write_bytes(whole)
    pc.disk = BusyDisk(tmp_path, clock=lambda: 915_148_800.0, capacity=1_400_000)
    assert pc.gather(*ask.EVERYTHING, pull=OVER_LINE) == 1
    listed, *cut = pc.collected()
    here = sum(parts.parse(data, ID).extents[0].length for _, data in cut)
    assert listed[0] is RecordKind.LIST
    assert 0 < here < len(whole)
    assert pc.gather(ask.PullSpan(1, 1, here, len(whole)), pull=OVER_LINE) == 0
    *rest, last = pc.collected()
    assert last[0] is RecordKind.REPORT
    assert {kind for kind, _ in rest} == {RecordKind.PART}

"""Drive C: keeps FAT's rules over a directory of the modern machine, and never leaves it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.sim.disk import (
    Attribute,
    Code,
    Disk,
    DiskChange,
    DiskError,
    FileSystem,
    Open,
    PowerOff,
    device_name,
    matches,
)
from deployer.sim.disk.names import is_short, is_valid, make_alias


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    root = tmp_path / "c"
    root.mkdir()
    return Disk(root, capacity=1 << 20, clock=lambda: 1_000_000_001.5)


def code(call: Callable[[], object]) -> Code:
    with pytest.raises(DiskError) as caught:
        call()
    return caught.value.code


# -- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "cwd", "full"),
    [
        ("X.TXT", "C:\\DEPLOY", "C:\\DEPLOY\\X.TXT"),
        ("\\X.TXT", "C:\\DEPLOY", "C:\\X.TXT"),
        ("c:X", "C:\\A", "C:\\A\\X"),
        ("..\\..\\..\\etc\\passwd", "C:\\A", "C:\\etc\\passwd"),
        ("a/b//c/./d/../e", "C:\\", "C:\\a\\b\\c\\e"),
        ("name. . ", "C:\\", "C:\\name"),
        ("", "C:\\A\\B", "C:\\A\\B"),
        ("FILE.TXT\\..", "C:\\A", "C:\\A"),
    ],
)
def test_a_path_has_one_absolute_form(disk: Disk, path: str, cwd: str, full: str) -> None:
    assert disk.absolute(path, cwd) == full


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("D:\\X", Code.INVALID_DRIVE),
        ("\\\\server\\share", Code.PATH_NOT_FOUND),
        ("a\\...\\b", Code.PATH_NOT_FOUND),
        ("a<b", Code.INVALID_NAME),
        ("a\\b:c", Code.INVALID_NAME),
        ("tab\tname", Code.INVALID_NAME),
        ("x" * 300, Code.PATH_NOT_FOUND),
    ],
)
def test_a_path_that_no_disk_has(disk: Disk, path: str, error: Code) -> None:
    assert code(lambda: disk.absolute(path)) is error


@given(st.text(max_size=60))
def test_no_path_leads_outside(text: str) -> None:
    root = Path("/tmp")
    disk = Disk.__new__(Disk)
    disk.root = root
    try:
        full = disk.absolute(text, "C:\\A")
    except DiskError:
        return
    parts = full[3:].split("\\")
    assert full.startswith("C:\\")
    assert not {"..", "."} & set(parts)
    assert "/" not in full


def test_symbolic_links_are_not_there(disk: Disk, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "F.TXT").write_bytes(b"secret")
    (disk.root / "LINK").symlink_to(tmp_path / "secret")
    (disk.root / "FLINK.TXT").symlink_to(tmp_path / "secret" / "F.TXT")
    assert disk.listdir("C:\\") == ()
    assert code(lambda: disk.read_bytes("C:\\LINK\\F.TXT")) is Code.PATH_NOT_FOUND
    assert code(lambda: disk.write_bytes("C:\\FLINK.TXT", b"x")) is Code.ACCESS_DENIED
    assert (tmp_path / "secret" / "F.TXT").read_bytes() == b"secret"


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("long", "alias"),
    [
        ("README.TXT", "README.TXT"),
        ("readme.txt", "README.TXT"),
        ("stories260K.bin", "STORIE~1.BIN"),
        ("a b.c", "AB~1.C"),
        ("two.dots.txt", "TWODOT~1.TXT"),
        (".profile", "PROFIL~1"),
        ("x+y=[z].html", "X_Y__Z~1.HTM"),
        ("noextension9", "NOEXTE~1"),
    ],
)
def test_a_long_name_gets_an_alias(disk: Disk, long: str, alias: str) -> None:
    disk.write_bytes(f"C:\\{long}", b"x")
    entry = disk.stat(f"C:\\{alias.lower()}")
    assert (entry.short, entry.long) == (alias, long)


def test_aliases_do_not_clash_and_stay(disk: Disk) -> None:
    for i in range(12):
        disk.write_bytes(f"C:\\long name {i:02}.txt", bytes([i]))
    shorts = {e.long: e.short for e in disk.listdir("C:\\")}
    assert len(set(shorts.values())) == 12
    assert shorts["long name 11.txt"] == "LONGN~12.TXT"
    disk.delete("C:\\LONGNA~1.TXT")
    assert disk.stat("C:\\long name 11.txt").short == "LONGN~12.TXT"


@given(st.text(alphabet=st.characters(codec="cp1252"), min_size=1, max_size=40))
def test_every_alias_is_a_short_name(name: str) -> None:
    if is_valid(name):
        assert is_short(make_alias(name, {"A~1"}))


@pytest.mark.parametrize(
    ("path", "device"),
    [
        ("NUL", "NUL"),
        ("C:\\X\\con.txt", "CON"),
        ("lpt1", "LPT1"),
        ("CONFIG.SYS", None),
        ("COM5", None),
    ],
)
def test_device_names_are_reserved_everywhere(path: str, device: str | None) -> None:
    assert device_name(path) == device


@pytest.mark.parametrize("name", ["NUL", "aux.txt", "a?", "日本.txt", "\x80bad", "end "])
def test_a_name_that_windows_98_cannot_have(disk: Disk, name: str) -> None:
    if name == "end ":
        disk.write_bytes("C:\\end ", b"")
        assert disk.listdir("C:\\")[0].long == "end"
    else:
        assert code(lambda: disk.write_bytes(f"C:\\{name}", b"")) in (
            Code.ACCESS_DENIED,
            Code.INVALID_NAME,
        )


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*.*", "NODOT", True),
        ("*", "A.B", True),
        ("*.TXT", "a.txt", True),
        ("*.TXT", "A.TXTX", False),
        ("A?.BIN", "A1.BIN", True),
        ("A??.BIN", "A1.BIN", True),
        ("A?.BIN", "A12.BIN", False),
        ("PART.*", "PART", True),
        ("*.", "NODOT", True),
        ("*.", "A.B", False),
        ("D*.MAN", "D7F3A21C.MAN", True),
    ],
)
def test_patterns(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


# -- files ---------------------------------------------------------------------------------------


def test_names_are_case_blind_and_keep_their_case(disk: Disk) -> None:
    disk.write_bytes("C:\\Story.txt", b"one")
    disk.write_bytes("C:\\STORY.TXT", b"two")
    assert [e.long for e in disk.listdir("C:\\")] == ["Story.txt"]
    assert disk.read_bytes("c:/sTORY.txt") == b"two"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda d: d.read_bytes("C:\\NONE"), Code.FILE_NOT_FOUND),
        (lambda d: d.read_bytes("C:\\NONE\\X"), Code.PATH_NOT_FOUND),
        (lambda d: d.read_bytes("C:\\F\\X"), Code.PATH_NOT_FOUND),
        (lambda d: d.read_bytes("C:\\DIR"), Code.ACCESS_DENIED),
        (lambda d: d.open("C:\\F", Open.CREATE_NEW), Code.FILE_EXISTS),
        (lambda d: d.open("C:\\NONE", Open.TRUNCATE_EXISTING, write=True), Code.FILE_NOT_FOUND),
        (lambda d: d.rename("C:\\F", "C:\\G"), Code.ALREADY_EXISTS),
        (lambda d: d.rename("C:\\NONE", "C:\\X"), Code.FILE_NOT_FOUND),
        (lambda d: d.rename("C:\\F", "C:\\NONE\\X"), Code.PATH_NOT_FOUND),
        (lambda d: d.rename("C:\\DIR", "C:\\DIR\\SUB"), Code.SHARING_VIOLATION),
        (lambda d: d.delete("C:\\DIR"), Code.ACCESS_DENIED),
        (lambda d: d.mkdir("C:\\DIR"), Code.ALREADY_EXISTS),
        (lambda d: d.mkdir("C:\\A\\B"), Code.PATH_NOT_FOUND),
        (lambda d: d.rmdir("C:\\DIR"), Code.DIR_NOT_EMPTY),
        (lambda d: d.rmdir("C:\\F"), Code.PATH_NOT_FOUND),
        (lambda d: d.open("C:\\F").seek(-1), Code.NEGATIVE_SEEK),
        (lambda d: d.open("C:\\F").write(b"x"), Code.ACCESS_DENIED),
    ],
)
def test_what_the_disk_refuses(disk: Disk, call: Callable[[Disk], object], error: Code) -> None:
    disk.write_bytes("C:\\F", b"f")
    disk.write_bytes("C:\\G", b"g")
    disk.mkdir("C:\\DIR")
    disk.write_bytes("C:\\DIR\\IN", b"")
    assert code(lambda: call(disk)) is error


def test_read_only_files_are_neither_written_nor_deleted(disk: Disk) -> None:
    disk.write_bytes("C:\\F", b"f")
    disk.set_attributes("C:\\F", Attribute.READ_ONLY)
    assert code(lambda: disk.open("C:\\F", write=True)) is Code.ACCESS_DENIED
    assert code(lambda: disk.write_bytes("C:\\F", b"")) is Code.ACCESS_DENIED
    assert code(lambda: disk.delete("C:\\F")) is Code.ACCESS_DENIED


def test_an_open_file_can_be_deleted_but_not_renamed(disk: Disk) -> None:
    with disk.open("C:\\F", Open.CREATE_ALWAYS, write=True) as file:
        file.write(b"data")
        assert code(lambda: disk.rename("C:\\F", "C:\\G")) is Code.SHARING_VIOLATION
        disk.delete("C:\\F")
        assert not disk.exists("C:\\F")
        file.seek(0)
        assert file.read() == b"data"


def test_sharing_is_denied_in_both_directions(disk: Disk) -> None:
    disk.write_bytes("C:\\F", b"f")
    with disk.open("C:\\F", deny_write=True):
        assert code(lambda: disk.open("C:\\F", write=True)) is Code.SHARING_VIOLATION
        disk.open("C:\\F").close()
    with disk.open("C:\\F", write=True):
        assert code(lambda: disk.open("C:\\F", deny_write=True)) is Code.SHARING_VIOLATION


def test_times_are_even_seconds(disk: Disk) -> None:
    disk.write_bytes("C:\\F", b"f")
    assert disk.stat("C:\\F").mtime == 1_000_000_000
    disk.set_mtime("C:\\F", 1_234_567_891)
    assert disk.stat("C:\\F").mtime == 1_234_567_890


def test_a_file_made_longer_by_seeking_holds_rubbish(disk: Disk) -> None:
    with disk.open("C:\\F", Open.CREATE_ALWAYS, write=True) as file:
        file.seek(10)
        file.truncate()
        assert file.size == 10
        file.seek(0)
        assert file.read() != bytes(10)


# -- space ---------------------------------------------------------------------------------------


def test_space_is_counted_in_clusters(disk: Disk) -> None:
    disk.write_bytes("C:\\ONE", b"1")
    disk.mkdir("C:\\DIR")
    disk.write_bytes("C:\\EMPTY", b"")
    assert disk.free() == (1 << 20) - 2 * 4096
    disk.delete("C:\\ONE")
    disk.rmdir("C:\\DIR")
    assert disk.free() == 1 << 20


def test_a_full_disk_stores_what_fits(disk: Disk) -> None:
    disk.write_bytes("C:\\A", bytes(1000))
    with disk.open("C:\\B", Open.CREATE_ALWAYS, write=True) as file:
        assert file.write(bytes(2 << 20)) == (1 << 20) - 4096
        assert file.write(b"x") == 0
    assert code(lambda: disk.write_bytes("C:\\C", b"x")) is Code.DISK_FULL
    assert disk.stat("C:\\C").size == 0
    assert code(lambda: disk.mkdir("C:\\D")) is Code.DISK_FULL
    disk.append_bytes("C:\\A", bytes(3000))  # the rest of its cluster is free
    disk.delete("C:\\B")
    disk.write_bytes("C:\\C", b"x")


@pytest.mark.parametrize(
    ("system", "longest"), [(FileSystem.FAT16, 2**31 - 1), (FileSystem.FAT32, 2**32 - 2)]
)
def test_the_longest_file(tmp_path: Path, system: FileSystem, longest: int) -> None:
    (tmp_path / "BIG").touch()
    os.truncate(tmp_path / "BIG", longest - 2)
    disk = Disk(tmp_path, capacity=1 << 40, file_system=system)
    with disk.open("C:\\BIG", write=True) as file:
        file.seek(0, os.SEEK_END)
        assert file.write(b"12345") == 2
    assert disk.stat("C:\\BIG").size == longest


def test_the_root_of_fat16_has_512_entries(tmp_path: Path) -> None:
    disk = Disk(tmp_path, file_system=FileSystem.FAT16)
    for i in range(512):
        disk.write_bytes(f"C:\\F{i}", b"")
    assert code(lambda: disk.write_bytes("C:\\MORE", b"")) is Code.CANNOT_MAKE


# -- power and steps -----------------------------------------------------------------------------


def test_every_change_is_announced(disk: Disk) -> None:
    steps: list[DiskChange] = []
    disk.on_step = steps.append
    disk.mkdir("C:\\D")
    disk.write_bytes("C:\\D\\F", b"abc")
    disk.rename("C:\\D\\F", "C:\\D\\G")
    disk.write_bytes("C:\\D\\G", b"")
    disk.delete("C:\\D\\G")
    disk.rmdir("C:\\D")
    kinds = ["mkdir", "create", "write", "rename", "truncate", "delete", "rmdir"]
    assert [step.kind for step in steps] == kinds
    assert [step.number for step in steps] == list(range(1, 8))
    assert steps[2] == DiskChange(3, "write", "C:\\D\\F", 0, 3)


def test_a_listener_can_refuse(disk: Disk) -> None:
    def refuse(step: DiskChange) -> None:
        raise DiskError(Code.DISK_FULL, step.path)

    disk.on_step = refuse
    assert code(lambda: disk.mkdir("C:\\D")) is Code.DISK_FULL
    disk.on_step = None
    assert disk.listdir("C:\\") == ()


@pytest.mark.parametrize(
    ("flushed", "left"), [(False, b""), (True, b"safe")], ids=["not flushed", "flushed"]
)
def test_power_off_loses_growth_that_was_not_flushed(
    disk: Disk, flushed: bool, left: bytes
) -> None:
    file = disk.open("C:\\F", Open.CREATE_ALWAYS, write=True)
    file.write(b"safe")
    if flushed:
        file.flush()
    file.write(b" not")
    disk.power_off()
    for call in (file.read, lambda: disk.exists("C:\\F"), lambda: disk.delete("C:\\F")):
        with pytest.raises(PowerOff):
            call()
    file.close()
    disk.power_on()
    assert disk.read_bytes("C:\\F") == left


def test_power_off_in_a_write_keeps_what_had_reached_the_disk(disk: Disk) -> None:
    disk.write_bytes("C:\\F", b"0123456789")

    def cut(step: DiskChange) -> None:
        raise PowerOff(kept=4)

    with disk.open("C:\\F", write=True) as file:
        disk.on_step = cut
        with pytest.raises(PowerOff):
            file.write(b"abcdefgh")
    disk.on_step = None
    disk.power_on()
    assert disk.read_bytes("C:\\F") == b"abcd456789"


def test_changes_made_by_the_modern_machine_are_seen(disk: Disk) -> None:
    assert not disk.exists("C:\\NEW.TXT")
    (disk.root / "NEW.TXT").write_bytes(b"new")
    assert disk.read_bytes("C:\\NEW.TXT") == b"new"
    (disk.root / "NEW.TXT").unlink()
    assert not disk.exists("C:\\NEW.TXT")


def test_what_another_drive_does_in_the_same_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    """An agent's PC and one that fetches show one directory, and its stamp is that of a tick."""
    one, two = Disk(tmp_path), Disk(tmp_path)
    one.write_bytes("C:\\A", b"")
    assert one.exists("C:\\A")
    before = tmp_path.stat()
    two.write_bytes("C:\\B", b"")
    two.delete("C:\\A")
    os.utime(tmp_path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [entry.long for entry in one.listdir("C:\\")] == ["B"]

"""The emulated Pentium II and its KERNEL32, seen by small programs."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.sim.disk import Disk, DiskChange, PowerOff
from deployer.sim.win32 import TABLE, Ending, ExitStatus, RunLimits, StepClock, run_program
from deployer.sim.win32.exports import kernel32

Build = Callable[..., bytes]
LACKING = {0xDC00 + byte: byte for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
"""The bytes that code page 1252 lacks stay themselves."""


class Bench:
    """A disk and a way to run a program on it."""

    def __init__(self, root: Path, build: Build) -> None:
        self.root, self.build = root, build
        self.disk = Disk(root, capacity=64 << 20)
        self.out = bytearray()

    def run(self, name: str, args: str | bytes = "", **more: object) -> ExitStatus:
        self.out.clear()
        options: dict[str, object] = {"limits": RunLimits(seconds=20), "clock": StepClock(), **more}
        return run_program(
            self.build(name), args=args, disk=self.disk, console_out=self.out.extend, **options
        )

    def answers(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.out.decode().splitlines() if "=" in line)


@pytest.fixture
def bench(tmp_path: Path, build: Build) -> Bench:
    return Bench(tmp_path, build)


def test_a_program_sees_windows_98(bench: Bench) -> None:
    status = bench.run("facts", "a  b", path="C:\\DIR\\FACTS.EXE", ram=48 << 20)
    assert status == ExitStatus(7)
    assert bench.answers() == {
        "version_ok": "1", "major": "4", "minor": "10", "build": "1998", "platform": "1",
        "ram": str(48 << 20), "line": "C:\\DIR\\FACTS.EXE a  b", "module": "C:\\DIR\\FACTS.EXE",
        "cwd": "C:\\", "windir": "C:\\WINDOWS", "nothing": "0", "error": "203",
        "wide": "1", "wide_error": "120", "has_ex": "1", "has_new": "0",
        "cluster": "4096", "clusters": str((64 << 20) // 4096),
    }  # fmt: skip


def test_a_command_line_has_any_byte_but_nul(bench: Bench) -> None:
    line = bytes(byte for byte in range(1, 256) if byte not in b"\r\n")
    bench.run("facts", line)
    assert b"line=C:\\PROGRAM.EXE " + line + b"\r\n" in bench.out
    bench.run("facts", line.decode("cp1252", "surrogateescape").translate(LACKING))
    assert b"line=C:\\PROGRAM.EXE " + line + b"\r\n" in bench.out
    bench.run("facts", "Größe \u20ac \u2603")
    assert b"line=C:\\PROGRAM.EXE Gr\xf6\xdfe \x80 ?\r\n" in bench.out


def test_files_behave_as_on_fat(bench: Bench) -> None:
    assert bench.run("files") == ExitStatus(0)
    assert bench.out.decode().split("\r\n") == [
        "mkdir=1", "again=0", "error=183", "opened=1", "written=10", "shared=0", "error=32",
        "seek=4", "read=6", "before=4294967295", "error=131", "size=3", "move=1", "move_onto=0",
        "error=183", ". 0", ".. 0", "b.txt 3", "end=18", "missing=0", "error=3", "other_drive=0",
        "error=15",
        "nul=60", "delete_open=1", "gone=1", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "said", "code"),
    [
        ("r", "page fault at 00000004", 0xC0000005),
        ("w", "page fault", 0xC0000005),
        ("s", "invalid instruction", 0xC000001D),
        ("d", "divide error", 0xC0000094),
        ("h", "privileged instruction", 0xC0000096),
        ("k", "KERNEL32.DLL (ReadFile)", 0xC0000005),
        ("j", "page fault at 00000000", 0xC0000005),
        ("o", "below the stack's guard page", 0xC0000005),
        ("f", "below the stack's guard page", 0xC0000005),
    ],
)
def test_an_illegal_operation_ends_the_program(
    bench: Bench, argument: str, said: str, code: int
) -> None:
    status = bench.run("faults", argument, console_in=lambda: b"typed\r\n")
    assert (status.ending, status.code) == (Ending.FAULT, code)
    assert "This program has performed an illegal operation" in status.reason
    assert said in status.reason
    assert f"{status.eip:08X}" in status.reason


def test_the_stack_grows_page_by_page(bench: Bench) -> None:
    assert bench.run("faults", "g") == ExitStatus(0)


@pytest.mark.parametrize(
    ("argument", "limits", "said"),
    [
        ("l", RunLimits(seconds=0.5), "longer than 0.5 seconds"),
        ("q", RunLimits(output=5000), "more than 5000 bytes of output"),
        ("x", RunLimits(), "waits for something that cannot happen"),
    ],
)
def test_a_run_is_bounded(bench: Bench, argument: str, limits: RunLimits, said: str) -> None:
    status = bench.run("faults", argument, limits=limits)
    assert status.ending is Ending.LIMIT
    assert said in status.reason


def test_a_run_can_be_cancelled(bench: Bench) -> None:
    status = bench.run("faults", "l", cancelled=lambda: True)
    assert (status.ending, status.reason) == (Ending.LIMIT, "cancelled")


def test_memory_runs_out_at_the_ram_that_was_given(bench: Bench) -> None:
    bench.run("memory", ram=32 << 20)
    answers = bench.answers()
    assert 28 <= int(answers["megabytes"]) <= 31
    assert answers["error"] == "8"


def test_heap_blocks_are_apart_and_zeroed(bench: Bench) -> None:
    bench.run("heap")
    assert bench.answers() == {"bad": "0", "free_twice": "0"}


def test_a_program_runs_code_that_it_made_anywhere(bench: Bench) -> None:
    """No processor of that time forbade to execute data."""
    assert bench.run("made") == ExitStatus(0)
    assert bench.answers() == dict.fromkeys(["data", "stack", "page", "heap"], "42")


# -- children ------------------------------------------------------------------------------------


def test_a_childs_output_comes_through_a_pipe_while_it_runs(bench: Bench) -> None:
    bench.disk.write_bytes("C:\\CHILD.EXE", bench.build("child"))
    assert bench.run("parent", "CHILD x") == ExitStatus(0)
    assert bench.out.decode() == f"[word ][word ][word ]\r\ncode={0x12345678}\r\n"


def test_a_child_that_writes_more_than_a_pipe_holds_is_not_stuck(bench: Bench) -> None:
    bench.disk.write_bytes("C:\\CHILD.EXE", bench.build("child"))
    bench.run("parent", "child.exe big")
    assert bench.out.count(b".") == 10_000
    assert bench.answers()["code"] == "40"


def test_a_child_inherits_the_keyboard(bench: Bench) -> None:
    bench.disk.write_bytes("C:\\CHILD.EXE", bench.build("child"))
    bench.run("parent", "child.exe input", console_in=lambda: b"typed\r\n")
    assert bench.out.decode() == "[typed\r\n]\r\ncode=7\r\n"


def test_a_childs_fault_is_its_exit_code(bench: Bench) -> None:
    bench.disk.write_bytes("C:\\CHILD.EXE", bench.build("faults"))
    bench.run("parent", "CHILD.EXE r")
    assert bench.answers()["code"] == str(0xC0000005)
    assert "CHILD.EXE: This program has performed an illegal operation" in bench.out.decode()


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, 2), (b"", 193), (b"MZ not a program", 193), (b"echo off\r\n", 193)],
)
def test_a_child_that_cannot_start(bench: Bench, content: bytes | None, error: int) -> None:
    if content is not None:
        bench.disk.write_bytes("C:\\CHILD.EXE", content)
    assert bench.run("parent", "CHILD x").code == 2
    assert bench.answers() == {"not started": str(error)}


def test_a_parent_that_ends_takes_its_children_along(bench: Bench) -> None:
    bench.disk.write_bytes("C:\\CHILD.EXE", bench.build("child"))
    status = bench.run("parent", "CHILD loop", limits=RunLimits(seconds=1))
    assert status.ending is Ending.LIMIT


# -- power and standard streams ------------------------------------------------------------------


def test_power_off_ends_the_run_at_once(bench: Bench) -> None:
    def cut(step: DiskChange) -> None:
        if step.kind == "write":
            raise PowerOff

    bench.disk.on_step = cut
    with pytest.raises(PowerOff):
        bench.run("files")
    bench.disk.power_on()
    assert bench.disk.stat("C:\\Sub Dir\\A long name.text").size == 0


def test_the_shells_redirection_takes_standard_output(bench: Bench) -> None:
    sink = bytearray()
    bench.run("facts", stdout=sink.extend)
    assert (len(bench.out), sink[:12]) == (0, b"version_ok=1")


# -- loading -------------------------------------------------------------------------------------


def _patched(exe: bytes, offset: int, value: bytes) -> bytes:
    header = struct.unpack_from("<I", exe, 0x3C)[0]
    return exe[: header + offset] + value + exe[header + offset + len(value) :]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: b"", "is empty"),
        (lambda e: b"\xb8\x00\x4c\xcd\x21", "not a program"),
        (lambda e: e[:60], "is a DOS program"),
        (lambda e: e[:-600], "is cut"),
        (lambda e: e[:0x3C] + b"\0\0\0\0" + e[0x40:], "is a DOS program"),
        (lambda e: _patched(e, 0, b"NE\0\0"), "16-bit Windows program"),
        (lambda e: _patched(e, 4, b"\x64\x86"), "not for an i386"),
        (lambda e: _patched(e, 0x48, b"\6\0\0\0"), "expects a newer version of Windows"),
        (lambda e: _patched(e, 0x5C, b"\1\0"), "not a Win32 program"),
        (lambda e: _patched(e, 0x34, b"\0\0\x30\0"), "has no room"),
        (lambda e: _patched(e, 0x34, b"\0\0\0\x90"), "has no room"),
        (lambda e: _patched(e, 0x28, b"\xff\xff\xff\x7f"), "is damaged"),
        (lambda e: e.replace(b"GetFileAttributesA", b"GetFileSizeEx\0\0\0\0\0"),
         "linked to missing export KERNEL32.DLL:GetFileSizeEx"),
        (lambda e: e.replace(b"KERNEL32.dll", b"USER32.dll\0\0"), "missing export USER32.DLL:"),
    ],
)  # fmt: skip
def test_what_windows_98_would_not_start_does_not_start(
    bench: Bench, change: Callable[[bytes], bytes], said: str
) -> None:
    exe = change(bench.build("files"))
    status = run_program(exe, disk=bench.disk, console_out=bench.out.extend)
    assert status.ending is Ending.NOT_STARTED
    assert said in status.reason
    assert not bench.disk.listdir("C:\\")


def test_damaged_programs_never_crash_the_emulator(bench: Bench) -> None:
    exe = bench.build("child")
    limits = RunLimits(seconds=0.3, output=1 << 16)
    for i in range(0, len(exe), 23):
        damaged = exe[:i] + bytes([exe[i] ^ 0xFF]) + exe[i + 1 :]
        run_program(
            damaged, disk=bench.disk, console_out=bench.out.extend, limits=limits, clock=StepClock()
        )


def test_every_call_is_exported_by_windows_98_with_that_many_arguments() -> None:
    exports = kernel32()
    assert [name for name in TABLE if name not in exports] == []
    wrong = [n for n, api in TABLE.items() if exports[n].arguments not in (None, api.arguments)]
    assert wrong == []


def test_two_runs_are_the_same(bench: Bench) -> None:
    bench.disk.write_bytes("C:\\CHILD.EXE", bench.build("child"))
    runs = []
    for _ in range(2):
        bench.run("parent", "CHILD x")
        runs.append(bytes(bench.out))
    assert runs[0] == runs[1]

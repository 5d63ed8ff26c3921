"""What a launch command starts, by its words and by the beginning of its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.target import program


@pytest.mark.parametrize(
    ("command", "beside", "batch"),
    [
        ("SETUP.BAT", (), True),
        ("install.bat /Y", (), True),
        ("NEW\\GO.BAT", (), True),
        ('"Long Name\\setup.bat" x', (), True),
        ("COMMAND.COM /C X.EXE", (), True),
        ("C:\\WINDOWS\\COMMAND /C X.EXE", (), True),
        ("SETUP", ("SETUP.BAT",), True),
        ("SETUP", ("SETUP.BAT", "SETUP.EXE"), False),
        ("SETUP", ("SETUP.COM", "SETUP.BAT"), False),
        ("SETUP", (), False),
        ("X.EXE SETUP.BAT", (), False),
        ("HI.COM", (), False),
        ("", (), False),
    ],
)
def test_what_command_com_carries_out(command: str, beside: tuple[str, ...], batch: bool) -> None:
    assert program.is_batch(command, beside) is batch


def pe(signature: bytes) -> bytes:
    return b"MZ".ljust(60, b"\0") + (128).to_bytes(4, "little") + bytes(64) + signature + bytes(20)


@pytest.mark.parametrize(
    ("name", "head", "old"),
    [
        ("HI.COM", b"\xb4\x09\xcd\x21\xc3", True),
        ("HI.COM", pe(b"PE\0\0"), False),
        ("A.EXE", pe(b"PE\0\0"), False),
        ("A.EXE", pe(b"NE"), True),
        ("A.EXE", pe(b"LE"), True),
        ("A.EXE", b"MZ\x40\0", True),
        ("LETTER.EXE", b"Dear user", False),
        ("EMPTY.EXE", b"", False),
    ],
)
def test_programs_of_16_bits(name: str, head: bytes, old: bool) -> None:
    assert program.is_16_bit(name, head) is old


def test_our_own_programs_are_of_32_bits(root: Path) -> None:
    for path in (root / "payloads" / "bin").glob("*.EXE"):
        assert not program.is_16_bit(path.name, path.read_bytes()[: program.HEAD])


@pytest.mark.parametrize("command", ["DEPLOY98.EXE SELF", "deploy98 self"])
def test_the_helper_is_there_too(command: str) -> None:
    assert program.is_on_pc(command)

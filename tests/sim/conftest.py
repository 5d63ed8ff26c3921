"""Small Win32 programs, compiled when a test asks for them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent / "programs"
FLAGS = [
    "-std=gnu89",
    "-O1",
    "-march=pentium",
    "-ffreestanding",
    "-fno-builtin",
    "-fno-stack-protector",
    "-nostdlib",
    "-nostartfiles",
    "-mno-stack-arg-probe",
    "-fno-optimize-sibling-calls",
    "-w",
    "-s",
    "-Wl,-e,_start",
    "-Wl,--subsystem,console:4.0",
    "-Wl,--no-insert-timestamp",
    "-Wl,--disable-dynamicbase",
    "-Wl,--disable-nxcompat",
    "-Wl,--disable-reloc-section",
    "-Wl,--image-base,0x400000",
]


@pytest.fixture(scope="session")
def build(mingw: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """`build("facts", *more_flags)` is the bytes of programs/facts.c as an .EXE for Windows 98."""
    folder = tmp_path_factory.mktemp("programs")

    @cache
    def compile_(name: str, *flags: str) -> bytes:
        target = folder / f"{name}{abs(hash(flags))}.exe"
        source = SOURCES / f"{name}.c"
        command = [mingw, *FLAGS, *flags, str(source), "-o", str(target), "-lkernel32"]
        subprocess.run(command, check=True, timeout=60)
        return target.read_bytes()

    return compile_

"""What single KERNEL32 calls answer, as a program sees it (tests/sim/programs/calls.c)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.sim.disk import Disk
from deployer.sim.win32 import ExitStatus, StepClock, run_program

ANSWERS = {
    "paths": """
        short=C:\\LONGDI~1\\FILE.TXT
        long=C:\\Long Directory\\file.txt
        full=C:\\x\\y.z
        part=y.z
        small=7
        temp=C:\\WINDOWS\\TEMP\\
        unique=1
        temp_file=C:\\abc0001.TMP
        made=32
        search=1
        found=C:\\WINDOWS\\FTP.EXE
        windows=C:\\WINDOWS
        system=C:\\WINDOWS\\SYSTEM
        chdir=1
        cwd=C:\\long directory
        rmdir_full=0
        error=16
        copy=1
        copy_again=0
        error=80
        attributes=1
        are=1
        delete=0
        error=5
        free=1040384
        total=1048576
        drive=3
        no_drive=1
        longest=255
        system=FAT32
    """,
    "times": """
        to_file=1
        older=1
        year=1999
        weekday=5
        second=58
        date=10143
        hour=49021
        now=1999
        frequency=1193182
    """,
    "memory": """
        reserved=0
        commit=1
        state=4096
        size=4096
        state=8192
        protect=1
        bad_read=1
        good_read=0
        release_part=0
        error=87
        release=1
        zeroed=0
        moved=stays
        heap_size=700000
        destroy=1
        gone=1
        global=33
        locked=1
        freed=1
    """,
    "strings": """
        cat=one two
        length=7
        equal=1
        wide=3
        euro=8364
        wide_length=2
        narrow=3
        lost=1
        char=63
        short=0
        error=122
        muldiv=1500000
        muldiv0=1
        expanded=<value> %none% 100%
        message=10
        Error 5.
    """,
    "rest": """
        slot=0
        tls=77
        no_slot=0
        increment=6
        exchange=6
        n=9
        version=2564
        kind=2
        mode=1
        console
        library=0
        error=126
        kernel=1
        ordinal=0
        second=1
        all=258
        first=0
        auto=258
        no_handle=0
        error=6
        startup=68
        same_out=1
    """,
}


@pytest.mark.parametrize("group", ANSWERS)
def test_calls_answer(tmp_path: Path, build: Callable[..., bytes], group: str) -> None:
    disk = Disk(tmp_path, capacity=1 << 20)
    disk.mkdir("C:\\WINDOWS")
    disk.write_bytes("C:\\WINDOWS\\FTP.EXE", b"")
    out = bytearray()
    status = run_program(
        build("calls"), args=group, disk=disk, console_out=out.extend, clock=StepClock()
    )
    said = [line for line in out.decode("cp437").split("\r\n") if line]
    assert status == ExitStatus(0)
    assert said == [line.strip() for line in ANSWERS[group].splitlines() if line.strip()]

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
    "handles": """
        fresh=0
        read=0
        error=5
        overlapped=0
        error=87
        lock=1
        flush=1
        none=0
        info=1
        size=5
        links=1
        write=0
        error=5
        existed=183
        deleted=1
        share_delete=0
        error=87
        directory=0
        error=5
        printer=0
        inherit=1
        peek=1
        got=2
        there=6
        wrong_end=0
        error=5
        kind=3
        rest=1
        bytes=6
        broken=0
        error=109
        no_reader=0
        error=232
        not_a_file=4294967295
        error=6
        duplicate=1
        source=0
        no_pipe=0
    """,
    "console": """
        part=3
        line=4
        end=0
        in_mode=1
        is=7
        now=0
        columns=80
        cursor=1
        page=437
        events=0
        flush=1
        title=1
        direct
        by name
        keys=2
        no_mode=0
    """,
    "x": """
        variables=1
        free=1
        no_program=2
        entered=1
        page=4096
        cpu=586
        level=6
        mmx=1
        sse=0
        name=OLD-PC
        length=6
        ansi=1252
        bytes=1
        id=1
    """,
}


@pytest.mark.parametrize("group", ANSWERS)
def test_calls_answer(tmp_path: Path, build: Callable[..., bytes], group: str) -> None:
    disk = Disk(tmp_path, capacity=1 << 20)
    disk.mkdir("C:\\WINDOWS")
    disk.write_bytes("C:\\WINDOWS\\FTP.EXE", b"")
    out = bytearray()
    typed = [b"typed\r\n"]
    status = run_program(
        build("calls"), args=group, disk=disk, clock=StepClock(), console_out=out.extend,
        console_in=lambda: typed.pop() if typed else b"",
    )  # fmt: skip
    said = [line for line in out.decode("cp437").split("\r\n") if line]
    assert status == ExitStatus(99 if group == "x" else 0)
    assert said == [line.strip() for line in ANSWERS[group].splitlines() if line.strip()]

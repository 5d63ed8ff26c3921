"""Typing a tiny receiver into a PC that has only DOS, and sending it files.

The characters wait for their echo; DEBUG shows the bytes that it holds before they are written.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deployer.core.serial import boot98
from deployer.edge.serial.job import SerialJob
from deployer.edge.serial.port import Flow, Line, SerialLine
from deployer.edge.serial.send import send_over, short_names
from deployer.errors import LineUnfit, TransferStopped


def bootstrap(job: SerialJob, paths: Sequence[Path], *, com: int = 1, fast: int = 115_200) -> None:
    """Type our receiver into a PC that has only DOS, then send it files.

    The user has typed `boot98.first_lines()` there, so its console is the line, at `job.speed`.
    The files go at `fast` bits a second. Raises LineUnfit when the typing gets stuck.
    """
    code = boot98.program(port=com, speed=fast)
    with SerialLine(job.port, job.speed, Flow.NONE) as line:
        _type(line, job, code)
        job.note(f"{boot98.NAME} is on the old PC and its bytes are right")
        if not paths:
            return
        _write_all(line, f"{boot98.NAME.partition('.')[0]}\r".encode("ascii"))
        line.drain(2.0)
        line.read(1.0)
        line.set_speed(fast)
        send_over(line, replace(job, protocol="ymodem"), paths, as_names=short_names(paths))
        line.drain(2.0)
        line.set_speed(job.speed)
    job.note("done; to give the old PC its keyboard back, type there: CTTY CON")


def _type(line: SerialLine, job: SerialJob, code: bytes) -> None:
    typist = boot98.Typist(code, now=time.monotonic())
    total = len(boot98.script(code)) + 2
    while not typist.done:
        if job.cancelled():
            raise TransferStopped(port=job.port, by="here")
        _write_all(line, typist.data_to_send())
        typist.tick(time.monotonic())
        typist.receive_data(line.read(0.1))
        while (event := typist.next_event()) is not None:
            match event:
                case boot98.Typed(left=left) if left % 10 == 0:
                    job.note(f"typing: {100 * (total - left) // total} %")
                case boot98.Stuck(what=what):
                    raise LineUnfit(
                        port=job.port,
                        what=f"the old PC's DOS does not answer as expected: {what}",
                        remedy="Look at its screen: are both lines typed there, in real DOS mode "
                        "(not a DOS box of Windows), with a 7-wire cable?",
                    )


def _write_all(line: Line, data: bytes) -> None:
    """Write a little; a line may be stopped for 10 s."""
    end = time.monotonic() + 10.0
    while data and time.monotonic() < end:
        data = data[line.write(data) :]
        if data:
            time.sleep(0.01)

"""Requests about serial lines: part of the service's room, where core's protocols meet the port.

Everything here runs in the caller's thread until it is done or `cancelled()` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from deployer.core.serial import boot98, linetest
from deployer.edge.serial import answer as serial_answer
from deployer.edge.serial import examine as serial_test
from deployer.edge.serial import plaintext, port
from deployer.edge.serial import terminal as serial_terminal
from deployer.edge.serial.bootstrap import bootstrap
from deployer.edge.serial.job import PROTOCOLS, ReceivedFile, SerialJob
from deployer.edge.serial.port import (
    DEFAULT_SPEED,
    SPEEDS,
    Flow,
    Frame,
    Parity,
    PortInfo,
    SerialLine,
    advice,
)
from deployer.edge.serial.receive import receive, receive_over
from deployer.edge.serial.send import send, send_offers, send_over, short_names

__all__ = [
    "DEFAULT_SPEED",
    "PROTOCOLS",
    "SPEEDS",
    "Flow",
    "Frame",
    "Parity",
    "PortInfo",
    "ReceivedFile",
    "SerialJob",
    "SerialLine",
    "advice",
    "answer",
    "bootstrap",
    "examine",
    "first_lines",
    "ports",
    "receive",
    "receive_over",
    "receive_text",
    "send",
    "send_offers",
    "send_over",
    "send_text",
    "short_names",
    "table",
    "terminal",
]  # fmt: skip

ports = port.ports
first_lines = boot98.first_lines
table = linetest.table
send_text = plaintext.send
receive_text = plaintext.receive


def examine(
    job: SerialJob, speeds: Sequence[int] = SPEEDS
) -> tuple[linetest.Seen, linetest.LineVerdict]:
    """Test a cable and its ports from this end; what was seen, and what it means."""
    with SerialLine(job.port, job.speed, Flow.NONE) as line:
        tester = serial_test.Examiner(line, speeds=speeds, note=job.note, cancelled=job.cancelled)
        seen = tester.run()
    return seen, linetest.judge(seen)


def answer(job: SerialJob) -> None:
    """Be the other end of such a test, until cancelled."""
    with SerialLine(job.port, job.speed, Flow.NONE) as line:
        serial_answer.answer(line, cancelled=job.cancelled, note=job.note)


def terminal(job: SerialJob, out: Path, *, overwrite: bool, keep_names: bool = False) -> None:
    """A terminal on this console. ZMODEM starts by itself when the other side sends."""

    def take(line: SerialLine, first: bytes, stopped: Callable[[], bool]) -> tuple[str, bytes]:
        rest: list[bytes] = []
        now = replace(job, cancelled=stopped)
        got = receive_over(line, now, out, overwrite=overwrite, first=first, rest=rest.append)
        told = ", ".join(f"{item.path} ({item.length:,} bytes)" for item in got)
        return told, b"".join(rest)

    def give(line: SerialLine, path: Path, stopped: Callable[[], bool]) -> str:
        name = path.name if keep_names else short_names([path])[0]
        send_over(line, replace(job, cancelled=stopped), [path], as_names=[name])
        return f"{path.name} has arrived" + ("" if name == path.name else f" as {name}")

    with SerialLine(job.port, job.speed, job.flow, job.frame) as line:
        serial_terminal.run(line, serial_terminal.FileWays(take, give))

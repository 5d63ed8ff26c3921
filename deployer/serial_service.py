"""Requests about serial lines: part of the service's room, where core's protocols meet the port.

Everything here runs in the caller's thread until it is done or `cancelled()` says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deployer.core import boot98, linetest, ppp
from deployer.edge import serial_answer, serial_terminal, serial_test, serialport
from deployer.edge.serial_bootstrap import bootstrap
from deployer.edge.serial_job import PROTOCOLS, Job, Received
from deployer.edge.serial_receive import receive, receive_over
from deployer.edge.serial_send import send, send_offers, send_over, short_names
from deployer.edge.serialport import (
    DEFAULT_SPEED,
    SPEEDS,
    Flow,
    PortInfo,
    SerialLine,
    advice,
)
from deployer.errors import LineUnfit, PppMissing, WrongUse

__all__ = [
    "DEFAULT_SPEED", "PROTOCOLS", "SPEEDS", "Flow", "Job", "PortInfo", "Received", "SerialLine",
    "advice", "answer", "bootstrap", "examine", "first_lines", "ports",
    "ppp_command", "receive",
    "receive_over", "run_ppp", "send", "send_offers", "send_over", "short_names",
    "table", "terminal",
]  # fmt: skip

ports = serialport.ports
first_lines = boot98.first_lines
table = linetest.table


def examine(job: Job, speeds: Sequence[int] = SPEEDS) -> tuple[linetest.Seen, linetest.Verdict]:
    """Test a cable and its ports from this end; what was seen, and what it means."""
    with SerialLine(job.port, job.speed, Flow.NONE) as line:
        tester = serial_test.Examiner(line, speeds=speeds, note=job.note, cancelled=job.cancelled)
        seen = tester.run()
    return seen, linetest.judge(seen)


def answer(job: Job) -> None:
    """Be the other end of such a test, until cancelled."""
    with SerialLine(job.port, job.speed, Flow.NONE) as line:
        serial_answer.answer(line, cancelled=job.cancelled, note=job.note)


def ppp_command(job: Job, *, host: str, target: str) -> list[str]:
    """pppd's command line for Direct Cable Connection."""
    hardware = job.flow is Flow.RTSCTS
    chat = _sbin("chat") or "chat"
    options = ppp.arguments(
        job.port, job.speed, host=host, target=target, hardware=hardware, chat=chat
    )
    return [_sbin("pppd") or "pppd", *options]


def _sbin(name: str) -> str | None:
    """Where a program of the system is; users often have no sbin in their path."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    return shutil.which(name, path=path)


def run_ppp(job: Job, *, host: str, target: str) -> None:
    """Run pppd until it ends or is interrupted.

    Raises PppMissing, the errors of a port that cannot be had, and LineUnfit for pppd's own.
    """
    missing = [name for name in ("pppd", "chat") if _sbin(name) is None]
    if missing:
        raise PppMissing(missing=" and ".join(missing))
    if "://" in job.port:
        raise WrongUse(
            what=f"{job.port}: pppd needs a port of this computer.",
            remedy="Name one such as /dev/ttyUSB0.",
        )
    SerialLine(job.port, job.speed, Flow.NONE).close()
    if os.geteuid() != 0:
        raise LineUnfit(port=job.port, what="pppd may not work without root", remedy=ppp.ROOT)
    job.note(f"Waiting on {job.port} for a call, an hour at most; Ctrl-C ends it. On the old PC:")
    job.note("  Direct Cable Connection, Guest, Serial cable on COM1, Connect")
    job.note("When pppd tells the remote IP address, in another window:")
    job.note(f"  deployer push --target {target} --address {host} --no-link FILE...")
    with _as_interrupt(signal.SIGTERM):
        child = subprocess.Popen(ppp_command(job, host=host, target=target))
        try:
            code = child.wait()
        except KeyboardInterrupt:
            child.terminate()  # it says good-bye to the other side
            try:
                child.wait(_GOODBYE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            raise
    if code == _STOPPED:
        raise KeyboardInterrupt
    if found := ppp.failure(code):
        raise LineUnfit(port=job.port, what=found[0], remedy=found[1])


_GOODBYE = 15.0
"""Seconds that pppd has to end the connection."""
_STOPPED = 5
"""pppd's exit code when a signal ended it."""


@contextmanager
def _as_interrupt(number: int) -> Iterator[None]:
    """Another signal ends this as Ctrl-C does."""

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, end)
    try:
        yield
    finally:
        signal.signal(number, before)


def terminal(job: Job, out: Path, *, overwrite: bool, keep_names: bool = False) -> None:
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

    with SerialLine(job.port, job.speed, job.flow) as line:
        serial_terminal.run(line, serial_terminal.Files(take, give))

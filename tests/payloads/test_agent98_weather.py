"""AGENT98.EXE on the simulated PC in bad weather: clocks that jump, programs that never end, full
disks, an hour without a word, and the agent of another host.

An hour or a minute is one of the simulated PC's clock, which can be hurried.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.sim.win32.clock import RealClock
from tests.payloads.agenthost import Host, Order, hosting, settings_text
from tests.payloads.hostedpc import Pc
from tests.payloads.test_agent98_exe import handed_out, host, program
from tests.sim.conftest import build
from tests.simulatedpc import SimulatedPc

__all__ = ["build", "host", "program"]

DAY = 86_400.0
PROMPT = {b"", b"C:\\>"}
"""What COMMAND.COM says after a batch file."""
READY = "Connected. Waiting for orders."
UNTIL_STOP = b":A\r\n@IF NOT EXIST C:\\STOP.TXT GOTO A\r\n@ECHO end\r\n"
LOUD = b":A\r\n@ECHO a line of it\r\n@IF NOT EXIST C:\\STOP.TXT GOTO A\r\n"


class HurriedClock(RealClock):
    """The simulated PC's clock: its ticks go as fast as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self._rate, self._from, self._at = 1.0, super().ticks(), time.monotonic()

    def hurry(self, rate: float) -> None:
        self._from, self._at = self.ticks(), time.monotonic()
        self._rate = rate

    def ticks(self) -> float:
        return self._from + (time.monotonic() - self._at) * self._rate

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / self._rate)


class Weather:
    """A PC with its agent, the host, and the PC's clock."""

    def __init__(self, folder: Path, host: Host, program: bytes) -> None:
        self.host, self.clock = host, HurriedClock()
        self.pc = SimulatedPc(folder, host.port, clock=self.clock)
        self.pc.download(handed_out(program))
        self.pc.let_live()

    def file(self, name: str, data: bytes) -> None:
        (self.pc.folder / name).write_bytes(data)

    def run(self, command: str, seconds: int = 0, stdin: bytes | None = None) -> Order:
        return self.host.give(
            "RUN", "C:\\", seconds, int(stdin is not None), command, carried=stdin or b""
        )

    def said(self, order: Order) -> bytes:
        return self.host.upload(order, "O")

    def hurry(self, rate: float) -> None:
        """The host's patience of 50 seconds is one of that clock."""
        self.host.wait_seconds = 50.0 / rate
        self.clock.hurry(rate)

    def alive(self) -> bool:
        return self.host.do("LS", "C:\\DEPLOY\\AGENT98.EXE", seconds=60) == "OK 1"


@pytest.fixture
def there(program: bytes, host: Host, tmp_path: Path) -> Iterator[Weather]:
    made = Weather(tmp_path / "c", host, program)
    try:
        assert host.wait_for(lambda: READY in made.pc.machine.session.desktop.texts(), 60)
        yield made
    finally:
        made.pc.off()


# ---- clocks --------------------------------------------------------------------------------------


def test_a_clock_that_jumps_disturbs_neither_waiting_nor_an_order(there: Weather) -> None:
    """A day forward, then back a year: the agent counts from the start of Windows."""
    there.file("T.BAT", LOUD)
    for jump in (DAY, -365 * DAY):
        there.clock.set(there.clock.now() + jump)
        assert there.alive()
    order = there.run("T.BAT")
    assert there.host.wait_for(lambda: there.said(order), 60)
    for jump in (DAY, -365 * DAY):
        there.clock.set(there.clock.now() + jump)
        before = len(there.said(order))
        assert there.host.wait_for(lambda before=before: len(there.said(order)) > before, 60)
    there.file("STOP.TXT", b"")
    assert there.host.answer(order, 60) == "OK 0"
    assert set(there.said(order).splitlines()) - PROMPT == {b"a line of it"}
    assert (len(there.host.hellos), there.host.byes) == (1, [])


def test_64_kb_at_once_and_then_nothing_for_an_hour(
    there: Weather, build: Callable[..., bytes]
) -> None:
    there.file("CHILD.EXE", build("child"))
    order = there.run("CHILD hour")
    assert there.host.wait_for(lambda: len(there.said(order)) == 70_000, 60)
    hour = there.clock.ticks() + 3600
    there.hurry(600)
    there.host.answer(order, 120)
    assert there.clock.ticks() >= hour
    there.hurry(1)
    assert order.answer == "OK 5"
    assert there.said(order) == b"x" * 70_000 + b"an hour\r\n"


# ---- programs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["T.BAT", "CHILD fill"], ids=["16 bits", "32 bits"])
def test_a_minute_of_a_program_that_fills_its_output(
    there: Weather, build: Callable[..., bytes], command: str
) -> None:
    there.file("T.BAT", LOUD)
    there.file("CHILD.EXE", build("child"))
    order = there.run(command, seconds=60)
    assert there.host.wait_for(lambda: there.said(order), 60)
    there.hurry(60)
    assert there.host.answer(order, 120).startswith("NO 1460 timeout; in front: ")
    there.hurry(1)
    assert len(there.said(order)) > 1000
    assert len(set(there.said(order)[:1000].splitlines()[:-1])) == 1
    assert there.alive()


@pytest.mark.parametrize("command", ["T.BAT", "CHILD deaf"], ids=["16 bits", "32 bits"])
def test_a_minute_of_a_program_that_never_reads_its_input(
    there: Weather, build: Callable[..., bytes], command: str
) -> None:
    there.file("T.BAT", b"@ECHO begun\r\n" + UNTIL_STOP)
    there.file("CHILD.EXE", build("child"))
    order = there.run(command, stdin=b"what nobody reads\r\n" * 5000)
    assert there.host.wait_for(lambda: f"RETR F.{order.id}" in there.host.lines, 60)
    begun = there.clock.ticks()
    there.hurry(30)
    assert there.host.wait_for(lambda: there.clock.ticks() > begun + 60 or order.answer, 60)
    there.file("STOP.TXT", b"")
    answer = there.host.answer(order, 120)
    there.hurry(1)
    said = [line for line in there.said(order).splitlines() if line not in PROMPT]
    wanted = ("OK 0", [b"begun", b"end"]) if command == "T.BAT" else ("OK 7", [b"a minute"])
    assert (answer, said) == wanted
    assert there.alive()


def test_a_program_that_never_reads_what_it_is_fed(
    there: Weather, build: Callable[..., bytes]
) -> None:
    """What is more than the pipe holds is refused, and the agent goes on."""
    there.file("CHILD.EXE", build("child"))
    order = there.host.give("RUN", "C:\\", 0, 2, "CHILD deaf")
    piece = (b"x" * 200).hex()
    answers = [there.host.do("FEED", order.id, piece, seconds=60) for _ in range(40)]
    assert answers[0] == "OK 0"
    assert set(answers) <= {"OK 0", "NO 1168"}
    assert there.host.do("KILL", order.id, seconds=60) == "OK 0"
    assert there.host.answer(order, 60) == "NO 1223"
    assert there.alive()


def test_a_message_box_is_told_with_its_text(there: Weather, program: bytes) -> None:
    """The program waits for somebody to press OK; here it is our own, without its settings."""
    there.file("BOX.EXE", program)
    order = there.run("BOX", seconds=600)
    texts = there.pc.machine.session.desktop.texts
    assert there.host.wait_for(lambda: any("AGENT98.INI" in text for text in texts()), 60)
    info = there.host.give("INFO")
    assert there.host.answer(info, 60) == "OK 0"
    assert b"This program was not made for this PC" in there.host.upload(info)
    there.hurry(300)
    answer = there.host.answer(order, 120)
    there.hurry(1)
    assert answer.startswith(
        "NO 1460 timeout; in front: AGENT98 | This program was not made for this PC"
    )
    assert there.alive()


def test_a_program_that_waits_for_a_key_shows_what_it_asks(there: Weather) -> None:
    """There is no keyboard for it: DOS reads from nothing, so that it goes on or is ended."""
    there.file("T.BAT", b"@ECHO before\r\n@PAUSE\r\n@ECHO after\r\n")
    order = there.run("T.BAT", seconds=60)
    assert there.host.wait_for(lambda: b"Press any key" in there.said(order), 60)
    there.hurry(30)
    answer = there.host.answer(order, 120)
    there.hurry(1)
    assert answer.startswith(("OK 0", "NO 1460 "))
    assert there.said(order).startswith(b"before\r\n")
    assert there.alive()


# ---- the disk, and another host ---------------------------------------------------------------


def test_on_a_full_disk_a_picture_of_the_screen_is_refused_and_comes_when_there_is_room(
    there: Weather,
) -> None:
    """A file that has no room there is refused as well, and is not there."""
    assert there.alive()  # its journal has a place by now
    disk = there.pc.machine.disk
    disk.leave_free(1 << 20)
    disk.write_bytes("C:\\FULL.BIN", bytes(disk.free()))
    assert there.host.do("SCREEN", seconds=60).startswith("NO 112")
    data = b"x" * 100_000
    sum_ = hashlib.sha256(data).hexdigest()
    put = there.host.do("PUT", "C:\\X.BIN", len(data), sum_, carried=data, seconds=60)
    assert put.startswith("NO 112")
    assert not list(there.pc.folder.glob("X.*"))
    disk.delete("C:\\FULL.BIN")
    order = there.host.give("SCREEN")
    assert there.host.answer(order, 60) == "OK 0"
    assert len(there.host.upload(order)) == 54 + 160 * 120 * 3


def test_of_two_hosts_the_one_whose_agent_was_started_last_has_the_pc(
    make: Callable[[str, str], Path], tmp_path: Path
) -> None:
    """The first host hears goodbye; what it had begun ends, and is not done for the second."""
    worker = make("hosted", "AGENT98W").read_bytes()
    with hosting(worker=worker) as first, hosting(worker=worker) as second:
        pc = Pc(make("hosted", "AGENT98"), tmp_path / "pc", first)
        pc.on()
        second.orders.append(Order("FFFFFFFF", "LS", answer="OK 0"))  # ids differ from host to host
        command = "echo x >> trace; echo on; while [ ! -e go ]; do sleep 0.1; done"
        order = first.give("RUN", pc.work, 0, 0, command)
        assert first.wait_for(lambda: first.upload(order, "O") == b"on\n", 60)
        downloads = tmp_path / "downloads"
        downloads.mkdir()
        fresh = downloads / "AGENT98.EXE"
        fresh.write_bytes(pc.program.read_bytes())
        fresh.chmod(0o755)
        (downloads / "AGENT98.INI").write_bytes(settings_text(second.port))
        environment = {"AGENT98_HOME": str(pc.folder), "PATH": os.environ["PATH"]}
        installing = subprocess.Popen([fresh], env=environment, cwd=downloads)
        assert first.wait_for(lambda: first.byes == ["disconnect"], 60)
        (pc.work / "go").touch()
        assert installing.wait(60) == 0
        assert second.wait_for(lambda: second.hellos, 60)
        assert second.do("LS", pc.program, seconds=60) == "OK 1"
        assert order.answer is None
        assert (pc.work / "trace").read_text() == "x\n"
        assert second.do("FORGET", seconds=60) == "OK 0 forget"
        assert second.wait_for(lambda: not list(pc.folder.glob("AGENT98*")), 60)
        pc.off()

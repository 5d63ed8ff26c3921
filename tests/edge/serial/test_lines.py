"""Sending and receiving files over a line, as the commands do it."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployer.__main__ import run
from deployer.core.serial import transfer, zmodem
from deployer.core.serial.received import safe_name
from deployer.core.serial.zmodem.frames import HeaderType, hex_header, position_bytes
from deployer.edge.serial import port as serialport
from deployer.edge.serial.drive import Hooks, drive
from deployer.edge.serial.port import Flow, LineGoneError, PortInfo, find_again, ports
from deployer.errors import (
    EXIT_HOST,
    DeployerError,
    DirectoryForbidden,
    FileChanged,
    LineSilent,
    SerialPortMissing,
    TransferRefused,
    TransferStopped,
    WrongUse,
)
from deployer.events import Event, TransferTick
from deployer.host import serial
from deployer.host.serial import SerialJob
from tests.serialwire import Direction, Faults, Wire

DATA = random.Random(9).randbytes(40_000)
LIMIT = 90.0
"""Seconds that a busy machine may take for anything."""


def job(port: str, **options: object) -> SerialJob:
    return replace(
        SerialJob(port, flow=Flow.NONE, contact=LIMIT, patience=LIMIT),
        **options,  # type: ignore[arg-type]
    )


def both(send: Callable[[], object], receive: Callable[[], object]) -> tuple[object, object]:
    """What the two sides returned or raised."""
    results: dict[str, object] = {}

    def keep(name: str, work: Callable[[], object]) -> None:
        try:
            results[name] = work()
        except DeployerError as error:
            results[name] = error

    thread = threading.Thread(target=keep, args=("send", send), daemon=True)
    thread.start()
    keep("receive", receive)
    thread.join(LIMIT)
    return results.get("send"), results["receive"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "DATA.BIN"
    path.write_bytes(DATA)
    return path


@pytest.mark.parametrize("protocol", serial.PROTOCOLS)
def test_every_protocol_carries_a_file(protocol: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Wire() as cable:
        sent, received = both(
            lambda: serial.send(job(cable.a, protocol=protocol), [source]),
            lambda: serial.receive(job(cable.b, protocol=protocol), out, name="DATA.BIN"),
        )
    assert sent is None
    assert isinstance(received, tuple)
    data = (out / "DATA.BIN").read_bytes()
    assert data[: len(DATA)] == DATA
    assert set(data[len(DATA) :]) <= ({0x1A} if protocol.startswith("x") else set())
    assert [path.name for path in out.iterdir()] == ["DATA.BIN"]


class Deaf(serialport.SerialLine):
    """A line on which the confirmation of the first file is lost."""

    lost = False

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        data = super().read(wait, until_writable=until_writable)
        confirmed = data.find(hex_header(HeaderType.ZACK, position_bytes(len(DATA))))
        if confirmed < 0 or self.lost:
            return data
        self.lost = True
        return data[: confirmed + 20]


def test_a_file_whose_confirmation_was_lost_is_confirmed_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    events: list[transfer.TransferEvent] = []

    def handle(event: transfer.TransferEvent) -> None:
        events.append(event)
        if isinstance(event, transfer.ChecksumAsked):
            machine.answer_checksum(zlib.crc32(DATA[: event.length]))

    def supply(want: transfer.Want) -> bytes:
        return DATA[want.position : want.position + want.length]

    def send() -> None:
        with Deaf(cable.a, flow=Flow.NONE) as line:
            drive(machine, line, Hooks(handle, supply), giver=machine)

    with Wire() as cable:
        settings = zmodem.ZmodemSendSettings(contact=LIMIT, answer=0.3, patience=LIMIT)
        machine = zmodem.ZmodemSender(
            [transfer.FileOffer("DATA.BIN", len(DATA), 5)], now=time.monotonic(), settings=settings
        )
        _, received = both(send, lambda: serial.receive(job(cable.b), out))
    assert isinstance(received, tuple)
    assert [item.length for item in received] == [len(DATA)]
    assert (out / "DATA.BIN").read_bytes() == DATA
    assert [path.name for path in out.iterdir()] == ["DATA.BIN"]
    assert transfer.ChecksumAsked(0, len(DATA)) in events
    assert events[-2:] == [transfer.FileSent(0), transfer.Finished()]


def test_a_receiver_that_dies_behind_the_last_byte_and_comes_back_gets_the_file(
    source: Path, tmp_path: Path
) -> None:
    """ZEOF is lost, the process is killed, and another one is started at once."""
    with Wire() as cable:
        both(
            lambda: serial.send(job(cable.a), [source]),
            lambda: serial.receive(job(cable.b), tmp_path / "whole"),
        )
    out = tmp_path / "out"
    lossy = Direction(Faults(cut_at=cable.ab.taken - 37, cut_for=60.0))
    with Wire(ab=lossy) as cable, ThreadPoolExecutor(1) as pool:
        command = [sys.executable, "-m", "deployer", "serial", "receive", cable.b, "--out", out]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sending = pool.submit(serial.send, job(cable.a), [source])
        while not lossy.cut_until and not sending.done():
            time.sleep(0.01)
        first.kill()
        first.wait()
        lossy.cut_until = 0.0
        second = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert sending.result() is None
            assert second.wait(LIMIT) == 0
        finally:
            second.kill()
            second.wait()
    assert (out / "DATA.BIN").read_bytes() == DATA
    assert [path.name for path in out.iterdir()] == ["DATA.BIN"]


def test_a_disk_here_that_gets_full_is_this_computers_fault_and_what_came_stays(
    source: Path, tmp_path: Path
) -> None:
    """The system lets no file grow beyond 20 KB for the first try."""
    out, notes = tmp_path / "out", list[str]()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def transfer_once() -> tuple[object, object]:
        with Wire() as cable:  # a new one: nothing of an earlier end is on it
            return both(
                lambda: serial.send(job(cable.a), [source]),
                lambda: serial.receive(job(cable.b, note=notes.append), out),
            )

    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        _sent, received = transfer_once()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(received, DirectoryForbidden)
    assert (received.exit_code, received.fields["why"]) == (EXIT_HOST, "File too large")
    assert transfer_once()[0] is None
    assert (out / "DATA.BIN").read_bytes() == DATA
    assert any("going on after" in note for note in notes)


def test_a_file_of_that_name_stays(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "DATA.BIN").write_bytes(b"mine")
    with Wire() as cable:
        sent, received = both(
            lambda: serial.send(job(cable.a), [source]),
            lambda: serial.receive(job(cable.b), out),
        )
    assert isinstance(sent, TransferRefused)
    assert isinstance(received, TransferRefused)
    assert "--overwrite" in received.remedy
    assert (out / "DATA.BIN").read_bytes() == b"mine"


def test_overwrite_replaces_a_link_not_what_it_points_to(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (out / "DATA.BIN").symlink_to(victim)
    with Wire() as cable:
        both(
            lambda: serial.send(job(cable.a), [source]),
            lambda: serial.receive(job(cable.b), out, overwrite=True),
        )
    assert victim.read_bytes() == b"precious"
    assert (out / "DATA.BIN").read_bytes() == DATA


@pytest.mark.parametrize(("held", "most"), [(DATA[:30_000], 14_000), (b"x" * 30_000, 60_000)])
def test_a_partial_file_is_gone_on_with_if_it_is_the_same(
    held: bytes, most: int, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / f"DATA.BIN.{len(DATA)}.part").write_bytes(held)
    with Wire() as cable:
        both(
            lambda: serial.send(job(cable.a), [source]),
            lambda: serial.receive(job(cable.b), out),
        )
        moved = cable.ab.taken
    assert (out / "DATA.BIN").read_bytes() == DATA
    assert moved < most


def test_names_cannot_leave_the_directory(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Wire() as cable:
        both(
            lambda: serial.send(job(cable.a), [source], as_names=["../../x\\..\\E:V.BIN"]),
            lambda: serial.receive(job(cable.b), out),
        )
    assert [path.name for path in out.iterdir()] == ["E_V.BIN"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("A.BIN", "A.BIN"),
        ("/etc/passwd", "passwd"),
        ("C:\\AUTOEXEC.BAT", "AUTOEXEC.BAT"),
        ("..", None),
        (".", None),
        ("", None),
        ("a/", None),
        (".bashrc", "bashrc"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("a\x00b\n", "a_b"),
        ("x" * 300, None),
        ("ends. ", "ends"),
    ],
)
def test_safe_names(name: str, safe: str | None) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.write_bytes(DATA[:15_000]), id="cut"),
        pytest.param(lambda path: path.write_bytes(bytes(len(DATA))), id="overwritten"),
        pytest.param(lambda path: path.write_bytes(DATA * 2), id="grown"),
    ],
)
def test_a_file_that_changes_on_its_way_is_not_called_sent(
    change: Callable[[Path], object], source: Path, tmp_path: Path
) -> None:
    """Half of it would be old and half new; both sides hear that it is none."""
    os.utime(source, (1e9, 1e9))

    def emit(event: Event) -> None:
        if isinstance(event, TransferTick) and source.stat().st_mtime == 1e9:
            change(source)

    with Wire(ab=Direction(rate=30_000.0)) as cable:
        sent, received = both(
            lambda: serial.send(job(cable.a, emit=emit), [source]),
            lambda: serial.receive(job(cable.b), tmp_path / "out"),
        )
    assert isinstance(sent, FileChanged)
    assert isinstance(received, TransferStopped)
    assert not (tmp_path / "out" / "DATA.BIN").exists()


def test_nobody_there_is_said(source: Path) -> None:
    with Wire() as cable, pytest.raises(LineSilent, match="no receiver was started"):
        serial.send(job(cable.a, contact=0.5), [source])


def test_a_port_that_is_not_there(source: Path) -> None:
    with pytest.raises(SerialPortMissing, match="no such file"):
        serial.send(job("/dev/ttyNOPE"), [source])


def test_cancelling_tells_the_other_side(source: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def emit(event: Event) -> None:
        if isinstance(event, TransferTick):
            stop.set()

    with Wire(ab=Direction(rate=5_000.0)) as cable:
        cancellable = job(cable.a, cancelled=stop.is_set, emit=emit)
        sent, received = both(
            lambda: serial.send(cancellable, [source]),
            lambda: serial.receive(job(cable.b), tmp_path / "out"),
        )
    assert isinstance(sent, TransferStopped)
    assert isinstance(received, TransferStopped)
    assert not (tmp_path / "out" / "DATA.BIN").exists()


def test_a_stopped_line_can_be_cancelled(source: Path) -> None:
    stop = threading.Event()
    with Wire(ab=Direction(Faults(stall_at=(0,), stall_for=60.0))) as cable:
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(TransferStopped):
            serial.send(job(cable.a, cancelled=stop.is_set), [source])


def test_xmodem_needs_a_name(tmp_path: Path) -> None:
    with Wire() as cable, pytest.raises(WrongUse, match="does not send"):
        serial.receive(job(cable.a, protocol="xmodem"), tmp_path)


def test_an_unplugged_adapter_is_waited_for(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port fails once in mid-transfer; the same port comes back; the transfer goes on."""
    notes: list[str] = []
    reads = [0]
    real = serialport.SerialLine.read

    def flaky(self: serialport.SerialLine, wait: float, *, until_writable: bool = False) -> bytes:
        if threading.current_thread() is not threading.main_thread():
            reads[0] += 1
            if reads[0] == 12:
                raise LineGoneError("unplugged")
        return real(self, wait, until_writable=until_writable)

    monkeypatch.setattr(serialport.SerialLine, "read", flaky)
    with Wire(ab=Direction(rate=100_000.0)) as cable:
        sent, received = both(
            lambda: serial.send(job(cable.a, note=notes.append), [source]),
            lambda: serial.receive(job(cable.b), tmp_path / "out"),
        )
    assert sent is None
    assert isinstance(received, tuple)
    assert (tmp_path / "out" / "DATA.BIN").read_bytes() == DATA
    assert any("plug the same adapter in" in note for note in notes)
    assert any("is back" in note for note in notes)


ADAPTER = SimpleNamespace(
    device="/dev/ttyUSB0", manufacturer="FTDI", product="FT232R\x1b[2J", description="n/a",
    serial_number="A50285BI", vid=0x0403, pid=0x6001,
)  # fmt: skip


def test_ports_tell_what_is_known_and_nothing_strange() -> None:
    bare = SimpleNamespace(
        device="/dev/ttyS0", manufacturer=None, product=None, description="n/a",
        serial_number=None, vid=None, pid=None,
    )  # fmt: skip
    first, second = ports(lambda: [bare, ADAPTER])
    assert (first.device, first.title) == ("/dev/ttyUSB0", "FTDI FT232R?[2J")
    assert second.identity is None


def test_the_same_adapter_is_found_under_another_name() -> None:
    mine = PortInfo("/dev/ttyUSB3", "FTDI", "A50285BI", 0x0403, 0x6001)
    other = PortInfo("/dev/ttyUSB0", "FTDI", "ZZZ", 0x0403, 0x6001)
    assert find_again("/dev/ttyUSB0", mine.identity, lambda: [other, mine]) == "/dev/ttyUSB3"
    assert find_again("/dev/ttyUSB0", mine.identity, lambda: [other]) is None
    assert find_again("socket://x:1", None, list) == "socket://x:1"


def test_the_commands_do_it_from_end_to_end(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    codes: list[int] = []
    with Wire() as cable:
        thread = threading.Thread(
            target=lambda: codes.append(
                run(["serial", "receive", cable.b, "--out", str(out), "--flow", "none", "--json"])
            ),
            daemon=True,
        )
        thread.start()
        codes.append(run(["serial", "send", cable.a, str(source), "--flow", "none"]))
        thread.join(LIMIT)
    assert codes == [0, 0]
    assert (out / "DATA.BIN").read_bytes() == DATA
    assert '"event":"transfer-done"' in capsys.readouterr().out

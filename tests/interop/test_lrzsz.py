"""Against programs we did not write: rz, sz, rx, sx, rb and sb of lrzsz, over two terminals.

Every size that has an edge, names with every character that a name on the target may have.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import string
import subprocess
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployer.core import transfer, xmodem, zmodem
from deployer.core.transfer import Offer
from deployer.edge.serial_drive import Hooks, drive
from deployer.edge.serialport import Flow, SerialLine
from tests.serialwire import Direction, Wire

pytestmark = pytest.mark.skipif(shutil.which("sz") is None, reason="lrzsz is not installed")

EDGES = (0, 1, 127, 128, 129, 1023, 1024, 1025)
MIB = 1 << 20
RANDOM = random.Random(98)
FILES = [(f"F{size}.BIN", RANDOM.randbytes(size)) for size in (*EDGES, MIB)]
NASTY = [
    ("ESCAPES.BIN", bytes(range(256)) * 16),
    ("ZDLE.BIN", b"\x18" * 4000),
    ("PADS.BIN", b"**\x18B0100000023be50\r\n" * 100),
    ("ATCR.BIN", b"@\r\xc0\x8d" * 700),
    ("XONXOFF.BIN", b"\x11\x13\x91\x93" * 700),
    ("CTRLZ.BIN", b"\x1a" * 1025),
]
CHARACTERS = string.ascii_uppercase + string.digits + "_-"
NAMES = [(f"{CHARACTERS[n : n + 8]}.{CHARACTERS[n : n + 3]}", bytes((n,))) for n in range(38)]
LIMIT = 25.0


@contextlib.contextmanager
def ends(wire: Wire | None, *, stream: bool) -> Iterator[tuple[SerialLine, int]]:
    """Our line, and the other program's end of it.

    Two terminals; for the XMODEM family a stream (`socket://`): lrzsz flushes "its line" right
    after it has spoken, which on a terminal of Linux may take away the byte it has just sent. On a
    real port that byte is in the wire by then.
    """
    if not stream:
        with wire or Wire() as cable, SerialLine(cable.a, flow=Flow.NONE) as line:
            end = os.open(cable.b, os.O_RDWR | os.O_NOCTTY)
            try:
                yield line, end
            finally:
                os.close(end)
        return
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        SerialLine(f"socket://127.0.0.1:{server.getsockname()[1]}", flow=Flow.NONE) as line,
        server.accept()[0] as peer,
    ):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield line, peer.fileno()


@dataclass
class Outcome:
    last: transfer.Event | None
    code: int
    events: list[transfer.Event] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


@contextlib.contextmanager
def program(command: Sequence[str], end: int, where: Path) -> Iterator[subprocess.Popen]:
    """A program of lrzsz at its end of the line, in a directory; killed if it does not stop."""
    peer = subprocess.Popen(command, stdin=end, stdout=end, stderr=subprocess.DEVNULL, cwd=where)
    try:
        yield peer
    finally:
        peer.kill()
        peer.wait()


def run_sender(
    command: Sequence[str],
    files: Sequence[tuple[str, bytes]],
    machine: transfer.Giver,
    where: Path,
    wire: Wire | None = None,
) -> Outcome:
    """Our sender, their receiver in the directory `where`."""
    events: list[transfer.Event] = []

    def supply(want: transfer.Want) -> bytes:
        return files[want.index][1][want.position : want.position + want.length]

    def handle(event: transfer.Event) -> None:
        if isinstance(event, transfer.ChecksumAsked):
            machine.answer_checksum(zlib.crc32(files[event.index][1][: event.length]))
        events.append(event)

    with (
        ends(wire, stream=isinstance(machine, xmodem.Sender)) as (line, end),
        program(command, end, where) as peer,
    ):
        end_at = time.monotonic() + LIMIT
        hooks = Hooks(handle, supply, cancelled=lambda: time.monotonic() > end_at)
        last = drive(machine, line, hooks, giver=machine)
        code = peer.wait(20)
    found = {path.name: path.read_bytes() for path in where.iterdir()}
    return Outcome(last, code, events, found)


def run_receiver(
    command: Sequence[str], machine: transfer.Taker, where: Path, wire: Wire | None = None
) -> Outcome:
    """Their sender in the directory `where`, our receiver."""
    events: list[transfer.Event] = []
    files: dict[str, bytes] = {}
    name = ""

    def handle(event: transfer.Event) -> None:
        nonlocal name
        events.append(event)
        match event:
            case transfer.FileOffered(offer=offer):
                name = offer.name
                files[name] = b""
                machine.accept(0)
            case transfer.Received(position=position, data=data):
                assert position == len(files[name])
                files[name] += data
            case transfer.FileEnded():
                machine.stored()

    with (
        ends(wire, stream=isinstance(machine, xmodem.Receiver)) as (line, end),
        program(command, end, where) as peer,
    ):
        end_at = time.monotonic() + LIMIT
        hooks = Hooks(handle, cancelled=lambda: time.monotonic() > end_at)
        last = drive(machine, line, hooks)
        code = peer.wait(20)
    return Outcome(last, code, events, files)


def offers(files: Sequence[tuple[str, bytes]]) -> list[Offer]:
    return [Offer(name, len(data)) for name, data in files]


def put(where: Path, files: Sequence[tuple[str, bytes]]) -> list[str]:
    for name, data in files:
        (where / name).write_bytes(data)
    return [name for name, _data in files]


def padded(data: bytes, size: int) -> bytes:
    return data.ljust(-(-len(data) // size) * size, b"\x1a")


def files_for(large: bool) -> list[tuple[str, bytes]]:
    """Every edge and every nasty content; the large file too where that is worth its time."""
    return [*FILES[:-1], FILES[-1] if large else ("L.BIN", FILES[-1][1][:100_000]), *NASTY]


ZMODEM_PLAIN = ["rz", "-q", "-b"]
ZMODEM = [
    pytest.param(["rz", "-q", "-b"], ["sz", "-q", "-b"], {}, id="plain"),
    pytest.param(["rz", "-q", "-b", "-e"], ["sz", "-q", "-b", "-e"], {}, id="escape-controls"),
    pytest.param(
        ["rz", "-q", "-b", "-w", "2048"], ["sz", "-q", "-b", "-w", "4096"], {}, id="windows"
    ),
    pytest.param(["rz", "-q", "-b"], ["sz", "-q", "-b", "-o"], {"crc32": False}, id="crc16"),
    pytest.param(["rz", "-q", "-b"], ["sz", "-q", "-b", "-8"], {}, id="8k-blocks"),
]


@pytest.mark.parametrize(("rz", "sz", "options"), ZMODEM)
def test_zmodem_to_rz(rz: list[str], sz: list[str], options: dict, tmp_path: Path) -> None:
    files = files_for(rz == ZMODEM_PLAIN)
    machine = zmodem.Sender(offers(files), now=time.monotonic())
    outcome = run_sender(rz, files, machine, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.code == 0
    assert outcome.files == dict(files)
    assert not [e for e in outcome.events if isinstance(e, transfer.Resent)]


@pytest.mark.parametrize(("rz", "sz", "options"), ZMODEM)
def test_zmodem_from_sz(rz: list[str], sz: list[str], options: dict, tmp_path: Path) -> None:
    files = files_for(sz == ["sz", "-q", "-b"] and not options)
    settings = zmodem.ReceiveSettings(**options)
    machine = zmodem.Receiver(now=time.monotonic(), settings=settings)
    outcome = run_receiver([*sz, *put(tmp_path, files)], machine, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.code == 0
    assert outcome.files == dict(files)


def test_names_with_every_allowed_character(tmp_path: Path) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "from").mkdir()
    sender = zmodem.Sender(offers(NAMES), now=time.monotonic())
    assert run_sender(["rz", "-q", "-b"], NAMES, sender, tmp_path / "to").files == dict(NAMES)
    receiver = zmodem.Receiver(now=time.monotonic())
    put(tmp_path / "from", NAMES)
    command = ["sz", "-q", "-b", *(f"./{name}" for name, _data in NAMES)]
    assert run_receiver(command, receiver, tmp_path / "from").files == dict(NAMES)


def test_rz_resumes_behind_what_it_has(tmp_path: Path) -> None:
    name, data = FILES[-1]
    (tmp_path / name).write_bytes(data[:700_001])
    settings = zmodem.SendSettings(resume=True)
    machine = zmodem.Sender([Offer(name, len(data))], now=time.monotonic(), settings=settings)
    outcome = run_sender(["rz", "-q", "-b", "-r"], [(name, data)], machine, tmp_path)
    assert outcome.files == {name: data}
    starts = [e.position for e in outcome.events if isinstance(e, transfer.FileStarted)]
    assert starts[0] >= 700_001 - 1024


def test_rz_skips_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "A.BIN").write_bytes(b"other")
    files = [("A.BIN", b"A" * 3000), ("B.BIN", b"B" * 3000)]
    machine = zmodem.Sender(offers(files), now=time.monotonic())
    outcome = run_sender(["rz", "-q", "-b", "-p"], files, machine, tmp_path)
    assert outcome.files == {"A.BIN": b"other", "B.BIN": b"B" * 3000}
    assert transfer.FileSkipped(0) in outcome.events
    assert transfer.FileSent(1) in outcome.events


YMODEM_FILES = [FILES[n] for n in (0, 7)]
"""lrzsz itself waits two seconds for each file of a YMODEM batch, so not all of them here."""


def test_ymodem_to_rb(tmp_path: Path) -> None:
    files = [*YMODEM_FILES, FILES[-1]]
    machine = xmodem.Sender(offers(files), now=time.monotonic())
    outcome = run_sender(["rb", "-q", "-b"], files, machine, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files == dict(files)


@pytest.mark.parametrize("options", [[], ["-k"]], ids=["128", "1k"])
def test_ymodem_from_sb(options: list[str], tmp_path: Path) -> None:
    files = [*YMODEM_FILES, *([FILES[-1]] if options else [])]
    machine = xmodem.Receiver(now=time.monotonic())
    outcome = run_receiver(["sb", "-q", "-b", *options, *put(tmp_path, files)], machine, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files == dict(files)


XMODEM_SIZES = (0, 1, 127, 128, 129, 1023, 1024, 1025)


@pytest.mark.parametrize("size", [*XMODEM_SIZES, MIB])
def test_xmodem_1k_to_rx(size: int, tmp_path: Path) -> None:
    data = RANDOM.randbytes(size)
    settings = xmodem.SendSettings(flavour=xmodem.Flavour.XMODEM_1K)
    machine = xmodem.Sender([Offer("X", size)], now=time.monotonic(), settings=settings)
    outcome = run_sender(["rx", "-q", "-b", "-c", "OUT"], [("X", data)], machine, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files["OUT"][:size] == data
    assert set(outcome.files["OUT"][size:]) <= {0x1A}


@pytest.mark.parametrize("size", [128, 3000])
@pytest.mark.parametrize("crc", [True, False], ids=["crc", "checksum"])
def test_xmodem_to_rx(size: int, crc: bool, tmp_path: Path) -> None:
    data = RANDOM.randbytes(size)
    settings = xmodem.SendSettings(flavour=xmodem.Flavour.XMODEM)
    machine = xmodem.Sender([Offer("X", size)], now=time.monotonic(), settings=settings)
    command = ["rx", "-q", "-b", *(["-c"] if crc else []), "OUT"]
    outcome = run_sender(command, [("X", data)], machine, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files["OUT"] == padded(data, 128)


@pytest.mark.parametrize("size", [*XMODEM_SIZES, MIB])
def test_xmodem_1k_from_sx(size: int, tmp_path: Path) -> None:
    data = RANDOM.randbytes(size)
    (tmp_path / "IN").write_bytes(data)
    settings = xmodem.ReceiveSettings(flavour=xmodem.Flavour.XMODEM_1K, name="IN")
    machine = xmodem.Receiver(now=time.monotonic(), settings=settings)
    outcome = run_receiver(["sx", "-q", "-b", "-k", "IN"], machine, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files["IN"][:size] == data
    assert set(outcome.files["IN"][size:]) <= {0x1A}


@pytest.mark.parametrize("size", [128, 3000])
@pytest.mark.parametrize("crc", [True, False], ids=["crc", "checksum"])
def test_xmodem_from_sx(size: int, crc: bool, tmp_path: Path) -> None:
    data = RANDOM.randbytes(size)
    (tmp_path / "IN").write_bytes(data)
    settings = xmodem.ReceiveSettings(flavour=xmodem.Flavour.XMODEM, name="IN", crc=crc)
    machine = xmodem.Receiver(now=time.monotonic(), settings=settings)
    outcome = run_receiver(["sx", "-q", "-b", "IN"], machine, tmp_path)
    assert outcome.last == transfer.Finished()
    assert outcome.files["IN"] == padded(data, 128)


def test_a_paced_line_needs_no_more_than_its_time(tmp_path: Path) -> None:
    """At 115200 8N1 exactly: 11,520 bytes a second, and nothing sent twice."""
    data = RANDOM.randbytes(40_000)
    machine = zmodem.Sender([Offer("P.BIN", len(data))], now=time.monotonic())
    wire = Wire(ab=Direction(rate=11_520))
    outcome = run_sender(["rz", "-q", "-b"], [("P.BIN", data)], machine, tmp_path, wire)
    assert outcome.files == {"P.BIN": data}
    assert wire.ab.taken < 1.06 * len(data)

"""Against programs we did not write: rz, sz, rx, sx, rb and sb of lrzsz, over terminals.

Our side is `deployer serial send` and `deployer serial receive`, as a user calls them. Every size
that has an edge, in both directions, with every protocol; names with every character that a name
on the target may have. lrzsz waits a second or three at the end of each XMODEM or YMODEM file, so
those sessions run side by side.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import string
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.core.serial import transfer, xmodem
from deployer.core.serial.zmodem.frames import (
    CANFC32,
    CANFDX,
    CANOVIO,
    HeaderType,
    flag_bytes,
    hex_header,
)
from deployer.edge.serial.drive import Hooks, drive
from deployer.edge.serial.port import Flow, SerialLine
from tests.serialwire import Direction, Faults, Wire
from tests.waiting import until

pytestmark = pytest.mark.needs("sz")

Files = dict[str, bytes]

EDGES = (0, 1, 127, 128, 129, 1023, 1024, 1025)
MIB = 1 << 20
RANDOM = random.Random(98)
FILES: Files = {f"F{size}.BIN": RANDOM.randbytes(size) for size in (*EDGES, MIB)}
LARGE = f"F{MIB}.BIN"
NASTY: Files = {
    "ESCAPES.BIN": bytes(range(256)) * 16,
    "ZDLE.BIN": b"\x18" * 4000,
    "PADS.BIN": b"**\x18B0100000023be50\r\n" * 100,
    "ATCR.BIN": b"@\r\xc0\x8d" * 700,
    "XONXOFF.BIN": b"\x11\x13\x91\x93" * 700,
    "CTRLZ.BIN": b"\x1a" * 1025,
}
CHARACTERS = string.ascii_uppercase + string.digits + "_-"
NAMES: Files = {f"{CHARACTERS[n : n + 8]}.{CHARACTERS[n : n + 3]}": bytes((n,)) for n in range(38)}
EVERY_CHARACTER: Files = {
    f"{CHARACTERS[n : n + 8]}.{CHARACTERS[n + 8 : n + 11]}": b"x" for n in (0, 11, 22, 27)
}
LIMIT = 60.0
"""Seconds that lrzsz may take to end when we have; far more than it needs on a busy machine."""
PATIENCE = ["--wait", "60", "--patience", "60"]


@dataclass(frozen=True)
class Outcome:
    """How both sides ended, and what lies in the receiver's directory."""

    code: int
    their_code: int
    files: Files


@contextlib.contextmanager
def program(command: Sequence[str], cable: Wire, where: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of lrzsz at the far end, in a directory; killed if it does not stop."""
    reads, writes = (os.open(end, os.O_RDWR | os.O_NOCTTY) for end in (cable.b, cable.b_out))
    peer = subprocess.Popen(
        command, stdin=reads, stdout=writes, stderr=subprocess.DEVNULL, cwd=where
    )
    try:
        yield peer
    finally:
        peer.kill()
        peer.wait()
        os.close(reads)
        os.close(writes)


def wait_for_port(name: str, ours: Future[int]) -> None:
    """Until the port is open a second time, by our command: what came before that is not heard."""
    while not ours.done() and _opened(name) < 2:
        time.sleep(0.005)


def _opened(name: str) -> int:
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(link.readlink()) == name
    return found


def session(
    ours: Sequence[str], theirs: Sequence[str], where: Path, cable: Wire, received: Path
) -> Outcome:
    """Our command (`{port}` is its port) against theirs, which runs in the directory `where`."""
    with cable, ThreadPoolExecutor(1) as pool:
        command = [word.replace("{port}", cable.a) for word in ours]
        ending = pool.submit(run, ["serial", *command, *PATIENCE])
        wait_for_port(cable.a, ending)
        with program(theirs, cable, where) as peer:
            code = ending.result()
            their_code = peer.wait(LIMIT)
    return Outcome(code, their_code, {p.name: p.read_bytes() for p in received.iterdir()})


def send(
    files: Files, theirs: Sequence[str], where: Path, *options: str, cable: Wire | None = None,
    there: Files | None = None,
) -> Outcome:  # fmt: skip
    """`deployer serial send` to their receiver, which has the files `there` already."""
    source, target = where / "source", where / "target"
    paths = put(source, files)
    put(target, there or {})
    ours = ["send", "{port}", *map(str, paths), *options]
    return session(ours, theirs, target, cable or Wire(uart=True), target)


def receive(files: Files, theirs: Sequence[str], where: Path, *options: str) -> Outcome:
    """Their sender to `deployer serial receive`."""
    source, target = where / "source", where / "target"
    names = [f"./{path.name}" for path in put(source, files)]
    target.mkdir()
    ours = ["receive", "{port}", "--out", str(target), *options]
    return session(ours, [*theirs, *names], source, Wire(uart=True), target)


def put(where: Path, files: Files) -> list[Path]:
    where.mkdir(parents=True)
    for name, data in files.items():
        (where / name).write_bytes(data)
    return [where / name for name in files]


# ---- ZMODEM


def files_for(large: bool) -> Files:
    """Every edge and every nasty content; the large file whole where that is worth its time."""
    return {**FILES, **NASTY} | ({} if large else {LARGE: FILES[LARGE][:100_000]})


ZMODEM = [
    pytest.param([], [], id="plain"),
    pytest.param(["-e"], ["-e"], id="escape-controls"),
    pytest.param(["-w", "2048"], ["-w", "4096"], id="windows"),
    pytest.param(["-t", "200"], ["-o"], id="crc16"),
    pytest.param(["-y"], ["-8"], id="8k-blocks"),
]


def test_these_names_have_every_character_that_is_allowed() -> None:
    for names in (NAMES, EVERY_CHARACTER):
        assert set("".join(names)) == {*CHARACTERS, "."}


@pytest.mark.parametrize(("rz", "sz"), ZMODEM)
def test_zmodem_to_rz(rz: list[str], sz: list[str], tmp_path: Path) -> None:
    files = files_for(not rz)
    outcome = send(files, ["rz", "-q", "-b", *rz], tmp_path)
    assert outcome == Outcome(0, 0, files)


@pytest.mark.parametrize(("rz", "sz"), ZMODEM)
def test_zmodem_from_sz(rz: list[str], sz: list[str], tmp_path: Path) -> None:
    files = files_for(not sz)
    outcome = receive(files, ["sz", "-q", "-b", *sz], tmp_path)
    assert outcome == Outcome(0, 0, files)


def test_names_with_every_allowed_character(tmp_path: Path) -> None:
    there = send(NAMES, ["rz", "-q", "-b"], tmp_path / "there")
    back = receive(NAMES, ["sz", "-q", "-b"], tmp_path / "back")
    assert there == back == Outcome(0, 0, NAMES)


def test_rz_resumes_behind_what_it_has(tmp_path: Path) -> None:
    files, there = {LARGE: FILES[LARGE]}, {LARGE: FILES[LARGE][:700_001]}
    cable = Wire(uart=True)
    outcome = send(files, ["rz", "-q", "-b", "-r"], tmp_path, cable=cable, there=there)
    assert outcome == Outcome(0, 0, files)
    assert cable.ab.taken < 1.06 * (MIB - 700_001 + 1024)


def test_what_rz_has_already_is_left_alone_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"A.BIN": b"A" * 3000, "B.BIN": b"B" * 3000}
    outcome = send(files, ["rz", "-q", "-b", "-p"], tmp_path, there={"A.BIN": b"other"})
    assert outcome.files == {"A.BIN": b"other", "B.BIN": b"B" * 3000}
    assert outcome.code != 0
    assert "did not want A.BIN" in capsys.readouterr().err


def test_a_paced_line_needs_no_more_than_its_time(tmp_path: Path) -> None:
    """At 115200 8N1 exactly: 11,520 bytes a second, and nothing sent twice."""
    files = {"P.BIN": RANDOM.randbytes(40_000)}
    cable = Wire(ab=Direction(rate=11_520), uart=True)
    assert send(files, ["rz", "-q", "-b"], tmp_path, cable=cable) == Outcome(0, 0, files)
    assert cable.ab.taken < 1.06 * 40_000


def test_the_installed_command_does_the_same(tmp_path: Path) -> None:
    """In a process of its own, on one terminal for both directions, with every default."""
    (path,) = put(tmp_path / "source", {"S.BIN": FILES[LARGE][:50_000]})
    (tmp_path / "target").mkdir()
    with Wire() as cable:
        command = [sys.executable, "-m", "deployer", "serial", "send", cable.a, str(path)]
        ours = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            with program(["rz", "-q", "-b"], cable, tmp_path / "target") as peer:
                said = ours.communicate(timeout=LIMIT)[0]
                assert peer.wait(LIMIT) == 0
        finally:
            ours.kill()
            ours.wait()
    assert said == b"1 file(s) sent; the receiver confirmed every one.\n"
    assert (tmp_path / "target" / "S.BIN").read_bytes() == FILES[LARGE][:50_000]


@pytest.mark.parametrize("option", ["-c", "-i"])
def test_a_command_from_sz_is_refused_and_nothing_else_was_sent(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """sz learns that it failed; here it is said that no file came."""
    mark = tmp_path / "ran"
    outcome = receive({}, ["sz", "-q", "-b", option, f"touch {mark}"], tmp_path)
    assert outcome == Outcome(0, 1, {})
    assert not mark.exists()
    assert "without sending a file" in capsys.readouterr().out


# ---- Ctrl-C


def test_ctrl_c_ends_sz_also_while_it_heeds_nothing(tmp_path: Path) -> None:
    """Its offer is stuck in the line, and it hears another ZRINIT, as from a receiver that asked
    twice: then it drops all that comes in five seconds, unless that begins with `*`."""
    put(tmp_path / "source", {"C.BIN": b"C" * 3000})
    stuck = Direction(Faults(stall_at=(30,), stall_for=600.0), latency=0.001)
    with Wire(ba=stuck, uart=True) as cable:
        command = ["serial", "receive", cable.a, "--out", tmp_path / "target", "--flow", "none"]
        ours = subprocess.Popen(
            [sys.executable, "-m", "deployer", *command], stderr=subprocess.DEVNULL
        )
        try:
            with program(["sz", "-q", "-b", "C.BIN"], cable, tmp_path / "source") as peer:
                until(lambda: stuck.stalls or ours.poll() is not None)
                assert ours.poll() is None
                say(cable.a, hex_header(HeaderType.ZRINIT, flag_bytes(CANFDX | CANOVIO | CANFC32)))
                ours.send_signal(signal.SIGINT)
                assert ours.wait(LIMIT) == 130
                peer.wait(LIMIT / 2)  # 128 or 0: what it calls that is its own affair
        finally:
            ours.kill()
            ours.wait()


def say(port: str, words: bytes) -> None:
    """Into the line beside our command."""
    handle = os.open(port, os.O_RDWR | os.O_NOCTTY)
    os.write(handle, words)
    os.close(handle)


# ---- A receiver that is started anew when all is sent


@pytest.fixture(scope="module")
def whole_session(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Bytes that a sender says in a session of one file that nothing disturbs."""
    cable = Wire(uart=True)
    send(RESTARTED, ["rz", "-q", "-b"], tmp_path_factory.mktemp("whole"), cable=cable)
    return cable.ab.taken


RESTARTED: Files = {"R.BIN": FILES[LARGE][:20_000]}


@pytest.mark.parametrize("lost", [24, 30, 37, 44, 53, 60, 1000])
def test_rz_started_anew_at_the_end_gets_the_file_all_the_same(
    lost: int, whole_session: int, tmp_path: Path
) -> None:
    """The line swallows the last bytes, ZEOF among them; rz dies with what it had not written."""
    where = tmp_path / "target"
    (path,) = put(tmp_path / "source", RESTARTED)
    where.mkdir()
    direction = Direction()
    direction.faults.cut_at, direction.faults.cut_for = whole_session - lost, LIMIT
    with Wire(ab=direction, uart=True) as cable, ThreadPoolExecutor(1) as pool:
        ending = pool.submit(run, ["serial", "send", cable.a, str(path), *PATIENCE])
        with program(["rz", "-q", "-b"], cable, where) as first:
            while not direction.cut_until and not ending.done():
                time.sleep(0.01)
            first.kill()
            first.wait()
        direction.cut_until = 0.0
        with program(["rz", "-q", "-b"], cable, where) as second:
            code = ending.result()
            second.wait(LIMIT)
    assert code == 0
    assert {p.name: p.read_bytes() for p in where.iterdir()} == RESTARTED


# ---- XMODEM and YMODEM, side by side


@dataclass(frozen=True)
class Case:
    """Their program with its options, our protocol, and the sizes of one session; without sizes
    it is about names."""

    theirs: str
    protocol: str
    sizes: tuple[int, ...]

    @property
    def id(self) -> str:
        return f"{self.theirs.replace(' ', '')}-{'+'.join(map(str, self.sizes)) or 'names'}"

    @property
    def files(self) -> Files:
        return {f"F{size}.BIN": FILES[f"F{size}.BIN"] for size in self.sizes} or EVERY_CHARACTER


CASES = [
    *(
        Case(theirs, protocol, (size,))
        for theirs, protocol in (
            ("rx -c", "xmodem1k"), ("rx -c ", "xmodem"), ("rx", "xmodem"),
            ("sx -k", "xmodem1k"), ("sx", "xmodem"), ("sx ", "checksum"),
        )
        for size in (MIB, *EDGES)
    ),
    *(Case("rb", "ymodem", sizes) for sizes in (EDGES[:3], EDGES[3:6], (*EDGES[6:], MIB))),
    *(Case(theirs, "ymodem", (*EDGES, MIB)) for theirs in ("sb", "sb -k")),
    *(Case(theirs, "ymodem", ()) for theirs in ("rb", "sb")),
]  # fmt: skip


def play(case: Case, where: Path) -> Outcome:
    program_name, *options = case.theirs.split()
    theirs = [program_name, "-q", "-b", *options]
    if case.protocol == "checksum":
        return receive_by_checksum(case.files, theirs, where)
    protocol = ["--protocol", case.protocol]
    name = next(iter(case.files))
    match program_name:
        case "rx":
            return send(case.files, [*theirs, name], where, *protocol)
        case "sx":
            return receive(case.files, theirs, where, *protocol, "--name", name)
        case "rb":
            return send(case.files, theirs, where, *protocol)
        case _:
            return receive(case.files, theirs, where, *protocol)


def receive_by_checksum(files: Files, theirs: Sequence[str], where: Path) -> Outcome:
    """The command calls for CRC, which sx always grants; so here the receiver that it drives."""
    (path,) = put(where, files)
    got = bytearray()

    def handle(event: transfer.TransferEvent) -> None:
        match event:
            case transfer.FileOffered():
                machine.accept()
            case transfer.Received(data=data):
                got.extend(data)
            case transfer.FileEnded():
                machine.stored()

    settings = xmodem.XmodemReceiveSettings(
        flavour=xmodem.Flavour.XMODEM, crc=False, name=path.name
    )
    with Wire(uart=True) as cable, SerialLine(cable.a, flow=Flow.NONE) as line:
        machine = xmodem.XmodemReceiver(now=time.monotonic(), settings=settings)
        with program([*theirs, path.name], cable, where) as peer:
            last = drive(machine, line, Hooks(handle))
            code = peer.wait(LIMIT)
    return Outcome(0 if last == transfer.Finished() else 1, code, {path.name: bytes(got)})


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Case, Future[Outcome]]]:
    """All sessions, begun at once: most of their time is spent waiting."""
    with ThreadPoolExecutor(12) as pool:
        yield {case: pool.submit(play, case, tmp_path_factory.mktemp("x") / "y") for case in CASES}


@pytest.fixture(scope="module", autouse=True)
def early(request: pytest.FixtureRequest) -> None:
    """Begin them before the first test of this file, if one of them is asked for."""
    if any(
        isinstance(item, pytest.Function) and item.function is test_xmodem_and_ymodem
        for item in request.session.items
    ):
        request.getfixturevalue("played")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_xmodem_and_ymodem(case: Case, played: dict[Case, Future[Outcome]]) -> None:
    """Byte for byte; behind that, with XMODEM, which tells no length, 1Ah up to the block's end."""
    outcome = played[case].result()
    assert (outcome.code, outcome.their_code) == (0, 0)
    assert {
        name: outcome.files[name][: len(data)] for name, data in case.files.items()
    } == case.files
    for name, data in case.files.items():
        padding = outcome.files[name][len(data) :]
        if case.protocol == "ymodem":
            assert not padding
        else:
            assert len(padding) < (1024 if case.protocol == "xmodem1k" else 128)
            assert set(padding) <= {0x1A}
    assert set(outcome.files) == set(case.files)

"""`push --target serial:` to the simulated PC: HyperTerminal, GO.BAT, our real programs."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.core.payload import plan
from deployer.core.target import gobat_serial
from deployer.errors import TargetDiskFull
from deployer.events import LineNoted
from deployer.face import push as face
from deployer.face.push import Watching
from deployer.host import connect, staging
from deployer.host.connect import Here
from deployer.host.requests import Order, Patience, Request, Words, nothing_typed
from deployer.model import LineSettings, Manifest, Part, Piece, StagedFile, State
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.hyperterm import HyperTerminal, visit
from deployer.sim.machine import Machine
from tests.serialwire import Direction, Wire

pytestmark = pytest.mark.needs("unicorn", "rz")


class Collect:
    def __init__(self) -> None:
        self.events: list[object] = []

    def show(self, event: object) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass


class Old:
    """The old PC at the other end of the cable, in a thread."""

    def __init__(self, folder: Path, port: str, capacity: int) -> None:
        folder.mkdir(exist_ok=True)
        self.screen: list[str] = []
        self.machine = Machine(
            Disk(folder, capacity=capacity), console=QueuedConsole(self.screen.append)
        )
        self.terminal = HyperTerminal(self.machine, port)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            visit(self.machine, self.terminal, patience=60.0, rounds=4)
        finally:
            self.terminal.close()


def push(
    tmp_path: Path, request: Request, wire: Wire | None = None, *,
    capacity: int = 2_000_000_000, silence: float = 60.0,
) -> tuple[State, Old, list[str]]:  # fmt: skip
    shown = Collect()
    order = Order(request, "serial:", line=LineSettings(flow="none"), patience=Patience(silence))
    # Not faster than any real line answers: sz flushes its input right after it has spoken.
    paced = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=100_000.0))

    async def pushed(port: str) -> State:
        here = Here("127.0.0.1", 0)
        words = Words(nothing_typed, nothing_typed, lambda _line: None)
        async with connect.open_host(
            tmp_path / "state", here, words, connect.Undo(), daemon=False
        ) as host:
            over = replace(order, target=f"serial:{port}")
            return (await face.push(host, over, Watching(shown))).state

    with wire or paced as cable:
        old = Old(tmp_path / "c", cable.b, capacity)
        state = asyncio.run(asyncio.wait_for(pushed(cable.a), 120))
        old.thread.join(30)
    notes = [event.note for event in shown.events if isinstance(event, LineNoted)]
    return state, old, notes


def test_the_sample_model_tells_its_story_over_the_line(tmp_path: Path) -> None:
    request = Request(files=(staging.sample_model(),), options=(("steps", "8"),))
    state, old, _said = push(tmp_path, request)
    assert state == State.PROVED
    assert any("received DEPLOY98.EXE" in line for line in old.screen)
    assert (tmp_path / "c" / "DEPLOY" / "OUTPUT.TXT").stat().st_size > 10


def test_damaged_parts_are_asked_for_by_next_ftp(tmp_path: Path) -> None:
    """A part damaged on its way to the disk: CHECK lists it, the host sends just that one."""
    source = tmp_path / "DATA.BIN"
    source.write_bytes(random.Random(1).randbytes(150_000))
    request = Request(files=(source,), no_run=True, part_size=65_536)

    class Spoiled(HyperTerminal):
        spoilt = False

        def _store(self, path: Path) -> str:
            if path.name.endswith(".A02") and not Spoiled.spoilt:
                Spoiled.spoilt = True
                data = bytearray(path.read_bytes())
                data[77] ^= 1
                path.write_bytes(data)
            return super()._store(path)

    original, Old.__init__.__globals__["HyperTerminal"] = HyperTerminal, Spoiled
    try:
        state, old, said = push(tmp_path, request)
    finally:
        Old.__init__.__globals__["HyperTerminal"] = original
    assert state == State.PROVED
    assert "the old PC asks for 1 part(s) again" in said
    assert any("sends NEXT.FTP" in line for line in old.screen)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    source = tmp_path / "DATA.BIN"
    source.write_bytes(bytes(200_000))
    return staging.stage(Request(files=(source,), no_run=True, part_size=65_536))


def test_only_parts_of_the_deployment_can_be_asked_for(manifest) -> None:
    part = manifest.payload.files[0].parts[1].name
    temporary = part.replace(".0", ".A")
    text = (
        "open 192.168.1.1\r\nget ..\\X.001 X.A01\r\nget OTHER.001 OTHER.A01\r\n"
        f"get {part} {temporary}\r\nget {part} {temporary}\r\nget {part} GO.BAT\r\nbye\r\n"
    )
    assert gobat_serial.wanted(text.encode(), manifest) == (part,)


def test_go_bat_asks_for_what_a_person_has_to_send(manifest) -> None:
    text = gobat_serial.render(manifest, "C:\\DEPLOY").decode("ascii")
    assert "FTP.EXE" not in text
    assert "ECHO   C:\\DEPLOY\\NEXT.FTP\r\n" in text
    assert "ECHO   C:\\DEPLOY\\RESULT.TXT\r\n" in text
    assert "IF ERRORLEVEL 1 GOTO MORE" in text
    assert "IF ERRORLEVEL 1 GOTO CHECK" in text


def test_the_bytes_of_a_part_are_where_its_piece_of_the_file_is() -> None:
    """The one function, for FTP and for the line: a file may be a piece of a larger one."""
    part = Part("BIG.002", 4096, 1000, 0)
    piece = Piece(2, 3, start=1 << 20, whole=3 << 20)
    file = StagedFile("/big", "BIG.DAT", "big.dat.002", 1 << 20, "", (part,), 7, piece=piece)
    found = plan.slice_of(file, part)
    assert (found.path, found.offset, found.length) == ("/big", (1 << 20) + 4096, 1000)


def test_a_disk_that_hyperterminal_did_not_notice_to_be_full(tmp_path: Path) -> None:
    """HyperTerminal goes on as if it had written (facts E3); the helper's report says it."""
    source = tmp_path / "DATA.BIN"
    source.write_bytes(random.Random(1).randbytes(150_000))
    request = Request(files=(source,), no_run=True, part_size=65_536)
    with pytest.raises(TargetDiskFull, match="disk"):
        push(tmp_path, request, capacity=220_000)

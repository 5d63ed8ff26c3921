"""A pull over a serial line: GO.BAT and GATHER98 on the simulated PC; lrzsz's sz sends."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from deployer.core.pull import listing
from deployer.errors import PullRefused, TargetDiskFull
from deployer.events import Event, LineNoted, PullAdvanced, TransferDone
from deployer.face import push as face
from deployer.face.push import Watching
from deployer.host import connect
from deployer.host.connect import Here
from deployer.host.requests import Order, Patience, Request, Words, nothing_typed
from deployer.model import Gather, LineSettings, State
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.hyperterm import HyperTerminal
from deployer.sim.machine import Machine
from tests.serialwire import Direction, Faults, Wire

pytestmark = pytest.mark.needs("unicorn", "rz")
FILES: Mapping[str, bytes] = {
    "A Long Name with blanks.txt": b"hello\r\n",
    "BIG.DAT": random.Random(1).randbytes(300_000),
    "EMPTY.DAT": b"",
    "Sub folder/Caf\u00e9 100%.log": b"x" * 30_000,
    "Sub folder/deeper/SAME.DAT": b"x" * 30_000,
}
SOURCE = "C:\\LOGS\\*.*"
OWN = "C:\\DEPLOY"
LIMIT = 60.0


class Pc:
    """The old PC with its HyperTerminal, and the person before it, who does what the card says."""

    def __init__(self, folder: Path, capacity: int = 2_000_000_000) -> None:
        folder.mkdir(exist_ok=True)
        self.logs = folder / "LOGS"
        self.own = folder / "DEPLOY"
        self.screen: list[str] = []
        self.sent: list[int] = []
        """The lengths of the PULL.DAT that were sent."""
        self.before_go: Callable[[], object] = lambda: None
        self.before_send: Callable[[], object] = lambda: None
        disk = Disk(folder, capacity=capacity)
        self.machine = Machine(disk, console=QueuedConsole(self.screen.append))
        self.machine.boot()
        self.machine.run_line(f"MD {OWN}")

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            path = self.logs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, (1_000_000_000, 1_000_000_000))

    def serve(self, port: str, over: Callable[[], bool]) -> None:
        """Receive, GO, send what GO names, until the host has what it wants."""
        terminal = HyperTerminal(self.machine, port, cancelled=over)
        try:
            while not over():
                if not terminal.receive(LIMIT):
                    continue
                self.before_go()
                seen = self.machine.console.shown
                self.machine.run_line(f"{OWN}\\GO")
                said = [line.strip() for line in self.machine.console.since(seen)]
                self.before_send()
                for name in ("PULL.DAT", "RESULT.TXT"):
                    if f"{OWN}\\{name}" in said:
                        self.sent.append((self.own / name).stat().st_size)
                        terminal.send(name)
        finally:
            terminal.close()


class Bench:
    """A PC at the end of a cable, and pulls from it that this process serves."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.pc = Pc(where / "c")
        self.events: list[Event] = []

    def show(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass

    def pull(self, gather: Gather, cable: Wire | None = None) -> State:
        """One pull to its end. Raises what the command would say."""
        over = threading.Event()
        self.events.clear()
        # Not faster than any real line answers: sz flushes its input right after it has spoken.
        paced = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=400_000.0))
        with cable or paced as wire:
            serving = threading.Thread(
                target=self.pc.serve, args=(wire.b, over.is_set), daemon=True
            )
            serving.start()
            try:
                return asyncio.run(asyncio.wait_for(self._pulled(gather, wire.a), 2 * LIMIT))
            finally:
                over.set()
                serving.join(LIMIT)

    async def _pulled(self, gather: Gather, port: str) -> State:
        order = Order(
            Request((), gather=gather), f"serial:{port}", line=LineSettings(flow="none"),
            patience=Patience(LIMIT),
        )  # fmt: skip
        words = Words(nothing_typed, nothing_typed, lambda _line: None)
        async with connect.open_host(
            self.where / "state", Here("127.0.0.1", 0), words, connect.Undo(), daemon=False
        ) as host:
            return (await face.push(host, order, Watching(self))).state

    def notes(self) -> list[str]:
        return [event.note for event in self.events if isinstance(event, LineNoted)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.pc.put(FILES)
    return bench


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_comes_whole_by_one_go_and_one_file(bench: Bench, tmp_path: Path) -> None:
    (bench.pc.logs / "nothing in it").mkdir()
    out = tmp_path / "out"
    assert bench.pull(Gather(SOURCE, str(out))) == State.PROVED
    assert tree(out) == dict(FILES)
    assert (out / "nothing in it").is_dir()
    assert all((out / name).stat().st_mtime == 1_000_000_000 for name in FILES)
    (length,) = bench.pc.sent
    assert length < sum(map(len, FILES.values())) - 30_000 + 4_000, "one content comes once"
    told = [event for event in bench.events if isinstance(event, PullAdvanced)]
    assert (told[-1].folder, told[-1].here) == (str(out), sum(map(len, FILES.values())))
    assert any(isinstance(e, TransferDone) and e.upload for e in bench.events)
    data = out.with_name("out.lst").read_bytes()
    assert {one.path for one in listing.parse(data, listing.identity(data), SOURCE).files} == {
        *FILES
    }


def test_only_the_damaged_part_comes_again(bench: Bench, tmp_path: Path) -> None:
    def spoil() -> None:
        path = bench.pc.own / "PULL.DAT"
        data = bytearray(path.read_bytes())
        if len(data) > 300_000:
            data[280_000] ^= 1
            path.write_bytes(data)

    bench.pc.before_send = spoil
    out = tmp_path / "out"
    assert bench.pull(Gather(SOURCE, str(out))) == State.PROVED
    assert tree(out) == dict(FILES)
    first, second = bench.pc.sent
    assert first > 300_000
    assert second < 300_000 - (256 << 10) + 40_000
    assert any("bytes are here" in note for note in bench.notes())


def test_a_backup_moves_only_what_is_new_and_each_one_is_whole(
    bench: Bench, tmp_path: Path
) -> None:
    kept = Gather(SOURCE, str(tmp_path / "kept"), keep=True)
    assert bench.pull(kept) == State.PROVED
    bench.pc.sent.clear()
    assert bench.pull(kept) == State.PROVED
    assert sum(bench.pc.sent) < 4_000, "nothing has changed: no file's bytes move"
    (bench.pc.logs / "EMPTY.DAT").write_bytes(b"no more")
    bench.pc.sent.clear()
    assert bench.pull(kept) == State.PROVED
    assert sum(bench.pc.sent) < 4_000
    first, second, third = sorted(path for path in (tmp_path / "kept").iterdir() if path.is_dir())
    assert tree(first) == tree(second) == dict(FILES)
    assert tree(third) == {**FILES, "EMPTY.DAT": b"no more"}


def test_a_file_that_changes_between_two_rounds_is_taken_again(
    bench: Bench, tmp_path: Path
) -> None:
    """The list comes first where there is an older backup; then a file is written there."""
    kept = Gather(SOURCE, str(tmp_path / "kept"), keep=True)
    assert bench.pull(kept) == State.PROVED
    (bench.pc.logs / "BIG.DAT").write_bytes(b"smaller")
    rounds = []

    def change() -> None:
        rounds.append(1)
        if len(rounds) == 2:
            (bench.pc.logs / "BIG.DAT").write_bytes(b"written meanwhile")

    bench.pc.before_go = change
    assert bench.pull(kept) == State.PROVED
    newest = sorted(path for path in (tmp_path / "kept").iterdir() if path.is_dir())[-1]
    assert (newest / "BIG.DAT").read_bytes() == b"written meanwhile"


@pytest.mark.parametrize(
    "faults",
    [Faults(flip=2e-5, drop=1e-5, seed=5), Faults(cut_at=150_000, cut_for=1.0)],
    ids=["bits are flipped and bytes are lost", "the cable is out for a second"],
)
def test_a_bad_line_costs_time_and_no_byte(bench: Bench, tmp_path: Path, faults: Faults) -> None:
    cable = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=400_000.0, faults=faults))
    out = tmp_path / "out"
    assert bench.pull(Gather(SOURCE, str(out)), cable) == State.PROVED
    assert tree(out) == dict(FILES)
    assert cable.ba.damaged


def test_a_disk_there_that_is_full_is_said_by_its_report(bench: Bench, tmp_path: Path) -> None:
    bench.pc = Pc(tmp_path / "c", capacity=sum(map(len, FILES.values())) + 300_000)
    with pytest.raises(TargetDiskFull):
        bench.pull(Gather(SOURCE, str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_a_list_that_is_no_old_pcs_ends_it(bench: Bench, tmp_path: Path) -> None:
    def forge() -> None:
        path = bench.pc.own / "PULL.DAT"
        listed, seal, rest = path.read_bytes().partition(b"end=")
        forged = listed.replace(b"BIG.DAT BIG.DAT", b"BIG.DAT ../BIG.DAT")
        path.write_bytes(listing.sealed(forged) + rest.partition(b"\r\n")[2])
        assert seal

    bench.pc.before_send = forge
    with pytest.raises(PullRefused):
        bench.pull(Gather(SOURCE, str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "BIG.DAT").exists()

"""A pull over a serial line: GO.BAT and GATHER98 on the simulated PC; lrzsz's sz sends."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from deployer.core.pull import listing
from deployer.edge import pulled
from deployer.errors import (
    EXIT_HOST,
    DirectoryForbidden,
    PullRefused,
    PullStopped,
    TargetDiskFull,
)
from deployer.events import (
    Event,
    LineNoted,
    PresenceChanged,
    PullAdvanced,
    TransferDone,
    TransferStarted,
)
from deployer.face import push as face
from deployer.face.push import Watching
from deployer.host import connect
from deployer.host.connect import Here
from deployer.host.pull import kept as back
from deployer.host.requests import Order, Patience, Request, Words, nothing_typed
from deployer.model import Gather, LineSettings, Overwrite, State
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.hyperterm import HyperTerminal
from deployer.sim.machine import Machine
from tests.edge.serial.test_long import Adapter
from tests.host.test_serial_daemon import Place, place
from tests.serialwire import Direction, Faults, Wire
from tests.waiting import until

__all__ = ["place"]
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
        self._cancelled = threading.Event()
        self._terminal: HyperTerminal | None = None
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
        self._terminal = terminal = HyperTerminal(self.machine, port, cancelled=over)
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
                        if self._cancelled.is_set():
                            terminal.send(name)
        finally:
            terminal.close()

    def cancel(self) -> None:
        """Click Cancel while a file goes; after that it is sent once more."""
        self._cancelled.set()
        assert self._terminal is not None
        self._terminal.cancel()


class Bench:
    """A PC at the end of a cable, and pulls from it that this process serves."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.pc = Pc(where / "c")
        self.on_event: Callable[[Event], object] = lambda _event: None
        self.events: list[Event] = []

    def show(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def close(self) -> None:
        pass

    def pull(self, gather: Gather, cable: Wire | None = None) -> State:
        """One pull to its end. Raises what the command would say."""
        # Not faster than any real line answers: sz flushes its input right after it has spoken.
        paced = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=400_000.0))
        with cable or paced as wire:
            return self.pull_over(gather, wire.a, wire.b)

    def pull_over(self, gather: Gather, here: str, there: str) -> State:
        """The same between the two ends of a cable."""
        return self.carry_over(Request((), gather=gather), OWN, here, there)

    def push(self, request: Request, directory: str) -> State:
        """A push to its end."""
        paced = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=400_000.0))
        with paced as wire:
            return self.carry_over(request, directory, wire.a, wire.b)

    def carry_over(self, request: Request, directory: str, here: str, there: str) -> State:
        """Either of them; the person there does what GO says."""
        over = threading.Event()
        self.events.clear()
        serving = threading.Thread(target=self.pc.serve, args=(there, over.is_set), daemon=True)
        serving.start()
        try:
            return asyncio.run(asyncio.wait_for(self._carried(request, directory, here), 2 * LIMIT))
        finally:
            over.set()
            serving.join(LIMIT)

    async def _carried(self, request: Request, directory: str, port: str) -> State:
        order = Order(
            request, f"serial:{port}", directory, line=LineSettings(flow="none"),
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
    assert second < (64 << 10) + 4_000
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
    rounds: list[int] = []

    def change() -> None:
        rounds.append(1)
        if len(rounds) == 2:  # the list has been made
            (bench.pc.logs / "EMPTY.DAT").write_bytes(b"written meanwhile")

    bench.pc.before_go = change
    bench.pc.sent.clear()
    assert bench.pull(kept) == State.PROVED
    assert sum(bench.pc.sent) < 8_000
    first, second, third = sorted(path for path in (tmp_path / "kept").iterdir() if path.is_dir())
    assert tree(first) == tree(second) == dict(FILES)
    assert tree(third) == {**FILES, "EMPTY.DAT": b"written meanwhile"}


def test_a_backup_goes_back_over_the_line_with_dates_and_attributes(
    bench: Bench, tmp_path: Path
) -> None:
    """One file was changed there meanwhile, a folder deleted, the rest is as it was."""
    disk, big = bench.pc.machine.disk, "C:\\LOGS\\BIG.DAT"
    disk.set_attributes(big, 3)
    kept = tmp_path / "kept"
    assert bench.pull(Gather(SOURCE, str(kept), keep=True)) == State.PROVED
    (backup,) = (path for path in kept.iterdir() if path.is_dir())
    disk.set_attributes(big, 0)
    (bench.pc.logs / "BIG.DAT").write_bytes(b"changed there")
    shutil.rmtree(bench.pc.logs / "Sub folder")
    request = Request(
        (backup,), no_run=True, codepage=back.codepage(backup), overwrite=Overwrite.ALWAYS
    )
    assert bench.push(request, back.origin(backup)) == State.PROVED
    assert tree(bench.pc.logs) == dict(FILES)
    assert {(bench.pc.logs / name).stat().st_mtime for name in FILES} == {1_000_000_000}
    assert disk.stat(big).attributes & 7 == 3


def test_a_bad_line_costs_time_and_no_byte(bench: Bench, tmp_path: Path) -> None:
    faults = Faults(flip=2e-5, drop=1e-5, seed=5)
    cable = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=400_000.0, faults=faults))
    out = tmp_path / "out"
    assert bench.pull(Gather(SOURCE, str(out)), cable) == State.PROVED
    assert tree(out) == dict(FILES)
    assert cable.ba.damaged


def test_what_was_cancelled_there_is_sent_again_and_goes_on(bench: Bench, tmp_path: Path) -> None:
    cable = Wire(ab=Direction(rate=400_000.0), ba=Direction(rate=400_000.0))
    cable.ba.stall(100_000, 2 * LIMIT)

    def cancel() -> None:
        until(lambda: cable.ba.stalls, "nothing comes")
        bench.pc.cancel()
        cable.ba.blocked_until = 0.0

    out = tmp_path / "out"
    threading.Thread(target=cancel, daemon=True).start()
    assert bench.pull(Gather(SOURCE, str(out)), cable) == State.PROVED
    assert tree(out) == dict(FILES)
    assert any("Send PULL.DAT again" in note for note in bench.notes())
    assert any("going on after" in note for note in bench.notes())


def test_an_adapter_that_is_pulled_out_is_waited_for(bench: Bench, tmp_path: Path) -> None:
    name = tmp_path / "usb-FTDI_A50285BI-if00-port0"
    with Adapter(name, 150_000.0, hold=100_000) as adapter:

        def pull_out(event: Event) -> None:
            match event:
                case TransferStarted(name="PULL.DAT") if adapter.hold:
                    adapter.pull_out()
                case PresenceChanged(present=False):
                    adapter.hold = 0
                    adapter.plug_in()

        bench.on_event = pull_out
        out = tmp_path / "out"
        assert bench.pull_over(Gather(SOURCE, str(out)), str(name), adapter.far) == State.PROVED
    assert tree(out) == dict(FILES)
    seen = [event.present for event in bench.events if isinstance(event, PresenceChanged)]
    assert seen == [False, True]
    assert len(bench.pc.sent) == 1


def begun(place: Place) -> tuple[Pc, HyperTerminal, threading.Thread]:
    """A pull of which the first part and some more have come; then the line stands still."""
    pc = Pc(place.path / "c")
    pc.put(FILES)
    place.cable.ba.rate = 400_000.0
    place.cable.ba.stall(290_000, LIMIT)
    terminal = HyperTerminal(pc.machine, place.cable.b)
    pull(place, "pull.log")
    assert terminal.receive(LIMIT)
    pc.machine.run_line(f"{OWN}\\GO")
    sending = threading.Thread(target=terminal.send, args=("PULL.DAT",), daemon=True)
    sending.start()
    until(lambda: place.cable.ba.stalls, "nothing comes")
    until(lambda: any(size > 264_000 for size in came(place)), "a part is not here")
    return pc, terminal, sending


def came(place: Place) -> list[int]:
    """How much lies on this computer of a PULL.DAT that is not whole."""
    found = (place.path / "state").rglob("PULL.DAT.*.part")
    return [path.stat().st_size for path in found]


def pull(place: Place, log: str) -> subprocess.Popen[str]:
    out = place.path / "out"
    port = f"serial:{place.cable.a}"
    return place.start("pull", port, SOURCE, "--out", out, "--flow", "none", "--json", log=log)


def test_a_pull_whose_host_was_killed_asks_for_the_rest_only(place: Place) -> None:
    pc, terminal, sending = begun(place)
    place.running[-1].kill()
    terminal.cancel()
    sending.join(LIMIT)
    place.cable.ba.blocked_until = 0.0
    again = pull(place, "again.log")
    assert terminal.receive(LIMIT)
    pc.machine.run_line(f"{OWN}\\GO")
    assert (pc.own / "PULL.DAT").stat().st_size < 90_000
    terminal.send("PULL.DAT")
    assert again.wait(LIMIT) == 0, place.log("again.log")
    terminal.close()
    assert tree(place.path / "out") == dict(FILES)


def test_a_daemon_that_is_started_anew_goes_on_in_the_same_file(place: Place) -> None:
    daemon = place.serve()
    _pc, terminal, sending = begun(place)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(LIMIT) == 0, place.log("daemon.log")
    terminal.cancel()
    sending.join(LIMIT)
    before = place.cable.ba.taken
    place.cable.ba.blocked_until = 0.0
    place.serve("second.log")
    assert terminal.receive(LIMIT)
    terminal.send("PULL.DAT")
    until(lambda: place.told("state-changed", "second.log", state="proved"), "not proved")
    terminal.close()
    assert place.cable.ba.taken - before < 120_000, "it began anew"
    assert tree(place.path / "out") == dict(FILES)


def test_a_disk_there_that_is_full_is_said_by_its_report(bench: Bench, tmp_path: Path) -> None:
    bench.pc = Pc(tmp_path / "c", capacity=sum(map(len, FILES.values())) + 300_000)
    with pytest.raises(TargetDiskFull):
        bench.pull(Gather(SOURCE, str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_a_disk_here_without_room_is_said_before_it_comes(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulled, "free", lambda _path: (64 << 20) + 500_000)
    with pytest.raises(PullRefused, match="bytes of room are needed for the 331,"):
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


class Broken:
    """A place on this computer where nothing can be written for a while; the pull stops there."""

    def __init__(self, bench: Bench, out: Path) -> None:
        self.bench, self.out = bench, out

    def stops(self, why: str) -> None:
        with pytest.raises(PullStopped, match=why) as caught:
            self.bench.pull(Gather(SOURCE, str(self.out)))
        assert caught.value.exit_code == EXIT_HOST
        assert not self.out.exists()

    def goes_on(self) -> None:
        """The same command: what had come is not sent again."""
        self.bench.pc.before_send = lambda: None
        self.bench.pc.sent.clear()
        assert self.bench.pull(Gather(SOURCE, str(self.out))) == State.PROVED
        assert tree(self.out) == dict(FILES)


def test_a_report_that_cannot_be_written_here_stops_the_pull_and_it_goes_on(
    bench: Bench, tmp_path: Path
) -> None:
    """A folder in the place of the report: what a full disk does to a small file there."""
    blocked: list[Path] = []

    def block() -> None:
        if not blocked:
            identity = next(event.deployment for event in bench.events if event.deployment)
            blocked.append(tmp_path / "state" / "inbox" / identity / "line" / "RESULT.TXT")
            blocked[0].mkdir(parents=True)

    bench.pc.before_send = block
    broken = Broken(bench, tmp_path / "out")
    broken.stops("Is a directory.*360,007 of 360,007 bytes are here")
    blocked[0].rmdir()
    broken.goes_on()
    assert sum(bench.pc.sent) < 4_000


@pytest.mark.parametrize("keep", [False, True])
def test_a_place_where_nothing_can_be_written_is_refused_before_anything_comes(
    bench: Bench, tmp_path: Path, *, keep: bool
) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name, why in (("file/out", "Not a directory"), ("o" * 256, "too long")):
        with pytest.raises(DirectoryForbidden, match=why) as caught:
            bench.pull(Gather(SOURCE, str(tmp_path / name), keep=keep))
        assert caught.value.exit_code == EXIT_HOST
    assert not bench.pc.sent

"""The hosted agent while power and lines fail, from installing to FORGET and installing again.

In each order of every kind the power of all programs of the PC fails in a drawn one of the changes
of its disk, or all connections break after a drawn number of bytes. Then it is judged: nothing done
twice, nothing lost in silence, nothing half written under its name.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.payloads.agenthost import Host, Order, hosting, settings_text
from tests.payloads.hostedpc import Pc
from tests.payloads.targetdir import StagedFile, manifest, sealed_lines

LIVES = 16
HASTE = 20
WITHIN = 120.0
LINE_LOST = "NO 1236"

CHANGES = {"Go": 90, "Upgrade": 90, "Forget": 16, "Install": 60}
"""How many changes of the disk an order of a kind takes; of the others about 12."""
BYTES = {"Go": 30_000, "Upgrade": 300_000, "Put": 20_000, "Get": 12_000, "Look": 12_000}
"""How many bytes; of the others about 500."""
KINDS = (
    "Run", "Fed", "Put", "Get", "Look", "Keys", "Time", "Remove", "Go", "Upgrade", "Reboot",
    "Forget", "Install",
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What happened: how often it was harmed, and how each kind of order ended."""

    harmed: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.harmed += other.harmed
        self.ends.update(other.ends)


@dataclass(frozen=True, slots=True)
class Programs:
    """The hosted agent, its worker, and the hosted helper."""

    agent: Path
    worker: Path
    helper: Path


class Life:
    """One PC and its host. Its Windows is a thread, which starts again what is to be started."""

    def __init__(self, programs: Programs, folder: Path, host: Host, seed: int) -> None:
        self.host, self.chance, self.tally = host, random.Random(seed), Tally()
        self.pc = Pc(programs.agent, folder / "home", host, haste=HASTE)
        self.home, self.work = self.pc.folder, self.pc.work
        self.image = self.pc.program.read_bytes()
        self.counter, self.trace = folder / "POWER", folder / "trace"
        self.trace.mkdir()
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        for name in ("AGENT98.EXE", "AGENT98.INI"):
            (self.home / name).rename(self.downloads / name)
        (self.downloads / "AGENT98.INI").write_bytes(settings_text(host.port))
        self.helper = self.chance.randbytes(5000)
        (folder / "helper").write_bytes(self.helper)
        starter = folder / "DEPLOY98"
        starter.write_text(
            f'#!/bin/sh\nif [ "$1" = SELF ]; then cmp -s DEPLOY98.EXE {folder}/helper && exit 7\n'
            f'exit 8; fi\nexec {programs.helper} "$@"\n'
        )
        starter.chmod(0o755)
        environment = self.pc.environment
        environment["PATH"] = f"{folder}:{environment['PATH']}"
        environment["SYS_STOP_FILE"] = str(self.counter)
        environment["SYS_STOP_TORN"] = environment["SYS_STOP_LOSE"] = "1"
        self.scripts: set[bytes] = set()
        self.wanted, self.keeping, self.on = False, True, False
        self.change = threading.Condition()
        self.windows = threading.Thread(target=self._windows)
        self.windows.start()

    def _windows(self) -> None:
        """Start what the Run key says; where there is none, its user starts the download."""
        run_key = self.home / "RUNKEY"
        while True:
            with self.change:
                self.on = False
                self.change.notify_all()
                self.change.wait_for(lambda: run_key.exists() or self.wanted or not self.keeping)
                if not self.keeping:
                    return
                self.on = True
                command = run_key.read_text().split() if run_key.exists() else []
                command = command or [str(self.downloads / "AGENT98.EXE")]
                Path(command[0]).chmod(0o755)  # no right of Windows: the power may fail before it
                self.pc.start(*command)
            self.pc.until_off()

    def end(self) -> None:
        """Pull the plug, for good."""
        with self.change:
            self.keeping = False
            self.change.notify_all()
            if self.on:
                self.pc.kill()
        self.windows.join()

    def want(self, wanted: bool) -> None:
        """Whether its user starts the download when nothing stays there."""
        with self.change:
            self.wanted = wanted
            self.change.notify_all()

    # -- harm -------------------------------------------------------------------------------------

    def harm(self, kind: str) -> None:
        """The power fails, or all connections break, somewhere in what comes."""
        if self.chance.random() < 0.5:
            made = self.counter.with_suffix(".NEW")
            made.write_text(f"{self.chance.randrange(1, CHANGES.get(kind, 12)):8}\n")
            made.rename(self.counter)
        else:
            with self.host.change:
                self.host.cut = int(BYTES.get(kind, 500) ** self.chance.uniform(0.3, 1.0))

    def spare(self) -> None:
        """What has not happened by now does not happen any more."""
        with self.host.change:
            cut, self.host.cut = self.host.cut, None
        was_power = self.counter.exists()
        self.counter.unlink(missing_ok=True)
        self.tally.harmed += cut is None and not was_power

    def ask(self, kind: str, verb: str, *arguments: str | int, carried: bytes = b"") -> Order:
        """Give an order in bad weather; AssertionError when nobody says what came of it."""
        self.harm(kind)
        order = self.host.give(verb, *arguments, carried=carried)
        self.host.answer(order, WITHIN)
        self.spare()
        self.note(kind, order)
        return order

    def note(self, kind: str, order: Order) -> None:
        self.tally.ends[f"{kind} {' '.join(str(order.answer).split()[:2])}"] += 1

    def times(self, name: str) -> int:
        path = self.trace / name
        return path.read_text().count("x") if path.exists() else 0

    def lines(self, name: str) -> int:
        path = self.home / name
        return len(path.read_text().splitlines()) if path.exists() else 0

    # -- each kind of order, and what must be true after it ----------------------------------------

    def run(self, turn: int) -> None:
        given = self.chance.randbytes(self.chance.randrange(1, 3000))
        command = f"echo x >> {self.trace}/run{turn}; cat"
        carried, word = given, command
        if turn % 2:
            carried, word = command.encode() + b"\r\n" + given, "@"
        order = self.ask("Run", "RUN", self.work, 0, 1, word, carried=carried)
        assert self.times(f"run{turn}") <= 1, "it was done twice"
        match str(order.answer):
            case "OK 0":
                assert (self.times(f"run{turn}"), self.host.upload(order, "O")) == (1, given)
            case answer:
                assert answer.startswith(("LOST", LINE_LOST, "OK 0 the host has not all")), answer

    def fed(self, turn: int) -> None:
        """It is fed twice and ended, while lines and power fail."""
        self.harm("Fed")
        order = self.host.give("RUN", self.work, 600, 2, f"echo x >> {self.trace}/fed{turn}; cat")
        fed = [self.host.give("FEED", order.id, text.hex()) for text in (b"abc", b"def")]
        self.host.answer(fed[1], WITHIN)
        ended = self.host.give("KILL", order.id)
        for each in (*fed, ended, order):
            self.host.answer(each, WITHIN)
        self.spare()
        self.note("Fed", order)
        assert self.times(f"fed{turn}") <= 1, "it was done twice"
        wanted = b"".join(
            text for text, each in zip((b"abc", b"def"), fed, strict=True) if each.answer == "OK 0"
        )
        got = self.host.upload(order, "O")
        if "LOST" not in (order.answer, fed[0].answer, fed[1].answer):
            assert wanted.startswith(got), (got, wanted)
        assert str(order.answer).startswith(("NO 1223", "LOST", "NO 1460")), order
        assert ended.answer in ("OK 0", "NO 1168", "LOST"), ended

    def put(self, turn: int) -> None:
        """A file that is there already is replaced, or stays, or is gone; it is never a half."""
        path = self.work / f"put{turn % 5}"
        before = path.read_bytes() if path.exists() else None
        data = self.chance.randbytes(self.chance.randrange(1, 20_000))
        sum_ = hashlib.sha256(data).hexdigest()
        order = self.ask("Put", "PUT", path, len(data), sum_, carried=data)
        there = path.read_bytes() if path.exists() else None
        if str(order.answer).startswith("OK"):
            assert there == data
        else:
            assert str(order.answer).startswith(("LOST", LINE_LOST)), order
            assert there in (None, before, data), "half a file under its name"

    def get(self, _turn: int) -> None:
        path = self.work / "data"
        path.write_bytes(bytes(range(256)) * 40)
        order = self.ask("Get", "GET", path, 100, 9000)
        if order.answer == "OK 0":
            assert self.host.upload(order) == path.read_bytes()[100:9100]
        else:
            assert str(order.answer).startswith(("LOST", LINE_LOST)), order

    def look(self, turn: int) -> None:
        verb, *arguments = (("SCREEN",), ("LS", str(self.home)), ("INFO",))[turn % 3]
        order = self.ask("Look", verb, *arguments)
        if not str(order.answer).startswith("OK"):
            assert str(order.answer).startswith(("LOST", LINE_LOST)), order
        elif verb == "SCREEN":
            assert len(self.host.upload(order)) == 54 + 48 * 184
        else:
            assert self.host.upload(order).endswith(b"\r\n"), order

    def keys(self, _turn: int) -> None:
        before = self.lines("KEYS.TXT")
        order = self.ask("Keys", "KEYS", "ENTER")
        pressed = self.lines("KEYS.TXT") - before
        assert pressed == 2 if order.answer == "OK 0" else pressed <= 2, order

    def time(self, _turn: int) -> None:
        before = self.lines("CLOCK.TXT")
        order = self.ask("Time", "TIME", "19990102030405")
        times = self.lines("CLOCK.TXT") - before
        assert times == 1 if order.answer == "OK 0" else times <= 1, order

    def remove(self, turn: int) -> None:
        path = self.work / f"old{turn}"
        path.write_bytes(b"old")
        order = self.ask("Remove", "RM", path, 1)
        if order.answer == "OK 0":
            assert not path.exists()
        else:
            assert order.answer == "LOST", order

    def go(self, turn: int) -> None:
        """A push: as the real host does, it is given again as a new order until all is proved."""
        script = b"echo x >> %s/go%d\n" % (str(self.trace).encode(), turn) + b"# padding\n" * 300
        file, name = StagedFile("H.SH", script), f"D{turn:07X}"
        self.scripts.add(script)
        with self.host.change:
            self.host.logins[name] = "Token123"
            self.host.shares[name] = {
                "DEPLOY98.EXE": self.helper,
                f"{name}.MAN": manifest([file], "/bin/sh H.SH", deployment=name),
                "GOTIT.TXT": f"{name}\r\n".encode(),
                **{file.part(number): piece for number, piece in enumerate(file.pieces, 1)},
            }
        there = self.home / "go" / "H.SH"
        for given in range(1, 20):
            if given <= 3:
                self.harm("Go")
            order = self.host.give("GO", name, "Token123", self.home / "go")
            answer = self.host.answer(order, WITHIN)
            if given <= 3:
                self.spare()
            self.note("Go", order)
            assert answer.startswith(("OK 0", "LOST", "NO 1 ")), order
            assert not there.exists() or there.read_bytes() in self.scripts, "half a file"
            assert self.times(f"go{turn}") <= given, "one order ran it twice"
            result = bytes(self.host.uploads.get(f"{name}/RESULT.TXT", b""))
            if answer == "OK 0" and b"run_exit=0" in result:
                assert sealed_lines(result)["command"] == ["RUN"]
                assert there.read_bytes() == script
                assert self.times(f"go{turn}") >= 1
                return
        raise AssertionError(f"the push was never proved: {order}")

    def upgrade(self, turn: int) -> None:
        before = (self.home / "AGENT98.EXE").read_bytes()
        new = self.image + b"\n%d" % turn
        sum_ = hashlib.sha256(new).hexdigest()
        order = self.ask("Upgrade", "UPGRADE", len(new), sum_, carried=new)
        answer = str(order.answer)
        assert answer.startswith(("OK 0", "LOST", LINE_LOST, "NO 1460")), order
        assert self.host.wait_for(lambda: not (self.home / "AGENT98N.EXE").exists(), WITHIN)
        there = (self.home / "AGENT98.EXE").read_bytes()
        assert there == new if answer == "OK 0" else there in (before, new), order

    def reboot(self, _turn: int) -> None:
        ends, hellos = self.lines("ENDED.TXT"), len(self.host.hellos)
        boot = self.host.hellos[-1]["boot"]
        order = self.ask("Reboot", "POWER", "reboot")
        assert order.answer in ("OK 0", "LOST"), order
        again = self.host.hellos
        assert self.host.wait_for(lambda: again[hellos:] and again[-1]["boot"] != boot, WITHIN)
        assert self.lines("ENDED.TXT") - ends <= 1

    def forget(self, _turn: int) -> None:
        """It goes without a trace; what a power failure leaves is never started again."""
        self.want(False)
        for given in range(9):
            if given < 2:
                self.harm("Forget")
            order = self.host.give("FORGET")
            answer = self.host.answer(order, WITHIN)
            if answer.startswith("OK"):
                break
            self.spare()
            self.note("Forget", order)
        assert answer == "OK 0 forget", order
        with self.change:
            assert self.change.wait_for(
                lambda: not self.on and not (self.home / "RUNKEY").exists(), WITHIN
            )
        harmed = self.tally.harmed
        self.spare()
        self.note("Forget", order)
        left = sorted(path.name for path in self.home.glob("AGENT98*"))
        assert not left or self.tally.harmed > harmed, left

    def install(self, _turn: int = 0) -> None:
        hellos = len(self.host.hellos)
        self.harm("Install")
        self.want(True)
        key, wanted = self.home / "RUNKEY", f"{self.home}/AGENT98.EXE /MIN"
        assert self.host.wait_for(lambda: self.host.hellos[hellos:], WITHIN)
        order = self.host.give("LS", self.home)
        assert self.host.answer(order, WITHIN).startswith(("OK", "LOST", LINE_LOST)), order
        self.spare()
        self.note("Install", order)
        assert key.read_text() == wanted
        assert (self.home / "AGENT98.EXE").read_bytes() == self.image

    def all(self, cuts: int) -> None:
        """Orders of all kinds in drawn orders, until there were so many failures."""
        kinds: list[Callable[[int], None]] = [
            self.run, self.fed, self.put, self.get, self.look, self.keys, self.time, self.remove,
            self.go, self.upgrade, self.reboot, self.run,
        ]  # fmt: skip
        turn = 0
        self.install()
        while self.tally.harmed < cuts:
            self.chance.shuffle(kinds)
            for kind in kinds:
                turn += 1
                kind(turn)
            self.forget(turn)
            self.install()


def live(programs: Programs, folder: Path, seed: int, cuts: int) -> Tally:
    """One life; AssertionError says what was wrong, and a note from which seed."""
    with hosting(worker=programs.worker.read_bytes()) as host:
        life = Life(programs, folder, host, seed)
        try:
            life.all(cuts)
        except BaseException as error:
            error.add_note(f"seed {seed}, after {life.tally.harmed} failures")
            raise
        finally:
            life.end()
    return life.tally


def many_lives(programs: Programs, folder: Path, cuts: int, first: int = 0) -> Tally:
    """Lives beside each other, with so many failures together."""
    tally = Tally()
    with ThreadPoolExecutor(LIVES) as pool:
        jobs = [
            pool.submit(live, programs, folder / str(seed), seed, -(-cuts // LIVES))
            for seed in range(first, first + LIVES)
        ]
        for job in jobs:
            tally.add(job.result())
    return tally

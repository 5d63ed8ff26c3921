"""A folder on an old PC over its life: pushed, changed there, pushed, pulled, restored, deleted.

Each step has faults of the PC and its cable, drawn from the seed, and is done again without them
until it is proved. What somebody made on the PC is remembered: it stays, or is saved and named, or
somebody has said `always`. Every byte on either side was sent, or made there.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults import place
from benchmarks.faults.world import DISK, HASTE, LIMITS, LOOPBACK, PART, PATIENCE, file_sum
from deployer.core.target import names
from deployer.events import ProofReceived, StateChanged, TransferStarted
from deployer.face.card import typed_lines
from deployer.host import staging
from deployer.host.offers.offer import Offer
from deployer.host.past import recorded
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import Gather, Manifest, Overwrite, Proof, State
from deployer.sim import faults
from deployer.sim.cable import Link
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from deployer.sim.win32 import StepClock

TREE = "C:\\GAME"
TRIES = 4
RUNAWAY = 2_000
"""Lines on the PC's screen at one try, ten times what a good one shows: then Ctrl-C is pressed.

A GO.BAT in which a letter changed on the way may jump in a circle.
"""
_PART = ".PA"
_NAMES = ("A.DAT", "Long name.txt", "SAVE.DAT", "Sub folder/deep.bin", "Sub folder/x")
_THEIRS = ("MINE.TXT", "SAVE.BAK", "SAVE.DAT", "LONGNA~9.BAK")


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of one seed: its steps, the faults that happened, and every broken promise."""

    seed: int
    steps: tuple[str, ...]
    happened: tuple[str, ...]
    again: int
    broken: tuple[str, ...]
    seconds: float


@dataclass(slots=True)
class _Step:
    """One try of a step: how it ended, what was asked for, what went wrong."""

    state: State = State.STAGED
    reason: str = ""
    proof: Proof | None = None
    manifest: Manifest | None = None
    started: list[str] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)


def run(seed: int) -> Lived:
    """Play one seed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="changes-") as folder:
        life = _Life(seed, Path(folder))
        try:
            asyncio.run(life.live())
        except Exception as error:  # one broken seed must not hide the others
            life.broken += [f"{type(error).__name__}: {error}", traceback.format_exc()]
    return Lived(
        seed, tuple(life.steps), tuple(life.happened), life.again, tuple(life.broken),
        time.monotonic() - began,
    )  # fmt: skip


class _Life:
    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = random.Random(f"life {seed}")
        self.folder = folder
        self.source = folder / "payload"
        self.disk = folder / "disk"
        self.tree = self.disk / "GAME"
        self.disk.mkdir()
        self.theirs: dict[str, str] = {}
        """What somebody made there and is to be kept: sums by place."""
        self.known: set[str] = set()
        """Sums of all that was sent, or made there."""
        self.brought: set[str] = set()
        self.steps: list[str] = []
        self.happened: list[str] = []
        self.broken: list[str] = []
        self.again = 0

    # -- the steps --------------------------------------------------------------------------------

    async def live(self) -> None:
        """All of it."""
        self._write(self.rng.randint(3, 12))
        async with Service(
            self.folder / "state", clock=time.time, address=LOOPBACK, ftp_port=0, limits=LIMITS
        ) as self.service:
            await self._push("push")
            self._change_there()
            self._write(self.rng.randint(1, 4))
            await self._push("push again")
            await self._pull()
            self._change_there()
            await self._push("restore", self.folder / "pulled", Overwrite.KEEP)
            for path in sorted(self.source.rglob("*.*"))[::2]:
                path.unlink()
            self._write(1)
            await self._push("push and delete", delete=True)

    async def _push(
        self,
        what: str,
        source: Path | None = None,
        overwrite: Overwrite | None = None,
        *,
        delete: bool = False,
    ) -> None:
        rule = overwrite or self.rng.choice([Overwrite.KEEP, Overwrite.KEEP, *Overwrite])
        request = Request(
            (source or self.source,), no_run=True, part_size=PART, overwrite=rule, delete=delete
        )
        self.steps.append(f"{what} ({rule})")
        tries = await self._until_proved(request)
        last = tries[-1]
        assert last.manifest is not None
        self.brought |= {file.place.casefold() for file in last.manifest.payload.files}
        self._look_after_theirs(tries, rule)
        self._judge_bytes()
        if last.state == State.PROVED and last.proof is not None:
            self._judge_push(last.manifest, last.proof, delete=delete)
        asked: Counter[str] = Counter()
        for each in tries:
            asked.update(each.started)
        again = sum(count - 1 for count in asked.values())
        causes = sum(len(each.happened) for each in tries)
        self.again += again
        if again > causes:
            self._say(f"{again} parts came again, {causes} were damaged or in flight")

    async def _pull(self) -> None:
        self.steps.append("pull")
        out = self.folder / "pulled"
        request = Request((), gather=Gather(f"{TREE}\\*.*", str(out)))
        tries = await self._until_proved(request)
        here, there = _sums(out), _sums(self.tree)
        if tries[-1].state == State.PROVED and here != there:
            self._say(f"pulled {sorted(set(here.items()) ^ set(there.items()))}")
        uploads = sum(_PART in name for each in tries for name in each.started)
        causes = sum(len(each.happened) for each in tries)
        if uploads > 1 + causes:  # all of it is one part
            self._say(f"{uploads} parts were put, {causes} were damaged or in flight")
        self._judge_bytes()

    async def _until_proved(self, request: Request) -> list[_Step]:
        tries = []
        for number in range(TRIES):
            wrong = faults.draw(self.rng.randrange(1 << 30)) if self.rng.random() < 0.7 else ()
            step = await self._try(request, wrong if not number else ())
            tries.append(step)
            self.happened += step.happened
            if step.state == State.PROVED:
                return tries
        self._say(f"it was never proved: {[(t.state.value, t.reason) for t in tries]}")
        return tries

    # -- what somebody does, here and there -------------------------------------------------------

    def _write(self, count: int) -> None:
        """New files here, or other bytes in those that are here."""
        for _ in range(count):
            name = self.rng.choice([*_NAMES, f"N{self.rng.randint(1, 9)}.DAT"])
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.rng.randbytes(self.rng.choice([0, 1, 700, PART, 3 * PART + 5])))

    def _change_there(self) -> None:
        """Somebody plays: other bytes, files that are new, files that are gone."""
        there = sorted(path for path in self.tree.rglob("*") if path.is_file())
        for path in self.rng.sample(there, min(len(there), self.rng.randint(1, 3))):
            place_there = path.relative_to(self.tree).as_posix()
            if self.rng.random() < 0.2:
                path.unlink()
                self.theirs.pop(place_there, None)
            else:
                self._make(path, self.rng.randbytes(self.rng.choice([1, 700, PART])))
        for _ in range(self.rng.randint(0, 2)):
            name = self.rng.choice([*_THEIRS, f"N{self.rng.randint(1, 9)}.DAT"])
            if not (self.tree / name).exists():
                self._make(self.tree / name, self.rng.randbytes(300))

    def _make(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self.theirs[path.relative_to(self.tree).as_posix()] = file_sum(path)
        self.known.add(file_sum(path))

    # -- the judge --------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self.broken.append(f"{self.steps[-1]}: {text}")

    def _look_after_theirs(self, tries: list[_Step], rule: Overwrite) -> None:
        """What somebody made is there, or saved and named, or was to be replaced."""
        now = _sums(self.tree)
        last = tries[-1]
        assert last.manifest is not None
        sent = {file.place.casefold(): file.sha256 for file in last.manifest.payload.files}
        saved = {
            name.casefold()
            for each in tries
            if each.proof is not None
            for name in (each.proof.verified or each.proof.report).saved
        }
        for where, sha in list(self.theirs.items()):
            if now.get(where) == sha:
                if sent.get(where.casefold()) == sha:
                    del self.theirs[where]  # what comes is what is there
                continue
            del self.theirs[where]
            if rule is Overwrite.ALWAYS and where.casefold() in sent:
                continue
            found = [each for each, what in now.items() if what == sha and each not in sent]
            if not found:
                self._say(f"{where} of somebody there is lost")
            elif last.state == State.PROVED and not saved & {each.casefold() for each in found}:
                self._say(f"{where} was saved as {found} and not named")
            for each in found:
                self.theirs[each] = sha

    def _judge_push(self, manifest: Manifest, proof: Proof, *, delete: bool) -> None:
        now = {where.casefold(): sha for where, sha in _sums(self.tree).items()}
        theirs = {where.casefold() for where in self.theirs}
        kept = {where.casefold() for where in proof.kept}
        for file in manifest.payload.files:
            where = file.place.casefold()
            ours = where not in theirs and manifest.payload.overwrite is not Overwrite.NEVER
            if where in kept and ours:
                self._say(f"{file.place} was kept, and nobody had changed it")
            if where not in kept and now.get(where) != file.sha256:
                self._say(f"{file.place} is proved and is not so on the PC")
        if delete:
            sent = {file.place.casefold() for file in manifest.payload.files}
            left = {w.casefold() for w in (proof.verified or proof.report).left}
            for where in self.brought - sent - theirs - left:
                if where in now:
                    self._say(f"{where} was brought earlier, is still there and is not named")

    def _judge_bytes(self) -> None:
        """Every file there is whole: of a version that was sent, or as somebody made it."""
        for where, sha in _sums(self.tree).items():
            if sha not in self.known:
                self._say(f"wrong bytes in {where}")

    # -- one try ----------------------------------------------------------------------------------

    async def _try(self, request: Request, wrong: tuple[faults.Fault, ...]) -> _Step:
        step, before = _Step(), self.service.last_seq()
        staged = await asyncio.to_thread(staging.stage, request)
        taken = step.manifest = self.service.take_up(staged, LOOPBACK, TREE)
        self.known |= {file.sha256 for file in taken.payload.files}
        offer = Offer(taken, LOOPBACK, TREE)
        await self.service.deploy(offer)
        routes = {taken.host: (self.service.address, self.service.ftp_port)}
        stop, shown = [False], itertools.count(1)

        def look(_line: str) -> None:
            stop[0] = stop[0] or next(shown) > RUNAWAY

        machine = Machine(
            Disk(self.disk, capacity=DISK),
            console=QueuedConsole(look),
            link=Link(routes=routes, patience=PATIENCE, cancelled=lambda: stop[0]),
            clock=StepClock(time.time(), step=0.02),
            wait=lambda seconds: time.sleep(seconds * HASTE),
            cancelled=lambda: stop[0],
        )
        machine.harm(wrong)
        own = place.thread_of_the_pc()
        pc = asyncio.get_running_loop().run_in_executor(
            own, visit, machine, typed_lines(taken.host)
        )
        try:
            async with asyncio.timeout(90):
                await asyncio.shield(pc)
                await self.service.finished(taken.deployment, silence=0.5)
        finally:
            stop[0] = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(pc), 10)
            own.shutdown(wait=False)
        self.service.release(offer)
        for _seq, event in recorded(self.folder / "state", before):
            match event:
                case TransferStarted(name=name, upload=upload) if _counts(name, upload=upload):
                    step.started.append(name)
                case ProofReceived(proof=proof):
                    step.proof = proof
                case StateChanged(state=state, reason=reason):
                    step.state, step.reason = state, reason
        step.happened = [str(fault) for fault in machine.happened]
        return step


def _counts(name: str, *, upload: bool) -> bool:
    """Whether a transfer is of a part, or of a pack."""
    extension = name.rpartition(".")[2]
    if upload:
        return _PART in name
    return extension.isdecimal() and name not in names.OUR_NAMES


def _sums(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    return {
        path.relative_to(folder).as_posix(): file_sum(path)
        for path in folder.rglob("*")
        if path.is_file()
    }

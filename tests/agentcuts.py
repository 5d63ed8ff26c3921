"""AGENT98.EXE on the simulated PC while power and lines fail, from installing to FORGET.

In each order of every kind the power fails, or all connections break, before a drawn one of the
next calls that the programs make. Then it is judged: nothing done twice, nothing lost in silence,
nothing half written under its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from pathlib import Path

from deployer.core.agents import overlay, verbs
from deployer.core.agents.overlay import Enrolment
from deployer.core.agents.verbs import words as words_of
from deployer.events import AgentHello, StateChanged
from deployer.host.requests import AgentRequest, Heard, Order, Request
from deployer.model import Stage, State
from tests.host.test_agents import ADDRESS, Hosted, eventually, hosting
from tests.payloads.hostedcuts import Tally
from tests.simulatedpc import DOWNLOADED, HOST, SimulatedPc

PROGRAM = (Path(__file__).resolve().parents[1] / "payloads" / "bin" / "AGENT98.EXE").read_bytes()
DATA = bytes(range(256)) * 24
LINES = b"@ECHO OFF\r\nECHO x>> C:\\TRACE\\%1.TXT\r\nECHO one\r\nECHO two\r\n"
PUSHED = b"@ECHO pushed\r\n" + b"@REM a line of the program that is pushed\r\n" * 300
WITHIN = 200.0
CALLS = {"go": 6000, "upgrade": 350, "remove": 50}
"""How many calls an order of a kind takes; of the others about 150."""


class Life:
    """One PC and its host."""

    def __init__(self, hosted: Hosted, pc: SimulatedPc, chance: random.Random) -> None:
        self.hosted, self.pc, self.chance = hosted, pc, chance
        self.tally = Tally()
        self.disk = pc.folder

    def harm(self, most: int) -> None:
        """The power fails, or all connections break, before one of the next `most` calls."""
        what = self.chance.choice([self.pc.fail, self.pc.cut])
        self.pc.harm_at(self.chance.randrange(1, most), what)

    def spare(self) -> None:
        """What has not happened by now does not happen any more."""
        self.tally.harmed += not self.pc.unharmed
        self.pc.harm_at(1 << 60, lambda: None)

    def file(self, *parts: str) -> bytes | None:
        path = self.disk.joinpath(*parts)
        return path.read_bytes() if path.is_file() else None

    async def ask(self, verb: verbs.Verb, carried: Path | None = None) -> tuple[Heard, bytes]:
        """Give an order in bad weather; how it ended, which somebody always says."""
        request = AgentRequest(self.hosted.agent, words_of(verb), WITHIN, carried)
        order = await self.hosted.host.give(request)
        found = await self.hosted.end(order, WITHIN)
        self.tally.ends[f"{type(verb).__name__} {found[0].stage.value}"] += 1
        assert found[0].stage in (Stage.DONE, Stage.LOST, Stage.REFUSED), found[0]
        return found

    # -- each kind of order, and what must be true after it ------------------------------------

    async def run(self, number: int) -> None:
        heard, said = await self.ask(verbs.Run("C:\\", 0, False, f"T.BAT {number}"))
        times = (self.file("TRACE", f"{number}.TXT") or b"").count(b"x")
        assert times <= 1, "it was done twice"
        if heard.stage is Stage.DONE:
            assert (times, said) == (1, b"one\r\ntwo\r\n")

    async def put(self, number: int) -> None:
        carried = self.disk.parent / "put.bin"
        carried.write_bytes(DATA)
        sum_ = hashlib.sha256(DATA).hexdigest()
        heard, _ = await self.ask(verbs.Put(f"C:\\{number}.PUT", len(DATA), sum_), carried)
        there = self.file(f"{number}.PUT")
        assert there in ((DATA,) if heard.stage is Stage.DONE else (None, DATA))

    async def get(self, _number: int) -> None:
        heard, got = await self.ask(verbs.Get("C:\\DATA", 0, len(DATA)))
        assert heard.stage is not Stage.DONE or got == DATA

    async def look(self, number: int) -> None:
        kinds: list[verbs.Verb] = [
            verbs.List("C:\\DEPLOY"), verbs.Screen(), verbs.Info(), verbs.Keys("ENTER"),
            verbs.Time("19990102030405"),
        ]  # fmt: skip
        await self.ask(kinds[number % len(kinds)])

    async def remove(self, number: int) -> None:
        gone = self.disk / f"{number}.OLD"
        gone.write_bytes(b"old")
        heard, _ = await self.ask(verbs.Remove(f"C:\\{number}.OLD", force=True))
        if heard.stage is Stage.DONE:
            assert not gone.exists()

    async def go(self, _number: int) -> None:
        """A push: a lost GO is given again by itself, as a new order, until all is proved.

        Unless the program was running, which may have done its work: that is told, and no more.
        """
        path = self.disk.parent / "H.BAT"
        path.write_bytes(PUSHED)
        request = Request((path,), run="H.BAT", part_size=4 << 10)
        deployment = await self.hosted.host.push(Order(request, ADDRESS, host=HOST))
        end = await self.over(deployment)
        assert self.file("DEPLOY", "H.BAT") == PUSHED
        if end.state == State.FAILED:
            assert end.error
            assert end.error.kind == "OrderLost", end
        self.tally.ends[f"Go {end.state.value}"] += 1

    async def over(self, deployment: str) -> StateChanged:
        def ended() -> StateChanged | None:
            there = self.file("DEPLOY", "H.BAT")
            assert there in (None, PUSHED), "half a file under its final name"
            told = [e for e in self.hosted.told(StateChanged) if e.deployment == deployment]
            return told[-1] if told and told[-1].state in (State.PROVED, State.FAILED) else None

        return await eventually(ended, WITHIN)

    async def upgrade(self, _number: int) -> None:
        order = await self.hosted.host.upgrade(self.hosted.agent, WITHIN)
        heard, _ = await self.hosted.end(order, WITHIN)
        self.tally.ends[f"Upgrade {heard.stage.value}"] += 1
        there = self.file("DEPLOY", "AGENT98.EXE")
        assert there is not None
        assert there.startswith(PROGRAM)

    async def reboot(self, _number: int) -> None:
        await self.ask(verbs.Power(off=False))

    async def forget(self) -> None:
        """It goes without a trace, whatever happens meanwhile."""
        ends = len(self.pc.ends)
        self.harm(200)
        heard, _ = await self.ask(verbs.Forget())
        self.spare()
        if heard.stage is Stage.LOST:  # it was not begun, or it is asked again
            await self.hosted.here()
            await self.ask(verbs.Forget())

        def gone() -> bool:
            """All of it; or what a power failure has left is never started again."""
            mine = [name for name in self.pc.names if name.startswith(("AGENT98", "FORGET"))]
            failed = "power" in self.pc.ends[ends:]
            return not self.pc.at_start and (failed or not mine)

        await eventually(gone, WITHIN)
        assert not self.hosted.service.agents.rows()

    async def all(self, orders: int, *, pushes: bool) -> None:
        kinds: list[Callable[[int], object]] = [
            self.run, self.put, self.get, self.look, self.remove, self.upgrade, self.reboot,
            self.run, self.look, *([self.go] if pushes else []),
        ]  # fmt: skip
        for number in range(orders):
            await self.hosted.here()
            kind = kinds[number % len(kinds)]
            self.harm(CALLS.get(kind.__name__, 150))
            await kind(number)  # type: ignore[misc]
            self.spare()


async def live(folder: Path, seed: int, orders: int, *, pushes: bool = False) -> Tally:
    """One life; AssertionError says what was wrong."""
    chance = random.Random(seed)
    folder.mkdir(parents=True)
    async with hosting(folder / "state") as hosted:
        pc = SimulatedPc(folder / "c", hosted.service.ftp_port)
        (pc.folder / "TRACE").mkdir()
        (pc.folder / "T.BAT").write_bytes(LINES)
        (pc.folder / "DATA").write_bytes(DATA)
        life = Life(hosted, pc, chance)

        def starts_it_again() -> None:
            """Its user, while nothing stays there yet."""
            if not hosted.told(AgentHello) and not pc.at_start:
                pc.machine.session.start(DOWNLOADED)

        pc.user = starts_it_again
        pc.download(overlay.program(PROGRAM, Enrolment(hosted.agent, hosted.token, HOST)))
        pc.harm_at(chance.randrange(1, 300), pc.fail)  # while it installs itself
        pc.let_live()
        try:
            await hosted.here()
            life.spare()
            await life.all(orders, pushes=pushes)
            await life.forget()
        finally:
            await asyncio.to_thread(pc.off)
        return life.tally


def lives(folder: Path, seeds: range, orders: int, *, pushes: bool = False) -> Tally:
    """So many lives one after another. What went wrong has its seed in a note."""
    tally = Tally()
    for seed in seeds:
        try:
            tally.add(asyncio.run(live(folder / str(seed), seed, orders, pushes=pushes)))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    return tally

"""Surveys on the simulated PC that stops in a probe, by GO.BAT and through the agent.

In every probe that is named, once it is armed, the power fails or the PC hangs before a drawn one
of the next changes of the disk. Then it is switched on again; by GO.BAT a person types, with an
agent nobody does. The cable may do harm besides.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from deployer.core.agents import overlay
from deployer.core.agents.overlay import Enrolment
from deployer.core.survey import script
from deployer.core.survey.judge import ENDS, Judged, Verdict
from deployer.core.survey.probe import SurveyProbe
from deployer.core.survey.record import ProbeEnd, Survey
from deployer.edge import resources
from deployer.edge.ftp.server import FtpLimits
from deployer.host.requests import Order, Request
from deployer.host.surveys import asked, kept
from deployer.sim.__main__ import CARD
from deployer.sim.cable import Hang, Link
from deployer.sim.disk import Disk, DiskChange, PowerOff
from deployer.sim.faults import FaultyCable, parse
from deployer.sim.machine import Machine
from deployer.sim.typist import visit
from tests.host.test_agents import ADDRESS, Hosted, eventually, hosting
from tests.simulatedpc import HOST, SimulatedPc
from tests.surveying import RUN, judged

Road = Callable[[Path, Sequence[SurveyProbe], "Harm"], list[Judged]]
USUAL = (Verdict.PASS, Verdict.TOLD)
"""What becomes of a probe when nothing is harmed."""
WITHIN = 900.0
HARM_OF_CABLES = ("cable", "cut", "hang", "flip")
"""What a cable does once in a survey; it costs one probe at most, whichever transfers just then."""
STOPS_ANYWAY = "command.line-expanded-crash"
"""This one stops the simulated PC by itself: what it does to a real one is open."""
TRANSFERRING = (
    "session", "put", "lines", "cut", "lost", "mget", "fetch", "send", "shift", "rename-over",
)  # fmt: skip
"""Probes whose results need transfers, and two that do not."""
_FURTHEST = 12
"""Changes of the disk in a probe after which the PC stops at the latest."""


class Stop(StrEnum):
    """How the PC stops in a probe."""

    POWER = "power"
    HANG = "hang"


@dataclass(slots=True)
class Cutter:
    """The PC stops once in each of some probes, by their slots, while it is armed."""

    slots: Collection[str]
    chance: random.Random
    how: Stop = Stop.POWER
    done: list[str] = field(default_factory=list)
    _left: int = 0

    def __call__(self, change: DiskChange) -> None:
        slot = self._slot(change)
        if self._left:
            self._left -= 1
            if not self._left or (slot and change.kind == "rename"):
                self._left = 0
                if self.how is Stop.HANG:
                    raise Hang(f"{slot or 'the PC'} stands still")
                raise PowerOff(kept=change.length // 2)
        elif slot and change.kind == "mkdir" and slot in self.slots and slot not in self.done:
            self.done.append(slot)
            self._left = self.chance.randint(1, _FURTHEST)

    @staticmethod
    def _slot(change: DiskChange) -> str:
        """The probe that is armed: its folder is made next, or its mark gets its last name."""
        names = change.path.upper().split("\\")
        if RUN not in names:
            return ""
        inside = names[names.index(RUN) + 1 :]
        armed = change.kind == "mkdir" and inside[1:] == ["T"]
        over = change.kind == "rename" and inside[1:2] == ["MARK.ARM"]
        return inside[0] if armed or over else ""


@dataclass(frozen=True, slots=True)
class Harm:
    """What goes wrong with a survey: the probes in which the PC stops, how, what the cable does."""

    cut: Collection[str] = ()
    how: Stop = Stop.POWER
    cable: str = ""
    seed: int = 0

    def cutter(self, probes: Sequence[SurveyProbe]) -> Cutter:
        """What makes the PC stop."""
        slots = script.slots(_ordered(probes)).items()
        named = [slot for slot, probe in slots if probe.identity in self.cut]
        return Cutter(named, random.Random(self.seed), self.how)


def _ordered(probes: Sequence[SurveyProbe]) -> tuple[SurveyProbe, ...]:
    return tuple(sorted(probes, key=lambda probe: probe.hangs))


def by_go_bat(folder: Path, probes: Sequence[SurveyProbe], harm: Harm) -> list[Judged]:
    """A survey that a person starts, and starts again."""

    def live(disk: Path, port: int) -> Callable[[], None]:
        disk.mkdir()
        link = Link(routes={HOST: ("127.0.0.1", port)})
        machine = Machine(Disk(disk), wait=lambda _seconds: None, link=link)
        if harm.cable:
            link.cable = FaultyCable(parse(harm.cable), lambda _fault: None)
        machine.disk.on_step = harm.cutter(probes)
        typed = threading.Thread(
            target=visit, args=(machine, CARD), kwargs={"resets": len(probes) + 5, "tries": 10}
        )
        typed.start()
        return typed.join

    return asyncio.run(_survey(folder, probes, lambda hosted, disk: live(disk, _port(hosted))))


def through_the_agent(folder: Path, probes: Sequence[SurveyProbe], harm: Harm) -> list[Judged]:
    """A survey that the agent fetches; whatever fails, nobody types."""

    def live(hosted: Hosted, disk: Path) -> Callable[[], None]:
        pc = SimulatedPc(disk, _port(hosted))
        pc.machine.wait = lambda _seconds: None
        program = resources.program("AGENT98.EXE")
        pc.download(overlay.program(program, Enrolment(hosted.agent, hosted.token, HOST)))
        if harm.cable:
            pc.machine.link.cable = FaultyCable(parse(harm.cable), lambda _fault: None)
        pc.machine.disk.on_step = harm.cutter(probes)
        pc.let_live()
        return pc.off

    return asyncio.run(_survey(folder, probes, live, agent=True))


def _port(hosted: Hosted) -> int:
    return hosted.service.ftp_port


async def _survey(
    folder: Path,
    probes: Sequence[SurveyProbe],
    live: Callable[[Hosted, Path], Callable[[], None]],
    *,
    agent: bool = False,
) -> list[Judged]:
    ordered = _ordered(probes)
    folder.mkdir(parents=True, exist_ok=True)
    asked.fill(folder / "folder", ordered, RUN, asked.DIRECTORY)
    limits = FtpLimits(stall=10.0, silence=6.0)
    async with hosting(folder / "state", limits=limits) as hosted:
        request = Request((folder / "folder",), run=script.SURVEY_BAT, dates=False)
        over: Callable[[], None] | None = None
        if agent:
            over = live(hosted, folder / "c")
            await hosted.here()
        order = Order(request, ADDRESS, directory=asked.DIRECTORY, host=HOST)
        deployment = await hosted.host.push(order)
        over = over or live(hosted, folder / "c")
        try:
            await eventually(lambda: hosted.service.has_ended(deployment), WITHIN)
        finally:
            await asyncio.to_thread(over)
        return judged(_brought(hosted.service.output_path(deployment)), ordered)


def _brought(output: Path) -> Survey:
    return kept.read(kept.arrived(output), RUN)


def wrong(found: Sequence[Judged], cut: Collection[str], usual: Collection[Verdict]) -> list[str]:
    """The probes that are not as they should be: as usual, or stopped where it was harmed.

    One that is expected to stop the PC differs when it was harmed before that; nobody can tell.
    """
    return [
        f"{one.probe.identity}: {one.verdict}"
        for one in found
        if one.verdict not in usual
        and not (one.verdict is Verdict.STOPPED and one.probe.identity in (*cut, STOPS_ANYWAY))
        and not (one.probe.expected.get(ENDS) == ProbeEnd.STOPPED and one.probe.identity in cut)
    ]

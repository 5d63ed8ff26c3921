"""A survey on a simulated PC, its folder put there by hand: no wire, no push."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from deployer.core.survey.judge import Judged, judge
from deployer.core.survey.probe import SurveyProbe
from deployer.core.survey.record import Survey
from deployer.edge.surveyed import collect
from deployer.host.surveys import asked, kept
from deployer.sim.cable import Hang
from deployer.sim.disk import Disk, PowerOff
from deployer.sim.faults import parse
from deployer.sim.machine import Machine

RUN = "S7K2QAB0"
PROBES = {probe.name: probe for probe in asked.every_probe()}


assert len(PROBES) == len(asked.every_probe()), "two probes have one name"


def some(*names: str) -> tuple[SurveyProbe, ...]:
    """Probes by the names that they have in their sections."""
    return tuple(PROBES[name] for name in names)


class SurveyedPc:
    """A simulated PC whose C:\\SURVEY has what a push would bring."""

    def __init__(self, folder: Path, probes: Sequence[SurveyProbe], fault: str = "") -> None:
        self.probes = tuple(probes)
        self.folder = folder / "SURVEY"
        asked.fill(self.folder, self.probes, RUN, asked.DIRECTORY)
        self.machine = Machine(Disk(folder), wait=lambda _seconds: None)
        self.machine.harm(parse(fault) if fault else ())
        self.restarts = 0

    def survey(self, tries: int = 5) -> list[Judged]:
        """SURVEY is typed until it is over; what it brought, of its own probes."""
        for _ in range(tries):
            try:
                self.machine.boot()
                self.machine.run_line("CD \\SURVEY")
                self.machine.run_line("SURVEY")
            except (PowerOff, Hang):
                self.restarts += 1
                continue
            return judged(self.brought(), self.probes)
        raise AssertionError("it never came to its end")

    def brought(self) -> Survey:
        """What PROBE98 COLLECT has written."""
        path = self.folder / f"{RUN}.TXT"
        return kept.read(kept.arrived(path), RUN)

    def left(self) -> Survey:
        """What lies in the folder, read here."""
        return collect(self.folder, RUN, asked.DIRECTORY)


def judged(survey: Survey, probes: Collection[SurveyProbe]) -> list[Judged]:
    """The verdicts on these probes."""
    names = {probe.identity for probe in probes}
    return [one for one in judge(survey, asked.every_probe()) if one.probe.identity in names]

"""The PC stops in probes of a survey: it ends, and every other probe's result is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.survey.judge import Verdict
from tests.surveycuts import USUAL, Harm, Road, Stop, by_go_bat, through_the_agent, wrong
from tests.surveying import some

PROBES = some(
    "shift", "for-wild", "session", "lines", "rename-over", "exit-code", "inherited-file", "tick",
    "fetch",
)  # fmt: skip
"""A part of them; `python -m benchmarks.survey.cuts` takes all, and two ways to harm each."""
NAMES = [probe.identity for probe in PROBES]


@pytest.mark.parametrize(
    ("road", "how"),
    [
        (by_go_bat, Stop.HANG),  # and test_survey.py cuts the power
        (through_the_agent, Stop.POWER),
        (through_the_agent, Stop.HANG),
    ],
)
def test_the_pc_stops_in_each_second_probe(road: Road, how: Stop, tmp_path: Path) -> None:
    harm = Harm(NAMES[::2], how, seed=17)
    found = road(tmp_path / "pc", PROBES, harm)
    assert len(found) == len(PROBES)
    assert wrong(found, harm.cut, USUAL) == []
    assert [one for one in found if one.verdict is Verdict.STOPPED]


@pytest.mark.parametrize(
    ("road", "cable"), [(by_go_bat, "cable@400000"), (through_the_agent, "cut@400000")]
)
def test_a_transfer_that_is_cut_costs_its_probe_at_most(
    road: Road, cable: str, tmp_path: Path
) -> None:
    """FTP.EXE of a probe fetches just then: that probe differs, and no other."""
    found = road(tmp_path / "pc", PROBES, Harm(cable=cable))
    odd = wrong(found, (), USUAL)
    assert len(odd) <= 1, odd
    assert len(found) == len(PROBES)

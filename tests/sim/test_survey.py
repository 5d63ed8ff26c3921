"""A survey on the simulated PC: it agrees with itself, and it ends whatever stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.survey import script
from deployer.core.survey.judge import Verdict
from deployer.core.survey.probe import SurveySection
from deployer.core.survey.record import ProbeEnd
from tests.surveying import PROBES, SurveyedPc, some

SMALL = ("type-delims", "shift", "goto-8chars")


def test_what_is_known_of_windows_98_is_what_the_simulated_pc_does(tmp_path: Path) -> None:
    """A part of them: `deployer survey sim --full` asks all."""
    every = script.chosen(PROBES.values(), full=True, sections={SurveySection.COMMAND})
    probes = [probe for probe in every if not probe.hangs][::16]
    pc = SurveyedPc(tmp_path, probes)
    found = pc.survey()
    assert pc.restarts == 0
    assert [one for one in found if one.verdict not in (Verdict.PASS, Verdict.TOLD)] == []
    assert len(found) == len(probes)


def test_nothing_is_left_but_the_survey(tmp_path: Path) -> None:
    pc = SurveyedPc(tmp_path, some(*SMALL))
    before = {path for path in tmp_path.rglob("*") if "SURVEY" not in path.parts}
    pc.survey()
    names = {path.name for path in pc.folder.iterdir()}
    assert names == {"IN", "PROBE98.EXE", "S7K2QAB0.TXT", "SURVEY.BAT"}
    after = {path for path in tmp_path.rglob("*") if "SURVEY" not in path.parts}
    assert {path for path in after - before if "WINDOWS" not in path.parts} == set()


def test_a_probe_that_stops_the_pc_is_known_and_all_others_are_there(tmp_path: Path) -> None:
    pc = SurveyedPc(tmp_path, some(*SMALL, "line-expanded-crash", "self-delete"))
    found = {one.probe.name: one.verdict for one in pc.survey()}
    assert pc.restarts == 2
    assert found == {
        **dict.fromkeys(SMALL, Verdict.PASS),
        "line-expanded-crash": Verdict.STOPPED,
        "self-delete": Verdict.PASS,  # it was expected to
    }


@pytest.mark.parametrize("step", [2, 12, 24, 37, 50])
def test_a_power_cut_anywhere_costs_the_probe_that_it_was_in(tmp_path: Path, step: int) -> None:
    pc = SurveyedPc(tmp_path, some(*SMALL), f"power@{step}")
    found = pc.survey()
    assert pc.restarts == 1
    verdicts = [one.verdict for one in found]
    assert verdicts.count(Verdict.PASS) >= len(SMALL) - 1, verdicts
    assert set(verdicts) <= {Verdict.PASS, Verdict.STOPPED, Verdict.UNKNOWN}


def test_what_the_pc_collects_is_what_is_read_here(tmp_path: Path) -> None:
    pc = SurveyedPc(tmp_path, some("for-wild", "ren", "md-cd-rd"))
    pc.machine.without = ("DELTREE.EXE",)
    pc.survey()
    told, read = pc.brought(), pc.left()
    assert (told.run, told.at) == (read.run, read.at)
    for one, other in zip(told.evidence, read.evidence, strict=True):
        assert (one.slot, one.probe, one.end, one.printed) == (
            other.slot,
            other.probe,
            ProbeEnd.RAN,
            other.printed,
        )
        assert set(one.files) == set(other.files)
        assert set(one.folders) == set(other.folders)

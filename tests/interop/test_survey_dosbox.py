"""SURVEY.BAT runs in DOSBox, a shell that we did not write, and finds what docs/machines says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.survey import foreign
from deployer.core.survey.record import ProbeEnd
from docs.generate import machines
from tests.surveying import judged, some

SOME = ("shift", "goto-8chars", "call-basic", "copy-append", "if-string", "echo-case", "for-list")
"""A part of them; `python -m benchmarks.survey.foreign OUT.txt` asks all."""


@pytest.mark.needs("dosbox")
def test_a_part_of_the_section_command(tmp_path: Path) -> None:
    known = next(one for one in machines.machines() if one.name == "dosbox-0.74").shown
    found = foreign.survey(tmp_path / "C", some(*SOME))
    assert len(found.evidence) == len(SOME)
    assert {one.end for one in found.evidence} == {ProbeEnd.RAN}
    verdicts = {one.probe.identity: one.verdict for one in judged(found, some(*SOME))}
    assert verdicts == {identity: known.verdicts[identity] for identity in verdicts}

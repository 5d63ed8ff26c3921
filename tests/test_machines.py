"""The table of known machines is what their exports say, and every difference in it is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.core.survey import share
from deployer.core.survey.judge import Verdict
from deployer.core.survey.probe import OF_A_PERSON
from docs.generate import machines
from tests.surveying import PROBES

ASKED = machines.machines()


def test_the_page_is_made_from_the_exports(root: Path) -> None:
    page = (root / "docs" / "machines.md").read_text(encoding="utf-8")
    assert page == machines.render(), "run: python -m docs.generate.machines > docs/machines.md"


@pytest.mark.parametrize("one", ASKED, ids=lambda one: one.name)
def test_every_difference_is_judged_and_every_probe_is_one(one: machines.Asked) -> None:
    known = {probe.identity for probe in PROBES.values()}
    assert set(one.odd) <= set(one.judged)
    assert set(one.judged) <= known
    assert set(one.shown.verdicts) <= known


def test_the_simulated_pc_agrees_with_itself() -> None:
    one = next(one for one in ASKED if one.name == "simulated-pc")
    assert [probe for probe in one.odd if not PROBES[probe.partition(".")[2]].hangs] == []
    asked = {probe for probe, v in one.shown.verdicts.items() if v is not Verdict.UNKNOWN}
    alone = {probe.identity for probe in PROBES.values() if probe.section not in OF_A_PERSON}
    assert asked == alone


@pytest.mark.parametrize("one", ASKED, ids=lambda one: one.name)
def test_an_export_says_nothing_but_what_it_may(one: machines.Asked) -> None:
    """What an export of this version would not let through is not in it."""
    for (identity, name), text in one.shown.answers.items():
        probe = PROBES[identity.partition(".")[2]]
        if len(text) == share.MOST_SHOWN:
            continue  # cut, perhaps within a word
        assert share.harmless(text.replace(" / ", "\n"), probe, name) == text

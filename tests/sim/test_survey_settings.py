"""Each setting of the simulated PC is found by the probes that name it, and by no other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.survey.flips import ask, asked_about, flips
from benchmarks.survey.served import serving
from deployer.core.survey.learn import learn
from deployer.edge import resources
from deployer.sim.cable import Link
from deployer.sim.commandcom import SETTINGS
from tests.surveying import PROBES

SECTIONS = {section for setting in SETTINGS for section in asked_about(setting)}
EVERY = [probe for probe in PROBES.values() if probe.expected and probe.section in SECTIONS]
DECIDING = [probe for probe in EVERY if probe.settings]
WAITING = "ftp.silent"
"""Here the server says nothing for seconds: it is asked only where the setting decides it."""
A_PART = 0.06
"""Of the probes that a setting does not decide; `python -m benchmarks.survey` asks all."""


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Link]:
    """The way to a host that plays for the probes of FTP.EXE."""
    with serving(tmp_path_factory.mktemp("inbox")) as found:
        yield found


def test_every_setting_is_in_the_table() -> None:
    assert set(resources.surveyed_settings()) == set(SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_is_found_by_the_probes_that_name_it(
    setting: str, tmp_path: Path, link: Link
) -> None:
    naming = [probe for probe in EVERY if setting in probe.settings]
    others = [probe for probe in EVERY if setting not in probe.settings and not probe.hangs]
    some = random.Random(setting).sample(others, int(len(others) * A_PART))
    assert naming
    expected = {probe.identity: dict(probe.settings[setting]) for probe in naming}
    assert flips([*naming, *some], setting, tmp_path, link) == expected


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_is_learned_from_a_survey(setting: str, tmp_path: Path, link: Link) -> None:
    """All probes are asked that decide a setting of the same program."""
    asked = [
        probe
        for probe in DECIDING
        if probe.section in asked_about(setting)
        and (setting in probe.settings or probe.identity != WAITING)
    ]
    likeness = learn([ask(probe, [setting], tmp_path, link) for probe in asked])
    assert likeness.unlike == (setting,)
    assert likeness.unmatched == ()


def test_nothing_is_learned_from_a_pc_that_is_like_the_simulated_one(
    tmp_path: Path, link: Link
) -> None:
    asked = [probe for probe in DECIDING if probe.identity != WAITING]
    likeness = learn([ask(probe, [], tmp_path, link) for probe in asked])
    assert (likeness.unlike, likeness.unmatched) == ((), ())


def test_what_no_setting_explains_is_named(tmp_path: Path) -> None:
    shift = PROBES["shift"]
    one = ask(shift, [], tmp_path)
    strange = type(one)(shift, one.verdict.DIFFERS, {**one.found, "OUT.TXT": "x\n"}, ("OUT.TXT",))
    assert learn([strange]).unmatched == ("command.shift",)

"""SURVEY.BAT: armed before it starts, what may hang last, nothing outside its folder."""

from __future__ import annotations

import re

import pytest

from deployer.core.survey import script
from deployer.core.survey.cases import placed, unplaced
from deployer.core.survey.probe import SurveyProbe, SurveySection
from deployer.host.surveys.asked import every_probe

EVERY = every_probe()
RUN, THERE = "S7K2QAB0", "C:\\SURVEY"


def lines(probes: tuple[SurveyProbe, ...]) -> list[str]:
    return script.batch(probes, RUN, THERE).decode("ascii").split("\r\n")


def test_a_probe_is_armed_in_a_file_that_is_closed_before_it_starts() -> None:
    probe = next(p for p in EVERY if p.name == "call-basic")
    found = lines((probe,))
    armed = found.index("ECHO command.call-basic>S7K2QAB0\\P001\\MARK.ARM")
    started = found.index("%COMSPEC% /E:1024 /C CASE >..\\OUT")
    done = found.index("REN S7K2QAB0\\P001\\MARK.ARM MARK.RAN")
    assert armed < started < done


def test_what_was_armed_is_not_started_again() -> None:
    found = lines(EVERY)
    for slot in script.slots(EVERY):
        at = found.index(f":{slot}")
        after = f"P{int(slot[1:]) + 1:03}"
        assert found[at + 1] == f"IF EXIST {RUN}\\{slot}\\MARK.* GOTO {after}"


def test_what_may_hang_is_asked_last_and_in_full_surveys_only() -> None:
    full = script.chosen(EVERY, full=True)
    hanging = [probe.hangs for probe in full]
    assert hanging == sorted(hanging)
    assert any(hanging)
    assert not any(probe.hangs for probe in script.chosen(EVERY, full=False))


def test_a_quick_survey_takes_3_minutes_and_a_full_one_30() -> None:
    assert script.seconds(script.chosen(EVERY, full=False)) < 180
    assert script.seconds(script.chosen(EVERY, full=True)) < 1800


@pytest.mark.parametrize("section", SurveySection)
def test_only_one_section_is_asked_when_it_is_named(section: SurveySection) -> None:
    chosen = script.chosen(EVERY, full=True, sections={section})
    assert {probe.section for probe in chosen} == {section}


def test_every_probe_has_a_name_of_its_own_and_says_what_it_settles() -> None:
    assert len({probe.identity for probe in EVERY}) == len(EVERY)
    for probe in EVERY:
        assert probe.title
        assert re.fullmatch(r"[a-z0-9-]+", probe.name)
        assert probe.expected or probe.answers, f"{probe.identity} asks nothing"
        assert all(re.fullmatch(r"[A-G][0-9]{1,2}", fact) for fact in probe.facts)


def test_nothing_outside_its_folder_is_written_to() -> None:
    """Every place with a drive in a batch file is that of its own folder, or a device."""
    for name, data in script.folder(EVERY, RUN, THERE).items():
        if name.endswith(".BAT"):
            written = re.findall(
                r"(?:>>?|COPY .* |MD |DEL |REN .* )([A-Z]:\\[^ |>\r]*)", data.decode("cp437")
            )
            assert all(place.startswith((THERE, "C:\\NUL")) for place in written), name


@pytest.mark.parametrize(
    ("line", "there"),
    [
        (b"CD>>C:\\T\\OUT.TXT", b"CD>>C:\\S\\OUT.TXT"),
        (b"CD \\T", b"CD C:\\S"),
        (b"C:\\TOOLS\\TAIL x", b"C:\\S\\TAIL x"),
        (b"IF EXIST C:\\TMP\\*.* ECHO", b"IF EXIST C:\\S\\TMP\\*.* ECHO"),
        (b"ECHO A\\T", b"ECHO A\\T"),
        (b"CD TWO", b"CD TWO"),
    ],
)
def test_a_batch_file_calls_its_folder_as_it_is_there(line: bytes, there: bytes) -> None:
    assert placed(line, "C:\\S") == there


def test_what_it_said_is_read_with_the_name_of_the_observed_folder() -> None:
    assert unplaced("now c:\\Survey\\A\\x", "C:\\SURVEY\\A") == "now C:\\T\\x"

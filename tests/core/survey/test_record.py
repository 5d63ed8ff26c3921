"""SURVEY.TXT: written and read without loss, and nothing is believed that is not whole."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.survey import record
from deployer.core.survey.record import (
    Evidence,
    LeftFile,
    ProbeEnd,
    Survey,
    SurveyRefusedError,
)

TEXTS = st.text(st.characters(codec="cp437", min_codepoint=33), min_size=1, max_size=12)
FILES = st.builds(
    LeftFile, TEXTS, st.integers(0, 1 << 31), st.just("0f" * 32), st.binary(max_size=30)
)
EVIDENCE = st.lists(
    st.builds(
        Evidence,
        st.integers(1, 999).map("P{:03}".format),
        st.sampled_from(["command.call-basic", "disk.full"]),
        st.sampled_from(ProbeEnd),
        st.binary(max_size=30),
        st.integers(0, 1 << 31),
        st.lists(TEXTS, max_size=2).map(tuple),
        st.lists(FILES, max_size=2).map(tuple),
    ),
    max_size=4,
    unique_by=lambda one: one.slot,
).map(tuple)
MACHINE = st.fixed_dictionaries({}, optional={"system": st.just("Windows 98 4.10.1998")})
SURVEYS = st.builds(Survey, st.just("S7K2QAB0"), st.just("C:\\SURVEY"), MACHINE, EVIDENCE)

SURVEY = Survey(
    "S7K2QAB0",
    "C:\\SURVEY",
    {"system": "Windows 98 4.10.1998", "memory": "134217728"},
    (
        Evidence("P001", "command.type", ProbeEnd.RAN, b"a %\r\n", 5, ("SUB",)),
        Evidence(
            "P002", "command.del", ProbeEnd.STOPPED, files=(LeftFile("A.TXT", 1, "ab" * 32, b"a"),)
        ),
    ),
)


@settings(max_examples=25)
@given(SURVEYS)
def test_what_is_written_is_read(survey: Survey) -> None:
    assert record.parse(record.write(survey)) == survey


def test_a_survey_that_is_cut_anywhere_is_none() -> None:
    whole = record.write(SURVEY)
    for end in range(len(whole)):
        with pytest.raises(SurveyRefusedError):
            record.parse(whole[:end])


def test_a_survey_with_one_wrong_bit_is_none() -> None:
    whole = record.write(SURVEY)
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        with pytest.raises(SurveyRefusedError):
            record.parse(bytes(damaged))


def resealed(old: bytes, new: bytes) -> bytes:
    """The survey with other bytes, and the right seal for them."""
    body = record.write(SURVEY).rpartition(b"end=")[0].replace(old, new)
    lines = body.count(b"\n")
    return body + f"end={lines} {zlib.crc32(body):08X}\r\n".encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"run=S7K2QAB0", b"run=../../etc"),
        (b"P001 ran", b"P1 ran"),
        (b"P001 ran", b"P001 flew"),
        (b"P002 stopped", b"P001 stopped"),
        (b"command.type", b"Type"),
        (b"printed=5", b"printed=-5"),
        (b"printed=5", b"printed=05"),
        (b"a%20%25", b"a%2g"),
        (b"ab" * 32, b"ab" * 31),
        (b"memory=134217728\r\n", b"memory=1\r\nmemory=2\r\n"),
        (b"at=C:\\SURVEY\r\n", b""),
        (b"folder=SUB", b"owner=SUB"),
        (b"deployer-survey=1", b"deployer-survey=2"),
    ],
)
def test_a_survey_that_says_something_else_is_none(old: bytes, new: bytes) -> None:
    assert old in record.write(SURVEY)
    with pytest.raises(SurveyRefusedError):
        record.parse(resealed(old, new))


def test_it_is_found_in_what_a_program_printed() -> None:
    whole = record.write(SURVEY)
    assert record.find(b"Bad command\r\n" + whole + b"more\r\n") == whole
    assert record.find(whole[:-4]) == b""
    assert record.find(b"") == b""

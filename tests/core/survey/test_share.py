"""An export has no names, addresses, paths, serial numbers, tokens: what is known is let in."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.core.survey import share
from deployer.core.survey.judge import Verdict, judge
from deployer.core.survey.probe import SurveyProbe
from deployer.core.survey.record import Evidence, LeftFile, ProbeEnd, Survey, SurveyRefusedError

PROBE = SurveyProbe(
    "command.echo",
    "two words are said",
    "%COMSPEC% /C CASE",
    files={"CASE.BAT": b"@ECHO OFF\r\nECHO one two>>OUT.TXT\r\n"},
    expected={"ends": "ran", "OUT.TXT": "one two\n", "gone": "", "folders": ""},
)
MACHINE = {
    "system": "Windows 98 4.10.2222",
    "cpu": "GenuineIntel family 6 model 5 stepping 2",
    "cpu_mhz": "350",
    "cpu_features": "fpu tsc mmx",
    "memory": "133672960",
    "disk_cluster": "4096",
    "disk_free": "1234567890",
}


def survey(said: bytes, machine: dict[str, str] | None = None, name: str = "OUT.TXT") -> Survey:
    left = LeftFile(name, len(said), "0" * 64, said)
    files = (left, LeftFile("CASE.BAT", 0, "0" * 64, b""))
    one = Evidence("P001", "command.echo", ProbeEnd.RAN, said, len(said), (), files)
    return Survey("S7K2QAB0", "C:\\WINDOWS\\MARY", machine or {}, (one,))


def exported(found: Survey) -> bytes:
    return share.write(share.export(found, judge(found, [PROBE])))


SECRETS = st.one_of(
    st.text("BCFGHIJKLMPQRSUVXYZ", min_size=4, max_size=12),  # names of people and computers
    st.ip_addresses(v=4).map(str).filter(lambda a: len(a) > 7),
    st.text("0123456789", min_size=6, max_size=20),  # serial numbers
    st.text("0123456789abcdef", min_size=10, max_size=32).filter(lambda t: not t.isdigit()),
    st.from_regex(r"[C-Z]:\\[QXYZ]{4,8}\\[JKL]{4,8}", fullmatch=True),
    st.from_regex(r"([0-9A-F]{2}-){5}[0-9A-F]{2}", fullmatch=True),
)


@settings(max_examples=60)
@given(SECRETS, st.sampled_from(["{}", "one {} two", "one two\r\n{}\r\n", "={}=", "{}\\one"]))
def test_no_secret_of_the_pc_is_in_it(secret: str, around: str) -> None:
    said = around.format(secret).encode()
    for found in (
        survey(said),
        survey(b"one two\r\n", {**MACHINE, "system": f"Windows {secret}"}),
        survey(b"one two\r\n", {**MACHINE, "cpu": secret, "memory": secret}),
        survey(said, name=f"{secret}.TXT"),
        replace(survey(said), at=secret),
    ):
        shown = exported(found).decode("ascii")
        assert secret.lower() not in shown.lower()
        assert "mary" not in shown.lower()
        for word in re.findall("[A-Za-z]{4,}", secret):
            assert word.lower() not in shown.lower()


def test_what_differs_is_shown_in_the_words_of_the_probe() -> None:
    shown = exported(survey(b"two one Mary 7\r\n", MACHINE)).decode("ascii")
    assert "command.echo=differs\n" in shown
    assert "command.echo:OUT.TXT=two one ? 7\n" in shown


def test_a_machine_is_shown_by_what_many_machines_are() -> None:
    assert share.machine(MACHINE) == {
        "system": "Windows 98 4.10.2222",
        "cpu": "GenuineIntel family 6 model 5 stepping 2",
        "cpu_mhz": "350",
        "cpu_features": "fpu tsc mmx",
        "memory_mb": "128",
        "disk_cluster": "4096",
    }


def test_an_export_is_read_again_and_a_changed_one_is_not() -> None:
    found = survey(b"two\r\n", MACHINE)
    shown = share.export(found, judge(found, [PROBE]))
    whole = share.write(shown)
    assert share.parse(whole) == shown
    assert share.parse(whole.replace(b"\n", b"\r\n")) == shown, "mail changes the ends of lines"
    for damaged in (whole[:-3], whole.replace(b"350", b"351"), b""):
        with pytest.raises(SurveyRefusedError):
            share.parse(damaged)


def test_two_machines_differ_where_both_were_asked() -> None:
    one, other = (survey(said, MACHINE) for said in (b"one two\r\n", b"two\r\n"))
    a, b = (share.export(found, judge(found, [PROBE])) for found in (one, other))
    assert list(share.differing(a, b)) == ["command.echo"]
    assert list(share.differing(a, a)) == []
    unasked = replace(b, verdicts={"command.echo": Verdict.UNKNOWN})
    assert list(share.differing(a, unasked)) == []


def test_a_rate_is_shown_to_two_digits_whatever_its_size() -> None:
    probe = SurveyProbe("speed.x", "a rate", "PROBE98 ASK x", answers=("read_kb_s", "serial"))
    said = b"read_kb_s=286123\r\nserial=286123\r\n"
    one = Evidence("P001", "speed.x", ProbeEnd.RAN, said, len(said), (), ())
    shown = share.write(share.export(whole := replace(survey(b""), evidence=(one,)),
                                     judge(whole, [probe])))  # fmt: skip
    assert b"speed.x:read_kb_s=290000\n" in shown
    assert b"286123" not in shown

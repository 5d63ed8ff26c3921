"""What the server does in the directories that the login of a survey has, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.core.ftp import manners, policy
from deployer.core.ftp.manners import HeardTalk, Manner
from deployer.core.ftp.session import Active, Receive, Reply, Send, Session, Silent
from deployer.core.ftp.tree import grow
from deployer.model import Blob, Share

WAY = Active("192.168.1.2", 1042)
SURVEY = manners.with_manners(Share("D0000001", ()))


def session(manner: Manner, share: Share = SURVEY) -> Session:
    tree = grow(share)
    at = Session("192.168.1.2", login="D0000001", tree=tree, binary=True, way=WAY)
    return policy.answer(at, "CWD", manner.value).session


def fetched(manner: Manner, name: str = "C.BIN") -> object:
    return policy.answer(session(manner), "RETR", name)


def test_a_plain_file_is_sent_whole_and_nobody_is_told() -> None:
    answer = fetched(Manner.PLAIN)
    assert isinstance(answer, Send)
    assert answer.entry.source == Blob(manners.FILES["C.BIN"])
    assert answer.played is not None
    assert (answer.played.line, answer.played.lost) == ("", False)


@pytest.mark.parametrize("manner", [Manner.CUT, Manner.LOST])
def test_half_of_a_file_comes(manner: Manner) -> None:
    answer = fetched(manner)
    assert isinstance(answer, Send)
    assert answer.entry.length == len(manners.FILES["C.BIN"]) // 2
    assert answer.played is not None
    assert answer.played.lost == (manner is Manner.LOST)


def test_only_where_silence_is_asked_for_nothing_is_said() -> None:
    assert isinstance(fetched(Manner.SILENT), Silent)
    asked = policy.answer(session(Manner.SILENT), "TYPE", "I")
    assert isinstance(asked, Reply)
    assert "\n" not in asked.line


def test_a_reply_has_three_lines() -> None:
    answer = policy.answer(session(Manner.LINES), "TYPE", "I")
    assert isinstance(answer, Reply)
    first, second, last = answer.line.split("\r\n")
    assert (first[:4], second[:4], last[:4]) == ("200-", "200-", "200 ")
    other = policy.answer(session(Manner.LINES), "PWD", "")
    assert isinstance(other, Reply)
    assert "\n" not in other.line


def test_what_is_sent_into_a_directory_is_taken_and_not_kept() -> None:
    answer = policy.answer(session(Manner.PLAIN), "STOR", "up.bin")
    assert isinstance(answer, Receive)
    assert manners.is_played(answer.name)
    assert not manners.is_played("RESULT.TXT")


def test_a_share_of_no_survey_has_no_directories() -> None:
    """A push may bring a file into a directory of such a name: it is an ordinary one."""
    bare = replace(SURVEY, survey=False)
    assert manners.manner_of(session(Manner.CUT, bare)) is None
    answer = policy.answer(session(Manner.CUT, bare), "RETR", "C.BIN")
    assert isinstance(answer, Send)
    assert (answer.played, answer.entry.length) == (None, len(manners.FILES["C.BIN"]))
    at_root = replace(session(Manner.CUT), directory="")
    assert manners.manner_of(at_root) is None


@pytest.mark.parametrize(
    ("verb", "argument", "noted"),
    [
        ("RETR", "A.TXT", "RETR A.TXT"),
        ("PORT", "192,168,1,2,4,18", "PORT"),
        ("USER", "D0000001", "USER"),
        ("PASS", "secret", "PASS"),
        ("QUIT", "", "QUIT"),
    ],
)
def test_addresses_and_passwords_are_not_noted(verb: str, argument: str, noted: str) -> None:
    assert manners.heard(verb, argument) == noted


def test_what_was_heard_is_a_file_of_plain_lines_and_of_bounded_length() -> None:
    talk = HeardTalk([])
    for _ in range(1000):
        talk.note("RETR \xe4.TXT")
    lines = talk.bytes().split(b"\r\n")
    assert lines[0] == b"RETR ?.TXT"
    assert len(lines) < 300
    share = manners.with_talk(SURVEY, talk)
    found = grow(share).files[manners.TALK_TXT]
    assert found.text
    assert found.source == Blob(talk.bytes())

"""What the old PC reports and does, in the reader's words."""

from __future__ import annotations

import pytest

from deployer.core.view import fold
from deployer.events import DeploymentStaged, Event, PullAdvanced, StateChanged, TargetReported
from deployer.face import words
from deployer.face.estimate import Habits
from deployer.model import FileProof, Report, State

ID = "D7F3A21C"
GOOD = FileProof("A.BIN", 1, "0" * 64, "good")


@pytest.mark.parametrize(
    ("report", "parts", "said"),
    [
        (Report(ID, True, "CHECK", 1), 3, "the PC needs 3 parts"),
        (Report(ID, True, "CHECK", 1, have=(("A.BIN", "1-2"),)), 3, "the PC needs 1 part"),
        (
            Report(ID, True, "CHECK", 1, have=(("A.BIN", "1-2"),)), 0,
            "the PC has 2 parts and fetches what is missing",
        ),
        (
            Report(ID, True, "CHECK", 1, bad=(("A.003", 1),)), 3,
            "the PC found damage and fetches again: A.003",
        ),
        (Report(ID, True, "CHECK", 0), 3, "the PC has every part"),
        (
            Report(ID, True, "JOIN", 0, files=(GOOD,)), 3,
            "the PC has joined the parts and verified every file on its disk",
        ),
        (
            Report(ID, True, "JOIN", 3, reason="the disk is full"), 3,
            "the PC could not go on (JOIN): the disk is full",
        ),
        (Report("", True, system="Windows 98", cpu="Pentium"), 3, "the PC is Windows 98, Pentium"),
    ],
)  # fmt: skip
def test_a_report_is_said_in_the_readers_words(report: Report, parts: int, said: str) -> None:
    assert words.reported(report, ID, parts) == said


def test_a_pull_is_told_by_what_is_here() -> None:
    staged = DeploymentStaged(
        deployment=ID, target="192.168.1.2", host="192.168.1.1", directory="C:\\DEPLOY", files=(),
        total=0, run="", recipe="pull", at=1.0,
    )  # fmt: skip
    view = fold({}, staged)
    events: tuple[tuple[Event, str], ...] = (
        (
            StateChanged(deployment=ID, state=State.VERIFYING, at=2.0),
            "the PC lists the files and makes their sums",
        ),
        (
            PullAdvanced(deployment=ID, files=3, total=4000, here=0, at=3.0),
            "0 bytes of 4.0 kB are here",
        ),
        (
            PullAdvanced(deployment=ID, files=3, total=4000, here=1000, at=4.0),
            "1.0 kB of 4.0 kB are here",
        ),
        (
            PullAdvanced(deployment=ID, files=3, total=4000, here=4000, at=5.0),
            "all 4.0 kB are here",
        ),
        (
            TargetReported(deployment=ID, report=Report(ID, True, "GATHER", 0), at=5.0),
            "all 4.0 kB are here",
        ),
    )
    for event, said in events:
        view = fold(view, event)
        assert words.doing(view[ID], Habits(), 6.0) == said
    late = words.doing(view[ID], Habits(), 500.0)
    assert late == "all 4.0 kB are here: nothing has come for 8 min 15 s"

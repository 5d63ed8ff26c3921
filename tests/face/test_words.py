"""Reports of the old PC in the reader's words."""

from __future__ import annotations

import pytest

from deployer.face import words
from deployer.model import FileProof, Report

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

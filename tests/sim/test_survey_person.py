"""Probes that need a person at the old PC, on a simulated one: a diskette, a pulled cable."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from benchmarks.survey.flips import ask
from benchmarks.survey.served import MANIFEST
from deployer.core.media import fat12
from deployer.core.survey.judge import Verdict
from deployer.sim.cable import Link
from deployer.sim.disk.images import Floppy
from deployer.sim.disk.removable import RemovableDisk
from tests.surveying import PROBES, SurveyedPc, some


def diskette(folder: Path, *, protected: bool = False) -> RemovableDisk:
    """A drive A: with a diskette on which one file lies."""
    image = folder / "0.img"
    image.write_bytes(
        fat12.image(fat12.GEOMETRIES[1440], "FULL", [("READ.ME", b"hello")], date=0, serial=1)
    )
    drive = RemovableDisk("A", folder / "a", lambda _drive, _what: "F")
    drive.insert(image, protected=protected)
    return drive


def test_a_diskette_is_filled_and_is_as_before(tmp_path: Path) -> None:
    pc = SurveyedPc(tmp_path / "c", some("full"))
    drive = diskette(tmp_path)
    before = drive.free()
    pc.machine.drives = {"A": drive}
    (one,) = pc.survey()
    assert (one.verdict, one.differing) == (Verdict.PASS, ())
    assert drive.free() == before
    drive.eject()
    (file,) = Floppy((tmp_path / "0.img").read_bytes()).files()
    assert (file.name, file.data) == ("READ.ME", b"hello")


def test_without_a_diskette_the_probe_was_not_asked(tmp_path: Path) -> None:
    for drives in ({}, {"A": RemovableDisk("A", tmp_path / "a", lambda _drive, _what: "F")}):
        pc = SurveyedPc(tmp_path / f"c{len(drives)}", some("full"))
        pc.machine.drives = drives
        (one,) = pc.survey()
        assert one.verdict is Verdict.UNKNOWN


def test_a_diskette_that_cannot_be_written_differs(tmp_path: Path) -> None:
    pc = SurveyedPc(tmp_path / "c", some("full"))
    pc.machine.drives = {"A": diskette(tmp_path, protected=True)}
    (one,) = pc.survey()
    assert one.verdict is Verdict.DIFFERS
    assert "error" in one.differing


def test_a_pulled_cable_is_told_and_the_survey_goes_on(tmp_path: Path) -> None:
    """Nobody answers: FTP.EXE ends its script, and nothing was fetched."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # it does not listen
        link = Link(routes={MANIFEST.host: nobody.getsockname()})
        one = ask(PROBES["pulled"], [], tmp_path, link)
    assert one.verdict is Verdict.TOLD
    assert "run=ok" in one.found["OUT.TXT"]
    assert "bytes=0" in one.found["OUT.TXT"]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("192.168.1.2", {"by_hand": "1", "automatic": "0", "addresses": "1", "of_itself": "0"}),
        ("169.254.7.7", {"by_hand": "0", "automatic": "1", "addresses": "1", "of_itself": "1"}),
    ],
)
def test_an_address_that_the_pc_gave_itself_is_told_from_one_by_hand(
    tmp_path: Path, address: str, told: dict[str, str]
) -> None:
    pc = SurveyedPc(tmp_path / "c", some("address"))
    pc.machine.link.source = address
    (one,) = pc.survey()
    assert one.verdict is Verdict.TOLD
    assert {name: one.found[name] for name in told} == told
    assert address not in "".join(one.found.values())

"""PROBE98 as a program of this machine: what it collects, and what it answers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deployer.core.survey import record
from deployer.core.survey.questions import questions
from deployer.edge.surveyed import collect
from tests.payloads.conftest import Make

RUN = "S7K2QAB0"


@pytest.fixture(scope="module")
def program(make: Make) -> Path:
    """The hosted build."""
    return make("hosted", "PROBE98")


def call(program: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


def test_it_collects_what_is_read_here(program: Path, tmp_path: Path) -> None:
    """Every byte a file can have, a deep folder, a probe that stopped, one that never began."""
    for slot, mark, name in (
        ("P001", "MARK.RAN", "command.type"),
        ("P002", "MARK.ARM", "command.del"),
        ("P120", "MARK.RAN", "disk.space"),
        ("P121", "MARK.RAN", ""),
    ):
        home = tmp_path / RUN / slot
        (home / "T" / "SUB.D" / "DEEP.D").mkdir(parents=True)
        (home / mark).write_bytes(f"{name}\r\n".encode())
        (home / "T" / "ALL.DAT").write_bytes(bytes(range(256)) * 20)
        (home / "T" / "SUB.D" / "EMPTY.DAT").write_bytes(b"")
        (home / "OUT").write_bytes(b"said\x1a %=\r\n")
    (tmp_path / RUN / "P003").mkdir()
    done = call(program, tmp_path, "COLLECT", RUN)
    assert done.returncode == 0
    told = record.parse((tmp_path / f"{RUN}.TXT").read_bytes())
    read = collect(tmp_path, RUN, told.at)
    slash = [
        record.Evidence(
            one.slot, one.probe, one.end, one.printed, one.printed_length,
            tuple(sorted(name.replace("/", "\\") for name in one.folders)),
            tuple(
                record.LeftFile(f.name.replace("/", "\\"), f.length, f.sha256, f.content)
                for f in sorted(one.files, key=lambda f: f.name)
            ),
        )
        for one in told.evidence
    ]  # fmt: skip
    assert slash == [one for one in read.evidence if one.probe]
    assert [one.end for one in told.evidence] == ["ran", "stopped", "ran"]


OF_ANY_SYSTEM = ["disk.rename-over", "disk.rename-across", "disk.read-while-written",
                 "disk.cut-and-grow", "win32.exit-code", "win32.pipe"]  # fmt: skip


@pytest.mark.parametrize("identity", OF_ANY_SYSTEM)
def test_it_answers_as_expected_where_no_windows_is_asked(
    identity: str, program: Path, tmp_path: Path
) -> None:
    probe = next(probe for probe in questions() if probe.identity == identity)
    done = call(program, tmp_path, "ASK", probe.command.rpartition(" ")[2])
    answers = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert {"ends": "ran", **answers} == probe.expected


@pytest.mark.parametrize("words", [(), ("ASK", "nothing"), ("COLLECT", "SHORT"), ("END", "x")])
def test_a_wrong_use_is_one(words: tuple[str, ...], program: Path, tmp_path: Path) -> None:
    assert call(program, tmp_path, *words).returncode == 4


MANIFEST = b"DEPLOY98 2 D0000001\r\nHOST 192.168.1.1 D0000001 abcdefghij\r\nRUN SURVEY.BAT\r\n"


def test_a_script_for_ftp_exe_gets_the_host_and_the_login(program: Path, tmp_path: Path) -> None:
    """Those of the newest manifest: the one that brought it."""
    ours, here = tmp_path / "DEPLOY", tmp_path / "T"
    ours.mkdir()
    here.mkdir()
    (ours / "D0000002.MAN").write_bytes(MANIFEST.replace(b"D0000001", b"D0000002"))
    os.utime(ours / "D0000002.MAN", (1_000_000_000, 1_000_000_000))
    (ours / "D0000001.MAN").write_bytes(MANIFEST)
    (here / "S.TXT").write_bytes(b"open #H 21\r\nuser #U\r\nget A.TXT\r\nbye\r\n")
    assert call(program, here, "SCRIPT", "S.TXT", "S.FTP").returncode == 0
    made = b"open 192.168.1.1 21\r\nuser D0000001 abcdefghij\r\nget A.TXT\r\nbye\r\n"
    assert (here / "S.FTP").read_bytes() == made


@pytest.mark.parametrize("text", [b"", MANIFEST[:30], b"HOST" * 2000])
def test_without_a_host_there_is_no_script(text: bytes, program: Path, tmp_path: Path) -> None:
    here = tmp_path / "T"
    here.mkdir()
    if text:
        (tmp_path / "DEPLOY").mkdir()
        (tmp_path / "DEPLOY" / "D0000001.MAN").write_bytes(text)
    (here / "S.TXT").write_bytes(b"open #H\r\n")
    assert call(program, here, "SCRIPT", "S.TXT", "S.FTP").returncode == 9
    assert not (here / "S.FTP").exists()

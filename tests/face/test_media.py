"""Staging on disks by the command line, and the proof of what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.core.media import code, fat12

Deployer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def deployer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Deployer:
    """Runs a command line in a directory with a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPLOYER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "some.txt").write_bytes(b"some text\r\n" * 100)

    def call(*arguments: str) -> tuple[int, str, str]:
        return run(list(arguments)), *capsys.readouterr()

    return call


@pytest.fixture
def disks(deployer: Deployer, tmp_path: Path) -> Path:
    """One disk with the file."""
    exit_code, said, _err = deployer(
        "stage", "some.txt", "--no-run", "--floppies", "--out", "disks"
    )
    assert exit_code == 0
    assert "0.img  label D" in said
    out = tmp_path / "disks"
    assert sorted(path.name for path in out.iterdir()) == ["0.img", "LABELS.TXT"]
    return out


def test_without_a_report_there_is_no_proof(deployer: Deployer, disks: Path) -> None:
    exit_code, _out, err = deployer("proof", "--from", str(disks))
    assert exit_code == 5
    assert "there is no proof of it (no RESULT.TXT of it is there)" in err


def test_the_code_proves_and_another_does_not(deployer: Deployer, disks: Path) -> None:
    files = fat12.files_of((disks / "0.img").read_bytes())
    right = code.of(next(data for name, data in files.items() if name.endswith(".MAN")))
    exit_code, out, _err = deployer("proof", "--from", str(disks), "--code", right.lower())
    assert exit_code == 0
    assert "PROVED by the code that the PC showed." in out
    exit_code, out, _err = deployer("proof", "--from", str(disks), "--code", right, "--json")
    assert (exit_code, json.loads(out)["proved"]) == (0, True)
    assert deployer("proof", "--from", str(disks), "--code", "AAAA-AAAA")[0] == 5


def test_a_cd_is_one_file(deployer: Deployer, tmp_path: Path) -> None:
    stage = ("stage", "some.txt", "--no-run", "--cd", "some.iso")
    exit_code, out, _err = deployer(*stage)
    assert exit_code == 0
    assert "some.iso  label D" in out
    assert sorted(path.name for path in tmp_path.glob("some.*")) == ["some.iso", "some.txt"]
    assert deployer(*stage)[0] == 1, "it is there already"

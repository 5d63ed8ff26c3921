"""The main job, whole: `push --target sim` with real files, real programs, real sockets."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.core.target.proof import story
from deployer.events import (
    DeploymentStaged,
    Event,
    OutputReceived,
    ProofReceived,
    StateChanged,
    TransferDone,
    from_json,
)
from deployer.model import State

Push = Callable[..., tuple[int, list[Event]]]


@pytest.fixture
def push(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Push:
    """`push --target sim --json` with one state directory, so one disk, for the whole test."""

    def call(*arguments: object) -> tuple[int, list[Event]]:
        state = ("--state-dir", str(tmp_path / "state"))
        code = run(["push", "--target", "sim", "--json", *state, *map(str, arguments)])
        out, err = capsys.readouterr()
        assert code or not err, err
        return code, [from_json(line) for line in out.splitlines()]

    return call


def fetched(events: list[Event]) -> list[str]:
    """Parts that went over the wire."""
    staged = next(e for e in events if isinstance(e, DeploymentStaged))
    bases = {file.first_part.partition(".")[0] for file in staged.files}
    downloads = [e.name for e in events if isinstance(e, TransferDone) and not e.upload]
    return [n for n in downloads if n.partition(".")[0] in bases and n[-3:].isdigit()]


def test_the_published_model_tells_exactly_its_story(push: Push, reference_models: Path) -> None:
    model = reference_models / "stories260K.bin"
    code, events = push(model, "--temperature", 0, "--steps", 200)
    assert code == 0
    *_, proof, last = events
    assert isinstance(last, StateChanged)
    assert last.state == State.PROVED
    assert isinstance(proof, ProofReceived)
    told = {file.name: file.sha256 for file in proof.proof.report.files}
    assert told["STORI260.BIN"] == hashlib.sha256(model.read_bytes()).hexdigest()
    output = next(e for e in events if isinstance(e, OutputReceived))
    text = (reference_models / "greedy-200.txt").read_text(encoding="utf-8")
    assert story(Path(output.path).read_bytes().decode("utf-8")) == text
    assert proof.proof.tokens_per_second
    assert proof.proof.emulated


def test_a_second_push_of_the_sample_model_moves_no_part(push: Push, root: Path) -> None:
    model = root / "payloads" / "models" / "campfire" / "campfire260K.bin"
    code, events = push(model, "--steps", 5)
    assert code == 0
    assert len(fetched(events)) == 3
    code, events = push(model, "--steps", 5)
    assert code == 0
    assert fetched(events) == []


def test_one_changed_byte_moves_one_part_of_fifty(push: Push, tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    data = bytearray(random.Random(1).randbytes(50 * (256 << 10) - 17))
    path.write_bytes(data)
    code, events = push(path, "--part-size", "256K")
    assert code == 0
    assert len(fetched(events)) == 50
    data[37 * (256 << 10) + 5] ^= 1
    path.write_bytes(data)
    code, events = push(path, "--part-size", "256K")
    assert code == 0
    assert fetched(events) == ["BIG.038"]
    disk = tmp_path / "state" / "sim-pc" / "DEPLOY" / "BIG.BIN"
    assert disk.read_bytes() == bytes(data)


def test_a_program_that_fails_on_the_target_is_exit_code_6(push: Push, root: Path) -> None:
    model = root / "payloads" / "models" / "campfire" / "campfire260K.bin"
    code, events = push(
        model, "--run", "LLAMA98.EXE nothing.bin", root / "payloads/bin/LLAMA98.EXE"
    )
    assert code == 6
    assert isinstance(events[-1], StateChanged)
    assert events[-1].state == State.FAILED

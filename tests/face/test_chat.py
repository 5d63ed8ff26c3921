"""deployer chat: a line goes to the old PC's model, its words come here as they are found there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.host.agents.talking import AnswerEnd, Invited, Reading, Records, Spoken
from tests.waiting import PATIENCE

pytest.importorskip("numpy", reason="needs the extra models")

from tests.payloads import l98
from tests.payloads.test_l98_chat import SHAPE, chat_model

LONG = l98.Shape(48, 64, 2, 4, 2, 12, 300, 4000, flags=0)


def begin(*words: object, folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DEPLOYER_STATE_DIR": str(folder / "state"), "COLUMNS": "100"}
    return subprocess.Popen(
        [sys.executable, "-m", "deployer", "chat", *map(str, words)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder,
        env=environment,
    )  # fmt: skip


def talk(*words: object, said: str, folder: Path, code: int = 0) -> tuple[str, str]:
    started = begin(*words, folder=folder)
    out, err = started.communicate(said.encode(), timeout=PATIENCE)
    assert started.returncode == code, (out, err)
    return out.decode(), err.decode()


# --- what the engine prints

SAID = "é!\x1eP 50\nOh\n".encode() + b"\x1eA 12 1.47\n\x1eR\nrest"


@given(st.lists(st.integers(0, len(SAID)), max_size=9))
def test_what_comes_in_pieces_is_understood(cuts: list[int]) -> None:
    records, told = Records(), []
    for begin_, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(SAID)], strict=True):
        told += records.take(SAID[begin_:end])
    words = "".join(one.text for one in told if isinstance(one, Spoken))
    assert words == "é!Oh\nrest"
    assert [one for one in told if not isinstance(one, Spoken)] == [
        Reading(50), AnswerEnd(12, 1.47), Invited()
    ]  # fmt: skip


@given(st.lists(st.binary(max_size=90) | st.sampled_from([b"\x1e", b"\n", b"\x1eR", b"A 1 "])))
def test_whatever_comes_is_taken(pieces: list[bytes]) -> None:
    records = Records()
    for piece in pieces:
        records.take(piece)


# --- with the simulated PC


@pytest.mark.needs("unicorn")
def test_a_conversation_with_a_simulated_pc(tmp_path: Path) -> None:
    """The real agent and the real engine."""
    model = chat_model(tmp_path / "M.L98")
    lines = ["Hello there", "", "x" * 3000, "And now? é", "/quit", "never said"]
    out, err = talk("sim", model, "--steps", 200, said="\n".join(lines), folder=tmp_path)
    assert "a simulated PC, which has proved it" in err
    assert "(a line of 3,000 bytes is too long, and was not said)" in err
    found = re.split(
        r"\n\(\d+ tokens, .* tok/s \(the emulated machine, not a Pentium II\)\)\n", out
    )
    assert [text.partition("\n")[0] for text in found] == ["> Hello there", "> And now? é", ""]


@pytest.mark.needs("unicorn")
def test_ctrl_c_ends_an_answer_and_then_the_conversation(tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98", stops=[257], shape=LONG)
    started = begin("sim", model, "--json", "--steps", 4000, folder=tmp_path)
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write(b"Tell me all\n")
    started.stdin.flush()
    told: list[dict[str, object]] = []
    for line in started.stdout:
        told.append(json.loads(line))
        if "words" in told[-1] and not any("answer" in one for one in told):
            started.send_signal(signal.SIGINT)
        if "ready" in told[-1] and any("answer" in one for one in told):
            started.send_signal(signal.SIGINT)
            break
    started.stdout.read()
    assert started.wait(PATIENCE) == 0
    (answer,) = [one for one in told if "answer" in one]
    assert answer["question"] == "Tell me all"
    assert answer["answer"] == "".join(str(one["words"]) for one in told if "words" in one)
    assert isinstance(answer["tokens"], int)
    assert 0 < answer["tokens"] < 3900


def test_a_model_without_a_chat_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98", chat=False)
    out, err = talk("sim", model, said="Hello\n", folder=tmp_path, code=1)
    assert not out
    assert "it has no chat template, so nobody can talk with it" in err
    assert "It continues a text: deployer push --target sim" in err


def test_without_an_agent_it_says_what_to_type_at_the_old_pc(tmp_path: Path) -> None:
    model = chat_model(tmp_path / "M.L98", shape=SHAPE)
    real = ("127.0.0.9", "--no-link", "--address", "127.0.0.1", "--ftp-port", "0")
    out, err = talk(*real, model, said="Hello\n", folder=tmp_path, code=4)
    assert not out
    assert r"CD C:\DEPLOY, then LLAMA98 M.L98 --chat" in err
    assert "deployer push --target 127.0.0.9 --stay" in err
    _out, err = talk(*real, said="", folder=tmp_path, code=1)
    assert "Name one: deployer chat 127.0.0.9 FILE.gguf" in err

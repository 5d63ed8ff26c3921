"""What `make demo` shows while its steps are silent: step.py, which needs Python alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.terminal import Terminal

STEP = Path(__file__).parents[1] / "step.py"


def step(name: str, script: str) -> list[str]:
    return [sys.executable, "-I", str(STEP), name, "sh", "-c", script]


def test_a_silent_step_shows_its_seconds_until_it_writes_again() -> None:
    script = 'stty -echo; printf "Working ..."; read go; echo " ready"; exit 3'
    with Terminal(step("making tea", script)) as terminal:
        terminal.until("Working ...  making tea: ")
        terminal.press("\r")
        assert terminal.ended() == 3
        assert "Working ... ready" in terminal.text
        assert "making tea" not in terminal.text


def test_a_step_has_a_terminal_as_wide_as_this_one() -> None:
    with Terminal(step("asking", "stty size <&1"), (93, 31)) as terminal:
        assert terminal.ended() == 0
        assert "31 93" in terminal.text


def test_in_a_pipe_a_step_writes_what_its_command_writes_and_errors_apart() -> None:
    script = "printf said; echo wrong >&2; exit 4"
    ended = subprocess.run(step("x", script), check=False, capture_output=True, timeout=60)
    written = re.sub(rb"x: \d+ s\n", b"", ended.stdout).strip()  # of a machine that is busy
    assert (ended.returncode, written, ended.stderr) == (4, b"said", b"wrong\n")


def test_a_command_that_is_not_there_is_named() -> None:
    words = [sys.executable, "-I", str(STEP), "x", "no-such-command"]
    ended = subprocess.run(words, check=False, capture_output=True, timeout=60, text=True)
    assert ended.returncode == 127
    assert ended.stderr == "no-such-command: No such file or directory\n"

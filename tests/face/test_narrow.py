"""On a narrow terminal nothing is left to the terminal to break; in a pipe lines stay whole."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.__main__ import run
from deployer.edge.store import Store
from deployer.events import DeploymentStaged, OutputReceived, StateChanged
from deployer.face import text
from deployer.face.progress import PushProgress
from deployer.face.progress import Terminal as Terminal98
from deployer.host.service import Service
from tests.face.test_tui_screens import EVENTS, NOW, proved
from tests.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
MODEL = "payloads/models/campfire/campfire260K.bin"
COMMANDS = [
    "status", "history", "history --target 192.168.1.2", "card D7F3A21C", "card D0000003",
    "proof D0000001", f"model inspect {MODEL}", f"push --target sim --no-run {MODEL}",
    "provision tests/face/narrow.toml --dry-run", "provision tests/face/narrow.toml",
]  # fmt: skip


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the events of the golden screens."""
    place = tmp_path_factory.mktemp("state")
    service = Service(place, clock=lambda: NOW, address="127.0.0.1", ftp_port=0)
    for event in EVENTS:
        service.publish(event)
    service._store.close()
    return place


def words(line: str) -> list[str]:
    return [sys.executable, "-m", "deployer", *line.split()]


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("line", COMMANDS)
def test_no_line_is_longer_than_the_terminal_is_wide(line: str, width: int, state: Path) -> None:
    heard = bytearray()
    environment = {"DEPLOYER_STATE_DIR": str(state)}
    with Terminal(
        words(line), (width, 24), environment=environment, where=ROOT, heard=heard.extend
    ) as terminal:
        terminal.ended()
    upwards = re.sub(r"\x1b\[[0-9]*A", "\n", heard.decode())  # a picture that is drawn anew
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", upwards)
    lines = [piece for whole in plain.splitlines() for piece in whole.split("\r")]
    assert len(lines) > 2
    assert [one for one in lines if len(one) > width] == []


@pytest.mark.parametrize("line", COMMANDS)
def test_a_pipe_gets_no_control_codes(line: str, state: Path) -> None:
    done = subprocess.run(
        words(line), capture_output=True, cwd=ROOT, check=False, timeout=100,
        env={"DEPLOYER_STATE_DIR": str(state), "TERM": "xterm-256color", "FORCE_COLOR": ""},
    )  # fmt: skip
    told = (done.stdout + done.stderr).decode()
    assert told
    assert [sign for sign in told if ord(sign) < 32 and sign != "\n"] == []


HOSTILE = "\x1b]0;owned\x07\x1b[31mred\n\x9b.txt"


@pytest.mark.parametrize("command", ["history", "status", "proof", "card"])
def test_names_and_words_from_elsewhere_are_no_control_codes(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of files, reasons, and what a program printed hold anything."""
    store = Store(tmp_path)
    for event in proved():
        match event:
            case DeploymentStaged(files=(file,)):
                event = replace(event, files=(replace(file, long_name=HOSTILE),))  # noqa: PLW2901
            case OutputReceived():
                event = replace(event, text=HOSTILE)  # noqa: PLW2901
            case StateChanged():
                event = replace(event, reason=HOSTILE)  # noqa: PLW2901
        store.append(event)
    store.close()
    run([command, "--state-dir", str(tmp_path)])
    told = capsys.readouterr()
    assert "red" in told.out or command == "card"
    assert [sign for sign in told.out + told.err if unicodedata.category(sign) == "Cc"
            and sign != "\n"] == []  # fmt: skip


def test_what_a_program_prints_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    face = PushProgress(Terminal98(), lambda: NOW)
    for event in proved():
        face.show(replace(event, text=HOSTILE) if isinstance(event, OutputReceived) else event)
    face.close()
    told = capsys.readouterr().out
    assert "red" in told
    assert "\x1b]0" not in told
    assert "\x1b[31mred" not in told


@pytest.mark.parametrize("line", ["history", f"push --target sim --no-run {MODEL}"])
def test_no_color_is_obeyed_on_a_terminal(line: str, state: Path) -> None:
    heard = bytearray()
    environment = {"DEPLOYER_STATE_DIR": str(state), "NO_COLOR": "1"}
    with Terminal(words(line), environment=environment, where=ROOT, heard=heard.extend) as terminal:
        terminal.ended()
    codes = re.findall(rb"\x1b\[([0-9;]*)m", heard)
    used = {int(number) for code in codes for number in code.split(b";") if number}
    assert not used & ({*range(30, 39), *range(40, 49), *range(90, 98), *range(100, 108)})


@pytest.mark.parametrize(
    ("line", "width", "expected"),
    [
        ("short", 40, "short"),
        ("  one two three four five", 12, "  one two\n  three four\n  five"),
        ("a" * 64, 40, "a" * 40 + "\n  " + "a" * 24),
        (
            "    tie a knot in a long line of rope",
            25,
            "    tie a knot in a long\n      line of rope",
        ),
        ("", 40, ""),
    ],
)
def test_lines_are_folded_between_words(line: str, width: int, expected: str) -> None:
    assert text.folded(line, width) == expected

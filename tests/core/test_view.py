"""The fold of events that every face shows."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from deployer.core import view
from deployer.events import (
    DeploymentStaged,
    Event,
    FileStaged,
    OutputReceived,
    ProofReceived,
    ScreenLine,
    ServerListening,
    StateChanged,
    TargetReported,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
)
from deployer.face import text
from deployer.face.progress import PushProgress
from deployer.model import FileProof, Proof, Report, Round, State

ID, PEER = "D7F3A21C", "192.168.1.2"
SHA = "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696"
FILE = FileStaged("A.BIN", "a.bin", 250, SHA, "A.001", 3, 100)
STAGED = DeploymentStaged(1.0, ID, PEER, "192.168.1.1", r"C:\DEPLOY", (FILE,), 250, "A.EXE")


def report(**fields: object) -> Report:
    return Report(ID, True, **fields)  # type: ignore[arg-type]


def states(*events: Event) -> list[str]:
    row = view.fold_all([STAGED, *events])[ID]
    return [part.state.value for part in row.parts.values()]


START = TransferStarted(2.0, ID, PEER, "A.001", 100)
DONE = TransferDone(3.0, ID, PEER, "A.001", 100, 2.0)
CUT = TransferCut(3.0, ID, PEER, "A.001", 40, 100, "cable")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], ["waiting"] * 3),
        ([START], ["moving", "waiting", "waiting"]),
        ([START, DONE], ["fetched", "waiting", "waiting"]),
        ([START, CUT], ["waiting", "waiting", "waiting"]),
        (
            [START, DONE, TargetReported(4.0, ID, report(have=(("A.BIN", "1"),)))],
            ["proved", "waiting", "waiting"],
        ),
        (
            [START, DONE, TargetReported(4.0, ID, report(bad=(("A.001", 1),)))],
            ["bad", "waiting", "waiting"],
        ),
        (
            [TargetReported(4.0, ID, report(files=(FileProof("A.BIN", 250, SHA, "good"),)))],
            ["proved"] * 3,
        ),
    ],
)
def test_the_part_map(events: list[Event], expected: list[str]) -> None:
    assert states(*events) == expected


def test_the_last_part_is_what_is_left() -> None:
    row = view.fold_all([STAGED])[ID]
    assert [p.length for p in row.parts.values()] == [100, 100, 50]


def test_skipped_bytes_are_no_speed() -> None:
    here = TargetReported(1.5, ID, report(have=(("A.BIN", "2-3"),)))
    row = view.fold_all([STAGED, here, START, DONE])[ID]
    assert row.rate == 50.0
    assert (row.moved, row.here_bytes) == (100, 250)


def test_what_moves_counts_as_far_as_it_is() -> None:
    tick = TransferTick(2.5, ID, PEER, "A.001", 60, 100)
    assert view.fold_all([STAGED, START, tick])[ID].here_bytes == 60


def test_a_part_that_comes_again_is_named() -> None:
    row = view.fold_all([STAGED, START, CUT, START, DONE])[ID]
    assert row.refetched == ("A.001",)
    assert row.parts["A.001"].fetches == 2


def test_events_of_unknown_deployments_change_nothing() -> None:
    assert view.fold({}, START) == {}


@pytest.mark.parametrize(
    "text", ["9" * 5000, "1-" + "9" * 5000, ",".join(["1-9999"] * 9000), "\ufffd", "-", "A.001"]
)
def test_whatever_a_report_says_can_be_shown_at_once(text: str) -> None:
    """Such a report is stored, and every reader folds it again."""
    told = report(have=(("A.BIN", text),) * 200, bad=((text, 3),), command="CHECK", exit_code=1)
    begun = time.process_time()
    row = view.fold_all([STAGED, TargetReported(4.0, ID, told)])[ID]
    assert isinstance(view.damaged(told), tuple)
    assert row.report == told
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1056540, "1.1 MB"),
        (4 << 30, "4.3 GB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert text.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0 s"), (59.4, "59 s"), (125, "2 min 5 s"), (11520, "3 h 12 min")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


def finished(proved: bool) -> list[Event]:
    files = (FileProof("A.BIN", 250, SHA if proved else SHA[::-1], "good"),)
    told = report(
        command="RUN", exit_code=0, files=files, rounds=(Round(1, 3, 0),), run="A.EXE",
        run_exit=0, run_seconds=2.5,
    )  # fmt: skip
    proof = Proof(ID, proved, "", told, (FileProof("A.BIN", 250, SHA, "good"),), 39.31)
    return [
        STAGED,
        ServerListening(1.0, ID, "ftp", "192.168.1.1", 21),
        StateChanged(1.0, ID, State.WAITING),
        START,
        DONE,
        OutputReceived(5.0, ID, 30, "/x", "Once upon\r\na time.\r\ntok/s=39.31\r\n"),
        ProofReceived(6.0, ID, proof),
        StateChanged(6.0, ID, State.PROVED if proved else State.FAILED),
    ]


def shown(events: list[Event], **options: object) -> str:
    stream = io.StringIO()
    face = PushProgress(Console(file=stream, width=40, **options), lambda: 9.0)  # type: ignore[arg-type]
    for event in events:
        face.show(event)
    face.close()
    return stream.getvalue()


def test_piped_output_is_plain_whole_lines() -> None:
    out = shown(finished(proved=True))
    assert "\x1b" not in out
    assert f"  A.BIN  SHA-256 {SHA}  equal on both sides" in out.splitlines()
    assert "  Once upon" in out.splitlines()
    assert "39.31 tok/s (measured on the target)" in out
    assert f"Proved by the old PC at {PEER}: {ID} is whole." in out
    assert "get GO.BAT" in out


def test_a_wrong_sum_is_shouted() -> None:
    out = shown(finished(proved=False))
    assert "NOT proved" in out
    assert "is whole" not in out


def test_a_terminal_gets_a_live_line() -> None:
    out = shown(finished(proved=True), force_terminal=True)
    assert "\x1b[?25l" in out  # the cursor is hidden while the line is live
    assert "\x1b[?25h" in out


def test_of_the_simulated_screen_the_last_lines_are_kept() -> None:
    told = [
        ScreenLine(2.0, ID, "\n".join(f"line {n}" for n in range(at, at + 30))) for at in (0, 30)
    ]
    row = view.fold_all([STAGED, *told])[ID]
    assert row.screen == tuple(f"line {n}" for n in range(20, 60))

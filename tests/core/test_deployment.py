"""The state table: what an event does to a deployment."""

from __future__ import annotations

import pytest

from deployer.core.deployment import (
    Announce,
    Conclude,
    Deployment,
    DeploymentCommand,
    ReadUpload,
    StopServing,
    advance,
    concerns_reports,
    concluded,
    is_output,
)
from deployer.events import (
    AsciiRefused,
    ClientGone,
    DeploymentStaged,
    Event,
    LoginAccepted,
    OutputReceived,
    PauseChanged,
    ProofReceived,
    ServerListening,
    SourceChanged,
    StateChanged,
    TargetReported,
    TransferCut,
    TransferDone,
    TransferStarted,
    UploadReceived,
)
from deployer.model import FileProof, Payload, Report, StagedFile, State

ID = "D7F3A21C"
SHA = "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696"
FILE = StagedFile("", "A.BIN", "a.bin", 5, SHA, (), 0)
GOOD = (FileProof("A.BIN", 5, SHA, "good"),)


def told(
    command: str, code: int, *, sealed: bool = True, run_exit: int | None = None
) -> TargetReported:
    report = Report(ID, sealed, command=command, exit_code=code, files=GOOD, run_exit=run_exit)
    return TargetReported(9.0, ID, report)


def announced_by(command: DeploymentCommand) -> tuple[Event, ...]:
    """What the service announces, where no file of the user's has changed."""
    match command:
        case Announce(event=event):
            return (event,)
        case Conclude(proof=proof):
            return concluded(proof, 9.0)
        case _:
            return ()


def settle(deployment: Deployment, *events: Event) -> tuple[Deployment, list[Event]]:
    """Feed events; announced ones are fed back, as the service does."""
    announced: list[Event] = []
    queue = list(events)
    while queue:
        deployment, commands = advance(deployment, queue.pop(0))
        new = [event for command in commands for event in announced_by(command)]
        announced += new
        queue = new + queue
    return deployment, announced


def deployment(state: State = State.STAGED, run: str = "A.EXE") -> Deployment:
    return Deployment(ID, "192.168.1.2", Payload((FILE,), run), state=state)


LISTENING = ServerListening(1.0, ID, "ftp", "127.0.0.1", 21)
LOGIN = LoginAccepted(2.0, ID, "127.0.0.1", ID)
ANONYMOUS = LoginAccepted(2.0, ID, "127.0.0.1", "anonymous")
PART = TransferStarted(3.0, ID, "127.0.0.1", "A.001", 5)
UPLOAD = TransferStarted(3.0, ID, "127.0.0.1", "RESULT.TXT", 0, upload=True)
GONE = ClientGone(4.0, ID, "127.0.0.1")
CHANGED = SourceChanged(5.0, ID, "/x/a.bin")

TABLE = [
    (State.STAGED, LISTENING, State.WAITING),
    (State.WAITING, LISTENING, State.WAITING),
    (State.WAITING, ANONYMOUS, State.WAITING),
    (State.WAITING, LOGIN, State.FETCHING),
    (State.FETCHING, PART, State.FETCHING),
    (State.FETCHING, GONE, State.VERIFYING),
    (State.VERIFYING, PART, State.FETCHING),
    (State.VERIFYING, UPLOAD, State.VERIFYING),
    (State.VERIFYING, LOGIN, State.VERIFYING),
    (State.VERIFYING, told("CHECK", 1), State.VERIFYING),
    (State.VERIFYING, told("CHECK", 2), State.FAILED),
    (State.VERIFYING, told("JOIN", 0), State.RUNNING),
    (State.VERIFYING, told("JOIN", 1), State.VERIFYING),
    (State.VERIFYING, told("JOIN", 0, sealed=False), State.VERIFYING),
    (State.VERIFYING, told("JOIN", 8), State.FAILED),
    (State.RUNNING, GONE, State.RUNNING),
    (State.RUNNING, PART, State.RUNNING),
    (State.RUNNING, told("RUN", 0, run_exit=0), State.PROVED),
    (State.RUNNING, told("RUN", 6, run_exit=3), State.FAILED),
    (State.RUNNING, told("RUN", 0, run_exit=0, sealed=False), State.RUNNING),
    (State.WAITING, CHANGED, State.FAILED),
    (State.RUNNING, CHANGED, State.FAILED),
    (State.PROVED, LOGIN, State.PROVED),
    (State.PROVED, CHANGED, State.PROVED),
    (State.CANCELLED, told("RUN", 0, run_exit=0), State.CANCELLED),
]


@pytest.mark.parametrize(("before", "event", "after"), TABLE)
def test_the_table(before: State, event: Event, after: State) -> None:
    moved, announced = settle(deployment(before), event)
    assert moved.state == after
    changes = [e for e in announced if isinstance(e, StateChanged)]
    assert len(changes) == (before != after)


def test_without_a_command_the_join_is_the_proof() -> None:
    moved, announced = settle(deployment(State.VERIFYING, run=""), told("JOIN", 0))
    assert moved.state == State.PROVED
    assert moved.proof is not None
    assert moved.proof.proved
    assert isinstance(announced[0], ProofReceived)


def test_the_proof_carries_the_speed_that_the_output_told() -> None:
    output = OutputReceived(8.0, ID, 30, "/x", "Once\r\ntok/s=39.31\r\n")
    moved, _ = settle(deployment(State.RUNNING), output, told("RUN", 0, run_exit=0))
    assert moved.proof is not None
    assert moved.proof.tokens_per_second == 39.31


def test_a_failed_bootstrap_is_a_failure_without_a_seal() -> None:
    report = Report(ID, sealed=False, failed="HELPER")
    moved, _ = settle(deployment(State.FETCHING), TargetReported(9.0, ID, report))
    assert moved.state == State.FAILED
    assert "helper" in moved.reason


def test_a_program_that_was_stopped_takes_nothing_from_the_verified_files() -> None:
    joined = told("JOIN", 0)
    stopped = TargetReported(9.5, ID, Report(ID, sealed=False, failed="STOPPED"))
    moved, _ = settle(deployment(State.VERIFYING), joined, stopped)
    assert moved.state == State.FAILED
    assert moved.proof is not None
    assert moved.proof.verified == joined.report
    assert moved.reason.startswith("every file is verified")


def test_the_end_stops_the_serving() -> None:
    _, commands = advance(deployment(State.RUNNING), StateChanged(1.0, ID, State.FAILED, "x"))
    assert commands == (StopServing(),)


def test_an_upload_is_read() -> None:
    event = UploadReceived(1.0, ID, "127.0.0.1", "RESULT.TXT", 9, "/x/RESULT.TXT")
    _, commands = advance(deployment(State.VERIFYING), event)
    assert commands == (ReadUpload("RESULT.TXT", "/x/RESULT.TXT"),)


def test_other_deployments_change_nothing() -> None:
    before = deployment(State.WAITING)
    event = TransferDone(1.0, "D0000000", "127.0.0.1", "A.001", 5, 0.1)
    assert advance(before, event) == (before, ())


def test_the_target_is_heard() -> None:
    moved, _ = settle(
        deployment(State.FETCHING), TransferDone(7.5, ID, "127.0.0.1", "A.001", 5, 0.1)
    )
    assert (moved.last, moved.last_at) == ("fetched A.001", 7.5)


@pytest.mark.parametrize(
    ("event", "last"),
    [
        (TransferCut(7.0, ID, "p", "A.001", 1, 2, "gone"), "the transfer of A.001 was cut"),
        (AsciiRefused(7.0, ID, "p", "A.001"), "asked for A.001 in ASCII mode"),
        (PauseChanged(7.0, ID, True), "nothing yet"),
        (DeploymentStaged(7.0, ID, "t", "h", "d", (), 0), "nothing yet"),
    ],
)
def test_a_sign_of_life_is_remembered(event: Event, last: str) -> None:
    moved, announced = settle(deployment(State.FETCHING), event)
    assert (moved.last, moved.last_at, announced) == (last, 7.0, [])


def test_a_failure_in_ascii_mode_says_so() -> None:
    refused = AsciiRefused(7.0, ID, "p", "DEPLOY98.EXE")
    failed = TargetReported(9.0, ID, Report(ID, False, failed="HELPER"))
    moved, _announced = settle(deployment(State.FETCHING), refused, failed)
    assert moved.state == State.FAILED
    assert "asked for DEPLOY98.EXE in ASCII mode" in moved.reason
    assert moved.proof is not None
    assert moved.proof.reason == moved.reason


def test_a_report_about_the_machine_changes_no_state() -> None:
    info = TargetReported(9.0, ID, Report("", True, helper="1.0"))
    moved, announced = settle(deployment(State.FETCHING), info)
    assert (moved.state, moved.report, announced) == (State.FETCHING, None, [])


@pytest.mark.parametrize(
    ("name", "report", "output"),
    [("RESULT.TXT", True, False), ("INFO.TXT", True, False), ("OUTPUT.TXT", False, True)],
)
def test_what_an_upload_is(name: str, report: bool, output: bool) -> None:
    assert (concerns_reports(name), is_output(name)) == (report, output)

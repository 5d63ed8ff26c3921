"""The life of a deployment: `advance(deployment, event)`, the one state table.

    staged --listening--> waiting --login--> fetching <--part / session ends--> verifying
    verifying --JOIN 0--> running --RUN 0, all sums right--> proved

Any state before the last goes to `failed` (the target says so, a source changed, time is up) or to
`cancelled`. Pure: what has to be done comes back as commands for the service.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from deployer.core.target.proof import prove
from deployer.errors import ErrorForm, FileChanged, form_of
from deployer.events import (
    AsciiRefused,
    ClientGone,
    DeploymentStaged,
    Event,
    LoginAccepted,
    OutputReceived,
    PauseChanged,
    ProofReceived,
    PullAdvanced,
    ServerListening,
    SourceChanged,
    StateChanged,
    TargetFound,
    TargetReported,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
    UploadReceived,
)
from deployer.model import (
    GO_BAT,
    INFO_TXT,
    OUTPUT_TXT,
    RESULT_TXT,
    Cause,
    Payload,
    Proof,
    Report,
    State,
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One payload on its way to one target, as far as the events tell.

    `last` says in words what the target did last, `last_at` when, `called` whether it has logged
    in; `in_ascii` is the binary file that it asked for in ASCII mode last. `output` is the end of
    what the program printed, all of it is at `output_path`. `error` is what an end means.
    """

    deployment: str
    target: str
    payload: Payload
    state: State = State.STAGED
    reason: str = ""
    cause: Cause = Cause.NONE
    error: ErrorForm | None = None
    emulated: bool = False
    called: bool = False
    last: str = "nothing yet"
    last_at: float = 0.0
    output: str = ""
    output_path: str = ""
    in_ascii: str = ""
    report: Report | None = None
    proof: Proof | None = None


# One small class for each command, all of one shape: the service matches on them.


@dataclass(frozen=True, slots=True)
class Announce:
    """Store and publish this event."""

    event: Event


@dataclass(frozen=True, slots=True)
class ReadUpload:
    """Read the report at `path` and announce what it says."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class StopServing:
    """Nothing of this deployment is served any more."""


@dataclass(frozen=True, slots=True)
class Conclude:
    """The target has sent its final report. Read the user's files again: then announce what is
    `concluded` from this proof, or that one of them has changed.
    """

    proof: Proof


DeploymentCommand = Announce | Conclude | ReadUpload | StopServing
DeploymentStep = tuple[Deployment, tuple[DeploymentCommand, ...]]

_BEFORE_FETCHING = (State.STAGED, State.WAITING)


def advance(deployment: Deployment, event: Event) -> DeploymentStep:
    """The deployment after the event, and what is to be done about it.

    Events of other deployments and events after the end change nothing.
    """
    if event.deployment != deployment.deployment or deployment.state.final:
        return deployment, ()
    match event:
        case StateChanged(state=state, reason=reason, cause=cause, error=error):
            moved = replace(deployment, state=state, reason=reason, cause=cause, error=error)
            return moved, (StopServing(),) if state.final else ()
        case DeploymentStaged(at=at):
            return replace(deployment, last_at=at), ()
        case ServerListening(at=at):
            return _to(replace(deployment, last_at=at), State.WAITING, at, State.STAGED)
        case LoginAccepted(at=at, login=login):
            return _login(_seen(deployment, at, f"logged in as {login}"), login, at)
        case TransferStarted(at=at, upload=False, name=name):
            seen = _seen(deployment, at, f"began to fetch {name}")
            return _to(seen, State.FETCHING, at, State.VERIFYING)
        case TransferTick(at=at):
            return replace(deployment, last_at=at), ()  # a part may take an hour on a slow line
        case TransferDone(at=at, name=name, upload=upload):
            return _seen(deployment, at, f"{'sent' if upload else 'fetched'} {name}"), ()
        case TransferCut(at=at, name=name):
            return _seen(deployment, at, f"the transfer of {name} was cut"), ()
        case AsciiRefused(at=at, name=name):
            asked = _seen(deployment, at, f"asked for {name} in ASCII mode")
            return replace(asked, in_ascii=name), ()
        case ClientGone(at=at):
            return _to(deployment, State.VERIFYING, at, State.FETCHING)
        case UploadReceived(at=at, name=name, path=path):
            return _seen(deployment, at, f"sent {name}"), (ReadUpload(name, path),)
        case PullAdvanced(at=at, total=total, here=here):
            return _seen(deployment, at, f"had sent {here:,} of {total:,} bytes"), ()
        case PauseChanged(at=at):
            return replace(deployment, last_at=at), ()
        case OutputReceived(text=text, path=path):
            return replace(deployment, output=text, output_path=path), ()
        case TargetReported(at=at, report=report):
            return _reported(deployment, report, at)
        case TargetFound(at=at, peer=peer):
            return _seen(replace(deployment, target=peer), at, f"asked for {GO_BAT}"), ()
        case SourceChanged(at=at, path=path):
            return deployment, (Announce(source_changed(deployment.deployment, path, at)),)
        case ProofReceived(proof=proof):
            return replace(deployment, proof=proof), ()
        case _:
            return deployment, ()


def begun(event: DeploymentStaged) -> Deployment:
    """A deployment as one sees it who only has its events: the files' bytes are elsewhere."""
    payload = Payload((), event.run, event.recipe, event.notes)
    return Deployment(
        event.deployment, event.target, payload, emulated=event.emulated, last_at=event.at
    )


def watched(deployment: Deployment, event: Event) -> Deployment:
    """The deployment after the event, for one who only watches: what is to be done, others do.

    Where it is offered again, it begins anew.
    """
    if isinstance(event, DeploymentStaged) and event.deployment == deployment.deployment:
        return begun(event)
    return advance(deployment, event)[0]


def source_changed(deployment: str, path: str, at: float) -> StateChanged:
    """The end of a deployment whose file is no longer what was measured."""
    reason = f"{path} changed while it was sent"
    error = form_of(FileChanged(path=path))
    return StateChanged(at, deployment, State.FAILED, reason, Cause.SOURCE, error)


def concerns_reports(name: str) -> bool:
    """True for an upload that is a report in `key=value` lines."""
    return name in (RESULT_TXT, INFO_TXT)


def is_output(name: str) -> bool:
    """True for the upload that holds what the program printed."""
    return name == OUTPUT_TXT


def _seen(deployment: Deployment, at: float, what: str) -> Deployment:
    return replace(deployment, called=True, last=what, last_at=at)


def _to(deployment: Deployment, state: State, at: float, *only_from: State) -> DeploymentStep:
    """Announce the state if it is a change, and if it may follow the present one."""
    if deployment.state == state or (only_from and deployment.state not in only_from):
        return deployment, ()
    return deployment, (Announce(StateChanged(at, deployment.deployment, state)),)


def _login(deployment: Deployment, login: str, at: float) -> DeploymentStep:
    """Only the deployment's own login shows that GO.BAT runs; anonymous merely fetches it."""
    if login != deployment.deployment:
        return deployment, ()
    return _to(deployment, State.FETCHING, at, *_BEFORE_FETCHING)


def _reported(deployment: Deployment, report: Report, at: float) -> DeploymentStep:
    known = replace(deployment, report=report) if report.deployment else deployment
    known = replace(known, last_at=at)
    if report.deployment != deployment.deployment:
        return known, ()  # INFO.TXT describes the machine, not of the deployment
    code = report.exit_code or 0
    if report.failed or (report.sealed and report.command == "RUN"):
        return _conclude(known, report, deployment.report)
    if not report.sealed:
        return known, ()
    match report.command:
        case "JOIN" if code == 0 and deployment.payload.run:
            return _to(known, State.RUNNING, at)
        case "JOIN" if code != 1:
            return _conclude(known, report)
        case "CHECK" if code > 1:
            return _conclude(known, report)
        case "GATHER" if code != 1:
            return _conclude(known, report)
        case _:
            return known, ()


def _conclude(
    deployment: Deployment, report: Report, before: Report | None = None
) -> DeploymentStep:
    proof = prove(
        report,
        deployment.payload,
        deployment.deployment,
        before=before,
        output=deployment.output,
        emulated=deployment.emulated,
    )
    if deployment.in_ascii and not proof.proved:
        why = f"; it asked for {deployment.in_ascii} in ASCII mode, which was refused"
        proof = replace(proof, reason=proof.reason + why)
    return deployment, (Conclude(proof),)


def concluded(proof: Proof, at: float) -> tuple[Event, ...]:
    """What is announced when a proof ends its deployment."""
    state = State.PROVED if proof.proved else State.FAILED
    return (
        ProofReceived(at, proof.deployment, proof),
        StateChanged(at, proof.deployment, state, proof.reason, Cause.PROOF),
    )

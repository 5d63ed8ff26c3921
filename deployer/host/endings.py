"""What the end of a deployment means for the user: the error of each unsuccessful one."""

from __future__ import annotations

from pathlib import Path

from deployer.core.deployment import NOTHING_YET, Deployment
from deployer.core.target import proof
from deployer.errors import (
    Cancelled,
    DeployerError,
    FileChanged,
    ProgramFailed,
    ProgramNotStarted,
    TargetNeverCalled,
    TargetTimedOut,
    VerificationFailed,
)
from deployer.model import LINE, State


def raise_for(ended: Deployment, output: Path) -> None:
    """Raises the error that an unsuccessful end means for the user; nothing when proved."""
    target = _called(ended.target)
    match ended.cause:
        case "user":
            raise Cancelled(deployment=ended.deployment)
        case "source":
            raise FileChanged(path=ended.reason)
        case "silence":
            called = not ended.reason.endswith(f": {NOTHING_YET}")
            raise fell_silent(ended.target, ended.reason, called=called)
    if ended.state == State.PROVED or ended.proof is None:
        return
    if proof.program_failed(ended.proof):
        target = target[0].lower() + target[1:]
        if "could not be started" in ended.reason:  # the words of the helper
            raise ProgramNotStarted(target=target, command=ended.payload.run)
        raise ProgramFailed(target=target, reason=ended.reason, output=output)
    raise VerificationFailed(target=target, reason=ended.reason)


def fell_silent(target: str, reason: str, *, called: bool) -> DeployerError:
    """The error for a silent target: where nobody has logged in from, GO cannot start again."""
    if called or target == "sim" or target.startswith(LINE):
        return TargetTimedOut(target=_called(target), reason=reason)
    return TargetNeverCalled(target=_called(target), reason=reason, address=target)


def _called(target: str) -> str:
    where = target.replace(LINE, "on ", 1)
    return f"The old PC {where}" if target != "sim" else "The simulated PC"

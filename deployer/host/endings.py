"""What the end of a deployment means for the user: the error of each unsuccessful one."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from deployer.core.deployment import NOTHING_YET, Deployment
from deployer.core.target import proof
from deployer.core.target.proof import Failure
from deployer.errors import (
    Cancelled,
    DeployerError,
    FileChanged,
    ProgramFailed,
    ProgramNotStarted,
    TargetDiskFull,
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
    there = target[0].lower() + target[1:]
    match proof.failure(ended.proof):
        case Failure.PROGRAM_FAILED:
            raise ProgramFailed(target=there, reason=ended.reason, output=output)
        case Failure.NOT_STARTED:
            raise ProgramNotStarted(target=there, command=ended.payload.run)
        case Failure.DISK_FULL:
            raise TargetDiskFull(target=target, reason=ended.reason)
        case Failure.NOT_VERIFIED:
            raise VerificationFailed(target=target, reason=ended.reason)
        case other:
            assert_never(other)


def fell_silent(target: str, reason: str, *, called: bool) -> DeployerError:
    """The error for a silent target: where nobody has logged in from, GO cannot start again."""
    if called or target == "sim" or target.startswith(LINE):
        return TargetTimedOut(target=_called(target), reason=reason)
    return TargetNeverCalled(target=_called(target), reason=reason, address=target)


def _called(target: str) -> str:
    where = target.replace(LINE, "on ", 1)
    return f"The old PC {where}" if target != "sim" else "The simulated PC"

"""What the end of a deployment means for the user: the error of each unsuccessful one."""

from __future__ import annotations

from typing import assert_never

from deployer.core.deployment import Deployment
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
    error_of,
)
from deployer.model import ANY, LINE, Cause, Proof, State, is_simulated


def raise_for(ended: Deployment) -> None:
    """Raises the error that an unsuccessful end means for the user; an open one means none."""
    if ended.state == State.PROVED or not ended.state.final:
        return
    if ended.error is not None:
        raise error_of(ended.error)
    match ended.cause:
        case Cause.USER:
            raise Cancelled(deployment=ended.deployment)
        case Cause.SOURCE:  # of an earlier version: the reason is the path
            raise FileChanged(path=ended.reason)
        case Cause.SILENCE | Cause.NEVER_CALLED:
            called = ended.cause == Cause.SILENCE
            raise fell_silent(ended.target, ended.reason, called=called)
        case Cause.NONE | Cause.PROOF | Cause.ERROR:
            raise _not_proved(ended, ended.proof)
        case _:
            assert_never(ended.cause)


def _not_proved(ended: Deployment, found: Proof | None) -> DeployerError:
    target = _called(ended.target)
    there = target[0].lower() + target[1:]
    failure = proof.failure(found) if found is not None else Failure.NOT_VERIFIED
    match failure:
        case Failure.PROGRAM_FAILED:
            return ProgramFailed(target=there, reason=ended.reason, output=ended.output_path)
        case Failure.NOT_STARTED:
            return ProgramNotStarted(target=there, command=ended.payload.run)
        case Failure.DISK_FULL:
            return TargetDiskFull(target=target, reason=ended.reason)
        case Failure.NOT_VERIFIED:
            return VerificationFailed(target=target, reason=ended.reason)
        case _:
            assert_never(failure)


def fell_silent(target: str, reason: str, *, called: bool) -> DeployerError:
    """The error for a silent target: where nobody has logged in from, GO cannot start again."""
    if called or is_simulated(target) or target.startswith(LINE):
        return TargetTimedOut(target=_called(target), reason=reason)
    return TargetNeverCalled(target=_called(target), reason=reason, address=target)


def _called(target: str) -> str:
    if target == ANY:
        return "No PC on the wire"
    where = target.replace(LINE, "on ", 1)
    if is_simulated(target):
        return f"The simulated PC {target.partition(':')[2]}".rstrip()
    return f"The old PC {where}"

"""What is on each target, as far as its own proofs tell: a fold of the event stream.

A proof holds until a later deployment puts another file under one of its names. What a human does
at the old PC is not seen from here; `--force` sends all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deployer.events import (
    DeploymentStaged,
    Event,
    OutputReceived,
    ProofReceived,
    StateChanged,
    TransferDone,
)
from deployer.model import Payload, Proof, State

_Content = tuple[tuple[str, str, int, str], ...]
"""Name, long name, length and SHA-256 of each file."""


@dataclass(frozen=True, slots=True)
class There:
    """A payload that a target has proved. `output` is where its program's output lies."""

    staged: DeploymentStaged
    proof: Proof
    output: str = ""


class Known:
    """Folds events, one by one; asks are answered from what was folded so far."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._staged: dict[str, DeploymentStaged] = {}
        self._proofs: dict[str, Proof] = {}
        self._outputs: dict[str, str] = {}
        self._there: dict[str, list[There]] = {}
        self._open: dict[str, str] = {}
        self._rates: dict[str, float] = {}
        for event in events:
            self.fold(event)

    def fold(self, event: Event) -> None:
        """Take one more event in."""
        match event:
            case DeploymentStaged():
                self._stage(event)
            case ProofReceived(deployment=deployment, proof=proof):
                self._proofs[deployment] = proof
            case OutputReceived(deployment=deployment, path=path):
                self._outputs[deployment] = path
            case StateChanged(deployment=deployment, state=state) if state.final:
                self._end(deployment, state)
            case TransferDone(deployment=deployment, length=length, seconds=seconds, upload=False):
                staged = self._staged.get(deployment)
                if staged is not None and length >= 64 << 10 and seconds > 0:
                    self._rates[staged.target] = length / seconds
            case _:
                pass

    def _stage(self, event: DeploymentStaged) -> None:
        self._staged[event.deployment] = event
        self._open[event.target] = event.deployment
        sums = {file.name: file.sha256 for file in event.files}
        held = self._there.get(event.target, [])
        self._there[event.target] = [
            there
            for there in held
            if there.staged.directory != event.directory
            or all(sums.get(file.name, file.sha256) == file.sha256 for file in there.staged.files)
        ]

    def _end(self, deployment: str, state: State) -> None:
        staged = self._staged.pop(deployment, None)
        proof = self._proofs.pop(deployment, None)
        output = self._outputs.pop(deployment, "")
        if staged is None:
            return
        if self._open.get(staged.target) == deployment:
            del self._open[staged.target]
        if proof is None:
            return  # the target has said nothing new
        held = self._there.setdefault(staged.target, [])
        held[:] = [t for t in held if not _same(t.staged, staged)]
        if state == State.PROVED:
            held.append(There(staged, proof, output))

    def there(self, target: str, directory: str, payload: Payload) -> There | None:
        """The proof that this payload is on that target and ran there; None: it has to go."""
        for there in reversed(self._there.get(target, [])):
            if carries(there.staged, directory, payload):
                return there
        return None

    def open(self, target: str) -> str:
        """The deployment of that target that has not ended; "" for none."""
        return self._open.get(target, "")

    def rate(self, target: str) -> float | None:
        """Bytes per second that the target's wire has shown last."""
        return self._rates.get(target)


def carries(staged: DeploymentStaged, directory: str, payload: Payload) -> bool:
    """Whether a deployment is of that very payload to that directory, with the same command."""
    same = _content(staged) == _wanted(payload)
    return same and (staged.directory, staged.run) == (directory, payload.run)


def _same(one: DeploymentStaged, other: DeploymentStaged) -> bool:
    return (_content(one), one.directory, one.run) == (_content(other), other.directory, other.run)


def _content(staged: DeploymentStaged) -> _Content:
    return tuple(sorted((f.name, f.long_name, f.length, f.sha256) for f in staged.files))


def _wanted(payload: Payload) -> _Content:
    return tuple(sorted((f.name, f.long_name, f.length, f.sha256) for f in payload.files))

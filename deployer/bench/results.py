"""What became of a bench: typed results, the exit code, and their JSON form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from deployer.errors import (
    EXIT_HOST,
    EXIT_INTERRUPTED,
    EXIT_PROGRAM,
    EXIT_PROVED,
    EXIT_UNREACHABLE,
    EXIT_USE,
    EXIT_VERIFY,
)
from deployer.model import Proof

_GRAVEST_FIRST = (
    EXIT_INTERRUPTED, EXIT_HOST, EXIT_VERIFY, EXIT_PROGRAM, EXIT_UNREACHABLE, EXIT_USE,
)  # fmt: skip


class Outcome(StrEnum):
    """How a payload, a step or a target ended.

    `THERE`: an earlier proof says so, nothing was sent. `DONE`: the agent there has done it, or it
    had before the run was interrupted.
    """

    PROVED = "proved"
    THERE = "there"
    DONE = "done"
    FAILED = "failed"

    @property
    def good(self) -> bool:
        """Whether the target has proved it, now or before, or its agent has done it."""
        return self != Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Delivery:
    """One payload for one target, or one step that its agent has carried out.

    `told` is what a step printed, the last of it, and `ended` its program's exit code; `folder` is
    where the files of a pull lie.
    `sent` are the bytes of parts that went over the wire, `moving` the seconds in which they did;
    `seconds` is all of it, from the offer to the end. `code` is the exit code that the end means.
    """

    payload: str
    outcome: Outcome
    reason: str = ""
    code: int = EXIT_PROVED
    deployment: str = ""
    tries: int = 0
    length: int = 0
    sent: int = 0
    moving: float = 0.0
    seconds: float = 0.0
    output: str = ""
    proof: Proof | None = None
    told: str = ""
    ended: int | None = None
    folder: str = ""

    @property
    def proved(self) -> bool:
        """Whether the target has proved it, now or before, or its agent has done it."""
        return self.outcome.good

    @property
    def exit_code(self) -> int | None:
        """The exit code of the program on the target; None when none ran."""
        return self.proof.report.run_exit if self.proof else self.ended

    @property
    def rate(self) -> float | None:
        """Bytes per second while something moved."""
        return self.sent / self.moving if self.moving > 0 else None

    @property
    def tokens_per_second(self) -> float | None:
        """The speed that an engine printed."""
        return self.proof.tokens_per_second if self.proof else None


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One old PC: its payloads in order, those that it came to. Seconds since the run began."""

    name: str
    address: str
    groups: tuple[str, ...]
    outcome: Outcome
    reason: str = ""
    code: int = EXIT_PROVED
    seconds: float = 0.0
    mac: str = ""
    deliveries: tuple[Delivery, ...] = ()

    @property
    def proved(self) -> bool:
        """Whether all its payloads are proved, now or before."""
        return self.outcome.good

    @property
    def sent(self) -> int:
        """Bytes of parts that went over the wire to it."""
        return sum(delivery.sent for delivery in self.deliveries)


@dataclass(frozen=True, slots=True)
class UnknownCaller:
    """A machine on the wire that the bench does not know. It was not served."""

    address: str
    mac: str = ""
    what: str = "seen on the wire"


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run. `started` is seconds since 1970."""

    bench: str
    started: float
    seconds: float
    targets: tuple[TargetResult, ...]
    unknown_callers: tuple[UnknownCaller, ...] = ()

    def __getitem__(self, name: str) -> TargetResult:
        for target in self.targets:
            if target.name == name:
                return target
        raise KeyError(name)

    def __iter__(self) -> Iterator[TargetResult]:
        return iter(self.targets)

    @property
    def proved(self) -> bool:
        """Whether every target has proved everything."""
        return all(target.proved for target in self.targets)

    @property
    def exit_code(self) -> int:
        """0 only if all are proved; else the gravest of what went wrong."""
        codes = {target.code for target in self.targets if not target.proved}
        return next((code for code in _GRAVEST_FIRST if code in codes), 2) if codes else 0

    def count(self, *outcomes: Outcome) -> int:
        """How many targets ended so."""
        return sum(target.outcome in outcomes for target in self.targets)


def to_dict(results: Results) -> dict[str, Any]:
    """The results as JSON has them; what is worked out stands beside what it was worked out of."""
    plain: dict[str, Any] = msgspec.to_builtins(results)
    plain["exit_code"] = results.exit_code
    for shown, target in zip(plain["targets"], results.targets, strict=True):
        shown["sent"] = target.sent
        for line, delivery in zip(shown["deliveries"], target.deliveries, strict=True):
            line["rate"] = delivery.rate
            line["exit_code"] = delivery.exit_code
            line["tokens_per_second"] = delivery.tokens_per_second
    return plain

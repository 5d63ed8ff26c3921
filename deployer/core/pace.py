"""How fast the bytes of a deployment came, second by second, in a memory that does not grow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deployer.events import Event, TransferCut, TransferDone, TransferStarted, TransferTick

_MOST = 120
"""Steps that are kept; when they are full, two neighbours become one."""


@dataclass(frozen=True, slots=True)
class PartPace:
    """Bytes of each step of `step` seconds since `begun`.

    `at` is the time of the last look, `under_way` the bytes of the part that moves.
    """

    begun: float
    at: float
    under_way: int = 0
    step: float = 1.0
    bytes: tuple[float, ...] = ()

    @property
    def rates(self) -> tuple[float, ...]:
        """Bytes a second, the oldest first; the step that is not over yet is left out."""
        return tuple(count / self.step for count in self.bytes[:-1])


def after(pace: PartPace | None, event: Event) -> PartPace | None:
    """The pace after an event of a part's transfer; others change nothing.

    It begins with the first transfer that is seen.
    """
    match event:
        case TransferStarted(at=at):
            return replace(add(pace or PartPace(at, at), 0, at), under_way=0)
        case TransferTick(at=at, moved=moved) | TransferCut(at=at, moved=moved):
            pace = pace or PartPace(at, at, moved)
            pace = add(pace, moved - pace.under_way, at)
            return replace(pace, under_way=moved if isinstance(event, TransferTick) else 0)
        case TransferDone(at=at, length=length, seconds=seconds):
            pace = pace or PartPace(at - seconds, at - seconds)
            return replace(add(pace, length - pace.under_way, at), under_way=0)
        case _:
            return pace


def add(pace: PartPace, count: int, at: float) -> PartPace:
    """The pace at `at`, when `count` bytes came since the last look: evenly, as far as is known."""
    if count < 0 or at < pace.at:
        return PartPace(at, at)  # what was under way is another, or the clock was set
    found, step = list(pace.bytes), pace.step
    while (at - pace.begun) / step >= _MOST:
        found = [sum(found[index : index + 2]) for index in range(0, len(found), 2)]
        step *= 2
    first, last = int((pace.at - pace.begun) / step), int((at - pace.begun) / step)
    found += [0.0] * (last + 1 - len(found))
    for index in range(first, last + 1):
        found[index] += count / (last - first + 1)
    return PartPace(pace.begun, at, pace.under_way, step, tuple(found))

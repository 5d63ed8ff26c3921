"""From a survey to the settings with which the simulated PC answers as that machine did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deployer.core.survey.judge import Judged, Verdict
from deployer.core.survey.messages import agree

_LEAST = 0.5


@dataclass(frozen=True, slots=True)
class Likeness:
    """The settings that are the other way round on a machine, and the probes that none explains."""

    unlike: tuple[str, ...]
    unmatched: tuple[str, ...]


def learn(judged: Iterable[Judged]) -> Likeness:
    """How the simulated PC is made like the machine that was asked.

    The setting that explains most of what differs is the other way round, then the one that
    explains most of the rest, as long as most of the probes that it decides answer so. What then
    still differs cannot be matched by settings.
    """
    asked = [one for one in judged if one.verdict is not Verdict.UNKNOWN and one.probe.expected]
    strange = [one for one in asked if one.verdict is not Verdict.PASS]
    unlike: list[str] = []
    while strange:
        names = {name for one in strange for name in one.probe.settings}
        best = max(sorted(names), key=lambda name: _worth(name, strange, asked), default="")
        explained = [one for one in strange if matches(one, best)]
        if not explained or _worth(best, strange, asked)[1] <= _LEAST:
            break
        unlike.append(best)
        strange = [one for one in strange if one not in explained]
    return Likeness(tuple(sorted(unlike)), tuple(one.probe.identity for one in strange))


def _worth(name: str, strange: Sequence[Judged], asked: Sequence[Judged]) -> tuple[int, float]:
    """How many strange answers a setting explains, and which part of those that it decides."""
    deciding = [one for one in asked if name in one.probe.settings]
    explains = sum(matches(one, name) for one in deciding)
    return sum(matches(one, name) for one in strange), explains / len(deciding)


def matches(one: Judged, name: str) -> bool:
    """Whether a probe answered as it does with the setting the other way round."""
    wanted = one.probe.settings.get(name)
    return wanted is not None and all(
        agree(text, one.found.get(answer, "")) for answer, text in wanted.items()
    )

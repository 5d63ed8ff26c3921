"""A survey in words: how it stands by section, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deployer.core.survey import share
from deployer.core.survey.judge import ENDS, Judged, Verdict, counts, judge
from deployer.core.survey.learn import Likeness, learn
from deployer.core.survey.messages import agree
from deployer.core.survey.questions import MEASURED
from deployer.core.survey.record import ProbeEnd
from deployer.face import text
from deployer.host.surveys import asked
from deployer.host.surveys.kept import Kept

_LONGEST = 60
"""Characters of an answer that are shown."""
_SAID = {
    Verdict.PASS: "as expected",
    Verdict.DIFFERS: "different",
    Verdict.STOPPED: "stopped the PC",
    Verdict.TOLD: "showed what nobody knew",
    Verdict.UNKNOWN: "not asked",
}
_SECTIONS = {
    "command": "COMMAND.COM",
    "ftp": "FTP.EXE",
    "disk": "Disk",
    "win32": "Win32",
    "network": "Network",
    "speed": "Speed",
    "diskette": "Diskette",
    "cable": "Cable",
}


def summary(judged: Sequence[Judged]) -> Iterator[str]:
    """A line for each section."""
    for section, found in counts(judged).items():
        parts = [f"{found[verdict]} {_SAID[verdict]}" for verdict in Verdict if found[verdict]]
        yield f"{_SECTIONS[section]:<12} {', '.join(parts)}"


def details(judged: Sequence[Judged]) -> Iterator[str]:
    """What differs, what stopped the PC, and what was told."""
    for one in judged:
        title = f"{one.probe.identity}: {one.probe.title}"
        facts = f" ({', '.join(one.probe.facts)})" if one.probe.facts else ""
        match one.verdict:
            case Verdict.DIFFERS:
                yield f"{title}{facts}"
                for name in one.differing:
                    yield f"  {name}: expected {_short(one.probe.expected[name])}"
                    yield f"  {' ' * len(name)}  found    {_short(one.found.get(name, ''))}"
            case Verdict.STOPPED:
                yield f"{title}{facts}"
                yield "  the PC stopped in it, and was started again"
            case Verdict.TOLD:
                yield f"{title}{facts}"
                yield from _told(one)
            case _ if one.verdict is Verdict.PASS and one.probe.answers:
                yield f"{title}{facts}"
                yield from _told(one)
            case _:
                continue


def machine(told: Mapping[str, str]) -> Iterator[str]:
    """What a PC says of itself, sizes in their units."""
    units = {"memory": text.memory, "disk_free": text.size, "disk_cluster": text.size}
    for name, value in told.items():
        unit = units.get(name) if value.isdecimal() else None
        yield f"{name}: {value if unit is None else unit(int(value))}"


def _told(one: Judged) -> Iterator[str]:
    for name, said in one.found.items():
        if name in one.probe.answers and (name, said) != (ENDS, ProbeEnd.RAN):
            yield f"  {name}: {_short(said)}"


def _short(said: str) -> str:
    shown = said.rstrip("\n").replace("\n", " / ") or "nothing"
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."


def as_json(judged: Sequence[Judged]) -> dict[str, object]:
    """The same for programs."""
    return {
        "sections": {
            section.value: {verdict.value: found[verdict] for verdict in Verdict}
            for section, found in counts(judged).items()
        },
        "probes": [
            {
                "probe": one.probe.identity,
                "verdict": one.verdict.value,
                "differing": {
                    name: {
                        "expected": one.probe.expected.get(name, ""),
                        "found": one.found.get(name, ""),
                    }
                    for name in one.differing
                },
            }
            for one in judged
        ],
    }


def differences(one: Kept, other: Kept | None) -> dict[str, list[str]]:
    """What two PCs do not agree on, by probe; None stands for what is expected of Windows 98.

    What one of them measured comes twice the same on no PC, and is no part of it.
    """
    probes = asked.every_probe()
    its = {each.probe.identity: each for each in judge(other.survey, probes)} if other else {}
    found: dict[str, list[str]] = {}
    other_word = "there" if other else "expected"
    for mine in judge(one.survey, probes):
        against = its.get(mine.probe.identity)
        told = mine.probe.expected if other is None else against.found if against else {}
        if mine.verdict is Verdict.UNKNOWN or not told:
            continue
        names = [*mine.probe.expected, *(mine.probe.answers if other else ())]
        lines = [
            f"{name}: {_short(mine.found.get(name, ''))}, {other_word} {_short(told.get(name, ''))}"
            for name in dict.fromkeys(names)
            if name not in MEASURED and not agree(told.get(name, ""), mine.found.get(name, ""))
        ]
        if lines:
            found[mine.probe.identity] = lines
    return found


def likeness(one: Kept) -> Likeness:
    """The settings of the simulated PC with which it answers as that PC did."""
    return learn(judge(one.survey, asked.every_probe()))


def exported(one: Kept) -> bytes:
    """The survey as it may be shown to anybody."""
    return share.write(share.export(one.survey, judge(one.survey, asked.every_probe())))

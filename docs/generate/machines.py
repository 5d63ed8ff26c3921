"""docs/machines.md, made from what machines said of themselves: docs/machines/*.txt.

`python -m docs.generate.machines > docs/machines.md` writes it. Beside an export may lie a file of
the same name with .toml, in which each difference is judged.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deployer.core.survey import share
from deployer.core.survey.judge import Verdict
from deployer.core.survey.probe import SurveySection

EXPORTS = Path(__file__).resolve().parents[1] / "machines"
_TITLES = {
    "simulated-pc": "the simulated PC",
    "dosbox-0.74": "DOSBox 0.74, whose shell is not ours",
}
_EMULATED = "simulated-pc"
"""Its speed is that of this computer."""
_SPEEDS = (("speed.fp32", "fp32"), ("speed.int8", "int8"), ("speed.ternary", "ternary"))
_HEAD = """\
# Machines that were asked

*Made from `docs/machines/*.txt` by `python -m docs.generate.machines > docs/machines.md`.*

Every old PC can say how it really behaves: [survey](survey.md). **No real Windows 98 is in this
table yet**, and the probes that need a person (diskette, cable) have run on simulated ones. What is
open until one is, stands in [facts](facts.md). To contribute, in five minutes:

    deployer survey 192.168.1.2
    deployer survey export --out docs/machines/my-pentium.txt

and attach that file to a report, or put it here: it has no names, addresses, paths, serial numbers
or tokens.

"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A machine: its name here, its export, and why each of its differences is one."""

    name: str
    shown: share.SharedSurvey
    judged: dict[str, str]

    @property
    def title(self) -> str:
        """What it is."""
        return _TITLES.get(self.name, self.name)

    @property
    def odd(self) -> list[str]:
        """The probes that differ, stopped it, or were told, where no probe expects that."""
        found = (Verdict.DIFFERS, Verdict.STOPPED)
        return [probe for probe, verdict in self.shown.verdicts.items() if verdict in found]


def machines() -> list[Asked]:
    """All of them, by name."""
    found = []
    for path in sorted(EXPORTS.glob("*.txt")):
        beside = path.with_suffix("").with_name(f"{path.stem}.toml")
        table = tomllib.loads(beside.read_text("utf-8")) if beside.is_file() else {}
        judged = {
            probe: one["why"] for one in table.get("judgement", ()) for probe in one["probes"]
        }
        found.append(Asked(path.stem, share.parse(path.read_bytes()), judged))
    return found


def render() -> str:
    """The page."""
    asked = machines()
    return _HEAD + "\n".join([*_table(asked), "", *(line for one in asked for line in _odd(one))])


def _table(asked: list[Asked]) -> Iterator[str]:
    names = [section.value for section in SurveySection]
    yield f"| machine | system | processor | MHz | {' | '.join(names)} |"
    yield "|---" * (4 + len(names)) + "|"
    for one in asked:
        told = one.shown.machine
        cells = [one.title, *(told.get(key, "") for key in ("system", "cpu", "cpu_mhz"))]
        yield f"| {' | '.join([*cells, *(_counted(one, name) for name in names)])} |"
    yield ""
    yield "A cell is how many probes answered as expected, of how many whose answer is expected."


def _counted(one: Asked, section: str) -> str:
    found = Counter(
        verdict for probe, verdict in one.shown.verdicts.items() if probe.startswith(f"{section}.")
    )
    judged = found[Verdict.PASS] + found[Verdict.DIFFERS] + found[Verdict.STOPPED]
    return f"{found[Verdict.PASS]} of {judged}" if judged else "told" * bool(found[Verdict.TOLD])


def _odd(one: Asked) -> Iterator[str]:
    yield f"## {one.title[:1].upper()}{one.title[1:]}"
    yield ""
    speeds = [
        f"{text} tok/s with {name}"
        for probe, name in _SPEEDS
        if (text := one.shown.answers.get((probe, "tok_s")))
    ]
    if speeds and one.name != _EMULATED:
        yield f"Its engine reached {', '.join(speeds)}."
        yield ""
    if not one.odd:
        yield "It answered everything as expected."
        yield ""
        return
    by_reason: dict[str, list[str]] = {}
    for probe in one.odd:
        by_reason.setdefault(one.judged.get(probe, "nobody has judged this yet"), []).append(probe)
    yield "| why | probes |"
    yield "|---|---|"
    for why, probes in by_reason.items():
        yield f"| {why} | {', '.join(probe.partition('.')[2] for probe in probes)} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(render())

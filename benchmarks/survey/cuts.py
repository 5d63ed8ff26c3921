"""Every probe of a full survey is harmed, by GO.BAT and through the agent: half an hour a road.

    python -m benchmarks.survey.cuts [--road go|agent] [--only whole|cables|stops] [--seed N]

First all are asked in one survey that is not harmed. In others, of ten probes, the cable is pulled,
and transfers are cut, damaged and stand still at drawn bytes. Then all are asked in surveys of 40,
each four times: the power fails in the probes of even number, then in those of odd number, and so
does the PC hang. Each survey must come to its end, and what every other probe answers must be
there. A part of it is in every run of tests/sim/test_survey_cuts.py.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from deployer.core.survey import script
from deployer.core.survey.judge import Verdict
from deployer.core.survey.probe import SurveyProbe
from deployer.host.surveys import asked
from tests.surveycuts import (
    HARM_OF_CABLES,
    TRANSFERRING,
    USUAL,
    Harm,
    Road,
    Stop,
    by_go_bat,
    through_the_agent,
    wrong,
)

AT_ONCE = 40
"""Probes of a survey: a restart goes through all that come before, so few are quicker."""
ROADS = {"go": by_go_bat, "agent": through_the_agent}
DRAWN = 6
"""Bytes at which a cable does each kind of harm."""


def stops(probes: Sequence[SurveyProbe], seed: int) -> Iterator[tuple[Sequence[SurveyProbe], Harm]]:
    """The surveys in which the PC stops."""
    for start in range(0, len(probes), AT_ONCE):
        some = probes[start : start + AT_ONCE]
        names = [probe.identity for probe in some]
        for how in Stop:
            for first in (0, 1):
                yield some, Harm(names[first::2], how, seed=seed + start + first)


def cables(
    probes: Sequence[SurveyProbe], seed: int
) -> Iterator[tuple[Sequence[SurveyProbe], Harm]]:
    """The surveys whose cable is bad."""
    chance = random.Random(seed)
    some = [probe for probe in probes if probe.name in TRANSFERRING]
    for kind in HARM_OF_CABLES:
        for _ in range(DRAWN):
            yield some, Harm(cable=f"{kind}@{int(3_000_000 ** chance.uniform(0.5, 1.0))}")


def main() -> int:
    """Exit code 0: nothing was wrong."""
    parser = argparse.ArgumentParser("benchmarks.survey.cuts", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--road", choices=ROADS, help="only this one")
    parser.add_argument("--only", choices=("whole", "cables", "stops"), help="only this harm")
    parser.add_argument("--part", type=int, default=1, help="only each N-th probe")
    options = parser.parse_args()
    probes = script.chosen(asked.every_probe(), full=True)[:: options.part]
    kinds = {
        "whole": [(probes, Harm())],
        "cables": cables(probes, options.seed),
        "stops": stops(probes[::-1], options.seed),
    }
    surveys = [
        each for name, some in kinds.items() if options.only in (None, name) for each in some
    ]
    chosen = [options.road] if options.road else list(ROADS)
    bad = sum(_harmed(ROADS[road], some, harm) for road in chosen for some, harm in surveys)
    return int(bad > 0)


def _harmed(road: Road, probes: Sequence[SurveyProbe], harm: Harm) -> int:
    """How many probes of a survey are wrong."""
    began = time.monotonic()
    what = harm.cable or (f"{harm.how} in {len(harm.cut)}" if harm.cut else "unharmed")
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = road(Path(folder) / "pc", probes, harm)
    except TimeoutError:
        found, odd = [], ["it did not come to its end"]
    else:
        odd = wrong(found, harm.cut, USUAL)
    if harm.cable and found and len(odd) <= 1:
        odd = []
    stopped = sum(one.verdict is Verdict.STOPPED for one in found)
    survey = f"{road.__name__}, {probes[0].identity} and {len(probes) - 1} more, {what}"
    took = time.monotonic() - began
    print(f"{survey}: {stopped} stopped, {len(odd)} wrong, {took:.0f} s", flush=True)
    print("".join(f"  {line}\n" for line in odd), end="", flush=True)
    return len(odd)


if __name__ == "__main__":
    sys.exit(main())

"""The power fails in every probe of a full survey, by GO.BAT and through the agent.

    python -m benchmarks.survey.cuts [--seed N] [--agent] [--part N]

Each road is gone twice: the power fails in the probes of even number, then in those of odd number.
Each survey must come to its end, and what every other probe answers must be there. A part of it is
in every run of tests/sim/test_survey_cuts.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from deployer.core.survey import script
from deployer.core.survey.judge import Verdict
from deployer.host.surveys import asked
from tests.surveycuts import USUAL, Harm, by_go_bat, through_the_agent, wrong


def main() -> int:
    """Exit code 0: nothing was wrong."""
    parser = argparse.ArgumentParser("benchmarks.survey.cuts", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--agent", action="store_true", help="through the agent only")
    parser.add_argument("--part", type=int, default=1, help="only each N-th probe")
    options = parser.parse_args()
    probes = script.chosen(asked.every_probe(), full=True)[:: options.part]
    names = [probe.identity for probe in probes]
    bad = 0
    for road in (through_the_agent,) if options.agent else (by_go_bat, through_the_agent):
        for first in (0, 1):
            harm = Harm(names[first::2], seed=options.seed + first)
            with tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                found = road(Path(folder) / "pc", probes, harm)
                took = time.monotonic() - began
            odd = wrong(found, harm.cut, USUAL)
            stopped = sum(one.verdict is Verdict.STOPPED for one in found)
            print(f"{road.__name__}: {len(found)} probes, {len(harm.cut)} failures of the power, "
                  f"{stopped} stopped, {len(odd)} wrong, {took:.0f} s", flush=True)  # fmt: skip
            print("".join(f"  {line}\n" for line in odd), end="")
            bad += len(odd)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())

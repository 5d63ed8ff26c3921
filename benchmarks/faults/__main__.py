"""`python -m benchmarks.faults`: seeded random faults against the whole path, and what came of it.

Each seed draws a payload, faults of the simulated PC and its cable, perhaps a host that goes away
in the middle, what goes wrong on it while it serves, and a byte that rots on the disk; pushes it,
and pushes again when that was not proved. The same seed plays the same faults again: --seed N
--count 1. A full disk and an interface that goes need root, or user namespaces; else they are left
out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.faults import changes, judge, kill, place
from benchmarks.faults.judge import Outcome, run
from benchmarks.faults.world import Case
from deployer.model import State
from deployer.sim.faults import Fault


def play(seeds: Sequence[int], jobs: int) -> Iterator[Outcome]:
    """The outcomes of the seeds, as they come."""
    if jobs == 0:
        yield from map(run, seeds)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=place.enter, maxtasksperchild=50) as pool:
        yield from pool.imap_unordered(run, seeds)


def each_step(seed: int, every: int = 1) -> Iterator[Outcome]:
    """One payload, with the power failing at each step in turn until there is none any more."""
    for kind in ("off", "power"):
        for at in itertools.count(1, every):
            outcome = judge.play(Case(seed, (Fault(kind, at),), run=True, restart=None, rot=False))
            yield outcome
            if not outcome.happened:
                break


def _kills(seeds: Sequence[int]) -> int:
    broken = 0
    for seed in seeds:
        killed = kill.kill_at_random(seed)
        broken += bool(killed.broken)
        said = "; ".join(killed.broken) or "the next push was proved"
        print(f"{seed:>4}  killed after {killed.after:>3} events ({killed.last}): {said}")
    print(f"{len(seeds)} kills, {broken} broken promises")
    return 1 if broken else 0


def _lives(seeds: Sequence[int], jobs: int) -> int:
    began = time.monotonic()
    happened: Counter[str] = Counter()
    broken = again = 0
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, maxtasksperchild=50) as pool:
        for life in pool.imap_unordered(changes.run, seeds):
            happened.update(each.partition("@")[0] for each in life.happened)
            broken, again = broken + bool(life.broken), again + life.again
            for text in life.broken:
                print(f"{life.seed:>6}  BROKEN {text}", file=sys.stderr, flush=True)
    print(f"runs                           {len(seeds)}, in {time.monotonic() - began:.0f} s")
    print(f"broken promises                {broken}")
    print(f"parts sent again               {again}, each damaged or in flight")
    print(
        f"faults that happened           {sum(happened.values())}: {dict(sorted(happened.items()))}"
    )
    return 1 if broken else 0


def summary(outcomes: Sequence[Outcome], seconds: float) -> dict[str, object]:
    """The figures of all runs together."""
    happened = Counter(h.partition("@")[0] for o in outcomes for h in o.happened)
    return {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}",
        "runs": len(outcomes),
        "seconds": round(seconds, 1),
        "proved_at_once": sum(o.state == State.PROVED for o in outcomes),
        "failed_with_the_reason": sum(o.state == State.FAILED for o in outcomes),
        "unfinished": sum(not o.state.final for o in outcomes),
        "proved_in_the_end": sum(not o.broken for o in outcomes),
        "broken_promises": sum(bool(o.broken) for o in outcomes),
        "faults_that_happened": dict(sorted(happened.items())),
        "host_restarts": sum(o.case.restart is not None for o in outcomes),
        "parts": sum(o.parts for o in outcomes),
        "parts_sent_again": sum(o.again for o in outcomes),
        "damaged_or_in_flight_at_most": sum(o.causes for o in outcomes),
    }


def _said(outcome: Outcome) -> str:
    broken = "".join(f"\n    BROKEN {text}" for text in outcome.broken)
    why = f" ({outcome.reason})" if outcome.reason else ""
    return (
        f"{outcome.case.seed:>6}  {outcome.state}{why}  {outcome.case}  "
        f"{outcome.again} of {outcome.parts} again, {outcome.seconds:.1f} s{broken}"
    )


def main() -> int:
    """Exit code 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the first run; then one more each")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--each-step", action="store_true",
        help="instead: the power fails at each line of GO.BAT and each change of the disk",
    )  # fmt: skip
    parser.add_argument(
        "--every", type=int, default=1, help="with --each-step: only every so many steps"
    )
    parser.add_argument(
        "--kills", type=int, default=0, help="instead: kill -9 of the host at so many moments"
    )
    parser.add_argument(
        "--changes", action="store_true",
        help="instead: pushes, changes there, a pull, a restore and deleting, with faults",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true", help="a line for each run")
    given = parser.parse_args()
    began = time.monotonic()
    if given.kills:
        return _kills(range(given.seed, given.seed + given.kills))
    if given.changes:
        return _lives(range(given.seed, given.seed + given.count), given.jobs)
    outcomes = []
    runs = play(range(given.seed, given.seed + given.count), given.jobs)
    for outcome in each_step(given.seed, given.every) if given.each_step else runs:
        outcomes.append(outcome)
        if given.verbose or outcome.broken:
            print(_said(outcome), file=sys.stderr, flush=True)
    figures = summary(outcomes, time.monotonic() - began)
    if given.json:
        print(json.dumps(figures))
    else:
        for key, value in figures.items():
            print(f"{key.replace('_', ' '):<30} {value}")
    return 1 if figures["broken_promises"] else 0


if __name__ == "__main__":
    sys.exit(main())

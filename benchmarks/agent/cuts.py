"""AGENT98.EXE while power and lines fail, many times: `python -m benchmarks.agent.cuts`.

Each life of a simulated PC goes from installing the agent through orders of every kind, pushes
among them, to FORGET; in each order the power fails or all connections break before a drawn one of
the calls that its programs make. What must be true then is in tests/agentcuts.py. The hosted agent
has the same for bytes of a connection and changes of a disk, a thousand times in every run of
tests/payloads/test_agent98.py, and CUTS=10000 in the environment makes it ten thousand.

--cuts N   how many failures there are to be (1000)
--seed N   the first life's (0)
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

from tests.agentcuts import Tally, lives

ORDERS = 10


def main() -> int:
    """Live until there were so many failures, and show how the orders ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tally = Tally()
    for seed in itertools.count(options.seed):
        with tempfile.TemporaryDirectory() as folder:
            tally.add(lives(Path(folder), range(seed, seed + 1), ORDERS, pushes=True))
        print(f"life {seed}: {tally.harmed} failures so far", flush=True)
        if tally.harmed >= options.cuts:
            break
    for how, times in sorted(tally.ends.items()):
        print(f"{how:20} {times:6}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

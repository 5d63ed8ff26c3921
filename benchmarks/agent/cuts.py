"""AGENT98 while power and lines fail, many times: `python -m benchmarks.agent.cuts`.

Each life of a simulated PC goes from installing the agent through orders of every kind, pushes
among them, to FORGET; in each order the power fails or all connections break before a drawn one of
the calls that its programs make. What must be true then is in tests/agentcuts.py.

With --hosted it is the agent as a program of this computer, which is much faster: the power fails
in a drawn change of the disk, or all connections break after a drawn byte. What must be true is in
tests/payloads/hostedcuts.py. A tenth of it is in every run of tests/payloads/test_agent98.py.

--cuts N   how many failures there are to be (1000)
--seed N   the first life's (0)
--hosted   as a program of this computer; it needs gcc and make
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.agentcuts import lives
from tests.payloads.hostedcuts import Programs, Tally, many_lives

ORDERS = 10
PAYLOADS = Path(__file__).resolve().parents[2] / "payloads"


def simulated(folder: Path, cuts: int, first: int) -> Tally:
    """AGENT98.EXE on simulated PCs, one after another."""
    tally = Tally()
    seeds = itertools.count(first)
    while tally.harmed < cuts:
        seed = next(seeds)
        tally.add(lives(folder, range(seed, seed + 1), ORDERS, pushes=True))
        print(f"life {seed}: {tally.harmed} failures so far", flush=True)
    return tally


def hosted(folder: Path, cuts: int, first: int) -> Tally:
    """The hosted agent, built for this."""
    out = folder / "payloads"
    programs = Programs(*(out / "hosted" / name for name in ("AGENT98", "AGENT98W", "DEPLOY98")))
    subprocess.run(
        ["make", "-s", "-C", str(PAYLOADS), f"OUT={out}", f"PYTHON={sys.executable}",
         str(programs.agent), str(programs.worker), str(programs.helper)],
        check=True,
    )  # fmt: skip
    return many_lives(programs, folder, cuts, first)


def main() -> int:
    """Live until there were so many failures, and show how the orders ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hosted", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        live = hosted if options.hosted else simulated
        tally = live(Path(name), options.cuts, options.seed)
    print(f"{tally.harmed} failures; how the orders ended:")
    for how, times in sorted(tally.ends.items()):
        print(f"{how:20} {times:6}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

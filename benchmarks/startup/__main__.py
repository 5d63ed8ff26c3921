"""What a start costs: `python -m benchmarks.startup`.

    yardstick   python -c "import typer, rich.console": what no program on Typer can do without
    --help      deployer --help
    status      deployer status, over a store of 200 deployments and 10,000 events

Processor time of the process, user and system, the least of several rounds; the three take turns,
so that they share whatever else the machine does. Beside it stands how often the yardstick that is.

--rounds N  how often each is started (9)
--json      one JSON object instead of the table
--check     exit code 1 when one takes more than 2.5 times the yardstick
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.watching.past import fill

GOAL = 2.5


def processor(command: list[str], environment: dict[str, str]) -> float:
    """Seconds of processor time of a command that must succeed."""
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _pid, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime


def figures(state: Path, rounds: int) -> dict[str, float]:
    """The least processor time of each, in seconds."""
    fill(state)
    environment = {**os.environ, "DEPLOYER_STATE_DIR": str(state), "COLUMNS": "80"}
    environment["PYTHONPYCACHEPREFIX"] = str(state / "compiled")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    program = [sys.executable, "-m", "deployer"]
    commands = {
        "yardstick": [sys.executable, "-c", "import typer, rich.console"],
        "--help": [*program, "--help"],
        "status": [*program, "status"],
    }
    for command in commands.values():  # compiles, as an installer does
        processor(command, environment)
    least = dict.fromkeys(commands, float("inf"))
    for _round in range(rounds):
        for name, command in commands.items():
            least[name] = min(least[name], processor(command, environment))
    return least


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.startup", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        least = figures(Path(name), asked.rounds)
    ratios = {name: seconds / least["yardstick"] for name, seconds in least.items()}
    if asked.json:
        print(json.dumps({"seconds": least, "ratios": ratios, "goal": GOAL}))
    else:
        for name, seconds in least.items():
            missed = "   MISSED" if ratios[name] > GOAL else ""
            print(f"{name:<10} {seconds:6.3f} s  {ratios[name]:5.2f} x{missed}")
    return int(asked.check and max(ratios.values()) > GOAL)


if __name__ == "__main__":
    sys.exit(main())

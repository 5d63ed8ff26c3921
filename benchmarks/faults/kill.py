"""The host killed with SIGKILL at random moments: the same push again ends proved."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LINES = 120
"""About as many events as a push of the payload has."""


@dataclass(frozen=True, slots=True)
class Killed:
    """One kill: after how many events it came, what the next push sent again, what was wrong."""

    after: int
    last: str
    again: int
    broken: tuple[str, ...]


def kill_at_random(seed: int) -> Killed:
    """A push that is killed at a moment drawn from the seed, then the same push to its end."""
    rng = random.Random(f"kill {seed}")
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        place = Path(folder)
        payload = place / "payload.bin"
        payload.write_bytes(rng.randbytes(700_000))
        after, pause = rng.randrange(LINES), rng.random() * 0.05
        first = list(_cut_short(_command(place, payload), after, pause))
        code, second = _whole(_command(place, payload))
        return Killed(
            len(first), _name(first), _again(first, second),
            tuple(_wrong(place, payload, code, first, second)),
        )  # fmt: skip


def _command(place: Path, payload: Path) -> list[str]:
    return [
        sys.executable, "-m", "deployer", "push", "--target", "sim", "--json", "--part-size",
        "256K", "--state-dir", str(place / "state"), str(payload),
    ]  # fmt: skip


def _cut_short(command: list[str], after: int, pause: float) -> Iterator[dict[str, object]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        for number, line in enumerate(process.stdout):
            yield json.loads(line)
            if number >= after:
                time.sleep(pause)
                break
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.stdout.close()
        process.wait()


def _whole(command: list[str]) -> tuple[int, list[dict[str, object]]]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def _wrong(
    place: Path,
    payload: Path,
    code: int,
    first: list[dict[str, object]],
    second: list[dict[str, object]],
) -> Iterator[str]:
    if code:
        yield f"the next push ended with exit code {code}"
    if not second or second[-1].get("state") != "proved":
        yield "the next push was not proved"
    found = place / "state" / "sim-pc" / "DEPLOY" / "PAYLOAD.BIN"
    if not found.is_file() or _sum(found) != _sum(payload):
        yield "the simulated disk does not have the payload"
    started = {str(event["deployment"]) for event in [*first, *second] if event["deployment"]}
    finished = bool(first) and first[-1].get("state") == "proved"
    if len(started) > 1 and not finished:
        yield f"the identity was not taken up: {sorted(started)}"
    if _again(first, second) > 1:
        yield f"{_again(first, second)} parts were sent again, and one was in flight"


def _again(first: list[dict[str, object]], second: list[dict[str, object]]) -> int:
    """Parts that had left whole before the kill, and went again after it."""
    done = {_part(event) for event in first if event["event"] == "transfer-done"} - {""}
    sent = {_part(event) for event in second if event["event"] == "transfer-started"}
    return len(done & sent)


def _part(event: dict[str, object]) -> str:
    name = str(event.get("name"))
    return name if name.startswith("PAYLOAD.0") else ""


def _name(events: list[dict[str, object]]) -> str:
    return str(events[-1]["event"]) if events else "nothing"


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

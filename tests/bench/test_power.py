"""Power commands as people write them: failing, hanging, leaving things running, babbling."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from deployer.bench import power
from tests.waiting import until

LONG = "sleep 600"


def run(script: str, timeout: float = 60.0) -> str:
    return asyncio.run(asyncio.wait_for(power.run(("sh", "-c", script), timeout), 60))


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("true", ""),
        ("echo fine", ""),
        ("exit 3", "exit code 3, it said: nothing"),
        ("echo one; echo two >&2; exit 1", "exit code 1, it said: two"),
        (r"printf 'relais \351\033[31m'; exit 1", "exit code 1, it said: relais \ufffd?[31m"),
        ("kill -9 $$", "exit code -9, it said: nothing"),
        ("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end; exit 1",
         "exit code 1, it said: end"),
    ],
)  # fmt: skip
def test_how_it_ended_is_told(script: str, why: str) -> None:
    assert run(script) == why


@pytest.mark.parametrize("words", [("/no/such/switch",), ("a\0b",)])
def test_what_cannot_be_started_is_told(words: tuple[str, ...]) -> None:
    assert asyncio.run(power.run(words, 5)).startswith("cannot be started: ")


def test_what_it_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    try:
        assert run(f"{LONG} & echo $! > {pid}") == ""
    finally:
        os.kill(int(pid.read_text()), 9)


def gone(pid: int) -> bool:
    """Whether it ends soon; a zombie has ended."""

    def ended() -> bool:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
        return True

    return until(ended, f"process {pid} ends")


def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    assert run(f"{LONG} & echo $! > {pid}; wait", 4.0) == "did not end within 4 s"
    assert gone(int(pid.read_text()))


def test_when_the_run_is_stopped_so_is_the_command(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    async def story() -> None:
        task = asyncio.create_task(power.run(("sh", "-c", f"echo $$ > {pid}; {LONG}; true"), 600))
        while not (pid.exists() and pid.read_text()):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(story(), 60))
    assert gone(int(pid.read_text()))

"""Starts the simulated PC as a process of its own: a peer on loopback, as separate as a real PC."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from deployer.errors import SimulatorMissing, WrongUse

_NEEDS = ("unicorn", "pefile")
_CHUNK, _LONGEST = 1 << 16, 1 << 14


def check_installed() -> None:
    """Raises SimulatorMissing when what the simulated PC needs is not installed."""
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise SimulatorMissing(missing=" and ".join(missing))


def command(
    *, host: str, port: int, disk: Path, lines: Sequence[str], arguments: Sequence[str] = ()
) -> list[str]:
    """The command line of a simulated PC that calls `host` and reaches loopback port `port`.

    `lines` are typed on it, again when it did not work out; `arguments` are further options of
    `python -m deployer.sim`.
    """
    typed = [f"--type={line}" for line in lines]
    route = f"{host}=127.0.0.1:{port}"
    return [
        sys.executable, "-m", "deployer.sim", f"--route={route}", f"--disk={disk}",
        "--secret-from-stdin", "--end-with-input", "--tries=3", *typed, *arguments,
    ]  # fmt: skip


def check_faults(faults: Sequence[str]) -> None:
    """Raises WrongUse, in the simulated PC's own words, when it does not know one of the faults."""
    if not faults:
        return
    arguments = [f"--fault={fault}" for fault in faults]
    checked = subprocess.run(
        [sys.executable, "-m", "deployer.sim", "--check", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if checked.returncode:
        said = checked.stderr.strip().splitlines() or ["the simulated PC did not say why"]
        raise WrongUse(
            what=f"--fault: {said[-1].removeprefix('deployer sim: ')}.",
            remedy="For example --fault flip@1000, --fault power@20, or --fault random:7; "
            "deployer sim --help has them all.",
        )


def _unseen(_text: str) -> None:
    """Nobody looks."""


async def run(
    arguments: Sequence[str],
    secret: bytes,
    on_line: Callable[[str], None],
    on_begun: Callable[[str], None] = _unseen,
) -> int:
    """Run the simulated PC to its end; each line of its screen goes to `on_line`.

    `on_begun` gets a line that has no end yet, as far as it goes, whenever it has grown.
    `secret` is what its server asks for. It goes through a pipe: every user of this computer can
    read the command line of a process.

    Returns its exit code. Cancelling the task ends the process, and so does the end of this one
    however it comes: two simulated PCs on one disk would be no truth about either.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        umask=0o077 if os.name == "posix" else -1,  # what it gets is not for others to read
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(secret + b"\n")
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        begun = ""
        while data := await process.stdout.read(_CHUNK):
            *whole, begun = f"{begun}{decode(data)}".split("\n")
            for line in whole:
                on_line(_seen(line))
            begun = begun[-_LONGEST:]
            if begun:
                on_begun(_seen(begun))
        if begun:
            on_line(_seen(begun))
        return await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _seen(line: str) -> str:
    """What of a line stays on a screen: what comes after CR takes the place of what was there."""
    return line.rstrip("\r").rpartition("\r")[2]


def run_here(arguments: Sequence[str]) -> int:
    """Run `python -m deployer.sim` on this terminal; its exit code."""
    return subprocess.call([sys.executable, "-m", "deployer.sim", *arguments])

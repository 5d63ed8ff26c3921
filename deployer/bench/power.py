"""Power commands: started, waited for, and ended with all that they started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO

_LAST = 4096
"""Bytes of what a command wrote that are looked at."""


async def run(words: Sequence[str], timeout: float) -> str:
    """Why the command failed; "" when it ended with 0 within `timeout` seconds.

    It has ended when its own process has, whatever it leaves running with its output open. When it
    takes too long, or whoever waits is cancelled, it is killed with everything that it started.
    """
    with tempfile.TemporaryFile() as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            return f"cannot be started: {getattr(error, 'strerror', None) or error}"
        try:
            async with asyncio.timeout(timeout):
                code = await process.wait()
        except TimeoutError:
            return f"did not end within {timeout:g} s"
        finally:
            if process.returncode is None:
                _kill(process)
        return f"exit code {code}, it said: {_last_line(output)}" if code else ""


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _last_line(output: IO[bytes]) -> str:
    output.seek(max(0, output.seek(0, os.SEEK_END) - _LAST))
    lines = output.read().decode("utf-8", errors="replace").strip().splitlines() or ["nothing"]
    return "".join(char if char.isprintable() else "?" for char in lines[-1])

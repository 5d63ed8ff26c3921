"""Running a system's own network programs, where netlink does not exist."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from deployer.errors import LinkFailed, LinkForbidden

Run = Callable[[Sequence[str]], str]

_PATIENCE = 30.0
_FORBIDDEN = (
    "operation not permitted",
    "permission denied",
    "requires elevation",
    "must be root",
    "access is denied",
)


def run(words: Sequence[str]) -> str:
    """The output of a program. Raises LinkForbidden or LinkFailed."""
    try:
        done = subprocess.run(list(words), capture_output=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LinkFailed(interface=words[0], why=error) from error
    said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
    if any(sign in said.lower() for sign in _FORBIDDEN):
        raise LinkForbidden(why=said.splitlines()[-1])
    if done.returncode:
        why = said.splitlines()[-1] if said else f"exit code {done.returncode}"
        raise LinkFailed(interface=words[0], why=why)
    return done.stdout.decode("utf-8", "replace")

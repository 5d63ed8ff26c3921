"""What an agent is handed out with: whose it is, as an .INI text, and the bytes behind its program.

A program that a browser fetches is one file, so the text follows the PE image; beside an
AGENT98.EXE on a disk it is AGENT98.INI.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

AGENT_EXE = "AGENT98.EXE"
AGENT_INI = "AGENT98.INI"
WORKER_EXE = "AGENT98W.EXE"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who an agent is to its host. `host` is the host's address as the old PC calls it, `also` its
    other one, "" for none: the PC's own address may change, and the agent calls both in turn.
    """

    agent: str
    token: str
    host: str
    port: int = 21
    name: str = ""
    also: str = ""


def ini(enrolled: Enrolment, *, stay: bool = True) -> bytes:
    """The text. With `stay` the agent starts again with Windows."""
    lines = [
        "[AGENT98]",
        f"host={enrolled.host}",
        *([f"also={enrolled.also}"] if enrolled.also else []),
        f"port={enrolled.port}",
        f"id={enrolled.agent}",
        f"token={enrolled.token}",
        *([f"name={enrolled.name}"] if enrolled.name else []),
        f"stay={int(stay)}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace")


def program(image: bytes, enrolled: Enrolment) -> bytes:
    """The agent's program with its enrolment behind it."""
    return image + ini(enrolled)


def fingerprint(token: str) -> str:
    """What is written down of a token: its SHA-256, of which nobody can log in."""
    return hashlib.sha256(token.encode("ascii", "replace")).hexdigest()

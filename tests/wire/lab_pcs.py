"""Old PCs of one wire, for tests of a lab: light ones, and on the first of them an agent.

python lab_pcs.py HOST AGENT TOKEN ADDRESS...
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.agentpc import AgentPC, Program, bitmap
from tests.bench.scripted import ScriptedPC


def play(program: Program) -> int:
    """Say what was asked, and how it ends: `ENDS n`."""
    program.write(program.run.command.encode("cp437") + b"\r\n")
    program.close()
    return int(program.run.command.partition(" ")[2] or 0)


def main(host: str, agent: str, token: str, addresses: list[str]) -> None:
    for address in addresses:
        ScriptedPC(address, host, lambda: 21, every=0.3).start()
    pc = AgentPC(21, agent, token, play=play, host=host, files={"C:\\LOG.TXT": agent.encode()})
    pc.screen = bitmap(64, 48)
    pc.go = lambda _go: threading.Event().wait(5.0)  # the light PC beside it fetches
    with pc:
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])

"""What the simulated PC prints, as its host reads it."""

from __future__ import annotations

import asyncio
import sys

from deployer.edge import rehearsal


def test_what_it_prints_arrives_piece_by_piece_and_in_its_own_letters() -> None:
    """Also the line that has no end yet; CR begins a line anew, as on a screen."""
    pieces = ("caf\u00e9", " und", "\n10", "\r20", "\nend")
    program = f"for piece in {pieces!r}: print(piece, end='', flush=True); input()"
    lines: list[str] = []
    begun: list[str] = []
    command = [sys.executable, "-c", program]
    code = asyncio.run(rehearsal.run(command, b"\n" * 8, lines.append, begun.append))
    assert code == 0
    assert lines == ["caf\u00e9 und", "20", "end"]
    assert begun[-1] == "end"

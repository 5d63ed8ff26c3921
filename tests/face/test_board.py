"""The board of a bench: one line for each PC, of what it does and waits for."""

from __future__ import annotations

import io

from rich.console import Console

from deployer.bench import Outcome, TargetResult
from deployer.errors import EXIT_UNREACHABLE
from deployer.events import StateChanged
from deployer.face.board import Board
from deployer.model import State
from tests.face.test_tui_screens import EVENTS, NOW

NAMES = {"anna": "192.168.1.2", "beige": "192.168.1.3", "sim": "sim", "new": "192.168.1.9"}


def board(height: int = 24) -> Board:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=height)
    made = Board(NAMES, console, clock=lambda: NOW)
    for event in EVENTS:
        made.take(event)
    return made


def drawn(made: Board) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(made.picture())
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_each_pc_has_a_line_of_what_it_does_and_what_it_waits_for() -> None:
    assert drawn(board()) == [
        ">  anna   192.168.1.2  8 %  fetching STORI15M.002 at 750.0 kB/s",
        ".  beige  192.168.1.3       waiting: type at C:\\WINDOWS> FTP 192.168.1.1",
        ".  sim    sim               failed: no sign of life for 60 s",
        ".  new    192.168.1.9       not offered yet",
        "0 of 4 PCs proved, 0 ended",
    ]


def test_what_has_ended_goes_below_and_says_how() -> None:
    made = board()
    made.ended(TargetResult("anna", "192.168.1.2", (), Outcome.PROVED))
    silent = "no sign of life for 60 s"
    made.ended(TargetResult("sim", "sim", (), Outcome.FAILED, silent, EXIT_UNREACHABLE))
    made.take(StateChanged(NOW, "D0000003", State.VERIFYING))
    assert drawn(made)[-4:] == [
        ".  new    192.168.1.9       not offered yet",
        "#  anna   192.168.1.2       proved",
        "!  sim    sim               failed: no sign of life for 60 s",
        "1 of 4 PCs proved, 2 ended",
    ]
    assert "verifying on its own disk" in drawn(made)[0]


def test_more_pcs_than_lines_are_counted() -> None:
    assert drawn(board(height=5))[-1] == "0 of 4 PCs proved, 0 ended; 2 more below"


def test_a_line_for_people_stays_above_the_board() -> None:
    made = board()
    made.tell("beige", "Switch it on\nand type GO")
    shown = made.console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.splitlines() == ["beige: Switch it on", "beige: and type GO"]

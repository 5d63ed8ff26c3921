"""The card of a PC at the end of a serial cable: what its user does in HyperTerminal, and when.

In the words of Windows 98's own screens (facts E1-E4); `card` shows this in place of its own for a
deployment that goes over a line.
"""

from __future__ import annotations

from deployer.core.target.manifest import own_directory
from deployer.core.view import PULLED, Mark, Row
from deployer.model import LINE, OUTPUT_TXT, PULL_DAT, RESULT_TXT, LineSettings, State

_FLOW = {"rtscts": "Hardware", "xonxoff": "Xon / Xoff", "none": "None"}
"""What HyperTerminal calls it."""
_SLOW = 20.0
"""Seconds of silence after which a hint is shown."""


def end(row: Row) -> str:
    """When it is over, in a sentence."""
    back = PULL_DAT if row.pulls else RESULT_TXT
    return f"It is finished when {back} has been sent: the other computer then says what it proves."


def port(row: Row) -> str:
    """The port on this computer."""
    return row.target.removeprefix(LINE)


def ways(row: Row) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The steps, each a title and its lines, in their order."""
    line = row.line or LineSettings()
    flow = _FLOW.get(line.flow, line.flow)
    folder = own_directory(row.directory)
    return (
        (
            "In HyperTerminal (Start, Programs, Accessories, Communications)",
            (
                f"Connect using  Direct to Com1;  {line.speed}, 8, None, 1, flow control {flow}",
                f"Transfer, Receive File:  folder {folder} (make it first: MD {folder}),",
                "                         protocol Zmodem, Close",
                "Then the files come by themselves.",
            ),
        ),
        ("When it has counted to the end, in an MS-DOS Prompt", (f"{folder}\\GO",)),
        ("In HyperTerminal again, when GO asks for it", _sent_back(row, folder)),
    )


def _sent_back(row: Row, folder: str) -> tuple[str, ...]:
    if row.pulls:
        return (
            f"Transfer, Send File, protocol Zmodem:  {folder}\\{PULL_DAT}",
            "When this computer asks for more, it says so; then once more from GO on.",
        )
    return (
        "Transfer, Send File, protocol Zmodem:  the file that GO names,",
        f"at the end {folder}\\{OUTPUT_TXT} if there is one, and {folder}\\{RESULT_TXT}",
    )


def card(row: Row) -> tuple[str, ...]:
    """The card as lines of text, as `push` prints it before anything has happened."""
    lines = [f"Deployment {row.deployment} waits for the old PC on {port(row)}. There:"]
    for title, typed in ways(row):
        lines += ["", f"  {title}:", *(f"    {line}" for line in typed)]
    return (*lines, "")


def followed(row: Row) -> tuple[str, ...]:
    """The card as it stands now: what has been seen is ticked, what comes next is marked."""
    sent = row.state not in (State.STAGED, State.WAITING, State.FETCHING)
    done = (sent or row.mark >= Mark.GO_RUNS, row.report is not None, row.proof is not None)
    lines = [f"{row.deployment}: what to do on the old PC on {port(row)}.", ""]
    marked = False
    for (title, typed), ticked in zip(ways(row), done, strict=True):
        sign = "[x]" if ticked else "[ ]" if marked else "[>]"
        marked = marked or not ticked
        lines += [f" {sign} {title}:", *(f"       {line}" for line in typed)]
    return tuple(lines)


def hints(row: Row, now: float) -> tuple[str, ...]:
    """What to look at, after a silence; in the state of waiting for a person, what to do."""
    if row.state.final or row.paused:
        return ()
    if row.present is False and row.advice:
        return (f"{row.presence}.", row.advice)
    quiet = now - max(row.seen_at, row.tick_at, row.since)
    match row.state:
        case State.VERIFYING if PULLED in row.parts and quiet <= _SLOW:
            return ()  # PULL.DAT comes
        case State.VERIFYING | State.RUNNING:
            own = own_directory(row.directory)
            sent = f"{own}\\{PULL_DAT}" if row.pulls else "the file that GO names"
            return (
                f"Everything is sent. On the old PC, in an MS-DOS Prompt:  {own}\\GO",
                f"Then in HyperTerminal: Transfer, Send File, Zmodem, {sent}.",
            )
        case State.FETCHING if quiet > _SLOW:
            return (
                "Nothing moves. HyperTerminal may show a question, or still write to a slow disk.",
                "If not: flow control must be the same on both sides; a 3-wire cable needs",
                "--flow xonxoff here and Xon / Xoff there.",
            )
        case State.STAGED | State.WAITING if quiet > _SLOW:
            return (
                "HyperTerminal has not answered. Is it connected (the telephone symbol), and set",
                f"to {(row.line or LineSettings()).speed} bits per second? If it is, stop this and "
                "test the cable with:",
                f"  deployer serial test {port(row)}",
            )
        case _:
            return ()


def doing(row: Row) -> str:
    """What is going on; "" where the words for a network are right too."""
    match row.state:
        case State.WAITING:
            return "waiting for HyperTerminal to answer"
        case State.FETCHING if not row.current:
            return "sending what GO needs"
        case State.VERIFYING if PULLED in row.parts:
            return ""
        case State.VERIFYING | State.RUNNING:
            return f"waiting for {PULL_DAT if row.pulls else RESULT_TXT} from the old PC"
        case _:
            return ""

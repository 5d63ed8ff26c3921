"""docs/troubleshooting.md, made from the errors and from the card's hints themselves.

`python -m docs.generate.troubleshooting > docs/troubleshooting.md` writes it.
"""

from __future__ import annotations

import inspect
import re
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from deployer import errors
from deployer.core.view import Row, fold_all
from deployer.errors import DeployerError
from deployer.events import DeploymentStaged
from deployer.face import card

_SYMPTOMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("A serial line does not do what it should", ("Serial", "Line", "Transfer", "Receiver")),
    ("The wire cannot be set up", (
        "Interface", "NoWired", "Subnet", "Address", "Wire", "Link", "Undo", "System",
    )),
    ("A model is not taken", ("Tokenizer", "Model")),
    ("A port cannot be opened", ("Port",)),
    ("The old PC does not answer", ("Target",)),
    ("An agent does not do what it was asked", (
        "Agent", "Order", "NotBack", "NotBrought", "Picture",
    )),
    ("It arrived, but is not proved, or does not run", ("Verification", "Program", "Proof")),
    ("A file or a name is not taken", (
        "File", "NotAFile", "Name", "Drive", "TooMany", "Output", "Directory", "Store", "Lint",
    )),
    ("A deployment or the daemon is not there", (
        "Deployment", "Request", "Daemon", "NotTakenOver", "Cancelled",
    )),
)  # fmt: skip
"""Symptoms in the order of the page, and how the names of their errors begin."""
_OTHERS = "Everything else"
_SILENT = "Nothing comes from the old PC"
_DOCTOR = '`sudo "$(command -v deployer)" doctor`'
_FIRST = (
    ("the PC is *away*", "the cable is out, or the PC is off or restarts",
     "nothing: it goes on by itself when the PC is back"),
    ("it answers, but never calls", "nobody has typed the lines, or a firewall stops it",
     f"type the card's lines; {_DOCTOR}"),
    ("*login refused*", "the GO.BAT there is of an older push",
     "fetch GO.BAT again: `FTP`, `get GO.BAT`, then `GO`"),
    ("the PC's window stands still", "FTP.EXE has no time-out of its own",
     "Ctrl-C there, then `GO`"),
    ("GO.BAT has ended without a result", "this computer was away for long", "`GO` again there"),
    ("`sudo: deployer: command not found`", "sudo does not look where pipx and uv install",
     '`sudo "$(command -v deployer)" ...`'),
    ("a part comes again and again", "the cable, the card or the disk of the PC damages data",
     "`deployer proof`, which names the parts; change the cable first"),
)  # fmt: skip
"""What people see first, in the order in which it happens most."""

_MEANING = {
    errors.EXIT_USE: "wrong use or wrong input",
    errors.EXIT_INTERNAL: "internal error",
    errors.EXIT_HOST: "this computer cannot",
    errors.EXIT_UNREACHABLE: "the target is unreachable or timed out",
    errors.EXIT_VERIFY: "verification failed",
    errors.EXIT_PROGRAM: "the program on the target failed",
    errors.EXIT_INTERRUPTED: "interrupted",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An error as it is printed, its fields as words in capitals."""

    kind: type[DeployerError]
    what: str
    remedy: str

    @property
    def free(self) -> bool:
        """True when the message or its remedy is written where it is raised."""
        own = re.sub(r"[A-Z_ :.]+", "", self.what)
        return not own or self.remedy == "REMEDY"


def kinds() -> list[type[DeployerError]]:
    """Every error that a user can see, in the order of `errors.py`."""
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, DeployerError)
    ]


def fields(kind: type[DeployerError]) -> dict[str, str]:
    """Every field of the error's message, as its name in capitals; without the hint."""
    doc = inspect.cleandoc(kind.__doc__ or "")
    names = [name for _text, name, _spec, _conv in string.Formatter().parse(doc) if name]
    return {name: "" if name == "hint" else name.upper().replace("_", " ") for name in names}


def entry(kind: type[DeployerError]) -> Entry:
    """The error with its fields in capitals."""
    error = kind(**fields(kind))
    return Entry(kind, error.what, error.remedy)


def symptom(kind: type[DeployerError]) -> str:
    """The heading that an error stands under."""
    for title, beginnings in _SYMPTOMS:
        if kind.__name__.startswith(beginnings):
            return title
    return _OTHERS


def render() -> str:
    """The whole page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    entries = [entry(kind) for kind in kinds()]
    tables = [
        (title, [e for e in entries if symptom(e.kind) == title and not e.free])
        for title in [*(title for title, _beginnings in _SYMPTOMS), _OTHERS]
    ]
    tables = [(title, mine) for title, mine in tables if mine]
    yield "# Troubleshooting"
    yield ""
    yield "Look for what you see. Most troubles end with the same step: start GO again there,"
    yield "since what has arrived stays there."
    yield ""
    yield "| you see | it means | do this |"
    yield "|---|---|---|"
    yield from (f"| {see} | {means} | {do} |" for see, means, do in _FIRST)
    yield ""
    yield "An error has two lines: what happened and why, and what to do. Here they are by symptom:"
    yield ""
    yield from (f"- [{title}](#{_anchor(title)})" for title in [_SILENT, *(t for t, _ in tables)])
    yield from _silence()
    yield ""
    yield "# Errors by symptom"
    yield ""
    yield "Words in CAPITALS stand for what the message names."
    for title, mine in tables:
        yield ""
        yield f"## {title}"
        yield from _table(mine)
    yield ""
    yield "## Exit codes"
    yield ""
    yield "| exit code | meaning |"
    yield "|---|---|"
    yield "| 0 | proved |"
    for code, meaning in _MEANING.items():
        yield f"| {code} | {meaning} |"
    yield ""
    yield "*Made from the errors' own texts: `python -m docs.generate.troubleshooting`.*"


def _anchor(title: str) -> str:
    """The name of a heading in a link."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def _table(entries: list[Entry]) -> Iterator[str]:
    yield ""
    yield "| it says | do this | code |"
    yield "|---|---|---|"
    for item in entries:
        yield f"| {_cell(item.what)} | {_cell(item.remedy)} | {item.kind.exit_code} |"


def _cell(line: str) -> str:
    return line.replace("|", "\\|")


def _silence() -> Iterator[str]:
    """What the card says after a silence, stage by stage."""
    yield ""
    yield f"## {_SILENT}"
    yield ""
    yield "`push`, `tui` and `deployer card` say this when nothing has come for a while:"
    row = _sample()
    for stage, after, lines in card.all_hints(row):
        yield ""
        yield f"**{stage}, after {after:.0f} s**"
        yield ""
        yield "```"
        yield from lines
        yield "```"


def _sample() -> Row:
    staged = DeploymentStaged(
        0.0, "D7F3A21C", "192.168.1.2", "192.168.1.1", r"C:\DEPLOY", (), 0
    )  # fmt: skip
    return fold_all([staged])["D7F3A21C"]


if __name__ == "__main__":
    sys.stdout.write(render())

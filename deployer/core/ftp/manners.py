"""How the server behaves towards the FTP.EXE of a survey: a directory for each manner.

Only the login of a survey sees these directories. Inside one the server plays its manner, and notes
what it hears; a later session of the same login gets that as TALK.TXT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from deployer.core.ftp.session import Answer, Played, Reply, Send, Session, Silent, say
from deployer.model import Blob, Entry, Share


class Manner(StrEnum):
    """A directory, and what is odd in it."""

    PLAIN = "PLAIN"  # nothing
    LINES = "LINES"  # the reply to TYPE has three lines
    CUT = "CUT"  # a file ends in its middle, and the reply says so
    LOST = "LOST"  # both connections end in the middle of a file
    SILENT = "SILENT"  # after RETR nothing comes


TALK_TXT = "TALK.TXT"
UP_BIN = "UP.BIN"
"""What may be sent into each directory; nothing of it is kept."""
LARGE = 1 << 20
_MOST_NOTED = 200
_LINE_END = "\r\n"

RAW = b"LF\nCR\rCR LF\r\nCtrl-Z\x1aNUL\x00end" + bytes(range(128, 256))
"""What would not survive a translation of line ends."""
FILES = {
    "A.TXT": b"first\r\n",
    "B.TXT": b"second\r\n",
    "RAW.TXT": RAW,
    "C.BIN": bytes(range(256)) * 64,
    "BIG.BIN": bytes(LARGE),
}
LONG_NAME = "A rather long name.text"
"""B.TXT has it as well."""
_END_OF_CUT = "426 The transfer was cut off."


@dataclass(slots=True)
class HeardTalk:
    """What was heard in one directory, in order, and how the session ended."""

    lines: list[str]

    def note(self, line: str) -> None:
        """Add a line, as long as there are not too many."""
        if len(self.lines) < _MOST_NOTED:
            self.lines.append(say(line))

    def bytes(self) -> bytes:
        """TALK.TXT."""
        return "".join(f"{line}{_LINE_END}" for line in self.lines).encode("ascii")


def with_manners(share: Share) -> Share:
    """The share of a survey, with its directories."""
    entries = tuple(
        Entry(
            f"{manner}/{name}", Blob(data), long_name=LONG_NAME if name == "B.TXT" else "",
            text=name.endswith(".TXT"),
        )
        for manner in Manner
        for name, data in FILES.items()
    )  # fmt: skip
    uploads = {f"{manner}/{UP_BIN}": 2 * LARGE for manner in Manner}
    return replace(
        share, entries=(*share.entries, *entries), uploads={**share.uploads, **uploads}, survey=True
    )


def with_talk(share: Share, talk: HeardTalk) -> Share:
    """The share with what was heard last."""
    entry = Entry(TALK_TXT, Blob(talk.bytes()), text=True)
    return replace(share, entries=(*share.entries, entry))


def manner_of(session: Session) -> Manner | None:
    """How the server behaves in a session; None where nothing is played."""
    first = session.directory.partition("/")[0]
    known = session.tree.share.survey and first in tuple(Manner)
    return Manner(first) if known else None


def is_played(name: str) -> bool:
    """Whether an upload of that name goes into one of the directories, so nothing is kept."""
    return name.endswith(f"/{UP_BIN}")


def play(found: Answer, verb: str) -> Answer:
    """The answer as the manner of its session has it."""
    manner = manner_of(found.session)
    match manner, found:
        case Manner.LINES, Reply(line=line) if verb == "TYPE":
            several: Sequence[str] = (f"{line[:3]}-First of three.", f"{line[:3]}-Second.", line)
            return replace(found, line=_LINE_END.join(several))
        case ((Manner.CUT | Manner.LOST), Send(entry=entry)):
            assert isinstance(entry.source, Blob)
            half = entry.source.data[: entry.length // 2]
            played = Played(_END_OF_CUT, lost=manner is Manner.LOST)
            return replace(found, entry=replace(entry, source=Blob(half)), played=played)
        case Manner.SILENT, Send(session=session):
            return Silent(session)
        case Manner(), Send():
            return replace(found, played=Played("", lost=False))
        case _:
            return found


def heard(verb: str, argument: str) -> str:
    """How a command is noted: without passwords, and without addresses and ports, which vary."""
    shown = "" if verb in ("PASS", "PORT", "EPRT", "USER") else argument
    return f"{verb} {shown}".strip()

"""One transfer: what moves, between which ends, and the events that tell its course."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, assert_never

from deployer import events
from deployer.core.ftp import manners
from deployer.core.ftp import session as said
from deployer.core.ftp.session import Played, Receive, Send, Show
from deployer.edge.ftp.files import (
    BytesSource,
    Inbox,
    OutputFile,
    SliceSource,
    SlicesSource,
    TooLongError,
)
from deployer.edge.ftp.state import Agents, Authorizer, UploadVerdict
from deployer.events import Event
from deployer.model import GO_BAT, Blob, Slice, Slices


class Origin(NamedTuple):
    """The first fields of every event."""

    at: float
    deployment: str
    peer: str


class Download:
    """A file or a listing on its way out. `name` is "" for a listing, which nobody is told of."""

    upload = False
    patient = False
    last = False
    """Whether the session ends with it."""

    def __init__(
        self, name: str, source: BytesSource | SliceSource | SlicesSource, path: str = ""
    ) -> None:
        self.name = name
        self.source = source
        self.path = path
        self.length = source.left
        self.moved = 0

    def finish(self, _: Authorizer) -> tuple[str, str]:
        """What is said at the end, and why it is no success ("" when it is one)."""
        return said.HAS_GO if self.name == GO_BAT else said.COMPLETE, ""

    def close(self) -> None:
        """Let the source go."""
        self.source.close()

    def begun(self, origin: Origin) -> list[Event]:
        """Told when bytes begin to move."""
        return [events.TransferStarted(*origin, self.name, self.length)] if self.name else []

    def moving(self, origin: Origin, moved: int) -> list[Event]:
        """Told now and then while bytes move."""
        return [events.TransferTick(*origin, self.name, moved, self.length)] if self.name else []

    def ended(self, origin: Origin, seconds: float, why: str) -> list[Event]:
        """Told at the end; `why` is "" for success."""
        if not self.name:
            return []
        if not why:
            return [events.TransferDone(*origin, self.name, self.moved, seconds)]
        told: list[Event] = [events.TransferCut(*origin, self.name, self.moved, self.length, why)]
        if why == said.WHY_CHANGED:
            told.append(events.SourceChanged(origin.at, origin.deployment, self.path))
        return told


class PlayedDownload(Download):
    """A file of a survey's directory: nobody is told of it, and it ends as is wanted there."""

    def __init__(self, source: BytesSource, played: Played) -> None:
        super().__init__("", source)
        self._played = played
        self.last = played.lost

    def finish(self, _: Authorizer) -> tuple[str, str]:
        """What is said at the end."""
        return self._played.line or said.COMPLETE, ""


class Upload:
    """A report on its way in; `length` is what it may have at most."""

    upload = True
    patient = False
    last = False
    of_agent = False

    def __init__(
        self, deployment: str, name: str, inbox: Inbox | OutputFile | Nowhere, limit: int
    ) -> None:
        self.deployment = deployment
        self.name = name
        self.inbox = inbox
        self.length = limit
        self.moved = 0
        self.kept: Path | None = None
        self.taken = False

    def finish(self, authorizer: Authorizer) -> tuple[str, str]:
        """Keep the report when it may be kept; what is said, and why it is no success."""
        try:
            match authorizer.accepts(self.deployment, self.name, self.inbox.content()):
                case UploadVerdict.KEEP:
                    self.kept = self.inbox.keep()
                    return said.COMPLETE, ""
                case UploadVerdict.TAKEN:
                    self.taken = True
                    return said.COMPLETE, ""
                case UploadVerdict.NOT_WHOLE:
                    return said.NOT_WHOLE, "it did not arrive whole"
                case UploadVerdict.BEING_READ:
                    return said.BEING_READ, "the last report has not been read yet"
                case UploadVerdict.NOT_NOW:
                    return said.NOT_TAKEN_NOW, "nothing can be written on this computer now"
                case UploadVerdict.ENDED:
                    return said.CUT_BY_END, said.WHY_ENDED
                case unknown:
                    assert_never(unknown)
        except OSError as error:
            return self.unkept(authorizer, error)

    def unkept(self, authorizer: Authorizer, error: OSError) -> tuple[str, str]:
        """It cannot be written here: what is said, and why it is no success."""
        why = error.strerror or str(error)
        if not self.of_agent:
            authorizer.unkept(self.deployment, self.name, why)
        return said.NOT_KEPT, f"cannot be kept on this computer ({why})"

    def close(self) -> None:
        """Drop what was not kept."""
        self.inbox.close()

    def begun(self, origin: Origin) -> list[Event]:
        """Told when bytes begin to move; how many will come is not known."""
        return [events.TransferStarted(*origin, self.name, 0, upload=True)]

    def moving(self, origin: Origin, moved: int) -> list[Event]:
        """Reports are short: nothing is told while they move."""
        del origin, moved
        return []

    def ended(self, origin: Origin, seconds: float, why: str) -> list[Event]:
        """Told at the end; `why` is "" for success."""
        if why:
            return [events.TransferCut(*origin, self.name, self.moved, 0, why, upload=True)]
        done = events.TransferDone(*origin, self.name, self.moved, seconds, upload=True)
        if self.taken:
            return [done]
        return [
            done,
            events.UploadReceived(*origin, self.name, self.moved, str(self.kept)),
        ]


class Nowhere:
    """Takes what is sent, up to a limit, and keeps nothing."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def write(self, data: bytes) -> None:
        """Count bytes. Raises TooLongError beyond the limit."""
        self._left -= len(data)
        if self._left < 0:
            raise TooLongError

    def content(self) -> bytes:
        """Nothing is there."""
        return b""

    def keep(self) -> Path:
        """Nothing is kept."""
        return Path()

    def close(self) -> None:
        """Nothing is held."""


class PlayedUpload(Upload):
    """What the FTP.EXE of a survey sends: counted, not kept, and nobody is told."""

    def __init__(self, deployment: str, name: str, limit: int) -> None:
        super().__init__(deployment, name, Nowhere(limit), limit)

    def finish(self, _: Authorizer) -> tuple[str, str]:
        """It is here."""
        return said.COMPLETE, ""

    def begun(self, origin: Origin) -> list[Event]:
        """Nothing is told."""
        del origin
        return []

    def ended(self, origin: Origin, seconds: float, why: str) -> list[Event]:
        """Nothing is told."""
        del origin, seconds, why
        return []


class OfAgent(Upload):
    """What an agent sends: whole, or as it comes, and then it may be silent for hours.

    Nothing of it is an event: who waits for it is told.
    """

    of_agent = True

    def __init__(
        self, agent: str, name: str, sink: Inbox | OutputFile, limit: int, agents: Agents
    ) -> None:
        super().__init__(agent, name, sink, limit)
        self.patient = isinstance(sink, OutputFile)
        self._agents = agents

    def finish(self, authorizer: Authorizer) -> tuple[str, str]:
        """Keep it."""
        try:
            self.inbox.keep()
        except OSError as error:
            return self.unkept(authorizer, error)
        self._agents.arrived(self.deployment, self.name)
        return said.COMPLETE, ""

    def grew(self) -> None:
        """Bytes have come."""
        if isinstance(self.inbox, OutputFile):
            self._agents.grew(self.deployment, self.name, self.inbox.length)

    def begun(self, origin: Origin) -> list[Event]:
        """Nothing is told."""
        del origin
        self._agents.began(self.deployment, self.name)
        return []

    def ended(self, origin: Origin, seconds: float, why: str) -> list[Event]:
        """Nothing is told."""
        del origin, seconds, why
        return []


class ForAgent(Download):
    """A file that an order carries; who waits for the order is told that it is fetched."""

    def __init__(self, agent: str, download: Download, agents: Agents) -> None:
        super().__init__("", download.source, download.path)
        self._agent, self._file, self._agents = agent, download.name, agents

    def begun(self, origin: Origin) -> list[Event]:
        """Nothing is told."""
        self._agents.began(self._agent, self._file)
        return super().begun(origin)


Job = Download | Upload


def job_for(
    answer: Send | Show | Receive,
    deployment: str,
    *,
    inbox: Path,
    chunk: int,
    agents: Agents | None = None,
) -> Job:
    """What the answer wants moved, with its file open. Reports go below `inbox`.

    Raises SourceAlteredError when a source is not what was measured, OSError when a file cannot be
    opened, ValueError for a name that cannot be one of a file here.
    """
    match answer:
        case Send(entry=entry, offset=offset):
            match entry.source:
                case Blob() as blob if answer.played is not None:
                    return PlayedDownload(BytesSource(blob, offset, chunk), answer.played)
                case Blob() as blob:
                    found = Download(entry.name, BytesSource(blob, offset, chunk))
                case Slice() as cut:
                    found = Download(entry.name, SliceSource(cut, offset, chunk), cut.path)
                case Slices() as cuts:
                    several = SlicesSource(cuts, offset, chunk)
                    found = Download(entry.name, several, cuts.slices[0].path)
                case _:
                    assert_never(entry.source)
            agent = answer.session.agent
            return found if agents is None or not agent else ForAgent(agent, found, agents)
        case Show(data=data):
            return Download("", BytesSource(Blob(data), 0, chunk))
        case Receive(session, name, limit) if session.agent and agents is not None:
            agent = session.agent
            if name in session.tree.share.arrived:
                stream = OutputFile(inbox, agent, name, limit, answer.offset)
                return OfAgent(agent, name, stream, limit, agents)
            return OfAgent(agent, name, Inbox(inbox, agent, name, limit), limit, agents)
        case Receive(name=name, limit=limit) if manners.is_played(name):
            return PlayedUpload(deployment, name, limit)
        case Receive(name=name, limit=limit):
            return Upload(deployment, name, Inbox(inbox, deployment or "_", name, limit), limit)
        case _:
            assert_never(answer)


def source_path(answer: Send | Show | Receive) -> str:
    """The user's file that the answer would send from, "" for none."""
    match answer:
        case Send(entry=entry) if isinstance(entry.source, Slice):
            return entry.source.path
        case Send(entry=entry) if isinstance(entry.source, Slices):
            return entry.source.slices[0].path
        case _:
            return ""

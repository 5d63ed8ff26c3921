"""What the FTP personality speaks in: the session, the answers, and the lines that end a transfer.

Every line is printable ASCII, at most 100 characters, and complete in itself: Windows 98's FTP.EXE
loses step on replies of several lines (facts A16).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from deployer.core.agents.words import Word
from deployer.core.ftp import tree as trees
from deployer.core.ftp.tree import Tree
from deployer.model import Entry, Share, State

MAX_REPLY = 100
ANONYMOUS = "anonymous"
GREETING = "220 deployer is ready. At User type  a  and press Enter."
"""The replies that a person reads at FTP.EXE's prompt each name the one thing to type next."""
LOWEST_PORT = 1024

COMPLETE = "226 Transfer complete."
HAS_GO = "226 You have GO.BAT. Type  bye  and then  GO"
ABORTED = "226 The transfer was stopped."
NOTHING_TO_ABORT = "225 Nothing is going on."
NOT_CONNECTED = "425 No data connection came about; is a firewall in the way?"
CUT_BY_END = "426 The deployment has ended on the host; nothing more of it is served."
CUT = "426 The transfer was cut off."
STALLED = "421 No data moved for too long; the connection is closed."
CHANGED = "550 The file has changed on the host since it was measured; push it again there."
GONE = "550 The file cannot be read on the host any more; look there."
TOO_LONG = "552 The file is longer than may be sent here; it was not kept."
NOT_WHOLE = "451 The report did not arrive whole; send it again."
NOT_KEPT = "451 The host could not keep the file; look there."
LINE_TOO_LONG = "500 The line is too long."
TAKEN = "550 Another PC has taken what waits here: it asked first. Push again on the host."
NOT_NOW = "421 The host cannot write to its disk now; it goes on by itself, try again later."
NOT_TAKEN_NOW = "452 The host cannot write to its disk now; send the report again later."
BEING_READ = "451 The host still reads the last report; send it again."
TOO_MUCH = "452 Too many reports came from here today; the host takes no more of them."
PLACE_NEEDED = "421 Too many connections; this one was idle for longest."
TOO_MANY = "421 Too many connections; try again later."
TOO_MANY_COMMANDS = "421 Too many commands at once; the connection is closed."
IDLE = "421 Nothing came for too long; the connection is closed."
CLOSING = "421 The server is closing."
NO_WAIT = "200 NONE"
TAKEN_OVER = "421 Another connection of this agent has taken over."
NOT_STORED = "452 The host cannot write to its disk now; say it again later."
DAMAGED = "421 Something was damaged on its way; call again."
SILENT = "421 Nothing was heard of this agent for a minute; the connection is closed."
TRIES_UP = "421 Too many wrong passwords; the connection is closed."
INTERNAL = "421 Something is wrong with the server; the connection is closed."


class NoLogin(Enum):
    """Why a login is refused."""

    UNKNOWN = auto()
    """The name or the password is wrong."""
    OLDER = auto()
    """The name is one of a deployment, but another deployment waits for this machine now."""
    NOTHING = auto()
    """The name is one of a deployment, and nothing waits for this machine now."""
    TAKEN = auto()
    """What waited for whoever comes is for another machine now, which asked first."""
    STRANGE_AGENT = auto()
    """The name is one of an agent, but not of an agent of this host."""
    NOT_NOW = auto()
    """The host cannot write down what happens; it goes on by itself."""


_HOW = {
    State.PROVED: "is proved",
    State.FAILED: "has failed",
    State.CANCELLED: "was cancelled",
}


def ended(state: State) -> str:
    """What is left to say when a deployment is over: how it ended, without a code."""
    return f"The deployment {_HOW.get(state, 'has ended')} on the host; nothing of it is served."


WHY_ENDED = "the deployment has ended"
"""Why a transfer was cut when its deployment ended."""

WHY_CHANGED = "the file changed on this computer"
"""Why a transfer was cut whose source is not what was measured any more."""


@dataclass(frozen=True, slots=True)
class Active:
    """The client listens and waits for us to call (PORT, EPRT)."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Passive:
    """We listen and the client comes (PASV, EPSV)."""


_EMPTY = trees.grow(Share("", ()))


@dataclass(frozen=True, slots=True)
class Session:
    """What the server knows of one control connection. `now` is when it began and dates listings.

    `user` waits for its password; `login` is "" until it was accepted. `way` is how the next data
    connection comes about, `rest` where the next transfer begins, `sent` the reports that arrived
    whole in this session; `ended` is how the deployment ended, None while it goes on. `agent` is
    the id of the agent that has logged in, "" for anybody else.
    """

    peer: str
    now: float = 0.0
    user: str = ""
    login: str = ""
    tree: Tree = _EMPTY
    binary: bool = False
    directory: str = ""
    way: Active | Passive | None = None
    rest: int = 0
    extended_only: bool = False
    sent: frozenset[str] = frozenset()
    ended: State | None = None
    agent: str = ""


# One small class for each answer, all of one shape: the connection matches on them.


@dataclass(frozen=True, slots=True)
class Reply:
    """Say this line."""

    session: Session
    line: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Say this line, and tell the people who watch that it was refused."""

    session: Session
    line: str


@dataclass(frozen=True, slots=True)
class RefuseAscii:
    """Say this line: a binary file was asked for in TYPE A, and nothing of it is sent."""

    session: Session
    line: str
    name: str


@dataclass(frozen=True, slots=True)
class Login:
    """Look the name and the password up, then go on with `admit` or `reject`."""

    session: Session
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Listen:
    """Open a port on our side and name it (PASV; EPSV when `extended`)."""

    session: Session
    extended: bool


@dataclass(frozen=True, slots=True)
class Played:
    """A transfer of a survey, of which nobody is told: the line at its end, "" for the usual one.

    The session ends with it when it is `lost`.
    """

    line: str
    lost: bool


@dataclass(frozen=True, slots=True)
class Send:
    """Send the bytes of an entry from `offset` on, unchanged, over `way`."""

    session: Session
    entry: Entry
    offset: int
    way: Active | Passive
    played: Played | None = None


@dataclass(frozen=True, slots=True)
class Silent:
    """Say nothing any more, and close the connection after a long while."""

    session: Session


@dataclass(frozen=True, slots=True)
class Show:
    """Send a listing over `way`."""

    session: Session
    data: bytes
    way: Active | Passive


@dataclass(frozen=True, slots=True)
class Receive:
    """Receive at most `limit` bytes for `name`, unchanged, over `way`; they begin at `offset`."""

    session: Session
    name: str
    limit: int
    way: Active | Passive
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """An agent has said this; what it is answered is known elsewhere."""

    session: Session
    word: Word


@dataclass(frozen=True, slots=True)
class Abort:
    """Stop the transfer that is going on, then say `line`; say `idle` when there is none."""

    session: Session
    line: str
    idle: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Say this line and close the connection."""

    session: Session
    line: str


Answer = (
    Reply
    | Refuse
    | RefuseAscii
    | Login
    | Listen
    | Send
    | Silent
    | Show
    | Receive
    | Said
    | Abort
    | Leave
)


def say(line: str) -> str:
    """A line as it may leave: printable ASCII, at most 100 characters."""
    clean = "".join(c if " " <= c <= "~" else "?" for c in line)
    return clean if len(clean) <= MAX_REPLY else clean[: MAX_REPLY - 3] + "..."


def quoted(text: str) -> str:
    """What a client sent, short enough to be repeated inside a reply."""
    return text if len(text) <= 32 else text[:29] + "..."


def opening(sent: Send | Show | Receive) -> str:
    """The line before the bytes."""
    mode = "BINARY" if sent.session.binary else "ASCII"
    match sent:
        case Send(entry=entry, offset=offset):
            what = f"{entry.name} ({entry.length - offset} bytes)"
        case Show():
            what = "the listing"
        case Receive(name=name):
            what = name
    return say(f"150 Opening {mode} mode data connection for {what}.")

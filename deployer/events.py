"""Everything that can happen, as frozen values, with their JSON form.

One append-only stream of these is all that progress, TUI, JSON lines, web page and history know.
`at` is seconds since 1970; `deployment` is the id of the deployment it belongs to, or "" for none;
`peer` is the address of the machine at the other end. A transfer is a download of the target
unless `upload` is true. Every event is stored before it is published, but for those in `LIVE`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec

from deployer.errors import ErrorForm
from deployer.model import Cause, LineSettings, Proof, Report, Stage, State


@dataclass(frozen=True, slots=True)
class FileStaged:
    """One file of a staged payload (a value inside `DeploymentStaged`).

    `place` is where it goes with its long name, "" when it keeps its 8.3 `name` there. A file
    without parts of its own that is not empty travels in the pack `first_part`.
    """

    name: str
    long_name: str
    length: int
    sha256: str
    first_part: str
    parts: int
    part_size: int
    place: str = ""


# One small class for each event, all of one shape: the class says what happened.


@dataclass(frozen=True, slots=True)
class PackStaged:
    """A part in which small files travel together (a value inside `DeploymentStaged`)."""

    name: str
    length: int


@dataclass(frozen=True, slots=True)
class DeploymentEvent:
    """Something that happened: when, and to which deployment."""

    at: float
    deployment: str


@dataclass(frozen=True, slots=True)
class PeerEvent(DeploymentEvent):
    """The same with the machine at the other end."""

    peer: str


@dataclass(frozen=True, slots=True)
class FileEvent(PeerEvent):
    """The same with the name of a file that is sent or asked for."""

    name: str


@dataclass(frozen=True, slots=True)
class DeploymentStaged(DeploymentEvent):
    """A payload has been measured and cut for a target; nothing has been sent.

    `notes` say what the user should know about it, such as a file that is too large to be one.
    `line` is how the serial line is set that it goes over, None when it goes over a network.
    """

    target: str
    host: str
    directory: str
    files: tuple[FileStaged, ...]
    total: int
    run: str = ""
    recipe: str = "files"
    emulated: bool = False
    notes: tuple[str, ...] = ()
    line: LineSettings | None = None
    packs: tuple[PackStaged, ...] = ()


@dataclass(frozen=True, slots=True)
class StateChanged(DeploymentEvent):
    """The deployment moved to another state.

    `reason` says why in words when it is not the usual course, `cause` who or what brought it
    about. `error` is the error that it means for the user, where that is more than the cause says.
    """

    state: State
    reason: str = ""
    cause: Cause = Cause.NONE
    error: ErrorForm | None = None


@dataclass(frozen=True, slots=True)
class ServerListening(DeploymentEvent):
    """A server is ready for the target; on a serial line `port` is its bits a second."""

    protocol: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class ClientConnected(PeerEvent):
    """A machine opened a control connection."""


@dataclass(frozen=True, slots=True)
class LoginAccepted(PeerEvent):
    """A machine logged in; `login` is the deployment's id or `anonymous`."""

    login: str


LoginCause = Literal[
    "unknown", "older-push", "nothing-waits", "taken", "strange-agent", "not-now"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoginRefused(PeerEvent):
    """A machine was turned away: its name and password are not known, or its GO.BAT is of an older
    push (and nothing may wait for it now), or it is the agent of another host. `why` says the same
    in words.
    """

    login: str
    why: str
    cause: LoginCause = "unknown"


@dataclass(frozen=True, slots=True)
class ClientGone(PeerEvent):
    """A control connection ended."""


@dataclass(frozen=True, slots=True)
class CommandRefused(PeerEvent):
    """A command was answered with a refusal worth knowing about."""

    command: str
    reply: str


@dataclass(frozen=True, slots=True)
class AsciiRefused(FileEvent):
    """A binary file was asked for in TYPE A: nothing was sent, the client was told why."""


@dataclass(frozen=True, slots=True)
class TransferStarted(FileEvent):
    """Bytes begin to move."""

    length: int
    upload: bool = False


@dataclass(frozen=True, slots=True)
class TransferTick(FileEvent):
    """Bytes are moving: `moved` of `length` so far. May be dropped; never stored."""

    moved: int
    length: int


@dataclass(frozen=True, slots=True)
class TransferDone(FileEvent):
    """All bytes have left this machine (or arrived, for an upload). Not a proof of anything."""

    length: int
    seconds: float
    upload: bool = False


@dataclass(frozen=True, slots=True)
class TransferCut(FileEvent):
    """A transfer ended early."""

    moved: int
    length: int
    why: str
    upload: bool = False


@dataclass(frozen=True, slots=True)
class UploadReceived(FileEvent):
    """A report of the target lies complete in the store at `path`."""

    length: int
    path: str


@dataclass(frozen=True, slots=True)
class SourceChanged(DeploymentEvent):
    """A file of the payload is no longer what was measured; it is not served any more."""

    path: str


@dataclass(frozen=True, slots=True)
class TargetReported(DeploymentEvent):
    """The target told how far it is (RESULT.TXT or INFO.TXT), or that it failed."""

    report: Report


@dataclass(frozen=True, slots=True)
class OutputReceived(DeploymentEvent):
    """What the program on the target printed. `text` is at most 16 KiB; all of it is in `path`."""

    length: int
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class ProofReceived(DeploymentEvent):
    """The target's final report on the deployment, and what it proves."""

    proof: Proof


@dataclass(frozen=True, slots=True)
class PullAdvanced(DeploymentEvent):
    """How far a pull is: `here` of the `total` bytes of all files are on this computer.

    `folder` is where they lie, "" before all have been read back.
    """

    files: int
    total: int
    here: int
    folder: str = ""


@dataclass(frozen=True, slots=True)
class PauseChanged(DeploymentEvent):
    """The user holds the next part back (the one that moves is finished), or lets it go."""

    paused: bool


@dataclass(frozen=True, slots=True)
class PresenceChanged(PeerEvent):
    """The target was seen on the wire (by ping or ARP), or is gone from it; `how` says it in words.

    `advice` is what to look at when it is not there.
    """

    present: bool
    how: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class WireChanged(DeploymentEvent):
    """This computer's end of the wire stands otherwise than before; `deployment` is "".

    `ready`: `interface` has our `address`, for itself alone. `gone`: it was unplugged. `off`: it
    was switched off. `bare`: it lost the address; `why` is why it cannot be set again. `taken`:
    another machine, whose MAC is `rival`, has our address.
    """

    interface: str
    address: str
    state: Literal["ready", "gone", "off", "bare", "taken"]
    rival: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class DhcpChanged(DeploymentEvent):
    """Whether this computer gives addresses on the wire stands otherwise; `deployment` is "".

    `serving`: no other server has answered. `refused` before the first address, `stopped` later:
    there is another server, at `rival` with the network card `mac` ("": not known), or `why`.
    """

    interface: str
    state: Literal["serving", "refused", "stopped"]
    rival: str = ""
    mac: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class AddressGiven(PeerEvent):
    """A PC has got the address `peer` by DHCP; `deployment` is "".

    `name` is what it calls itself, `vendor` its system ("MSFT 98"), `seconds` for how long.
    """

    mac: str
    name: str
    vendor: str
    seconds: int


@dataclass(frozen=True, slots=True)
class TargetFound(PeerEvent):
    """The first machine that asked for GO.BAT has the deployment that waited for whoever comes.

    `host` is the address of ours that it called, `mac` its own network card's, "" when unknown.
    """

    host: str
    mac: str = ""


@dataclass(frozen=True, slots=True)
class LineNoted(PeerEvent):
    """Something about a serial line that people want to know, such as what is asked for again."""

    note: str


@dataclass(frozen=True, slots=True)
class ScreenLine(DeploymentEvent):
    """What appeared on the simulated PC's screen (a real PC's screen cannot be seen): lines that
    came within a moment, with a line feed between two of them.
    """

    text: str


@dataclass(frozen=True, slots=True)
class ScreenTyped(DeploymentEvent):
    """The line that is being written on the simulated PC's screen, so far; never stored."""

    text: str


@dataclass(frozen=True, slots=True)
class AgentEvent(PeerEvent):
    """Something about the agent on an old PC; `name` is what people call it, "" for none."""

    agent: str
    name: str


@dataclass(frozen=True, slots=True)
class AgentEnrolled(AgentEvent):
    """An agent was handed out for the machine at `peer`, or will go there with a deployment."""


@dataclass(frozen=True, slots=True)
class AgentHello(AgentEvent):
    """An agent has called. Sizes are KiB; `boot` changes with each start of its Windows; `busy` is
    the order that it is about, "" for none.
    """

    # Also in core/agents/words.py: there it crosses the wire and has a name; here all events do.
    boot: str = ""
    version: str = ""
    system: str = ""
    cpu: str = ""
    memory: int = 0
    free: int = 0
    mac: str = ""
    busy: str = ""


AgentEnd = Literal["shutdown", "logoff", "disconnect", "remove", "silence", "lost", "dropped"]


@dataclass(frozen=True, slots=True)
class AgentGone(AgentEvent):
    """An agent is not there any more.

    It said goodbye (`shutdown`, `logoff`, `disconnect`, `remove`), its connection ended without a
    word (`lost`), nothing was heard of it for a minute (`silence`), or it was away and its user has
    taken it out of the list (`dropped`).
    """

    why: AgentEnd


@dataclass(frozen=True, slots=True)
class OrderChanged(DeploymentEvent):
    """An order for an agent stands otherwise. `deployment` is the one that it is for, or "".

    `code` is the exit code of what is done, the Windows error of what was refused.
    """

    agent: str
    order: str
    what: str
    stage: Stage
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class HostTroubled(DeploymentEvent):
    """What keeps this computer from going on just now, and what to do; "" and "" when it goes on.

    Never stored: it is the store that cannot be written.
    """

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class NotUnderstood(DeploymentEvent):
    """Stands for an event that this version cannot read: of a newer one, or damaged; `why`."""

    why: str


Event = (
    DeploymentStaged
    | StateChanged
    | ServerListening
    | ClientConnected
    | LoginAccepted
    | LoginRefused
    | ClientGone
    | CommandRefused
    | AsciiRefused
    | TransferStarted
    | TransferTick
    | TransferDone
    | TransferCut
    | UploadReceived
    | SourceChanged
    | TargetReported
    | OutputReceived
    | ProofReceived
    | PullAdvanced
    | PauseChanged
    | PresenceChanged
    | WireChanged
    | DhcpChanged
    | AddressGiven
    | TargetFound
    | LineNoted
    | ScreenLine
    | ScreenTyped
    | AgentEnrolled
    | AgentHello
    | AgentGone
    | OrderChanged
    | HostTroubled
    | NotUnderstood
)


LIVE = (TransferTick, ScreenTyped, HostTroubled)
"""What is published without being stored; nobody may rely on having seen it."""


def _tag(kind: type) -> str:
    """`TransferDone` -> `transfer-done`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()


KINDS: dict[str, type] = {_tag(kind): kind for kind in get_args(Event)}


class _Tagged(msgspec.Struct):
    event: str


def to_dict(event: Event) -> dict[str, Any]:
    """The JSON object of an event; `event` is its first key."""
    return {"event": _tag(type(event)), **msgspec.to_builtins(event)}


def to_json(event: Event) -> str:
    """One line of JSON without its line end: that of `to_dict`, and no dictionary is made."""
    fields = msgspec.json.encode(event).decode("utf-8")
    return f'{{"event":"{_tag(type(event))}",{fields[1:]}'


def from_json(line: str | bytes) -> Event:
    """The event of a line of JSON.

    Raises ValueError for anything that `to_json` would not have written.
    """
    try:
        kind = KINDS[msgspec.json.decode(line, type=_Tagged).event]
        event: Event = msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, KeyError) as error:
        raise ValueError(f"not an event: {error}") from error
    return event


def read(line: str | bytes, at: float = 0.0, deployment: str = "") -> Event:
    """The event of a line of JSON, whatever stands there; `at` and `deployment` are known besides.

    One line that cannot be read must not hide all the others.
    """
    try:
        return from_json(line)
    except (ValueError, RecursionError) as error:
        return NotUnderstood(at, deployment, str(error))

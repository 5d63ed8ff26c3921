"""What a face asks of a host, as values: orders, patience, what is recognised, what is checked.

`Host` is the whole of it: watch the events, and a few requests. `local` answers them in this
process, `remote` over a daemon's control API. Nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deployer.core.payload import fit as fits
from deployer.core.view import Row
from deployer.events import Event, WireChanged
from deployer.model import (
    DEFAULT_HOST_ADDRESS,
    DEFAULT_TARGET_DIRECTORY,
    Gather,
    LineSettings,
    Overwrite,
    Profile,
    Stage,
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. `options` are recipe options that were given, such as `steps`.

    Of a directory among `files` everything in it goes, with its tree and its long names. With
    `gather` nothing goes: files come the other way; with `clean` neither: what earlier pushes
    brought to a folder there is deleted, but what was changed there, and our own files. With
    `no_check` the program is launched even if Windows 98 itself would not start it. `dates` says
    that dates and attributes go along. `codepage` is that of the PC, None: that of the profile.
    """

    files: tuple[Path, ...]
    run: str = ""
    recipe: str = ""
    no_run: bool = False
    options: tuple[tuple[str, str], ...] = ()
    part_size: int | None = None
    profile: str = "win98-fat32"
    no_check: bool = False
    overwrite: Overwrite = Overwrite.KEEP
    delete: bool = False
    dates: bool = True
    gather: Gather | None = None
    clean: bool = False
    codepage: int | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds of silence to accept, None: for ever.

    `silence` in general, `while_running` while the program runs. Over a serial line `reports` is
    how long the person at the old PC may take until something comes back.
    """

    silence: float | None = 900.0
    while_running: float | None = None
    reports: float | None = None

    @classmethod
    def of(cls, usual: float, given: float | None = None) -> Patience:
        """What the setting `timeout` and the option `--timeout` say together; 0 is for ever."""
        silence = usual if given is None else given
        return cls(silence or None, given or None, given or None)


@dataclass(frozen=True, slots=True)
class Order:
    """A payload and where it goes.

    `host` is this machine's address as the target calls it; "" for the one where the host serves.
    `line` is how the port is set when the target is reached over a serial line. `patience` None is
    the host's own. With `stay` an agent goes with it that starts with Windows from then on.
    `holders` are the places of a lab that ask (see `host/devices/held`).
    """

    request: Request
    target: str
    directory: str = DEFAULT_TARGET_DIRECTORY
    host: str = DEFAULT_HOST_ADDRESS
    line: LineSettings = field(default_factory=LineSettings)
    patience: Patience | None = None
    stay: bool = False
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a request would send, known without reading the files through.

    `lines` say what was recognised, `load` is what the fit is worked out from, `model` the name of
    the model's file, "" for none.
    """

    lines: tuple[str, ...]
    load: fits.Load
    profile: Profile
    model: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something about a proof that was looked at again; `good` None: it could not be."""

    what: str
    good: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Before:
    """What was before a face began to look: the first rows that it shows, and what else there is.

    `rows` are those that were staged last and all that are open, in the order of staging; they hold
    what happened up to event number `seq`. `count` is how many deployments there are in all, and
    `targets` are all targets, the one used last first. `wire` is what was last told of this
    computer's end of the wire since the host began.
    """

    rows: tuple[Row, ...]
    seq: int
    count: int
    targets: tuple[str, ...]
    wire: WireChanged | None = None


@dataclass(frozen=True, slots=True)
class AgentRow:
    """An agent and how it stands. `target` is whom it was handed out for; sizes are KiB.

    `here`: it is connected now; `heard` is when it called last, 0 for never; `gone` why it went.
    `busy` is the order that it is about, in words, "" for none. The code pages are what the PC has
    said in a report, else the usual ones.
    """

    agent: str
    name: str
    target: str
    address: str
    mac: str
    here: bool
    heard: float
    gone: str
    busy: str
    boot: str
    version: str
    system: str
    cpu: str
    memory: int
    free: int
    codepage: int = 1252
    oem_codepage: int = 437

    @property
    def called(self) -> str:
        """What people call it."""
        return self.name or self.address or self.target


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """What an agent is to do: the words of a verb of `core.agents.verbs`.

    `carried` is a file that goes with it; `seconds` is how long its agent is waited for. `holders`
    are as in `Order`.
    """

    agent: str
    words: tuple[str, ...]
    seconds: float
    carried: Path | None = None
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of an order: how it stands, and the next bytes of what it sends.

    `here`: its agent is connected now; `over`: it has ended, and these are the last bytes.
    """

    stage: Stage
    code: int
    text: str
    here: bool
    data: bytes
    over: bool

    @property
    def mark(self) -> str:
        """What changes when there is something to tell, besides bytes."""
        return f"{self.stage} {self.here}"


class Host(Protocol):
    """Requests end when they are accepted; how they go on is told by the events."""

    @property
    def name(self) -> str:
        """Where this host runs, in words."""

    @property
    def ends_with_face(self) -> bool:
        """True when open deployments end with the face that asked for them."""

    def subscribe(self, since: int | None = None) -> AsyncIterator[tuple[int, Event]]:
        """Numbers and events after `since` (None: from now on); ticks have the number 0."""

    async def before(self, most: int) -> Before:
        """What was until now: the newest so many rows, and all that are open."""

    async def row(self, deployment: str) -> Row | None:
        """How a deployment stands, None when there is none."""

    async def rows(self, target: str, most: int) -> tuple[Row, ...]:
        """How the deployments of a target stand that were staged last; the oldest first."""

    async def last_seq(self) -> int:
        """Number of the newest stored event."""

    def follow(
        self, deployment: str, since: int, say: Say
    ) -> AsyncGenerator[tuple[int, Event], None]:
        """Numbers and events of a deployment, and of the host itself, each once.

        `say` gets a line when the host has to be waited for.
        """

    async def begun(self, deployment: str) -> int:
        """Number of the event before a deployment was offered last: follow it from there.

        Raises DeploymentUnknown.
        """

    async def recognise(self, request: Request) -> Recognised:
        """What the request would send. Raises the errors of wrong input."""

    async def push(self, order: Order) -> str:
        """Stage and offer a payload; the deployment's id.

        When that very payload is on its way to the target already, it is that deployment's id.
        Raises TargetBusy when the target gets something else, the errors of wrong input, and those
        of ports, wire and line that cannot be had; then nothing is left open.
        """

    async def retry(self, deployment: str, patience: Patience | None = None) -> str:
        """Offer a deployment again: only what is missing moves. The id may be a new one.

        One that has not ended goes on as it is. Raises DeploymentUnknown, and as `push` does.
        """

    async def sources(self, deployment: str) -> tuple[str, ...]:
        """The paths of its files on the host."""

    async def recheck(self, deployment: str) -> tuple[Check, ...]:
        """Look at its sums and at the target's report again."""

    async def cancel(self, deployment: str) -> None:
        """End a deployment. Nothing happens when it has ended."""

    async def agents(self) -> tuple[AgentRow, ...]:
        """Every agent of this host, the one that was enrolled first first."""

    async def last_screen(self, agent: str) -> bytes:
        """The screen of an agent's PC as it was sent last, a PNG; b"" for none."""

    async def find_agent(self, target: str) -> AgentRow:
        """The agent on a target: by name, address or id. From now on agents can call this host.

        Raises AgentUnknown, and what ports and wire refuse.
        """

    async def drop_agents(self, target: str) -> tuple[AgentRow, ...]:
        """Take the agents of a target that are away out of the list; which ones. Nothing is asked
        of them. Raises AgentUnknown, WrongUse when all are there.
        """

    async def give(self, order: AgentRequest) -> str:
        """Queue an order for an agent; its id. Raises WrongUse, and the errors of its file."""

    async def upgrade(self, agent: str, seconds: float) -> str:
        """Queue the order that replaces an agent by the one of this version; its id."""

    async def heard(self, order: str, offset: int, seen: str) -> Heard:
        """What came of an order from `offset` on: at once when there are bytes or its `mark` is
        not the one that was `seen`, else after a while. Raises WrongUse for an unknown order.
        """

    async def withdraw(self, order: str) -> None:
        """An order is not given if it has not been; a program that it has started is ended."""

    async def pause(self, deployment: str) -> None:
        """Hold its next part back."""

    async def resume(self, deployment: str) -> None:
        """Let its next part go."""


TypedLines = Callable[[str], Sequence[str]]
"""What a user types on the old PC for a host's address, line by line."""

TypedSteps = Callable[[str], tuple[tuple[str, str], ...]]
"""The same with the prompt before each line."""

Say = Callable[[str], object]
"""Takes a line for people that is no event."""


@dataclass(frozen=True, slots=True)
class PageWords:
    """What the live page says in words: the card of what waits, and an event, "" for none.

    `opened` is told the page's address, with its token.
    """

    card: Callable[[Row], tuple[str, ...]]
    sentence: Callable[[Event], str]
    opened: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Words:
    """What a user types on the old PC, bare and with its prompts; where lines for people go.

    `sentence` says an event in words, "" for one that nobody wants to read; None where it is wanted
    as JSON.
    """

    lines: TypedLines
    steps: TypedSteps
    say: Say
    sentence: Callable[[Event], str] | None = None
    page: PageWords | None = None


def nobody(_line: str) -> None:
    """Hears the lines that nobody wants."""


def nothing_typed(_host: str) -> tuple[()]:
    """Nothing is known of what is typed; a simulated PC types the usual."""
    return ()

"""What the faces show, and what the store keeps: a fold of the event stream into rows.

`fold(view, event) -> view` is pure; two faces that have seen the same events show the same. What
comes from ticks alone, which may be dropped, is forgotten when the transfer ends: a face that is
attached half-way shows the same as one that was there from the start.

Rows are msgspec's frozen structs, not dataclasses: copying one with a change is ten times as fast,
and the whole of a long history is folded before the first picture is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum

import msgspec
from msgspec.structs import replace

from deployer.core.target.proof import DONE, numbers_of
from deployer.core.wire.simulated import loopback
from deployer.events import (
    AsciiRefused,
    ClientConnected,
    ClientGone,
    DeploymentStaged,
    Event,
    FileStaged,
    LoginAccepted,
    LoginRefused,
    OutputReceived,
    PauseChanged,
    PresenceChanged,
    ProofReceived,
    PullAdvanced,
    ScreenLine,
    ScreenTyped,
    ServerListening,
    StateChanged,
    TargetFound,
    TargetReported,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
)
from deployer.model import ANY, GO_BAT, LineSettings, Proof, Report, State, is_simulated


class PartState(StrEnum):
    """What is known of a part. `fetched` is the host's view, `proved` the target's."""

    WAITING = "waiting"
    MOVING = "moving"
    FETCHED = "fetched"
    BAD = "bad"
    PROVED = "proved"


class Mark(IntEnum):
    """How far the user at the old PC has followed the card, as far as this machine can see."""

    NOTHING = 0
    CALLED = 1
    GUEST = 2
    HAS_GO = 3
    GO_RUNS = 4


class PartRow(msgspec.Struct, frozen=True, array_like=True):
    """One cell of the part map; `file` is "" for a pack, which is of several files.

    `why` says why it is fetched again, "" when it is not.
    """

    name: str
    file: str
    length: int
    state: PartState = PartState.WAITING
    moved: int = 0
    fetches: int = 0
    why: str = ""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One deployment as the events tell it. Times are seconds since 1970, lengths bytes.

    `moved` counts what went over the wire for parts, again-fetched bytes included;
    `moving_seconds` only the time in which something moved. `since` is when the state began,
    `seen_at` when the target last gave a sign of life, `away_since` when it last hung up (0: it is
    here), `logins` how often GO.BAT called. `spent` are the seconds in each earlier state.
    `attempt` counts how often the deployment was offered. `present` is whether the target answers
    on the wire (None: nobody has looked), `presence` that in words, `advice` what to do. `refused`
    is the last login that was turned away: who, and why. `line` is how the serial line is set that
    it goes over, None for a network. `beside` is our second address, which a PC that nobody has
    configured calls, "" for none.
    """

    deployment: str
    target: str
    at: float
    host: str
    directory: str
    run: str
    total: int
    files: tuple[FileStaged, ...]
    parts: Mapping[str, PartRow] = msgspec.field(default_factory=dict)
    state: State = State.STAGED
    reason: str = ""
    since: float = 0.0
    port: int = 0
    peer: str = ""
    current: str = ""
    moved: int = 0
    moving_seconds: float = 0.0
    refetched: tuple[str, ...] = ()
    ascii_refused: int = 0
    info: Report | None = None
    report: Report | None = None
    output: str = ""
    output_path: str = ""
    proof: Proof | None = None
    emulated: bool = False
    recipe: str = "files"
    attempt: int = 1
    paused: bool = False
    protocols: tuple[str, ...] = ()
    page_port: int = 80
    mark: Mark = Mark.NOTHING
    seen_at: float = 0.0
    away_since: float = 0.0
    logins: int = 0
    sessions: int = 0
    part_at: float = 0.0
    tick_at: float = 0.0
    last_rate: float | None = None
    spent: Mapping[State, float] = msgspec.field(default_factory=dict)
    refused: str = ""
    line: LineSettings | None = None
    present: bool | None = None
    presence: str = ""
    advice: str = ""
    screen: tuple[str, ...] = ()
    typed: str = ""
    beside: str = ""

    @property
    def pulls(self) -> bool:
        """Files come from the target; none goes there."""
        return self.recipe == "pull"

    @property
    def part_bytes(self) -> int:
        """Bytes of all parts, which is what may have to go over the wire."""
        return sum(p.length for p in self.parts.values())

    @property
    def proved_bytes(self) -> int:
        """Bytes of the parts that the target has proved."""
        return sum(p.length for p in self.parts.values() if p.state == PartState.PROVED)

    @property
    def here_bytes(self) -> int:
        """Bytes that are on the target as far as is known: proved, fetched, and under way."""
        done = (PartState.PROVED, PartState.FETCHED)
        return sum(p.length if p.state in done else p.moved for p in self.parts.values())

    @property
    def rate(self) -> float | None:
        """Mean bytes per second while something moved; skipped bytes never count."""
        return self.moved / self.moving_seconds if self.moving_seconds > 0 else None

    @property
    def rate_now(self) -> float | None:
        """Bytes per second of the part that moves; between parts that of the last one."""
        part = self.parts.get(self.current)
        if part and part.moved and self.tick_at > self.part_at:
            return part.moved / (self.tick_at - self.part_at)
        return self.last_rate

    @property
    def peer_address(self) -> str:
        """The address that the target comes from; `any` before it has come."""
        return loopback(self.target) if is_simulated(self.target) else self.target


View = Mapping[str, Row]

_DAMAGED = "its CRC-32 was wrong on the PC's disk"
_SCREEN = 40
_STOOD = 60.0
"""Seconds without a tick in which nothing moved; on the slowest line there is one in less."""


def fold(view: View, event: Event) -> View:
    """The rows after the event."""
    after = dict(view)
    return after if apply(after, event) else view


def fold_all(events: Iterable[Event], view: View | None = None) -> View:
    """The rows after all events; cheaper than folding one by one."""
    after = dict(view or {})
    for event in events:
        apply(after, event)
    return after


def apply(view: dict[str, Row], event: Event) -> bool:
    """Bring the rows up to date, in place; False when nothing changed."""
    if isinstance(event, DeploymentStaged):
        before = view.get(event.deployment)
        view[event.deployment] = _staged(event, before.attempt + 1 if before else 1)
        return True
    if not event.deployment:
        return _unknown_caller(view, event)
    row = view.get(event.deployment)
    if row is None:
        return False
    view[event.deployment] = changed = _row(row, event)
    return changed is not row


def _unknown_caller(view: dict[str, Row], event: Event) -> bool:
    """What came before a login: it concerns whoever waits for that machine."""
    found = False
    match event:
        case ClientConnected(at=at, peer=peer):
            for row in list(view.values()):
                if not row.state.final and row.peer_address in (peer, ANY):
                    mark = max(row.mark, Mark.CALLED)
                    view[row.deployment] = replace(row, mark=mark, seen_at=at)
                    found = True
        case LoginRefused(peer=peer, login=login, why=why):
            for row in list(view.values()):
                if row.state in (State.STAGED, State.WAITING):
                    told = f"{peer} as {login}: {why}"
                    view[row.deployment] = replace(row, refused=told)
                    found = True
        case _:
            pass
    return found


def part_number(name: str) -> int:
    """Number of a part (1 to 999) from its name; 0 for a name that is none."""
    number = name.rpartition(".")[2]
    return int(number) if number.isdecimal() and len(number) == 3 else 0


def damaged(report: Report) -> tuple[str, ...]:
    """Parts that a round of checking found bad and fetches again; none once all is well.

    `bad` of a report counts over the whole run, so what is here by now is left out.
    """
    if report.command != "CHECK" or report.exit_code != 1:
        return ()
    here = {name.partition(".")[0]: numbers_of(numbers) for name, numbers in report.have}
    return tuple(
        name
        for name, _times in report.bad
        if part_number(name) not in here.get(name.partition(".")[0], ())
    )


def _staged(event: DeploymentStaged, attempt: int) -> Row:
    parts: dict[str, PartRow] = {}
    packs = {pack.name: pack.length for pack in event.packs}
    for file in event.files:
        if not file.parts and (length := packs.get(file.first_part)) is not None:
            parts.setdefault(file.first_part, PartRow(file.first_part, "", length))
        base = file.first_part.rpartition(".")[0]
        for number in range(1, file.parts + 1):
            name = f"{base}.{number:03d}"
            left = file.length - (number - 1) * file.part_size
            parts[name] = PartRow(name, file.name, min(file.part_size, left))
    return Row(
        deployment=event.deployment,
        target=event.target,
        at=event.at,
        since=event.at,
        host=event.host,
        directory=event.directory,
        run=event.run,
        total=event.total,
        files=event.files,
        parts=parts,
        emulated=event.emulated,
        recipe=event.recipe,
        attempt=attempt,
        seen_at=event.at,
        line=event.line,
    )


def _row(row: Row, event: Event) -> Row:
    match event:
        case StateChanged():
            return _entered(row, event)
        case ServerListening(protocol="ftp", address=address) if row.port:
            return replace(row, beside=address)
        case ServerListening(protocol=protocol, port=port):
            others = tuple(p for p in row.protocols if p != protocol)
            page_port = port if protocol == "http" else row.page_port
            port = port if protocol == "ftp" else row.port
            return replace(row, port=port, page_port=page_port, protocols=(*others, protocol))
        case PauseChanged(paused=paused):
            return replace(row, paused=paused)
        case PresenceChanged(present=present, how=how, advice=advice):
            return replace(row, present=present, presence=how, advice=advice)
        case TargetFound(at=at, peer=peer, host=host):
            return replace(
                row, target=peer, host=host, peer=peer, beside="", seen_at=at, refused=""
            )
        case LoginAccepted():
            return _logged_in(row, event)
        case ClientGone(at=at):
            left = max(row.sessions - 1, 0)
            return replace(row, seen_at=at, sessions=left, away_since=0.0 if left else at)
        case AsciiRefused(at=at):
            return replace(row, ascii_refused=row.ascii_refused + 1, seen_at=at)
        case TransferStarted() | TransferTick() | TransferDone() | TransferCut():
            return _transfer(row, event)
        case TargetReported(report=report):
            return _reported(row, report)
        case PullAdvanced():
            return _pulled(row, event)
        case OutputReceived(text=text, path=path):
            return replace(row, output=text, output_path=path)
        case ProofReceived(proof=proof):
            return replace(_reported(row, proof.report), proof=proof)
        case ScreenLine(at=at, text=text):
            return replace(row, screen=(*row.screen, *text.split("\n"))[-_SCREEN:], typed="")
        case ScreenTyped(text=text):
            return replace(row, typed=text)
        case _:
            return row


def _entered(row: Row, event: StateChanged) -> Row:
    """A state ends and another begins; nothing follows the last one."""
    if row.state.final:
        return row
    spent = row.spent.get(row.state, 0.0) + max(event.at - row.since, 0.0)
    return replace(
        row,
        state=event.state,
        reason=event.reason,
        since=event.at,
        current="" if event.state.final else row.current,
        spent={**row.spent, row.state: spent},
        paused=row.paused and not event.state.final,
    )


PULLED = "all files"
"""The one cell of the part map of a pull: its parts are made on the way."""


def _pulled(row: Row, event: PullAdvanced) -> Row:
    before = row.parts.get(PULLED) or PartRow(PULLED, PULLED, event.total)
    state = PartState.PROVED if event.folder else PartState.MOVING
    part = replace(before, length=event.total, moved=event.here, state=state)
    came = max(event.here - before.moved, 0) if before.moved else 0
    return replace(
        row,
        total=event.total,
        parts={PULLED: part},
        moved=row.moved + came,
        seen_at=event.at,
        output_path=event.folder or row.output_path,
    )


def _logged_in(row: Row, event: LoginAccepted) -> Row:
    own = event.login.upper() == row.deployment
    return replace(
        row,
        peer=event.peer,
        seen_at=event.at,
        sessions=row.sessions + 1,
        away_since=0.0,
        logins=row.logins + own,
        mark=max(row.mark, Mark.GO_RUNS if own else Mark.GUEST),
    )


def _transfer(row: Row, event: TransferStarted | TransferTick | TransferDone | TransferCut) -> Row:
    """Bytes moved, or stopped moving. What is no part of the payload only counts as life."""
    row = replace(row, seen_at=event.at)
    part = row.parts.get(event.name)
    if part is None:
        if isinstance(event, TransferDone) and event.name.upper() == GO_BAT:
            return replace(row, mark=max(row.mark, Mark.HAS_GO))
        if isinstance(event, TransferDone) and event.upload and PULLED in row.parts:
            return replace(row, moving_seconds=row.moving_seconds + event.seconds)
        return row
    match event:
        case TransferStarted(at=at):
            again = (*row.refetched, part.name) if part.fetches else row.refetched
            part = replace(part, state=PartState.MOVING, moved=0, fetches=part.fetches + 1)
            row = replace(row, current=part.name, refetched=again, part_at=at, tick_at=at)
        case TransferTick(at=at, moved=moved):
            part = replace(part, moved=moved)
            # A cable that was unplugged, or a closed lid, says nothing of the line's speed.
            stood = at - row.tick_at if at - row.tick_at > _STOOD else 0.0
            row = replace(row, tick_at=at, part_at=row.part_at + stood)
        case TransferDone(seconds=seconds):
            part = replace(part, state=PartState.FETCHED, moved=0)
            row = replace(
                row,
                current="",
                moved=row.moved + part.length,
                moving_seconds=row.moving_seconds + seconds,
                last_rate=part.length / seconds if seconds > 0 else row.last_rate,
            )
        case TransferCut(at=at, moved=moved, why=why):
            part = replace(part, state=PartState.WAITING, moved=0, why=why)
            row = replace(
                row,
                current="",
                moved=row.moved + moved,
                moving_seconds=row.moving_seconds + max(at - row.part_at, 0.0),
            )
    return replace(row, parts={**row.parts, part.name: part})


def _reported(row: Row, report: Report) -> Row:
    """The target's own word replaces what the host thought of every part."""
    if report.deployment != row.deployment:
        return replace(row, info=report)
    if row.pulls:  # what is here this computer knows better
        return replace(row, report=report, info=row.info or report)
    whole = {file.name for file in report.files if file.verdict in DONE}
    here = {name: numbers_of(numbers) for name, numbers in report.have}
    bad = dict(report.bad)
    waiting = {file.first_part for file in row.files if not file.parts and file.name not in whole}
    parts = {}
    for name, part in row.parts.items():
        done = part.file in whole if part.file else name not in waiting
        if done or part_number(name) in here.get(part.file or name.partition(".")[0], ()):
            state = PartState.PROVED
        elif name in bad:
            state = PartState.BAD
        else:
            state = PartState.WAITING
        cut = part.state == PartState.WAITING and part.why
        why = _DAMAGED if state == PartState.BAD and not cut else part.why
        parts[name] = replace(part, state=state, moved=0, why=why)
    return replace(row, parts=parts, report=report, info=row.info or report)

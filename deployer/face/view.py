"""What the faces show: a fold of the event stream into rows. Shared by progress, TUI and page.

`fold(view, event) -> view` is pure; two faces that have seen the same events show the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from deployer.events import (
    AsciiRefused,
    DeploymentStaged,
    Event,
    FileStaged,
    LoginAccepted,
    OutputReceived,
    ProofReceived,
    ServerListening,
    StateChanged,
    TargetReported,
    TransferCut,
    TransferDone,
    TransferStarted,
    TransferTick,
)
from deployer.model import Proof, Report, State


class PartState(StrEnum):
    """What is known of a part. `fetched` is the host's view, `proved` the target's."""

    WAITING = "waiting"
    MOVING = "moving"
    FETCHED = "fetched"
    BAD = "bad"
    PROVED = "proved"


@dataclass(frozen=True, slots=True)
class PartRow:
    """One cell of the part map."""

    name: str
    file: str
    length: int
    state: PartState = PartState.WAITING
    moved: int = 0
    fetches: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment as the events tell it. Times are seconds since 1970, lengths bytes.

    `moved` counts what went over the wire for parts, again-fetched bytes included;
    `moving_seconds` only the time in which something moved.
    """

    deployment: str
    target: str
    at: float
    host: str
    directory: str
    run: str
    total: int
    files: tuple[FileStaged, ...]
    parts: Mapping[str, PartRow] = field(default_factory=dict)
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
    def bad_parts(self) -> tuple[str, ...]:
        """Parts that the target last called bad."""
        return tuple(name for name, part in self.parts.items() if part.state == PartState.BAD)


View = Mapping[str, Row]


def fold(view: View, event: Event) -> View:
    """The rows after the event."""
    if isinstance(event, DeploymentStaged):
        return {**view, event.deployment: _staged(event)}
    row = view.get(event.deployment)
    if row is None:
        return view
    changed = _row(row, event)
    return view if changed is row else {**view, row.deployment: changed}


def fold_all(events: Iterable[Event], view: View | None = None) -> View:
    """The rows after all events."""
    for event in events:
        view = fold(view or {}, event)
    return view or {}


def part_number(name: str) -> int:
    """Number of a part (1 to 999) from its name."""
    return int(name.rpartition(".")[2])


def ranges(text: str) -> Iterator[int]:
    """Numbers of a list such as `1-16,18`; what is no number is passed over."""
    for piece in text.split(","):
        first, _, last = piece.strip().partition("-")
        if first.isdigit() and (last.isdigit() or not last):
            yield from range(int(first), min(int(last or first), 999) + 1)


def _staged(event: DeploymentStaged) -> Row:
    parts: dict[str, PartRow] = {}
    for file in event.files:
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
    )


def _row(row: Row, event: Event) -> Row:
    match event:
        case StateChanged(at=at, state=state, reason=reason):
            return replace(row, state=state, reason=reason, since=at, current="")
        case ServerListening(port=port):
            return replace(row, port=port)
        case LoginAccepted(peer=peer):
            return replace(row, peer=peer)
        case AsciiRefused():
            return replace(row, ascii_refused=row.ascii_refused + 1)
        case TransferStarted(name=name, upload=False) if name in row.parts:
            return _moving(row, name)
        case TransferTick(name=name, moved=moved) if name in row.parts:
            part = replace(row.parts[name], moved=moved)
            return replace(row, parts={**row.parts, name: part})
        case TransferDone(name=name, upload=False, seconds=seconds) if name in row.parts:
            part = replace(row.parts[name], state=PartState.FETCHED, moved=0)
            return replace(
                row,
                parts={**row.parts, name: part},
                current="",
                moved=row.moved + part.length,
                moving_seconds=row.moving_seconds + seconds,
            )
        case TransferCut(name=name, upload=False, moved=moved) if name in row.parts:
            part = replace(row.parts[name], state=PartState.WAITING, moved=0)
            return replace(
                row, parts={**row.parts, name: part}, current="", moved=row.moved + moved
            )
        case TargetReported(report=report):
            return _reported(row, report)
        case OutputReceived(text=text, path=path):
            return replace(row, output=text, output_path=path)
        case ProofReceived(proof=proof):
            return replace(_reported(row, proof.report), proof=proof)
        case _:
            return row


def _moving(row: Row, name: str) -> Row:
    old = row.parts[name]
    part = replace(old, state=PartState.MOVING, moved=0, fetches=old.fetches + 1)
    again = (*row.refetched, name) if old.fetches else row.refetched
    return replace(row, parts={**row.parts, name: part}, current=name, refetched=again)


def _reported(row: Row, report: Report) -> Row:
    """The target's own word replaces what the host thought of every part."""
    if report.deployment != row.deployment:
        return replace(row, info=report)
    whole = {file.name for file in report.files if file.verdict == "good"}
    here = {name: set(ranges(numbers)) for name, numbers in report.have}
    bad = dict(report.bad)
    parts = {}
    for name, part in row.parts.items():
        if part.file in whole or part_number(name) in here.get(part.file, ()):
            state = PartState.PROVED
        elif name in bad:
            state = PartState.BAD
        else:
            state = PartState.WAITING
        parts[name] = replace(part, state=state, moved=0)
    return replace(row, parts=parts, report=report, info=row.info or report)

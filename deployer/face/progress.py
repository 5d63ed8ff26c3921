"""`push` for people: what is sent, what the old PC does, and what it proved.

On a terminal live lines show the progress: all of it, the part that moves, and after a silence what
to look at on the old PC. Piped, only whole lines are written.
"""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Callable, Iterable

from rich.box import SQUARE
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deployer.core.target.proof import KEPT, how_it_ended, story
from deployer.core.view import PartState, Row, View, damaged, fold
from deployer.events import (
    AddressGiven,
    AsciiRefused,
    DeploymentStaged,
    DhcpChanged,
    Event,
    HostTroubled,
    LineNoted,
    LoginAccepted,
    LoginRefused,
    OrderChanged,
    OutputReceived,
    PresenceChanged,
    ProofReceived,
    ScreenLine,
    ServerListening,
    StateChanged,
    TargetFound,
    TargetReported,
    TransferCut,
    WireChanged,
)
from deployer.face import estimate, serial_card, text, words
from deployer.face.card import card, hints
from deployer.model import Proof, Stage, State

_WORKING = (State.WAITING, State.FETCHING, State.VERIFYING, State.RUNNING)
_BAR, _PERCENT = 24, 5
_FRAME, _AROUND = 14, 8
"""Lines of the simulated PC's screen that are shown at most, and lines that the rest needs."""
_MOST_NAMED = 20
"""Files that are named one by one."""
_BACK_AFTER = 30.0
"""Seconds of absence that are worth a word when the PC is back."""


class Terminal(Console):
    """Where progress is written. When its reader goes away it falls silent; the work goes on."""

    def __init__(self) -> None:
        super().__init__(highlight=False)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more (`| head`)."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


class PushProgress:
    """Shows one `push`. On a terminal the simulated PC's screen is in a frame while it lasts;
    with `show_screen` its lines are printed and stay.

    `history` are the rows of earlier deployments, which estimates are made from; `fit` is a line
    about how the payload fits the target, printed below what is staged. With `brief` neither the
    files by their names and sums nor what the program printed are shown.
    """

    def __init__(
        self,
        console: Console,
        clock: Callable[[], float],
        *,
        show_screen: bool = False,
        history: Iterable[Row] = (),
        fit: str = "",
        brief: bool = False,
    ) -> None:
        self._brief = brief
        self._history = tuple(history)
        self._habits = estimate.Habits()
        self._fit = fit
        self._console = console
        self._clock = clock
        self._show_screen = show_screen
        self._view: View = {}
        self._deployment = ""
        self._agent_goes = ""
        self._said = ""
        self._live: Live | None = None

    def show(self, event: Event) -> None:
        """One event."""
        before = self._row()
        self._view = fold(self._view, event)
        match event:
            case DeploymentStaged():
                self._deployment = event.deployment
                self._habits = estimate.habits(self._history, event.target, but=event.deployment)
                self._print_staged(event)
            case ServerListening(protocol=protocol) if protocol != "http":
                self._begin()
            case StateChanged(state=state):
                self._state(state)
            case LoginAccepted(at=at) if before and before.away_since:
                self._back(before, at)
            case PresenceChanged(present=present, how=how, advice=advice):
                # over a network it may also merely stop answering ping, which a busy PC does
                if before and (before.line is not None or before.present != present):
                    self._say(f"{how}. {advice}".rstrip())
            case TargetFound() | DhcpChanged() | AddressGiven():
                self._say(words.sentence(event))
            case WireChanged() | HostTroubled():
                self._say(words.sentence(event))
            case OrderChanged(deployment=identity) if identity and identity == self._deployment:
                self._agent(event)
            case LineNoted(note=note):
                self._say(note)
            case AsciiRefused(name=name):
                self._say(f"{name} was asked for in ASCII mode and not sent: type binary first.")
            case LoginRefused(peer=peer, login=login, why=why):
                self._say(f"{peer} was turned away as {login}: {why}")
            case TransferCut(name=name, moved=moved, length=length):
                self._say(f"{name} was cut after {moved:,} of {length:,} bytes; it comes again.")
            case TargetReported(report=report) if bad := damaged(report):
                self._say(f"The PC found damage and fetches again: {', '.join(bad)}")
            case OutputReceived(text=output):
                self._print_output(output)
            case ScreenLine(text=screen) if self._show_screen:
                for line in filter(str.strip, screen.split("\n")):
                    self._say(f"  PC| {line}", style="dim")
            case ProofReceived(proof=proof):
                self._print_proof(proof)
        if self._live is not None:
            self._live.update(self._lines())

    def close(self) -> None:
        """Take the live line down."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _row(self) -> Row | None:
        return self._view.get(self._deployment)

    def _say(self, message: str, style: str = "") -> None:
        """One line; a terminal gets it broken between words, a pipe gets it whole."""
        if self._console.is_terminal and len(message) > self._console.width:
            indent = " " * (len(message) - len(message.lstrip()))
            message = textwrap.fill(
                message,
                self._console.width - 1,
                subsequent_indent=indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
        self._console.print(Text(text.plain(message), style=style), soft_wrap=True)

    def _print_staged(self, event: DeploymentStaged) -> None:
        self._say(f"Deployment {event.deployment} for {words.machine(event.target)}:")
        most = 0 if self._brief else _MOST_NAMED
        for file in event.files[:most]:
            way = text.count(file.parts, "part")
            if file.first_part and not file.parts:
                way = file.first_part
            self._say(
                f"  {file.place or f'{file.long_name} -> {file.name}'}  {file.length:,} bytes in "
                f"{way}  SHA-256 {text.short_sum(file.sha256)}"
            )
        if rest := event.files[most:]:
            size = text.size(sum(file.length for file in rest))
            more = (
                f"and {text.count(len(rest), 'more file')}"
                if most
                else text.count(len(rest), "file")
            )
            self._say(f"  {more}, {size}")
        for note in event.notes:
            self._say(f"  note: {note}")
        if event.run:
            self._say(f"  then run: {event.run}")
        if self._fit:
            self._say(f"  {self._fit}")

    def _back(self, before: Row, at: float) -> None:
        """Absence is noted only when nothing is known that explains it."""
        gone = at - before.away_since
        expected = estimate.verify_seconds(before, self._habits)
        if gone > _BACK_AFTER + 2 * expected and before.state != State.RUNNING:
            self._say(f"The PC is back after {text.duration(gone)}.")

    def _begin(self) -> None:
        row = self._row()
        if row is None or self._live is not None:
            return
        if not (row.emulated or self._agent_goes):
            self._print_card(row)
        if self._console.is_terminal:
            self._live = Live(
                self._lines(), console=self._console, refresh_per_second=8, transient=True,
                get_renderable=self._lines, vertical_overflow="crop",
            )  # fmt: skip
            self._live.start()

    def _print_card(self, row: Row) -> None:
        for line in card(row):
            self._say(line)

    def _agent(self, event: OrderChanged) -> None:
        """The agent on the PC fetches it, or it did not, and somebody has to type there."""
        row = self._row()
        match event.stage:
            case Stage.QUEUED:
                self._agent_goes = event.order
                self._say("The agent on the PC fetches it: nothing needs to be typed there.")
            case Stage.REFUSED | Stage.LOST | Stage.EXPIRED if row and not row.state.final:
                if self._agent_goes not in ("", event.order):
                    return  # another one has taken its place
                self._agent_goes = ""
                self._say(f"The agent on the PC did not do it: {event.text}.")
                if not row.emulated:
                    self._print_card(row)

    def _state(self, state: State) -> None:
        row = self._row()
        if row is not None and state in _WORKING and self._live is None:
            doing = f"{_plain(row, self._habits)} ..."
            if doing != self._said:  # a pull is in one state several times
                for line in doing.splitlines():
                    self._say(line)
            self._said = doing
        elif state.final:
            self.close()

    def _lines(self) -> Group:
        """What is live: the doing, all of it, the current part, and hints after a silence."""
        row = self._row()
        if row is None:
            return Group()
        now = self._clock()
        lines: list[Text | Table | Panel] = [_cropped(words.doing(row, self._habits, now))]
        if row.state != State.RUNNING:  # then all has arrived, and nobody knows how long it takes
            rest = estimate.left(row, self._habits, now)
            figures = f"{text.size(row.here_bytes)} of {text.size(row.part_bytes)}"
            details = [figures, words.rate(row), words.time_left(row, self._habits, now)]
            lines.append(self._bar(rest.done, "; ".join(d for d in details if d)))
        part = row.parts.get(row.current)
        if part is not None:
            moved = f"{part.name}  {text.size(part.moved)} of {text.size(part.length)}"
            lines.append(self._bar(part.moved / max(part.length, 1), moved))
        lines += [_cropped(line) for line in hints(row, now)]
        if row.emulated and not self._show_screen:
            lines.append(self._frame(row))
        return Group(*lines)

    def _frame(self, row: Row) -> Panel:
        """The simulated PC's screen, as tall from the first moment as it will be."""
        tall = max(3, min(_FRAME, self._console.height - _AROUND))
        screen = "\n".join(words.on_screen(row, tall))
        cursor = "_" if row.typed else ""
        name = words.machine(row.target)
        shown = Text(text.plain(screen) + cursor).wrap(self._console, self._console.width - 4)
        return Panel(
            Text("\n").join(shown[-tall:]), SQUARE, title=name[:1].upper() + name[1:],
            title_align="left", height=tall + 2, style="white on black",
        )  # fmt: skip

    def _bar(self, done: float, details: str) -> Table:
        """A bar of a fixed width with its figures; on a narrow terminal the figures are cut."""
        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True, width=_BAR)
        table.add_column(no_wrap=True, width=_PERCENT, justify="right")
        table.add_column(no_wrap=True)
        bar = ProgressBar(total=1.0, completed=done, width=_BAR)
        figures = Text(text.one_line(details))
        figures.truncate(max(self._console.width - _BAR - _PERCENT - 3, 1), overflow="ellipsis")
        table.add_row(bar, Text(f"{int(done * 100)} %"), figures)
        return table

    def _print_output(self, output: str) -> None:
        if self._brief or not output.strip():
            return
        self._say("")
        self._say("What the program printed:", style="bold")
        for line in story(output).splitlines():
            self._say(f"  {line}")
        self._say("")

    def _print_proof(self, proof: Proof) -> None:
        self.close()
        row = self._row()
        found = {file.name: file for file in proof.report.files}
        most = 0 if self._brief else _MOST_NAMED
        equal = 0
        for expected in proof.expected:
            seen = found.get(expected.name)
            same = seen is not None and seen.sha256 == expected.sha256 and seen.verdict == "good"
            equal += same
            if same and equal > most:
                continue
            verdict = "equal on both sides" if same else "NOT proved"
            if seen is not None and seen.verdict == KEPT:
                continue
            line = f"  {expected.name}  SHA-256 {expected.sha256}  {verdict}"
            if self._console.is_terminal and len(line) > self._console.width:
                line = line.replace(expected.sha256, text.short_sum(expected.sha256))
            self._say(line)
        if equal > most:
            more = "more file" if most else "file"
            also = "and " if most else ""
            self._say(f"  {also}{text.count(equal - most, more)}, equal on both sides")
        for line in words.kept_words(proof):
            self._say(f"  {line}")
        if row is not None and row.pulls:
            if proof.proved:
                self._say(f"  {row.total:,} bytes, equal on both sides, in {row.output_path}")
        elif row is not None:
            fetched = sum(p.fetches for p in row.parts.values())
            skipped = sum(not p.fetches and p.state == PartState.PROVED for p in row.parts.values())
            self._say(
                f"  {text.count(fetched, 'part')} sent, {skipped} already there"
                + (f", {len(row.refetched)} sent again" if row.refetched else "")
            )
        report = proof.report
        if report.run_exit is not None:
            self._say(f"  {report.run}: {how_it_ended(report)}")
        if proof.tokens_per_second is not None:
            speed = text.tokens_per_second(proof.tokens_per_second, emulated=proof.emulated)
            self._say(f"  {speed}")
        if proof.proved:
            where = words.machine(row.target) if row else "the target"
            but = f", but for {text.count(len(proof.kept), 'file')} kept" if proof.kept else ""
            self._say(f"Proved by {where}: {proof.deployment} is whole{but}.", style="bold green")


def _plain(row: Row, known: estimate.Habits) -> str:
    """The state in words for a face that is not live: no seconds that stand still."""
    if row.line is not None and row.state in (State.VERIFYING, State.RUNNING):
        return "\n".join(hints(row, row.since))
    if row.line is not None and (over_line := serial_card.doing(row)):
        return over_line
    match row.state:
        case State.WAITING:
            return "waiting for the old PC"
        case State.FETCHING | State.VERIFYING if row.pulls:
            return words.pulling(row)
        case State.VERIFYING:
            about = text.duration(estimate.verify_seconds(row, known))
            return f"the PC is verifying, about {about}"
        case State.RUNNING:
            return "the program runs on the PC"
        case _:
            return row.state.value


def _cropped(line: str) -> Text:
    return Text(text.one_line(line), no_wrap=True, overflow="ellipsis")

"""`push` for people: what is sent, what the old PC does, and what it proved.

On a terminal a live line shows the progress; piped, only whole lines are written.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deployer.core.proof import story
from deployer.events import (
    AsciiRefused,
    DeploymentStaged,
    Event,
    LoginRefused,
    OutputReceived,
    ProofReceived,
    ScreenLine,
    ServerListening,
    StateChanged,
    TargetReported,
    TransferCut,
)
from deployer.face import text
from deployer.face.card import card
from deployer.face.view import PartState, Row, View, fold
from deployer.model import Proof, State

_STATES = {
    State.WAITING: "waiting for the old PC",
    State.FETCHING: "fetching",
    State.VERIFYING: "the PC is verifying",
    State.RUNNING: "the program is running on the PC",
}


class PushProgress:
    """Shows one `push`. `show_screen` also prints the simulated PC's screen."""

    def __init__(
        self, console: Console, clock: Callable[[], float], *, show_screen: bool = False
    ) -> None:
        self._console = console
        self._clock = clock
        self._show_screen = show_screen
        self._view: View = {}
        self._deployment = ""
        self._live: Live | None = None

    def show(self, event: Event) -> None:
        """One event."""
        self._view = fold(self._view, event)
        match event:
            case DeploymentStaged():
                self._deployment = event.deployment
                self._print_staged(event)
            case ServerListening():
                self._begin()
            case StateChanged(state=state):
                self._state(state)
            case AsciiRefused(name=name):
                self._say(f"{name} was asked for in ASCII mode and not sent: type binary first.")
            case LoginRefused(peer=peer, login=login, why=why):
                self._say(f"{peer} was turned away as {login}: {why}")
            case TransferCut(name=name, moved=moved, length=length):
                self._say(f"{name} was cut after {moved:,} of {length:,} bytes; it comes again.")
            case TargetReported(report=report) if report.bad:
                again = ", ".join(name for name, _times in report.bad)
                self._say(f"The PC found damage and fetches again: {again}")
            case OutputReceived(text=output):
                self._print_output(output)
            case ScreenLine(text=line) if self._show_screen and line.strip():
                self._say(f"  PC| {line}", style="dim")
            case ProofReceived(proof=proof):
                self._print_proof(proof)
        if self._live is not None:
            self._live.update(self._line())

    def close(self) -> None:
        """Take the live line down."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _row(self) -> Row | None:
        return self._view.get(self._deployment)

    def _say(self, message: str, style: str = "") -> None:
        self._console.print(Text(message, style=style), soft_wrap=True)

    def _print_staged(self, event: DeploymentStaged) -> None:
        self._say(f"Deployment {event.deployment} for {_target(event.target)}:")
        for file in event.files:
            self._say(
                f"  {file.long_name} -> {file.name}  {file.length:,} bytes in "
                f"{text.count(file.parts, 'part')}  SHA-256 {text.short_sum(file.sha256)}"
            )
        if event.run:
            self._say(f"  then run: {event.run}")

    def _begin(self) -> None:
        row = self._row()
        if row is None or self._live is not None:
            return
        if not row.emulated:
            for line in card(row.deployment, row.target, row.host, row.directory):
                self._say(line)
        if self._console.is_terminal:
            self._live = Live(
                self._line(), console=self._console, refresh_per_second=8, transient=True,
                get_renderable=self._line,
            )  # fmt: skip
            self._live.start()

    def _state(self, state: State) -> None:
        if state in _STATES and self._live is None:
            self._say(_STATES[state] + " ...")
        elif state.final:
            self.close()

    def _line(self) -> Table:
        table = Table.grid(padding=(0, 1))
        row = self._row()
        if row is None:
            return table
        elapsed = text.duration(max(self._clock() - row.since, 0))
        label = _STATES.get(row.state, row.state.value)
        total = sum(p.length for p in row.parts.values())
        here = row.here_bytes
        bar = ProgressBar(total=max(total, 1), completed=here, width=28)
        table.add_row(
            Text(f"{label} {elapsed}"), bar, Text(f"{text.size(here)} of {text.size(total)}"),
            Text(_rate(row)), Text(row.current),
        )  # fmt: skip
        return table

    def _print_output(self, output: str) -> None:
        if not output.strip():
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
        for expected in proof.expected:
            seen = found.get(expected.name)
            same = seen is not None and seen.sha256 == expected.sha256 and seen.verdict == "good"
            verdict = "equal on both sides" if same else "NOT proved"
            self._say(f"  {expected.name}  SHA-256 {expected.sha256}  {verdict}")
        if row is not None:
            fetched = sum(p.fetches for p in row.parts.values())
            skipped = sum(not p.fetches and p.state == PartState.PROVED for p in row.parts.values())
            self._say(
                f"  {text.count(fetched, 'part')} sent, {skipped} already there"
                + (f", {len(row.refetched)} sent again" if row.refetched else "")
            )
        report = proof.report
        if report.run_exit is not None:
            self._say(f"  {report.run}: exit code {report.run_exit} after {report.run_seconds} s")
        if proof.tokens_per_second is not None:
            speed = text.tokens_per_second(proof.tokens_per_second, emulated=proof.emulated)
            self._say(f"  {speed}")
        if proof.proved:
            where = _target(row.target) if row else "the target"
            self._say(f"Proved by {where}: {proof.deployment} is whole.", style="bold green")


def _target(name: str) -> str:
    return "the simulated PC" if name == "sim" else f"the old PC at {name}"


def _rate(row: Row) -> str:
    return f"{text.size(round(row.rate))}/s" if row.rate else ""

"""How long things take on a target, from what it has done before; and the fit line.

Everything here is worked out from the rows that the events make, so an estimate is as old as the
target's own history. What has never been seen is guessed, and called about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from deployer.core.payload import fit as fits
from deployer.core.view import PartState, Row
from deployer.face import text
from deployer.host import past
from deployer.model import LINE, LineSettings, Profile, State, is_simulated

_MANY = 20
"""From so many files on it is they that are counted, not their parts."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a target has shown: bytes per second of its wire, and its own pace.

    `runs` maps a command to the seconds it took.
    """

    wire: float | None = None
    pace: fits.PcPace = fits.PcPace()  # noqa: RUF009 - frozen
    runs: tuple[tuple[str, float], ...] = ()
    seen: int = 0


def habits(rows: Iterable[Row], target: str, *, but: str = "") -> Habits:
    """The habits of a target from its rows, the newest weighing most; `but` is left out."""
    wire: float | None = None
    pace = fits.SIMULATED if is_simulated(target) else fits.PcPace()
    runs: dict[str, float] = {}
    seen = 0
    for row in sorted(rows, key=lambda row: row.at):
        if row.target != target or row.deployment == but:
            continue
        if row.moved >= 64 << 10 and row.rate:
            wire = row.rate if wire is None else (wire + row.rate) / 2
        spent = row.spent.get(State.VERIFYING, 0.0)
        if row.state == State.PROVED and 2 * row.moved >= row.part_bytes > 0 and spent > 0:
            pace = pace.after(len(row.files), row.part_bytes, spent)
        if row.proof and row.proof.report.run_seconds is not None:
            runs[row.run] = row.proof.report.run_seconds
        seen += 1
    return Habits(wire, pace, tuple(runs.items()), seen)


@dataclass(frozen=True, slots=True)
class Left:
    """What remains. `seconds` None: nobody can know; `done` is 0.0 to 1.0, and 1.0 only at the end.

    `sure` says that the figure rests on what this target has shown.
    """

    seconds: float | None
    done: float
    sure: bool


def left(row: Row, known: Habits, now: float) -> Left:
    """How much of the work is done, and how long the rest takes.

    Work is fetching and verifying, each at its own speed, so the bar neither races nor stands at
    100 % while the target verifies.
    """
    if row.state == State.PROVED:
        return Left(0.0, 1.0, sure=True)
    verify_all = known.pace.seconds(len(row.files), row.part_bytes)
    wire = row.rate_now or row.rate or known.wire or fits.DEFAULT_WIRE
    fetch_all = row.part_bytes / wire
    fetch_left = max(row.part_bytes - row.here_bytes, 0) / wire
    verify_left = verify_all
    if row.line is not None:
        wire = row.rate_now or row.rate or known.wire or row.line.speed / 10
        fetch_all = row.part_bytes / wire
        fetch_left = max(row.part_bytes - row.here_bytes, 0) / wire
        verify_all = verify_left = 0.0  # it begins when a person begins it
    if row.state == State.VERIFYING and not missing(row):
        verify_left = max(verify_all - (now - row.since), 0.0)
    elif row.state in (State.RUNNING, State.FAILED, State.CANCELLED) and _all_proved(row):
        verify_left = 0.0
    whole = fetch_all + verify_all
    done = 1 - (fetch_left + verify_left) / whole if whole else 0.0
    sure = bool(row.rate or known.wire) and known.pace.shown
    seconds: float | None = fetch_left + verify_left
    if row.state == State.RUNNING:
        seconds = _run_left(row, known, now)
    elif row.state in (State.STAGED, State.WAITING) or row.state.final or row.paused:
        seconds = None
    elif row.line is not None:
        # After the last byte a person acts, and nobody knows when.
        seconds = fetch_left if row.state == State.FETCHING else None
    return Left(seconds, min(max(done, 0.0), 0.99), sure)


def missing(row: Row) -> int:
    """Parts that are neither on the target nor on their way as a whole."""
    here = (PartState.FETCHED, PartState.PROVED)
    return sum(part.state not in here for part in row.parts.values())


def verify_seconds(row: Row, known: Habits) -> float:
    """About how long the PC verifies what it has just fetched."""
    unproved = sum(p.length for p in row.parts.values() if p.state == PartState.FETCHED)
    return known.pace.seconds(len(row.files), unproved or row.part_bytes)


def _all_proved(row: Row) -> bool:
    return all(part.state == PartState.PROVED for part in row.parts.values())


def _run_left(row: Row, known: Habits, now: float) -> float | None:
    before = dict(known.runs).get(row.run)
    return None if before is None else max(before - (now - row.since), 0.0)


# --- the fit line


def shown_by(rows: Iterable[Row], target: str, model: str) -> fits.Shown:
    """What a target has shown: its wire's speed, and its tok/s with the model of that file name."""
    rows = list(rows)
    tokens = None
    for row in sorted(rows, key=lambda row: row.at):
        speed = row.proof.tokens_per_second if row.proof and not row.emulated else None
        same = row.target == target and any(file.long_name == model for file in row.files)
        tokens = speed if same and speed is not None else tokens
    known = habits(rows, target)
    return fits.Shown(known.wire, tokens, known.pace)


def fit_line(
    load: fits.Load,
    rows: Iterable[Row],
    target: str,
    *,
    profile: Profile,
    model: str = "",
    line: LineSettings | None = None,
    engine: fits.EnginePace | None = None,
) -> tuple[fits.Fit, str]:
    """The fit, and the one line that says it. The speed of a serial `line` is known before."""
    rows = list(rows)
    machine = replace(past.machine_in(rows, target), engine=engine)
    shown = shown_by(rows, target, model)
    if target.startswith(LINE) and shown.wire is None:
        shown = replace(shown, wire=(line or LineSettings()).speed / 10)
    fit = fits.fit(load, machine, shown, profile)
    return fit, sentence(fit, machine)


SOURCES: Mapping[fits.Source, str] = {
    "measured": "measured",
    "surveyed": "measured by its survey",
    "modelled": "modelled",
}
"""Where a speed is known from, in words."""


def sentence(fit: fits.Fit, machine: fits.KnownPc) -> str:
    """The fit in one line, such as `Fits: 1.1 MB on disk, ...` or `Too big in memory: ...`."""
    if fit.problems:
        joined = "; ".join(fit.problems)
        return f"{joined[:1].upper()}{joined[1:]}."
    about = "" if fit.seconds_source == "measured" else "about "
    pieces = [
        f"{text.size(fit.disk)} on disk",
        text.count(fit.files, "file") if fit.files >= _MANY else text.count(fit.parts, "part"),
        f"{about}{text.duration(max(fit.seconds, 1))} on this wire",
    ]
    if fit.memory is not None:
        pieces.insert(1, f"{text.memory(fit.memory)} of memory")
    if fit.tokens is not None:
        pieces.append(f"{_speed(fit.tokens)} tok/s ({SOURCES[fit.tokens_source]})")
    known = "Fits" if machine.said else "Needs"
    line = f"{known}: {', '.join(pieces)}."
    return f"{line} But {'; '.join(fit.warnings)}." if fit.warnings else line


def _speed(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"

"""The old PC as the window shows it: its screen while it is simulated, its signs of life else."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.core.view import Mark, Row
from deployer.face import text, words


def signs(row: Row, now: float) -> tuple[str, ...]:
    """Whether it is there, when it was heard last, and what it told about itself."""
    return (*_there(row, now), *told(row))


def _there(row: Row, now: float) -> Iterator[str]:
    if row.presence and not row.state.final:
        yield row.presence
    if row.seen_at > row.at and not row.state.final:
        yield f"heard {text.duration(max(now - row.seen_at, 0.0))} ago"


def told(row: Row) -> list[str]:
    """What it last reported of itself."""
    report = row.report if row.report and row.report.system else row.info
    if report is None:
        done = "called" if row.mark is Mark.NOTHING else "reported about itself"
        return [f"it has not {done} yet"]
    lines = [f"{label}: {value}" for label, value in words.target_words(report)]
    if report.reason:
        lines.append(f"reason: {report.reason}")
    return _two_columns(lines)


def _two_columns(lines: list[str]) -> list[str]:
    """Short neighbours share a line."""
    out: list[str] = []
    for line in lines:
        if out and len(out[-1]) + len(line) < 46:
            out[-1] += f"   {line}"
        else:
            out.append(line)
    return out


def on_screen(row: Row, most: int) -> str:
    """The last `most` lines of the simulated PC's screen; "" for a real one."""
    return text.plain("\n".join(words.on_screen(row, most)).rstrip())

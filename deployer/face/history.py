"""Status and history: lines for people, JSON for machines.

On a terminal a line is cut at the edge and never wrapped; piped, it is whole.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence

import msgspec

from deployer.core.view import Row
from deployer.face import estimate, tables, text, words

Write = Callable[[str], object]
_RECENT = 5
NOTHING = "Nothing has been pushed yet. Try: deployer push --target sim\n"
EMULATED = "* on the emulated machine of the simulated PC, not on a real one"


def status(rows: Sequence[Row], write: Write, *, as_json: bool, now: float) -> None:
    """Open deployments with what they do now, then the last few that ended."""
    opened = [row for row in rows if not row.state.final]
    ended = [row for row in rows if row.state.final][-_RECENT:]
    if as_json:
        for row in [*opened, *ended]:
            write(json.dumps(summary(row)) + "\n")
        return
    if not rows:
        write(NOTHING)
        return
    lines = [("deployment", "target", "done", "for", "what", "state")]
    for row in [*opened, *ended]:
        known = estimate.habits(rows, row.target, but=row.deployment)
        done = f"{int(estimate.left(row, known, now).done * 100)} %"
        age = text.duration(now - row.since)
        doing = words.doing(row, known, now)
        lines.append((row.deployment, row.target, done, age, payload(row), doing))
    tables.columns(lines, write)


def history(rows: Sequence[Row], write: Write, *, as_json: bool) -> None:
    """Every deployment with its proof, oldest first."""
    if as_json:
        for row in rows:
            proof = msgspec.to_builtins(row.proof) if row.proof else None
            write(json.dumps({**summary(row), "proof": proof}) + "\n")
        return
    if not rows:
        write(NOTHING)
        return
    lines = [("when", "deployment", "target", "bytes", "rate", "tok/s", "what", "state")]
    for row in rows:
        when = datetime.datetime.fromtimestamp(row.at, tz=datetime.UTC).astimezone()
        speed = row.proof.tokens_per_second if row.proof else None
        why = f": {row.reason}" if row.reason else ""
        lines.append(
            (
                when.strftime("%Y-%m-%d %H:%M"),
                row.deployment,
                row.target,
                f"{row.total:,}",
                f"{text.size(round(row.rate))}/s" if row.rate else "-",
                f"{speed:.4g}{'*' if row.emulated else ''}" if speed else "-",
                payload(row),
                f"{row.state.value}{why}",
            )
        )
    tables.columns(lines, write)
    if any(row.emulated and row.proof and row.proof.tokens_per_second for row in rows):
        write(f"{text.on_screen(EMULATED)}\n")


def summary(row: Row) -> dict[str, object]:
    """A deployment as a JSON object, without its proof."""
    return {
        "deployment": row.deployment,
        "target": row.target,
        "state": row.state.value,
        "reason": row.reason,
        "at": row.at,
        "since": row.since,
        "bytes": row.total,
        "files": [file.long_name for file in row.files],
        "run": row.run,
        "rate": row.rate,
        "refetched": list(row.refetched),
        "attempt": row.attempt,
        "tokens_per_second": row.proof.tokens_per_second if row.proof else None,
        "emulated": row.emulated,
    }


def payload(row: Row) -> str:
    """The file that the user means, and how many go with it."""
    named = [file.long_name for file in row.files if file.name not in words.OURS]
    first = text.plain(named[0]).replace("\n", "?") if named else "nothing"
    return first if len(row.files) < 2 else f"{first} and {len(row.files) - 1} more"

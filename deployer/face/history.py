"""Status and history: lines for people, JSON for machines.

On a terminal a line is cut at the edge and never wrapped; piped, it is whole.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence

import msgspec

from deployer.core.view import Row
from deployer.face import estimate, tables, text, words
from deployer.face.tables import Write
from deployer.host import past
from deployer.host.past import Rows

_RECENT = 5
PAGE = 50
"""How many deployments `history` shows unless told otherwise."""
NOTHING = "Nothing has been pushed yet. Try: deployer push --target sim\n"
EMULATED = "* on the emulated machine of the simulated PC, not on a real one"


def status(
    known: Rows, write: Write, target: str | None = None, *, as_json: bool, now: float
) -> dict[str, str]:
    """Open deployments with what they do now, then the last few that ended; those of a target.

    The open ones with their targets come back.
    """
    rows = [row for row in known.open() if target in (None, row.target)]
    opened = {row.deployment: row.target for row in rows}
    if target is None:
        rows += known.ended(_RECENT)
    else:
        rows += [row for row in known.newest(_RECENT, target) if row.state.final]
    if as_json:
        for row in rows:
            write(json.dumps(summary(row)) + "\n")
    elif not rows:
        write(NOTHING)
    else:
        _status(rows, known, write, now)
    return opened


def _status(rows: Sequence[Row], known: Rows, write: Write, now: float) -> None:
    shown = {target: known.newest(past.NEWEST, target) for target in {r.target for r in rows}}
    lines = [("deployment", "target", "done", "for", "what", "state")]
    for row in rows:
        habits = estimate.habits(shown[row.target], row.target, but=row.deployment)
        done = f"{int(estimate.left(row, habits, now).done * 100)} %"
        age = text.duration(now - row.since)
        doing = words.doing(row, habits, now)
        lines.append((row.deployment, row.target, done, age, payload(row), doing))
    tables.columns(lines, write)


def history(
    known: Rows, target: str | None, most: int | None, write: Write, *, as_json: bool
) -> None:
    """Deployments with their proofs, oldest first: the newest so many (None: every one)."""
    rows = known.every(target) if most is None else known.newest(most, target)
    if as_json:
        for row in rows:
            proof = msgspec.to_builtins(row.proof) if row.proof else None
            write(json.dumps({**summary(row), "proof": proof}) + "\n")
        return
    if not known:
        write(NOTHING)
        return
    _history(rows, write)
    older = known.count(target) - most if most is not None else 0
    if older > 0:
        write(f"{text.count(older, 'older deployment')}: deployer history --all\n")


def _history(rows: Iterable[Row], write: Write) -> None:
    emulated = False
    lines = [("when", "deployment", "target", "state", "what", "bytes", "rate", "tok/s", "why")]
    for row in rows:
        when = datetime.datetime.fromtimestamp(row.at, tz=datetime.UTC).astimezone()
        speed = row.proof.tokens_per_second if row.proof else None
        emulated = emulated or bool(row.emulated and speed)
        lines.append(
            (
                when.strftime("%Y-%m-%d %H:%M"),
                row.deployment,
                row.target,
                row.state.value,
                payload(row),
                f"{row.total:,}",
                f"{text.size(round(row.rate))}/s" if row.rate else "-",
                f"{speed:.4g}{'*' if row.emulated else ''}" if speed else "-",
                row.reason,
            )
        )
    tables.columns(lines, write)
    if emulated:
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
    if row.recipe == "pull":
        return "pulled files"
    named = [file.long_name for file in row.files if file.name not in words.OURS]
    first = text.plain(named[0]).replace("\n", "?") if named else "nothing"
    return first if len(row.files) < 2 else f"{first} and {len(row.files) - 1} more"

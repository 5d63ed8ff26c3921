"""What is on a target, as far as its own proofs tell: read from how its newest deployments stand.

A proof holds until a later deployment puts another file in one of its places. What a human does
at the old PC is not seen from here; `--force` sends all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from deployer.core.agents.overlay import AGENT_EXE, AGENT_INI
from deployer.core.view import Row
from deployer.model import Payload

PAGES = (4, 64)
"""How many of a target's newest deployments are looked at, one step after the other. What was
before them is not there, as far as this is concerned: it is sent again, and no part of it moves."""

_ENOUGH = 64 << 10
"""Bytes that have to move before they say something about a wire."""

_AGENT = (AGENT_EXE, AGENT_INI)
"""What goes with a payload when its agent stays there."""

_Content = tuple[tuple[str, str, int, str], ...]
"""Name, long name, length and SHA-256 of each file."""


class _File(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def long_name(self) -> str: ...
    @property
    def length(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def place(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What rows tell of a payload: the one that has proved it and that it ran, None for none.

    `decided` is False when older ones may tell more.
    """

    there: Row | None
    decided: bool


def look(rows: Sequence[Row], directory: str, payload: Payload) -> Known:
    """Whether the payload is there; `rows` are a target's newest, the oldest of them first."""
    wanted, places = _content(payload.files), _places(directory, payload.files)
    for row in reversed(rows):
        same = wanted in (_content(row.files), _content(row.files, but=_AGENT))
        if same and (row.directory, row.run) == (directory, payload.run):
            if row.state.final and row.proof is not None:
                return Known(row if row.proof.proved and not row.proof.kept else None, decided=True)
        elif _meet(places, _places(row.directory, row.files)):
            return Known(None, decided=True)
    return Known(None, decided=False)


def rate(rows: Sequence[Row]) -> float | None:
    """Bytes per second that the target's wire has shown last."""
    return next((row.rate for row in reversed(rows) if row.rate and row.moved >= _ENOUGH), None)


def _content(files: Sequence[_File], but: Collection[str] = ()) -> _Content:
    return tuple(
        sorted((f.name, f.long_name, f.length, f.sha256) for f in files if f.name not in but)
    )


def _places(directory: str, files: Sequence[_File]) -> dict[str, str]:
    """The SHA-256 of each path there."""
    paths = ((f"{directory}\\{file.place or file.name}", file.sha256) for file in files)
    return {path.replace("/", "\\").upper(): sha256 for path, sha256 in paths}


def _meet(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether the second may have put something else in a place of the first.

    A name with `~` in it may be another one's short name: then it may, wherever the rest differs.
    """
    if any(other[path] != sha256 for path, sha256 in one.items() if path in other):
        return True
    return any(_short_of_others(path, other) for path in one if path not in other) or any(
        _short_of_others(path, one) for path in other if path not in one
    )


def _short_of_others(path: str, others: Mapping[str, str]) -> bool:
    """Whether a path with a short name may be that of another path, which is written out."""
    return any(_may_be(path, other) for other in others) if "~" in path else False


def _may_be(short: str, path: str) -> bool:
    one, other = short.split("\\"), path.split("\\")
    return len(one) == len(other) and all(map(_may_be_name, one, other))


def _may_be_name(short: str, name: str) -> bool:
    begin, tilde, _ = short.partition("~")
    return short == name or (bool(tilde) and list(_letters(name))[:1] == list(_letters(begin))[:1])


def _letters(name: str) -> Iterator[str]:
    """Letters as a short name may have them: what it cannot have is `_` there."""
    return ("_" if not (c.isascii() and c.isalnum()) else c for c in name if c not in " .")

"""The recordings in docs: they show what the program does today, and nothing of who made them."""

from __future__ import annotations

import asyncio
import re
import shlex
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from deployer.face import cli
from docs.recordings import record, svg
from docs.recordings.record import HERE, HOLD, SCENES, Cast, from_text
from tests.face import screenshots
from tests.terminal import Screen, stream_to

LIMIT = 400_000


def cast(name: str) -> Cast:
    return from_text((HERE / f"{name}.cast").read_text(encoding="utf-8"))


def last(recording: Cast) -> str:
    """The lines of the last picture."""
    screen = Screen(*recording.size)
    stream = stream_to(screen)
    for _at, text in recording.events:
        stream.feed(text)
    return "\n".join(line.rstrip() for line in screen.display).rstrip()


def without_figures(text: str) -> str:
    """With a # for every id, sum, count, time and rate."""
    text = re.sub(r"\bD[0-9A-F]{7}\b", "ID", text)
    text = re.sub(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{8}\.\.\.[0-9a-f]{4}\b", "SUM", text)
    text = re.sub(r"\b(bytes|kB|MB)/s\b", "RATE", text)
    text = text.replace(" about ", " ")  # a slow first push measured the wire
    return re.sub(r" +", " ", re.sub(r"[\d.,:-]*\d", "#", text))


def commands(recording: Cast) -> Iterator[str]:
    """The lines typed at the prompt: they come right after it, the first one with it."""
    typed: str | None = None
    for _at, text in recording.events:
        if typed is not None and (text.startswith("\r\n") or "\x1b" in text):
            yield typed
            typed = None
        elif typed is not None:
            typed += text
        elif record.PROMPT in text:
            typed = text.rpartition(record.PROMPT)[2]


@pytest.mark.parametrize("name", SCENES)
def test_what_is_typed_is_understood(name: str) -> None:
    lines = list(commands(cast(name))) if not SCENES[name].page else ["deployer tui"]
    assert any(line.startswith("deployer ") for line in lines)
    for line in lines:
        words = shlex.split(line.partition(" || ")[0])
        assert words[0] == "deployer"
        with cli.load(words[1]).make_context(
            words[1], words[2:]
        ) as context:  # raises for what it knows not
            assert context.info_name == words[1]


@pytest.mark.parametrize("name", SCENES)
def test_the_picture_is_the_recording(name: str) -> None:
    path = HERE / f"{name}.svg"
    text = path.read_text(encoding="utf-8")
    assert text == svg.draw(cast(name), HOLD), "run: make recordings"
    ET.fromstring(text)
    assert "<script" not in text
    assert "http" not in text.replace('"http://www.w3.org/2000/svg"', "")


@pytest.mark.parametrize("name", SCENES)
def test_a_recording_is_small_and_shows_nothing_private(name: str) -> None:
    for path in (HERE / f"{name}.cast", HERE / f"{name}.svg"):
        assert path.stat().st_size < LIMIT
        assert not re.search(r"/(tmp|root|home|work|usr|var)\b", path.read_text(encoding="utf-8"))


def test_a_long_recording_of_whole_pages_keeps_fewer_of_them() -> None:
    """A machine that is busy plays the same scene for longer, and every page of it is another."""
    played = Cast((40, 6), "long")
    for page in range(60):
        played.add(0.5, "\x1b[?25l\x1b[H" + "\r\n".join(f"{page:<39}" for _row in range(6)))
    kept = record.fewer(played, 0.4, most=3000)
    assert 2 < len(kept.events) < 30
    assert len(kept.to_text()) <= 3000
    assert last(kept) == last(played)


@pytest.mark.parametrize("name", ["again", "tui"])
def test_keeping_only_what_changed_changes_no_picture(name: str) -> None:
    recording = cast(name)
    kept = record.changes(recording, list(svg.screens(recording)), every=0.0)
    assert svg.changes_of(kept) == svg.changes_of(recording)


@pytest.mark.parametrize("name", ["push", "tui"])
def test_the_pieces_of_a_line_are_the_line(name: str) -> None:
    """Wherever it was cut, at any time: what the pieces show then is what the line showed."""
    recording = cast(name)
    lines = svg.changes_of(recording)
    pieces = svg.pieces_of(lines)
    for row, changes in enumerate(lines):
        own = [piece for piece, _papers in pieces if piece.row == row]
        for at, cells in changes:
            shown = [
                cell
                for piece in own
                for cell in [now for since, now in piece.changes if since <= at][-1]
            ]
            assert tuple(shown) == cells


def test_the_window_is_seen_to_move() -> None:
    """At least four pictures a second from the first part to the last."""
    pictures = [
        at
        for at, lines, _cursor in svg.screens(cast("tui"))
        if any("fetching part" in "".join(char.data for char in line) for line in lines)
    ]
    first = pictures[: next(i for i, (a, b) in enumerate(pairwise(pictures), 1) if b - a > 2)]
    assert len(first) / (first[-1] - first[0]) >= 4


@pytest.mark.parametrize("name", ["push", "again", "fails"])
def test_played_anew_it_says_the_same(name: str) -> None:
    """All but the figures."""
    assert without_figures(last(record.record(name))) == without_figures(last(cast(name)))


def test_what_each_one_is_there_to_show() -> None:
    told = last(cast("push"))
    assert "Proved by the simulated PC" in told
    assert "Once upon a time" in told
    assert "0 parts sent, 1 already there" in last(cast("again"))
    told = last(cast("fails"))
    assert "has no room for what was sent" in told
    assert "exit code 5" in told
    told = last(cast("tui"))
    assert told.count("proved") >= 3
    assert "The program wrote" in told


@pytest.mark.parametrize("name", [*screenshots.PICTURES, *screenshots.THEMES])
def test_the_pictures_of_the_window_are_what_it_draws(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    try:
        drawn = asyncio.run(screenshots.page(name))
    finally:
        monkeypatch.undo()
        time.tzset()
    committed = (screenshots.DOCS / f"{name}.svg").read_text(encoding="utf-8")
    # How many bytes a program of ours has changes with each build of it.
    drawn, committed = (re.sub(r"[\d,]+(?=&#160;byt)", "#", each) for each in (drawn, committed))
    assert drawn == committed, "run: make recordings"


def test_all_of_them_are_in_the_manual(root: Path) -> None:
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    for name in SCENES:
        assert f"recordings/{name}.svg" in text

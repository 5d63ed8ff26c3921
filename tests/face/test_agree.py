"""A run with faults: the part map, the JSON lines, the store and the target's report agree."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from msgspec.structs import replace

from deployer.core.view import PartState, Row, fold, fold_all
from deployer.events import (
    LIVE,
    Event,
    ProofReceived,
    TransferCut,
    TransferDone,
    TransferStarted,
    from_json,
)
from deployer.face.jsonl import JsonLines
from deployer.host import past
from deployer.model import State
from tests.face.oldpc import SlowWire, order, payload, world

FAULTS = "flip@300000,cable@900000"


class Watched:
    """What each face got of one faulty run."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.live: list[Event] = []
        self.stored: list[Event] = []
        self.identity = ""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder = tmp_path_factory.mktemp("faulty")
    seen = Watched()

    async def run() -> None:
        async with world(folder, SlowWire(rate=2e6, faults=FAULTS)) as w:
            face = JsonLines(seen.lines.append)

            async def watch() -> None:
                async for _seq, event in w.host.subscribe(0):
                    face.show(event)
                    seen.live.append(event)

            watching = asyncio.create_task(watch())
            seen.identity = await w.host.push(order(payload(folder)))
            assert await w.ended(seen.identity) == State.PROVED
            while w.host._open:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0)
            watching.cancel()

    asyncio.run(asyncio.wait_for(run(), 60))
    seen.stored = [event for _seq, event in past.recorded(folder / "state")]
    return seen


def row(watched: Watched, events: list[Event]) -> Row:
    return fold_all(events)[watched.identity]


def timeless(row: Row) -> Row:
    """Without what only ticks tell."""
    return replace(row, tick_at=0.0, seen_at=0.0)


def test_json_lines_are_the_events(watched: Watched) -> None:
    assert [from_json(line) for line in watched.lines] == watched.live


def test_the_store_has_all_but_the_ticks(watched: Watched) -> None:
    kept = [event for event in watched.live if not isinstance(event, LIVE)]
    assert kept == watched.stored[: len(kept)]
    assert not [event for event in watched.stored if isinstance(event, LIVE)]


def test_the_map_is_the_same_from_json_from_the_store_and_live(watched: Watched) -> None:
    from_lines = row(watched, [from_json(line) for line in watched.lines])
    from_store = row(watched, watched.stored[: len(watched.stored)])
    assert timeless(from_lines).parts == timeless(from_store).parts
    assert from_lines.refetched == from_store.refetched
    assert from_lines.proof == from_store.proof
    assert from_lines.moved == from_store.moved


def test_one_by_one_and_all_at_once_are_the_same(watched: Watched) -> None:
    view: dict[str, Row] = {}
    for event in watched.stored:
        view = dict(fold(view, event))
    assert view == fold_all(watched.stored)


def test_the_map_counts_what_the_events_say(watched: Watched) -> None:
    end = row(watched, watched.stored)
    started = Counter(
        event.name
        for event in watched.stored
        if isinstance(event, TransferStarted) and event.name in end.parts
    )
    assert {name: part.fetches for name, part in end.parts.items()} == {
        name: started[name] for name in end.parts
    }
    assert sorted(end.refetched) == sorted((started - Counter(list(end.parts))).elements())
    assert len(end.refetched) == 2, "one flipped, one cut off"
    moved = sum(
        event.length if isinstance(event, TransferDone) else event.moved
        for event in watched.stored
        if isinstance(event, TransferDone | TransferCut)
        and not event.upload
        and event.name in end.parts
    )
    assert end.moved == moved
    assert 1_000_000 < end.moved < 1_000_000 + 2 * (256 << 10) + 1


def test_the_map_says_why_a_part_came_again(watched: Watched) -> None:
    end = row(watched, watched.stored)
    whys = {part.why for part in end.parts.values() if part.fetches > 1}
    assert len(whys) == 2
    assert "its CRC-32 was wrong on the PC's disk" in whys


def test_the_target_counted_the_same(watched: Watched) -> None:
    end = row(watched, watched.stored)
    proof = next(e.proof for e in watched.stored if isinstance(e, ProofReceived))
    assert all(part.state == PartState.PROVED for part in end.parts.values())
    assert sum(number.bad for number in proof.report.rounds) >= 1
    assert sum(number.accepted for number in proof.report.rounds) == len(end.parts)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_attached_at_any_moment_is_as_attached_from_the_start(
    watched: Watched, share: float
) -> None:
    """Whoever attaches gets the stored events first, then what happens, ticks included."""
    cut = int(len(watched.live) * share)
    before = [e for e in watched.live[:cut] if not isinstance(e, LIVE)]
    late = row(watched, [*before, *watched.live[cut:]])
    assert timeless(late) == timeless(row(watched, watched.live))

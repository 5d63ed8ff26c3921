"""The store keeps every event, and the bus publishes what is stored."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deployer.edge.store import Store
from deployer.errors import DirectoryForbidden, StoreDamaged
from deployer.events import (
    Event,
    ScreenLine,
    StateChanged,
    TransferDone,
    TransferTick,
    from_json,
    to_json,
)
from deployer.host.bus import Bus
from deployer.model import FileStamp, Manifest, Part, Payload, StagedFile, State


def line(number: int) -> ScreenLine:
    return ScreenLine(float(number), "D7F3A21C", f"line {number}")


def tick(moved: int) -> TransferTick:
    return TransferTick(1.0, "D7F3A21C", "127.0.0.1", "A.001", moved, 100)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def test_events_come_back_as_they_went_in(store: Store) -> None:
    events: list[Event] = [
        line(1),
        StateChanged(2.0, "D7F3A21C", State.FAILED, "x", "source"),
        line(3),
    ]
    numbers = [store.append(event) for event in events]
    assert list(store.replay()) == list(zip(numbers, events, strict=True))
    assert [e for _, e in store.replay(numbers[0])] == events[1:]
    assert [e for _, e in store.replay(kinds=(StateChanged,))] == events[1:2]
    assert not list(store.replay(deployment="D0000000"))
    assert store.last_seq() == numbers[-1]


def test_ticks_are_not_stored(store: Store) -> None:
    assert store.append(tick(1)) == 0
    assert not list(store.replay())


def test_json_is_an_event_or_an_error() -> None:
    assert from_json(to_json(line(1))) == line(1)
    for wrong in ("", "{}", '{"event":"nothing"}', '{"event":"screen-line"}', "[1]"):
        with pytest.raises(ValueError, match="not an event"):
            from_json(wrong)


def test_a_manifest_is_kept_with_all_that_is_needed_to_serve_it(store: Store) -> None:
    part = Part("A.001", 0, 5, 7)
    payload = Payload(
        (StagedFile("/x/a.bin", "A.BIN", "a.bin", 5, "0" * 64, (part,), FileStamp(1, 2, 5, 9, 9)),),
        "A.EXE",
    )
    manifest = Manifest("D7F3A21C", "192.168.1.1", "D7F3A21C", "abc123", payload)
    store.keep(manifest, "192.168.1.2", 1.0)
    assert store.manifest("D7F3A21C") == manifest
    assert store.manifest("D0000000") is None


def test_what_was_appended_survives_a_kill(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from deployer.edge.store import Store\n"
        "from deployer.events import ScreenLine\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(10**9):\n"
        "    store.append(ScreenLine(float(n), 'D7F3A21C', f'line {n}')); print(n, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(50)][-1]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    kept = [event.at for _, event in Store(tmp_path).replay()]
    assert len(kept) > int(told)
    assert kept == [float(n) for n in range(len(kept))]


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DirectoryForbidden, match="file/state"):
        Store(tmp_path / "file" / "state")


def test_a_store_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "deployer.sqlite3").write_bytes(b"something else" * 100)
    with pytest.raises(StoreDamaged, match="not a database"):
        Store(tmp_path)


async def take(stream: AsyncIterator[tuple[int, Event]], count: int) -> list[Event]:
    return [(await asyncio.wait_for(anext(stream), 30))[1] for _ in range(count)]


def test_a_late_subscriber_misses_nothing_and_sees_nothing_twice(store: Store) -> None:
    async def scenario() -> None:
        bus = Bus(store)
        for number in range(2000):
            bus.publish(line(number))
        late = bus.subscribe(since=0)
        now = bus.subscribe()
        assert await take(late, 1000) == [line(n) for n in range(1000)]
        for number in range(2000, 4000):
            bus.publish(line(number))
        assert await take(late, 3000) == [line(n) for n in range(1000, 4000)]
        assert await take(now, 2000) == [line(n) for n in range(2000, 4000)]

    asyncio.run(scenario())


def test_however_much_was_before_only_a_page_of_it_is_held(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who is slow, or goes away after the first line, costs no more than that."""
    asked: list[int] = []

    def watched(seen: int, **more: int) -> Iterator[tuple[int, Event]]:
        found = list(replay(seen, **more))
        asked.append(len(found))
        return iter(found)

    async def scenario() -> None:
        bus = Bus(store)
        for number in range(5000):
            bus.publish(line(number))
        early = bus.subscribe(since=0)
        assert await take(early, 1) == [line(0)]
        assert sum(asked) <= 512
        bus.publish(tick(1))
        assert await take(early, 4999) == [line(n) for n in range(1, 5000)]
        assert max(asked) <= 512
        assert await take(early, 1) == [tick(1)]

    replay = store.replay
    monkeypatch.setattr(store, "replay", watched)
    asyncio.run(scenario())


def test_what_another_process_writes_comes_too_in_order_and_once(store: Store) -> None:
    async def scenario() -> None:
        bus, other = Bus(store), Store(store.directory)
        early = bus.subscribe(since=0)
        bus.publish(line(0))
        assert await take(early, 1) == [line(0)]
        other.append(line(1))
        bus.stir()
        assert await take(early, 1) == [line(1)]
        other.append(line(2))  # nobody has looked yet when the next one comes
        bus.publish(line(3))
        assert await take(early, 2) == [line(2), line(3)]
        bus.publish(line(4))
        other.append(line(5))
        bus.stir()
        assert await take(early, 2) == [line(4), line(5)]
        assert await take(bus.subscribe(since=0), 6) == [line(n) for n in range(6)]
        other.close()

    asyncio.run(scenario())


def test_a_request_waits_for_the_process_that_it_concerns(store: Store) -> None:
    store.ask("D0000001", "cancel")
    assert store.asked({"D0000002": 1}) == {}
    assert store.asked({"D0000001": 1}) == {"D0000001": "cancel"}
    assert store.asked({"D0000001": 1}) == {}


def test_of_ticks_only_the_newest_waits(store: Store) -> None:
    async def scenario() -> None:
        bus = Bus(store)
        stream = bus.subscribe()
        for moved in range(100):
            bus.publish(tick(moved))
        assert await take(stream, 1) == [tick(99)]
        bus.publish(tick(100))
        done = TransferDone(2.0, "D7F3A21C", "127.0.0.1", "A.001", 100, 1.0)
        bus.publish(done)
        bus.publish(line(1))
        assert await take(stream, 2) == [done, line(1)]

    asyncio.run(scenario())

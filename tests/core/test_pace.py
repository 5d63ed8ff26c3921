"""The pace keeps every byte, and no more than it can hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployer.core.pace import PartPace, add, after
from deployer.events import ClientGone, Event, TransferCut, TransferDone, TransferStarted
from deployer.events import TransferTick as Tick

WHO = ("D0000001", "192.168.1.2", "A.001")


def seen(*events: Event) -> PartPace:
    pace: PartPace | None = None
    for event in events:
        pace = after(pace, event)
    assert pace is not None
    return pace


def test_what_came_between_two_events_is_spread_over_the_time_between_them() -> None:
    pace = seen(
        TransferStarted(10.0, *WHO, 500), Tick(10.5, *WHO, 100, 500),
        TransferDone(13.5, *WHO, 500, 3.5), ClientGone(14.0, *WHO[:2]),
    )  # fmt: skip
    assert add(pace, 0, 14.5).rates == (200.0, 100.0, 100.0, 100.0)


def test_without_ticks_the_end_alone_tells() -> None:
    assert seen(TransferDone(14.0, *WHO, 500, 4.0)).rates == (100.0,) * 4


def test_what_was_cut_counts_and_comes_again() -> None:
    pace = seen(
        TransferStarted(0.0, *WHO, 500), TransferCut(0.9, *WHO, 200, 500, "the cable"),
        TransferStarted(3.0, *WHO, 500), TransferDone(3.9, *WHO, 500, 0.9),
    )  # fmt: skip
    assert add(pace, 0, 4.5).rates == (200.0, 0.0, 0.0, 500.0)


def test_a_clock_that_was_set_back_begins_anew() -> None:
    assert add(seen(TransferDone(14.0, *WHO, 500, 4.0)), 10, 3.0) == PartPace(3.0, 3.0)


@given(st.lists(st.tuples(st.floats(0, 500), st.integers(0, 10**7)), max_size=200))
def test_no_byte_is_lost_and_the_memory_does_not_grow(steps: list[tuple[float, int]]) -> None:
    pace, at, count = PartPace(0.0, 0.0), 0.0, 0
    for seconds, more in steps:
        at, count = at + seconds, count + more
        pace = add(pace, more, at)
        assert len(pace.bytes) <= 120
    assert abs(sum(pace.bytes) - count) <= 1e-6 * max(count, 1)

"""The event stream: stored first, then published to any number of subscribers.

A subscriber gets everything since the number it names, then what happens, in order and without a
gap. Memory is bounded: the newest events are kept in a ring, a subscriber that falls behind reads
the store page by page, and of progress ticks only the newest of each transfer waits for it.

Other processes may write into the same store. Their events come too, when `stir` is called.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from deployer.edge.store import Store
from deployer.events import LIVE, Event

_RING = 512
_PAGE = 256


class Bus:
    """One store's events, live. All methods belong to one asyncio loop's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ring: deque[tuple[int, Event]] = deque(maxlen=_RING)
        self._newest = 0
        self._told = 0
        self._behind = False
        self._subscribers: set[_Subscriber] = set()

    def publish(self, event: Event) -> int:
        """Store the event, then wake the subscribers. Returns its number (0 for a tick)."""
        seq = self._store.append(event)
        if seq:
            if self._ring and self._ring[-1][0] != seq - 1:  # what is between is another process'
                self._ring.clear()
            self._newest, self._behind = seq, False
            self._ring.append((seq, event))
        for subscriber in self._subscribers:
            subscriber.notice(event)
        return seq

    def stir(self) -> None:
        """Look into the store: another process has written there."""
        self._behind = True
        for subscriber in self._subscribers:
            subscriber.wake.set()

    @property
    def newest(self) -> int:
        """Number of the newest event of this process, 0 before the first.

        Other processes may have written later ones into the same store; nobody has to wait for
        those.
        """
        return self._newest

    @property
    def told(self) -> int:
        """Number of the newest event that anybody here has seen, whichever process wrote it."""
        return max(self._told, self._newest)

    def subscribe(self, since: int | None = None) -> AsyncIterator[tuple[int, Event]]:
        """Numbers and events after `since` (None: from now on); what is only live has the number 0.

        The subscription begins with this call. Close the iterator (`aclose`) to end it.
        """
        if since is None:
            since = self._told = max(self._store.last_seq(), self._told)
        subscriber = _Subscriber(since)
        self._subscribers.add(subscriber)
        return self._stream(subscriber)

    async def _stream(self, subscriber: _Subscriber) -> AsyncIterator[tuple[int, Event]]:
        try:
            while True:
                await subscriber.wake.wait()
                subscriber.wake.clear()
                while page := self._since(subscriber.seen):
                    for seq, event in page:
                        subscriber.seen = seq
                        self._told = max(self._told, seq)
                        yield seq, event
                ticks, subscriber.ticks = subscriber.ticks, {}
                for tick in ticks.values():
                    yield 0, tick
        finally:
            self._subscribers.discard(subscriber)

    def _since(self, seen: int) -> list[tuple[int, Event]]:
        if not self._behind and self._ring and self._ring[0][0] <= seen + 1:
            return [(seq, event) for seq, event in self._ring if seq > seen]
        return list(self._store.replay(seen, most=_PAGE))


class _Subscriber:
    """How far one subscriber has read, and the newest ticks it has not seen."""

    def __init__(self, seen: int) -> None:
        self.seen = seen
        self.ticks: dict[tuple[str, str], Event] = {}
        self.wake = asyncio.Event()
        self.wake.set()

    def notice(self, event: Event) -> None:
        if isinstance(event, LIVE):
            self.ticks[_transfer_of(event)] = event
        else:
            self.ticks = {
                key: tick for key, tick in self.ticks.items() if key != _transfer_of(event)
            }
        self.wake.set()


def _transfer_of(event: Event) -> tuple[str, str]:
    """The transfer whose older ticks an event makes stale; what has no name is of the host."""
    return event.deployment, getattr(event, "name", "")

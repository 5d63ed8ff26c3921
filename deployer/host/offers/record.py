"""What happens, written down before it is acted on, and kept while it cannot be written."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Protocol

from deployer.edge.store import Store
from deployer.errors import STORE_TROUBLES, DeployerError, StoreDamaged
from deployer.events import Event, HostTroubled
from deployer.host.bus import Bus

_LOCKED = 5.0
"""Seconds that another process' lock on the store is waited for."""
_WRITE_AGAIN = 0.5
_SAY_AGAIN = 10.0


class Actor(Protocol):
    """Who acts on what is written."""

    def act(self, event: Event, content: bytes | None) -> None:
        """Do what follows from an event; `content` is what an upload holds."""
        ...

    def may_write(self, may: bool) -> None:
        """What happens cannot be written down any more, or can be again."""
        ...

    def begin_anew(self) -> None:
        """The store is a new one: write what is under way into it."""
        ...


class Record:
    """One service's events on their way into its store. The loop's thread only."""

    def __init__(self, store: Store, bus: Bus, actor: Actor, clock: Callable[[], float]) -> None:
        self._store, self._bus, self._actor, self._clock = store, bus, actor, clock
        self._unwritten: deque[tuple[Event, bytes | None]] = deque()
        self._recovery: asyncio.Task[None] | None = None
        self.trouble: DeployerError | None = None
        """What keeps this host from writing down what happens; None when nothing does."""

    def close(self) -> None:
        """Write what still can be written."""
        if self._recovery is not None:
            self._recovery.cancel()
        if self.trouble is not None:
            self._write_again()

    def publish(self, event: Event) -> None:
        """Store, publish and act on an event.

        Raises StoreFull, StoreBusy or StoreDamaged when it cannot be written down; then nothing has
        happened.
        """
        if self.trouble is not None:
            raise self.trouble
        self.pass_on(event)

    def pass_on(self, event: Event, content: bytes | None = None) -> None:
        """The same whatever trouble there is: for what is only live, and is never stored."""
        self._bus.publish(event)
        self._actor.act(event, content)

    def tell(self, event: Event, content: bytes | None = None) -> None:
        """Publish what has happened; as soon as it can be written down, where it cannot now.

        Nothing is acted on before it is written. Until then nobody new is let in, and what is asked
        for is refused. `content` is what an upload holds.
        """
        if not self._unwritten:
            try:
                self.pass_on(event, content)
            except STORE_TROUBLES as error:
                self.suffer(error)
            else:
                return
        if event.deployment or not self._unwritten:  # of others there may be any number
            self._unwritten.append((event, content))

    def suffer(self, error: DeployerError) -> None:
        """It cannot be written; say so, and try again until it can."""
        first, self.trouble = self.trouble is None, error
        if first:
            self._actor.may_write(False)
            with contextlib.suppress(*STORE_TROUBLES):
                self._store.wait_for_lock(0.05)  # from now it is asked often
            self._say_trouble()
            self._recovery = asyncio.get_running_loop().create_task(self._recover())

    def _say_trouble(self) -> None:
        what, remedy = (self.trouble.what, self.trouble.remedy) if self.trouble else ("", "")
        self._bus.publish(HostTroubled(self._clock(), "", what, remedy))

    async def _recover(self) -> None:
        """Write what could not be written, in order, as soon as that is possible; then go on."""
        loop = asyncio.get_running_loop()
        said = loop.time()
        while self.trouble is not None:
            await asyncio.sleep(_WRITE_AGAIN)
            self._write_again()
            if self.trouble is None or loop.time() - said > _SAY_AGAIN:
                said = loop.time()
                self._say_trouble()

    def _write_again(self) -> None:
        """Write what could not be written; the trouble is over when all of it is."""
        try:
            if isinstance(self.trouble, StoreDamaged) or self._store.replaced:
                self._store.reopen(self._bus.told)
                self._actor.begin_anew()
        except DeployerError as error:
            self.trouble = error
            return
        waiting, self._unwritten = self._unwritten, deque()
        for event, content in waiting:
            self.tell(event, content)
        if not self._unwritten:
            self.trouble = None
            self._store.wait_for_lock(_LOCKED)
            self._actor.may_write(True)

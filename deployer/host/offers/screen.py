"""What appears on the simulated PC's screen, as events: its lines, and the one being written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from deployer.events import Event, ScreenLine, ScreenTyped

_EVERY, _LINES = 0.25, 64
"""Seconds and lines that one event holds at most."""
_GROWN = 0.05
"""Seconds between two looks at a line that grows: a token takes about as long."""


class PcScreen:
    """One simulated PC's screen. Whole lines are events that stay; of the last one each look is
    an event for those who watch now. The loop's thread only.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        deployment: str,
        arrived: Callable[[Event], None],
    ) -> None:
        self._loop, self._clock = loop, clock
        self._deployment, self._arrived = deployment, arrived
        self._lines: list[str] = []
        self._begun = ""
        self._look: asyncio.TimerHandle | None = None

    def line(self, text: str) -> None:
        """A line is whole."""
        self._begun = ""
        self._lines.append(text)
        if len(self._lines) == 1:
            self._loop.call_later(_EVERY, self.show)
        elif len(self._lines) == _LINES:
            self.show()

    def begun(self, text: str) -> None:
        """A line has grown so far."""
        self._begun = text
        if self._look is None:
            self._look = self._loop.call_later(_GROWN, self._grown)

    def _grown(self) -> None:
        self._look = None
        if self._begun:
            self.show()
            self._arrived(ScreenTyped(self._clock(), self._deployment, self._begun))

    def show(self) -> None:
        """Say what lines there are."""
        if self._lines:
            told = ScreenLine(self._clock(), self._deployment, "\n".join(self._lines))
            self._lines.clear()
            self._arrived(told)

"""One JSON event per line, for machines."""

from __future__ import annotations

from collections.abc import Callable

from deployer.events import Event, to_json


class JsonLines:
    """Writes each event as a line."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def show(self, event: Event) -> None:
        """One line."""
        self._write(to_json(event) + "\n")

    def close(self) -> None:
        """Nothing to take down."""

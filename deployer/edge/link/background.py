"""Work about the wire that goes on in a thread of its own until it is closed."""

from __future__ import annotations

import os
import threading


class Background:
    """A thread that runs `work` and waits, among others, for `end` to become readable."""

    def start(self, name: str) -> None:
        """Begin; once."""
        self.end, self._close = os.pipe()
        self._thread = threading.Thread(target=self.work, name=name, daemon=True)
        self._thread.start()

    def work(self) -> None:
        """What is done; returns soon after `end` has become readable."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop; when this returns nothing is sent, told or changed any more."""
        os.close(self._close)
        self._thread.join()
        os.close(self.end)

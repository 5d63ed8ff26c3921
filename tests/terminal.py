"""A program on a terminal of its own: what it draws, as a terminal emulator sees it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyte

from tests.waiting import PATIENCE


class Screen(pyte.Screen):
    """With the second page that full-screen programs draw on; the first one is empty again."""

    def set_mode(self, *modes: int, **more: bool) -> None:
        """See pyte."""
        self._turn_page(modes, more)
        super().set_mode(*modes, **more)

    def reset_mode(self, *modes: int, **more: bool) -> None:
        """See pyte."""
        self._turn_page(modes, more)
        super().reset_mode(*modes, **more)

    def _turn_page(self, modes: Sequence[int], more: Mapping[str, bool]) -> None:
        if 1049 in modes and more.get("private"):
            self.erase_in_display(2)
            self.cursor_position()


def stream_to(screen: Screen) -> pyte.Stream:
    """What draws text on a screen."""
    return pyte.Stream(screen)


class Terminal:
    """A process whose controlling terminal is a pseudo-terminal; its screen is `text`.

    It is read all the time, as a terminal is: one that nobody reads fills, and its program stops.
    `heard` gets everything that the program writes, in the thread that reads. Use it as a context
    manager: the process has ended when it is left.
    """

    def __init__(
        self,
        command: Sequence[str],
        size: tuple[int, int] = (80, 24),
        *,
        environment: Mapping[str, str] | None = None,
        where: Path | None = None,
        heard: Callable[[bytes], None] = lambda _data: None,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        own = {**os.environ, "TERM": "xterm-256color", **(environment or {})}
        for name in {"NO_COLOR", "COLUMNS", "LINES"} - set(environment or {}):
            own.pop(name, None)
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd=where,
            env=own, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )  # fmt: skip
        os.close(slave)
        self.screen = Screen(*size)
        self._stream = pyte.ByteStream(self.screen)
        self._heard = heard
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def text(self) -> str:
        """The lines of the screen."""
        with self._changed:
            return "\n".join(line.rstrip() for line in self.screen.display) + "\n"

    def _read(self) -> None:
        """Take in what the program writes, until nobody has the other side, or until hung up."""
        with contextlib.suppress(OSError):
            while not self._closing.is_set():
                if not select.select([self._master], [], [], 0.05)[0]:
                    continue
                if not (data := os.read(self._master, 1 << 16)):
                    return
                with self._changed:
                    self._heard(data)
                    self._stream.feed(data)
                    self._changed.notify_all()

    def hear(self, seconds: float) -> None:
        """Wait until the program writes something more, so many seconds at most."""
        with self._changed:
            self._changed.wait(seconds)

    def until(self, met: Callable[[], object] | str, patience: float = PATIENCE) -> None:
        """Go on until something holds, or until a text is on the screen."""
        end = time.monotonic() + patience
        while not (met in self.text if isinstance(met, str) else met()):
            assert time.monotonic() < end, f"never came: {met}\n{self.text}"
            self.hear(0.05)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def ended(self) -> int:
        """The exit code, once the program has ended and everything it wrote was taken in."""
        self.until(lambda: self.process.poll() is not None and not self._reading.is_alive())
        return self.process.returncode

    def hang_up(self) -> None:
        """Close the window."""
        self._closing.set()
        self._reading.join()
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """End the process, if it has not ended, and the terminal."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        self.process.kill()
        self.process.wait()
        self.hang_up()

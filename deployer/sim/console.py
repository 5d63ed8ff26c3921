"""Screen and keyboard of the simulated PC: a bounded transcript, and lines that somebody types."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

MAX_LINES = 5000
MAX_LINE = 4096
CODE_PAGE = "cp437"
CTRL_Z = "\x1a"


def _unheard(_text: str) -> None:
    """Nobody listens."""


def _no_wait(_seconds: float) -> None:
    """Time does not matter."""


def _seen(line: str) -> str:
    """What of a line stays on the screen."""
    return line.rstrip("\r").rpartition("\r")[2].replace("\x07", "")


class Printed:
    """Where lines go that others read: each piece as it comes, CR before a line that is anew."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._line = ""

    def begun(self, text: str) -> None:
        """A line has grown so far."""
        if text.startswith(self._line):
            self._write(text[len(self._line) :])
        else:
            self._write(f"\r{text}")
        self._line = text

    def ended(self, text: str) -> None:
        """A line is whole."""
        self.begun(text)
        self._write("\n")
        self._line = ""


class QueuedConsole:
    """What is shown goes line by line to `on_line`; what is typed comes from a queue.

    `on_begun` is told a line that has no end yet, as far as it goes, whenever it has grown.

    The queue is the patient typist: whoever asks for a line, a shell or FTP.EXE, gets the next one.
    When it is empty, the keyboard answers end of file, and a key is Enter.
    """

    def __init__(
        self,
        on_line: Callable[[str], None] = _unheard,
        wait: Callable[[float], None] = _no_wait,
        on_begun: Callable[[str], None] = _unheard,
    ) -> None:
        self.lines: deque[str] = deque(maxlen=MAX_LINES)
        self.shown = 0
        self._on_line = on_line
        self._on_begun = on_begun
        self._wait = wait
        self._typed: deque[str] = deque()
        self._partial = ""

    def put(self, data: bytes) -> None:
        """Show bytes of code page 437."""
        self.write(data.decode(CODE_PAGE))

    def write(self, text: str) -> None:
        """Show text; CR returns to the line's beginning, as on a screen."""
        *whole, self._partial = (self._partial + text).split("\n")
        for line in whole:
            self._show(line)
        while len(self._partial) > MAX_LINE:
            self._show(self._partial[:MAX_LINE])
            self._partial = self._partial[MAX_LINE:]
        if self._partial:
            self._on_begun(_seen(self._partial))

    def end_line(self) -> None:
        """Finish a line that has been begun, such as a prompt."""
        if self._partial:
            self._show(self._partial)
            self._partial = ""

    def _show(self, line: str) -> None:
        shown = _seen(line)
        self.lines.append(shown)
        self.shown += 1
        self._on_line(shown)

    def type(self, lines: Iterable[str]) -> None:
        """Have lines typed, each with Enter, when somebody asks for them."""
        self._typed.extend(lines)

    @property
    def typed(self) -> int:
        """How many lines are still to be typed."""
        return len(self._typed)

    def drop_typed(self) -> None:
        """The typist stops."""
        self._typed.clear()

    def read_line(self, *, echo: bool = True) -> bytes:
        """The next typed line with CR LF; b"" when nobody types any more."""
        if not self._typed:
            return b""
        line = self._typed.popleft().encode(CODE_PAGE, "replace")
        self.put((line if echo else b"") + b"\r\n")
        return line + b"\r\n"

    def readline(self) -> str:
        """The next typed line without its end; Ctrl-Z when nobody types any more."""
        line = self.read_line()
        return line.decode(CODE_PAGE).removesuffix("\r\n") if line else CTRL_Z

    def readkey(self, timeout: float | None = None) -> str:
        """A key: Enter where any key will do, none where waiting is what the card says."""
        if timeout is None:
            return "\r"
        self._wait(timeout)
        return ""

    def since(self, shown: int) -> list[str]:
        """The lines shown since `shown` had that value, as far as they are kept."""
        count = min(self.shown - shown, len(self.lines))
        return list(self.lines)[len(self.lines) - count :]

    def text(self) -> str:
        """The transcript."""
        return "\n".join([*self.lines, self._partial] if self._partial else self.lines)

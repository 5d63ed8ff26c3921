"""What the user of a simulated PC sees and touches: windows, the screen, the keyboard, log-off.

Windows belong to processes and have handles of their own. Messages to them wait in `queues` until
their process asks. `press`, `close` and `answer` are what a user does; `end_session` is Windows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

WIDTH, HEIGHT = 160, 120
WM_CLOSE, WM_QUERYENDSESSION, WM_ENDSESSION, WM_COMMAND = 16, 17, 22, 273
LOGOFF = 0x80000000
_BACK, _FACE, _TITLE, _INK = b"\x80\x80\x00", b"\xc0\xc0\xc0", b"\x80\x00\x00", b"\x00\x00\x00"


class SessionEnd(Enum):
    """How Windows ends."""

    LOGOFF = "logoff"
    OFF = "off"
    REBOOT = "reboot"


@dataclass(slots=True, eq=False)
class Window:
    """One window; `number` is a child's identifier, `proc` the address of its procedure."""

    handle: int
    owner: object
    kind: str
    text: str
    proc: int = 0
    parent: Window | None = None
    number: int = 0
    shown: bool = False
    left: int = 0
    top: int = 0
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class WindowMessage:
    """A message that waits for its process."""

    window: Window
    number: int
    w: int = 0
    l: int = 0  # noqa: E741 - as Windows calls it


@dataclass(slots=True)
class Desktop:
    """The desktop of one start of Windows."""

    windows: list[Window] = field(default_factory=list)
    queues: dict[object, deque[WindowMessage]] = field(default_factory=dict)
    classes: dict[tuple[object, str], int] = field(default_factory=dict)
    keys: list[tuple[int, bool]] = field(default_factory=list)
    answers: deque[str] = field(default_factory=deque)
    full_screen_dos: bool = False
    ending: SessionEnd | None = None
    told: set[int] = field(default_factory=set)
    next_handle: int = 0x0400

    # -- for programs ----------------------------------------------------------------------------

    def add(self, window: Window) -> Window:
        """A window that has just been made, in front of all others."""
        window.handle = self.next_handle
        self.next_handle += 4
        self.windows.insert(0, window)
        return window

    def find(self, handle: int) -> Window | None:
        """The window of a handle."""
        return next((w for w in self.windows if w.handle == handle), None)

    def top(self) -> list[Window]:
        """The windows that lie in no other one, the front one first."""
        return [w for w in self.windows if w.parent is None]

    def children(self, window: Window) -> list[Window]:
        """What lies in a window, in the order in which it was made."""
        return [w for w in reversed(self.windows) if w.parent is window]

    def post(self, window: Window, number: int, w: int = 0, l: int = 0) -> None:  # noqa: E741
        """Put a message into the queue of a window's process."""
        self.queues.setdefault(window.owner, deque()).append(WindowMessage(window, number, w, l))

    def next(self, owner: object, *, remove: bool) -> WindowMessage | None:
        """The next message for a process."""
        queue = self.queues.get(owner)
        if not queue:
            return None
        return queue.popleft() if remove else queue[0]

    def forget(self, owner: object) -> None:
        """A process has ended: its windows go."""
        self.windows = [w for w in self.windows if w.owner is not owner]
        self.queues.pop(owner, None)

    # -- for whoever sits before it --------------------------------------------------------------

    def texts(self) -> list[str]:
        """All texts that can be read, window by window."""
        return [w.text for top in self.top() if top.shown for w in (top, *self.children(top))]

    def press(self, text: str) -> None:
        """Click the button that says this. LookupError without one."""
        for window in self.windows:
            if window.kind == "BUTTON" and window.text == text and window.parent is not None:
                self.post(window.parent, WM_COMMAND, window.number)
                return
        raise LookupError(f"no button says {text!r}; there is {self.texts()}")

    def close(self, title: str) -> None:
        """Click the cross of a window. LookupError without one."""
        for window in self.top():
            if window.text == title:
                self.post(window, WM_CLOSE)
                return
        raise LookupError(f"no window is called {title!r}")

    def answer(self, button: str) -> None:
        """Click a button of the next message box."""
        self.answers.append(button)

    def end_session(self, how: SessionEnd) -> None:
        """Windows asks every window whether it may end, and tells it that it does."""
        self.ending = how
        for window in self.top():
            flag = LOGOFF if how is SessionEnd.LOGOFF else 0
            self.post(window, WM_QUERYENDSESSION, 0, flag)
            self.post(window, WM_ENDSESSION, 1, flag)

    @property
    def ended(self) -> bool:
        """Whether every window has heard that Windows ends."""
        return self.ending is not None and all(w.handle in self.told for w in self.top() if w.proc)

    # -- the screen ------------------------------------------------------------------------------

    def picture(self) -> list[bytes]:
        """The screen, row by row from above, three bytes (blue, green, red) a pixel."""
        rows = [bytearray(_BACK * WIDTH) for _ in range(HEIGHT)]
        for window in reversed([w for w in self.top() if w.shown]):
            for row in range(window.top, min(window.top + window.height, HEIGHT)):
                colour = _TITLE if row < window.top + 8 else _FACE
                _fill(rows[row], window.left, window.width, colour)
            lines = [window, *self.children(window)]
            for n, line in enumerate(lines):
                self._write(rows, window.left + 2, window.top + 1 + n * 8, line.text)
        return [bytes(row) for row in rows]

    @staticmethod
    def _write(rows: list[bytearray], left: int, top: int, text: str) -> None:
        """Each character is its bits, one above the other: no font, but no two are the same."""
        for column, bits in enumerate(text.encode("cp1252", "replace")):
            for bit in range(8):
                x, y = left + column, top + bit
                if bits >> bit & 1 and x < WIDTH and y < HEIGHT:
                    rows[y][x * 3 : x * 3 + 3] = _INK


def _fill(row: bytearray, left: int, width: int, colour: bytes) -> None:
    width = max(0, min(width, WIDTH - left))
    row[left * 3 : (left + width) * 3] = colour * width


def places() -> Iterator[tuple[int, int]]:
    """Where windows are put that do not say where."""
    at = 8
    while True:
        yield at % 40, at % 40
        at += 8

"""BOOT98.COM, and the typing that makes it on a PC that has nothing but DOS.

The program's source is payloads/boot98/boot98.asm; a test assembles it and compares. It is typed
into DEBUG, which is part of every DOS (facts E9), over `CTTY COM1` (facts E7): hex digits only, so
no byte of the text is a control character but CR. `Typist` types it: a character goes out when the
one before has come back as echo, so no speed and no slow screen can lose any, and at the end DEBUG
shows the bytes that it holds, which must be the right ones before they are written to disk.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

NAME = "BOOT98.COM"
ORIGIN = 0x100
_PORT, _DIVISOR = 2, 3
_CODE = bytes.fromhex(
    "EB020001FC8A1E020130FFD1E331C08EC0268B970004891680031E0783C203B083EE83EA03ECA282"
    "03A00301EE42ECA2830330C0EE4242B003EE4AB007EE4242B003EEC6068E0328B043E81C02E85E01"
    "721D3C04741280FB00751BBE9003803C00741EE8D300EB23B006E8FC01EBD93C187503E98F00FE0E"
    "8E0375CCB001E99000B006E8E30130C0E98600B006E8D901C6068D0301C6068E0328B043E8CA01E8"
    "0C0172323C04743E3A1E8D037510E8C900FE068D03C6068E0328B006EBDEFEC33A1E8D03B004753F"
    "80FB0175EDB006E89701B043EBC63C18742BFE0E8E03B0017425B015EBB6B43E8B1E8403CD21B003"
    "7215A186030B068803B005750AB006E86701E93EFFB00250B018E85C01E8590158508B16800383C2"
    "05ECA84074FB4A4AB083EE83EA03A08203EE42A08303EE4242B003EE58B44CCD21B43C31C989F2CD"
    "21A38403B00372BFAC08C075FB31DB31C9AC2C303C097719985089C8B90A00F7E15089D8F7E15901"
    "D15B01C383D100EBE0891E8603890E8803C3833E880300750A3B0E860376048B0E8603290E860383"
    "1E880300E317B4408B1E8403BA9003CD21720439C8740658B003E95AFFC3C7068A033700E8820072"
    "7C3C0474693C187467B982003C017408B504B1023C02755AC7068A031300E86000725AA28C03E858"
    "007252F6D03A068C03753FBF9003E848007242AAE2F889F981E99003BE900331D2AC30C6B408D1E2"
    "730481F22110FECC75F4E2ED09D2751289F981E992038A1E8C03B001F8C3F8C3F9C3C7068A030A00"
    "E8060073FB30C0F9C353520631C08EC0268B1E6C048B16800383C205ECA801750F26A16C0429D83B"
    "068A0372EFF9EB0583EA05ECF8075A5BC350528B16800383C20550ECA82074FB5883EA05EE5A58C3"
)


def program(*, port: int = 1, speed: int = 115_200) -> bytes:
    """The program for COM port 1 to 4 at a speed that divides 115,200.

    Raises ValueError for others.
    """
    divisor, rest = divmod(115_200, speed)
    if not 1 <= port <= 4 or rest or not 1 <= divisor <= 255:
        raise ValueError("COM1 to COM4, and 115200 divided by 1 to 255")
    code = bytearray(_CODE)
    code[_PORT] = port - 1
    code[_DIVISOR] = divisor
    return bytes(code)


def script(code: bytes, name: str = NAME) -> tuple[str, ...]:
    """What is typed into DEBUG to make the file, line by line; the dump stands before W."""
    lines = []
    for start in range(0, len(code), 16):
        row = " ".join(f"{byte:02X}" for byte in code[start : start + 16])
        lines.append(f"E {ORIGIN + start:X} {row}")
    return (*lines, *tail(code, name))


def tail(code: bytes, name: str = NAME) -> tuple[str, ...]:
    """The lines after the bytes: show them, name and length, write, quit."""
    return (f"D {ORIGIN:X} L {len(code):X}", f"N {name}", "R CX", f"{len(code):X}", "W", "Q")


_ROW = re.compile(r"^[0-9A-F]{4}:([0-9A-F]{4})  ((?:[0-9A-F]{2}[ -]| {3}){1,16})", re.MULTILINE)


def parse_dump(text: str) -> dict[int, int]:
    """The bytes by address that DEBUG's D has shown."""
    found = {}
    for match in _ROW.finditer(text):
        # A row begins at its own address, but a first row that does not may begin with blanks.
        address = int(match[1], 16)
        cells = [match[2][n : n + 2] for n in range(0, len(match[2]), 3)]
        for number, cell in enumerate(cells):
            if cell.strip():
                found[address + number] = int(cell, 16)
    return found


# One small class for each event, all of one shape, as in `transfer`.


@dataclass(frozen=True, slots=True)
class Typed:
    """A line has been typed; `left` remain."""

    left: int


@dataclass(frozen=True, slots=True)
class Made:
    """The program is on the target's disk, and its bytes are right."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """The other side does not do what DOS would do. `what` says it for people."""

    what: str


_PATIENCE = 5.0
"""Seconds that an echo may take."""
_PROMPT = 20.0
"""Seconds that a prompt may take (a slow disk)."""


class Typist:
    """Types the script into a DOS whose console is the line. No I/O; see `transfer` for the style.

    `receive_data`, `tick`, `data_to_send`, `next_event`; `done` when Made or Stuck has come.
    """

    def __init__(self, code: bytes, *, now: float, name: str = NAME) -> None:
        self._code = code
        lines = [f"DEL {name}", "DEBUG", *script(code, name)]
        self._lines: deque[str] = deque(lines)
        self._name = name
        self._now = self._since = now
        self._text = ""
        self._shown = ""
        self._dumping = False
        self._left = ""
        self._echo = ""
        self._out = bytearray(b"\r")
        self._events: deque[Typed | Made | Stuck] = deque()
        self._prompts = ">"
        self.done = False

    def data_to_send(self) -> bytes:
        """What is typed now."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_event(self) -> Typed | Made | Stuck | None:
        """What happened."""
        return self._events.popleft() if self._events else None

    @property
    def deadline(self) -> float:
        """When `tick` is due."""
        return self._since + (_PATIENCE if self._echo else _PROMPT)

    def tick(self, now: float) -> None:
        """The time is `now`."""
        self._now = now
        if not self.done and now >= self.deadline:
            seen = self._text[-60:].strip() or "nothing"
            waited = f"the echo of {self._echo!r}" if self._echo else "a prompt"
            self._stop(f"waited for {waited}, got: {seen}")

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""
        for char in data.decode("latin-1"):
            if self.done:
                return
            self._text = (self._text + char)[-4000:]
            if self._dumping:
                self._shown += char
            if self._echo:
                if char == self._echo:
                    self._typed_one()
            elif char in self._prompts:
                self._prompted()

    def _prompted(self) -> None:
        """A prompt: `>` of COMMAND.COM at a line's end, `-` of DEBUG, `:` of its R CX."""
        line = self._text.replace("\r", "\n").rpartition("\n")[2]
        if line not in ("-", ":") and not re.fullmatch(r"(?:[A-Z]:[^\s<>|]*|.{0,40})>", line):
            return
        if self._dumping:
            self._dumping = False
            held = parse_dump(self._shown)
            right = {ORIGIN + n: byte for n, byte in enumerate(self._code)}
            if held != right:
                self._stop("the bytes that DEBUG shows are not those that were typed")
                return
        if not self._lines:
            self.done = True
            self._events.append(Made())
            return
        self._left = self._lines.popleft() + "\r"
        self._since = self._now
        self._type_one()

    def _type_one(self) -> None:
        self._since = self._now
        char, self._left = self._left[0], self._left[1:]
        self._out += char.encode("ascii")
        if char == "\r":
            self._echo = ""
            self._line_typed()
        else:
            self._echo = char

    def _typed_one(self) -> None:
        self._echo = ""
        self._type_one()

    def _line_typed(self) -> None:
        left = len(self._lines)
        rest = tail(self._code, self._name)
        self._events.append(Typed(left))
        self._prompts = ">-:"
        if left == len(rest) - 1:
            self._dumping = True
            self._shown = ""
        if left == 0:
            self._prompts = ">"

    def _stop(self, what: str) -> None:
        self.done = True
        self._events.append(Stuck(what))


def first_lines(port: int = 1) -> Sequence[str]:
    """What the user types on the old PC before the host takes over."""
    return (f"MODE COM{port}:9600,N,8,1", f"CTTY COM{port}")

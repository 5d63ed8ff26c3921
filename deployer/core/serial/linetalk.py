"""The talk between the two ends of a line that is tested, without I/O.

Messages are short lines with a CRC, so that a line which mangles things can still be told from one
that is dead; test blocks hold every byte value but XON and XOFF. A block may come with a halt: its
receiver asks the sender to stop in the middle, by RTS or by XOFF, and counts what comes all the
same. An old PC whose buffer is full loses just that.
"""

from __future__ import annotations

import re
from binascii import crc_hqx
from dataclasses import dataclass
from hashlib import shake_128
from typing import Literal

BEAT = 0.5
"""Seconds between two greetings."""
QUIET = 1.0
"""Seconds of silence after which what came of a block is all of it."""
FALLBACK = 12.0
"""Seconds without a word at another speed after which the answerer is at its own again; a block
with a halt takes some five of them at 9600."""
HALTS = ("none", "rtscts", "xonxoff", "silent")
"""How a receiver halts a sender, as numbers in messages: not at all, dropping RTS, sending XOFF,
without saying so."""
_FLOWS = ("none", "rtscts", "xonxoff")
_LINE = re.compile(rb"~DT ([A-Z]+)((?: [0-9]{1,7})*) ([0-9A-F]{4})\r\n")
_FLOW_CHARACTERS = b"\x11\x13\x91\x93"
_UNSTOPPABLE = 600
"""Bytes that may still come when the sender is told to stop: they lie in its chips and drivers."""


@dataclass(frozen=True, slots=True)
class Message:
    """A line of the talk: a word and some numbers."""

    word: str
    numbers: tuple[int, ...] = ()


def encode(word: str, *numbers: int) -> bytes:
    """A message's line."""
    body = " ".join((f"~DT {word}", *map(str, numbers))).encode("ascii")
    return body + b" %04X\r\n" % crc_hqx(body, 0)


def block(seed: int, length: int) -> bytes:
    """The test bytes of a seed."""
    data = shake_128(seed.to_bytes(8, "big")).digest(length)
    return data.translate(bytes(0x20 if b in _FLOW_CHARACTERS else b for b in range(256)))


def block_length(speed: int) -> int:
    """Bytes of a test block: 0.4 s of line, and more than can be on its way."""
    return max(2048, speed // 25)


class Halt:
    """A receiver's halt in the middle of a block of `length` bytes. Times are seconds.

    `step` says what to do with the signal; `over` is False from "stop" until "go". `late` counts
    the bytes that came long after the sender was told to stop.
    """

    def __init__(self, length: int, speed: int) -> None:
        rest = 3 * length // 4
        self._begin = length - rest
        self._grace = 0.05 + _UNSTOPPABLE * 10 / speed
        # Who does not stop is through before the halt ends.
        self._pause = 0.1 + 1.1 * rest * 10 / speed
        self._since: float | None = None
        self._by_then = -1
        self._got = 0
        self.over = False
        self.late = 0

    @property
    def lasts(self) -> float:
        """Seconds of the halt."""
        return self._pause

    @property
    def holding(self) -> bool:
        """Whether the sender has been told to stop, and not yet to go on."""
        return self._since is not None and not self.over

    def step(self, got: int, now: float) -> Literal["stop", "go"] | None:
        """So many bytes of the block are here now."""
        self._got = max(self._got, got)
        if self.over:
            return None
        if self._since is None:
            if self._got < self._begin:
                return None
            self._since = now
            return "stop"
        if self._by_then < 0 and now - self._since > self._grace:
            # What is here at the first look after it may have been on its way, also when that
            # look comes late.
            self._by_then = self._got
        if self._by_then >= 0:
            self.late = self._got - self._by_then
        if now - self._since < self._pause:
            return None
        self.over = True
        return "go"


class Talk:
    """Takes messages, and announced blocks, out of what the line brings."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._block: Message | None = None
        self.heard = 0
        self.strange = 0

    @property
    def open_block(self) -> tuple[int, int, int, int] | None:
        """Seed, length, halt and bytes so far of the block that is coming."""
        if self._block is None:
            return None
        seed, length, halt = self._block.numbers
        return (seed, length, halt, min(length, len(self._buffer)))

    def feed(self, data: bytes) -> None:
        """The line brought `data`."""
        self.heard += len(data)
        self._buffer += data

    def forget(self) -> None:
        """Whatever was begun will not come."""
        self._buffer.clear()
        self._block = None

    def next(self) -> Message | None:
        """The next message. A block comes as RESULT with the number of bytes that were right."""
        if self._block is not None:
            return self._take_block()
        found = _LINE.search(self._buffer)
        if found is None:
            if len(self._buffer) > 400:
                self.strange += len(self._buffer) - 100
                del self._buffer[:-100]
            return None
        self.strange += found.start()
        body, numbers, crc = found[0][:-7], found[2].split(), found[3]
        word = found[1].decode("ascii")
        del self._buffer[: found.end()]
        if b"%04X" % crc_hqx(body, 0) != crc:
            self.strange += len(body)
            return Message("DAMAGED")
        message = Message(word, tuple(int(n) for n in numbers))
        match message:
            case Message("BLOCK", (_, length, halt)) if length <= 1 << 18 and halt < len(HALTS):
                self._block = message
                return self.next()
        return message

    def give_up_block(self) -> Message | None:
        """The line has been quiet: what came of the block counts as it is."""
        if self._block is None:
            return None
        return self._judge(bytes(self._buffer))

    def _take_block(self) -> Message | None:
        assert self._block is not None
        length = self._block.numbers[1]
        if len(self._buffer) < length:
            return None
        return self._judge(bytes(self._buffer[:length]))

    def _judge(self, data: bytes) -> Message:
        assert self._block is not None
        seed, length, _ = self._block.numbers
        self._block = None
        del self._buffer[: len(data)]
        return Message("RESULT", (seed, right_bytes(data, block(seed, length))))


def right_bytes(data: bytes, expected: bytes) -> int:
    """How many bytes are right, each in its place; all of them only when it is the whole."""
    if data == expected:
        return len(expected)
    return min(sum(map(int.__eq__, data, expected)), len(expected) - 1)


@dataclass(frozen=True, slots=True)
class Pins:
    """What the answering end does with its port; None: leave it. `drop`: forget what has not
    left yet, because its sender was stopped for good."""

    rts: bool | None = None
    dtr: bool | None = None
    speed: int | None = None
    flow: str | None = None
    drop: bool = False


class Answerer:
    """The end that runs `serial test --answer`: greets, answers, and does with its port what the
    other end asks for.

    Its driver feeds `receive_data`, `tick` and `lines`, does what `next_deed()` says in that order
    (bytes are to be sent; a new speed comes only after everything has left).
    """

    def __init__(self, *, now: float, speed: int) -> None:
        self._talk = Talk()
        self._deeds: list[bytes | Pins] = []
        self._now = now
        self._last = now
        self._last_good = now
        self._greeted = now - BEAT
        self._base = self._speed = speed
        self._halt: Halt | None = None
        self._sending_until: float | None = None
        self.lines: tuple[bool, bool, bool] | None = None
        self.met = False

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""
        if data:
            self._last = self._now
            self._talk.feed(data)
            self._watch()
        while (message := self._next()) is not None:
            self._answer(message)
            self._watch()

    def _next(self) -> Message | None:
        # Who holds the sender has to see the halt through, even when all is here.
        return None if self._halt is not None and self._halt.holding else self._talk.next()

    def tick(self, now: float) -> None:
        """The time is `now`."""
        self._now = now
        self._watch()
        quiet = now - self._last > QUIET and not (self._halt and self._halt.holding)
        if quiet and (late := self._talk.give_up_block()) is not None:
            self._answer(late)
        if self._sending_until is not None and now > self._sending_until:
            self._stop_sending()
        if self._speed != self._base and now - self._last_good > FALLBACK:
            self._speed = self._base
            self._talk.forget()
            self._deeds.append(Pins(rts=True, dtr=True, speed=self._base))
        if now - self._greeted >= BEAT and self._sending_until is None:
            self._greeted = now
            self._say("HELLO", min(self._talk.heard, 9_999_999))

    def next_deed(self) -> bytes | Pins | None:
        """What to send, or to do with the port."""
        return self._deeds.pop(0) if self._deeds else None

    @property
    def drops(self) -> bool:
        """Whether what is being sent is not wanted any more."""
        return any(isinstance(deed, Pins) and deed.drop for deed in self._deeds)

    def _say(self, word: str, *numbers: int) -> None:
        self._deeds.append(encode(word, *numbers))

    def _watch(self) -> None:
        """See a halt through."""
        coming = self._talk.open_block
        if self._halt is None:
            if coming is None or not coming[2]:
                return
            self._halt = Halt(coming[1], self._speed)
        if coming is None:
            return
        deed = self._halt.step(coming[3], self._now)
        if deed is not None:
            self._last = self._now
            self._signal(HALTS[coming[2]], go=deed == "go")

    def _signal(self, halt: str, *, go: bool) -> None:
        if halt == "rtscts":
            self._deeds.append(Pins(rts=go))
        elif halt == "xonxoff":
            self._deeds.append(b"\x11" if go else b"\x13")

    def _stop_sending(self) -> None:
        if self._sending_until is not None:
            self._sending_until = None
            self._deeds.append(Pins(flow="none", drop=True))

    def _answer(self, message: Message) -> None:
        self._last_good = self._now
        match message:
            case Message("HELLO"):
                self.met = True
            case Message("PINS", (rts, dtr)):
                self._deeds.append(Pins(rts=bool(rts), dtr=bool(dtr)))
                self._say("PINS", rts, dtr)
            case Message("LINES"):
                self._say("LINES", *map(int, self.lines or ()))
            case Message("RESULT", (seed, right)):
                self._say("GOT", seed, right, self._halt.late if self._halt else 0)
                self._halt = None
            case Message("WANT", (seed, length, flow, halt)) if (
                length <= 1 << 18 and flow < len(_FLOWS) and halt < len(HALTS)
            ):
                self._send_block(seed, length, _FLOWS[flow], halt)
            case Message("DONE"):
                self._stop_sending()
                self._say("DONE")
            case Message("SPEED", (speed,)) if 300 <= speed <= 4_000_000:
                self._say("SPEED", speed)
                self._speed = speed
                self._deeds.append(Pins(speed=speed))

    def _send_block(self, seed: int, length: int, flow: str, halt: int) -> None:
        self._deeds.append(Pins(flow=flow))
        self._deeds.append(encode("BLOCK", seed, length, halt) + block(seed, length))
        lasts = Halt(length, self._speed).lasts + length * 10 / self._speed
        self._sending_until = self._now + lasts + 5.0

"""What a serial cable and its ports can do, found out and said in plain words.

Three things: the talk between two ends of a line (`encode`, `Talk`), the end that answers
(`Answerer`, without I/O), and the judgement (`judge`: what was seen -> what it means and what to
do). Messages are short lines with a CRC, so that a line which mangles things can still be told from
one that is dead; test blocks hold every byte value, XON and XOFF left out when these stop the line.
"""

from __future__ import annotations

import re
from binascii import crc_hqx
from dataclasses import dataclass, field
from hashlib import shake_128
from typing import Literal

BEAT = 0.5
"""Seconds between two greetings."""
BLOCK = 2048
_LINE = re.compile(rb"~DT ([A-Z]+)((?: [0-9]{1,7})*) ([0-9A-F]{4})\r\n")
_FLOW_CHARACTERS = b"\x11\x13\x91\x93"


@dataclass(frozen=True, slots=True)
class Message:
    """A line of the talk: a word and some numbers."""

    word: str
    numbers: tuple[int, ...] = ()


def encode(word: str, *numbers: int) -> bytes:
    """A message's line."""
    body = " ".join((f"~DT {word}", *map(str, numbers))).encode("ascii")
    return body + b" %04X\r\n" % crc_hqx(body, 0)


def block(seed: int, length: int, *, plain: bool) -> bytes:
    """The test bytes of a seed; `plain`: without XON and XOFF."""
    data = shake_128(seed.to_bytes(8, "big")).digest(length)
    return data.translate(bytes(0x20 if plain and b in _FLOW_CHARACTERS else b for b in range(256)))


class Talk:
    """Takes messages, and announced blocks, out of what the line brings."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._block: Message | None = None
        self.heard = 0
        self.strange = 0

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
        if word == "BLOCK" and len(message.numbers) == 3 and message.numbers[1] <= 1 << 16:
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
        seed, length, plain = self._block.numbers
        expected = block(seed, length, plain=bool(plain))
        right = length if data == expected else sum(map(int.__eq__, data, expected))
        if data != expected:
            right = min(right, length - 1)
        self._block = None
        del self._buffer[: len(data)]
        return Message("RESULT", (seed, right))


@dataclass(frozen=True, slots=True)
class Pins:
    """What the answering end shall do with its port; None: leave it."""

    rts: bool | None = None
    dtr: bool | None = None
    speed: int | None = None


class Answerer:
    """The end that runs `serial test --answer`: greets, answers, changes pins and speed when asked.

    Its driver feeds `receive_data`, `tick` and `lines`, sends `data_to_send()`, and does what
    `next_pins()` says (a new speed only after everything has left).
    """

    def __init__(self, *, now: float, speed: int) -> None:
        self._talk = Talk()
        self._out = bytearray()
        self._pins: list[Pins] = []
        self._now = now
        self._last = now
        self._last_good = now
        self._greeted = now - BEAT
        self._base = self._speed = speed
        self.lines: tuple[bool, bool, bool] | None = None
        self.met = False

    @property
    def heard(self) -> int:
        """Bytes that came, and how many of them made no sense."""
        return self._talk.heard

    @property
    def strange(self) -> int:
        """Bytes that made no sense."""
        return self._talk.strange

    def receive_data(self, data: bytes) -> None:
        """The line brought `data`."""
        if data:
            self._last = self._now
            self._talk.feed(data)
        while (message := self._talk.next()) is not None:
            self._answer(message)

    def tick(self, now: float) -> None:
        """The time is `now`."""
        self._now = now
        if now - self._last > 1.0 and (late := self._talk.give_up_block()) is not None:
            self._answer(late)
        if self._speed != self._base and now - self._last_good > 6.0:
            self._speed = self._base
            self._talk.forget()
            self._pins.append(Pins(rts=True, dtr=True, speed=self._base))
        if now - self._greeted >= BEAT:
            self._greeted = now
            self._say("HELLO", min(self._talk.heard, 9_999_999))

    def data_to_send(self) -> bytes:
        """What goes out next."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_pins(self) -> Pins | None:
        """What to do with the port."""
        return self._pins.pop(0) if self._pins else None

    def _say(self, word: str, *numbers: int) -> None:
        self._out += encode(word, *numbers)

    def _answer(self, message: Message) -> None:
        self._last_good = self._now
        match message:
            case Message("HELLO"):
                self.met = True
            case Message("PINS", (rts, dtr)):
                self._pins.append(Pins(rts=bool(rts), dtr=bool(dtr)))
                self._say("PINS", rts, dtr)
            case Message("LINES"):
                self._say("LINES", *map(int, self.lines or ()))
            case Message("RESULT", (seed, right)):
                self._say("GOT", seed, right)
            case Message("WANT", (seed, length, plain)) if length <= 1 << 16:
                self._say("BLOCK", seed, length, plain)
                self._out += block(seed, length, plain=bool(plain))
            case Message("SPEED", (speed,)) if 300 <= speed <= 4_000_000:
                self._say("SPEED", speed)
                self._speed = speed
                self._pins.append(Pins(speed=speed))


@dataclass(frozen=True, slots=True)
class Run:
    """How a block went at a speed with a flow control: bytes right of bytes sent, each way."""

    speed: int
    flow: str
    out_right: int
    in_right: int
    length: int

    @property
    def clean(self) -> bool:
        """Both ways without an error."""
        return self.out_right == self.in_right == self.length


@dataclass(frozen=True, slots=True)
class Seen:
    """What the test saw. Pins are (CTS, DSR, DCD); None: this port cannot tell.

    `pins_*` are our inputs with our RTS and DTR up or down, `far_pins_*` the other end's inputs
    while we do that, `pins_far_*` ours while the other end does it. `other_speed` is the speed at
    which a greeting could be read when it was not ours.
    """

    speed: int
    can_pins: bool = True
    pins_up: tuple[bool, bool, bool] | None = None
    pins_down: tuple[bool, bool, bool] | None = None
    echo: int = 0
    sent: int = 0
    heard: int = 0
    greeting: bool = False
    far_heard: int = 0
    other_speed: int = 0
    far_pins_up: tuple[bool, bool, bool] | None = None
    far_pins_down: tuple[bool, bool, bool] | None = None
    pins_far_up: tuple[bool, bool, bool] | None = None
    pins_far_down: tuple[bool, bool, bool] | None = None
    runs: tuple[Run, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What it means: `kind` for programs, `what` and `remedy` for people."""

    kind: Literal[
        "good", "three-wire", "loopback", "loopback-data", "no-cable", "no-answer", "straight",
        "crossed-wrong", "wrong-speed", "dumb", "noisy", "slower", "pins-unknown",
    ]  # fmt: skip
    what: str
    remedy: str

    @property
    def usable(self) -> bool:
        """Whether files can be sent over this line as it is."""
        return self.kind in ("good", "three-wire", "slower", "pins-unknown")


def judge(seen: Seen) -> Verdict:
    """The one verdict that explains what was seen."""
    if seen.greeting:
        return _judge_talk(seen)
    if seen.sent and seen.echo == seen.sent:
        return _judge_loop(seen)
    if seen.other_speed:
        return Verdict(
            "wrong-speed",
            f"The other side speaks at {seen.other_speed} bit/s, this side at {seen.speed}.",
            f"Set both to the same: add --speed {seen.other_speed} here, or change it there.",
        )
    if seen.heard:
        return Verdict(
            "wrong-speed",
            f"{seen.heard} bytes came that make no sense at {seen.speed} bit/s: most likely the "
            "other side uses another speed, or not 8N1.",
            "Set the same speed, 8 data bits, no parity and 1 stop bit on both sides.",
        )
    return _judge_silence(seen)


def _judge_loop(seen: Seen) -> Verdict:
    if seen.pins_up and seen.pins_down and seen.pins_up[0] and not seen.pins_down[0]:
        return Verdict(
            "loopback",
            "Everything sent comes back, and CTS follows RTS: this is a loopback plug, and port "
            "and adapter are good.",
            "Now take the plug off, connect the null-modem cable, and test again.",
        )
    return Verdict(
        "loopback-data",
        "Everything sent comes back, but CTS does not follow RTS: pins 2 and 3 are bridged, 7 and "
        "8 are not (or this adapter has no RTS/CTS).",
        "For a full test bridge 2-3, 7-8 and 4-6-1 of the 9-pin plug; then connect the cable.",
    )


def _judge_silence(seen: Seen) -> Verdict:
    up = seen.pins_up or (False, False, False)
    if not seen.can_pins:
        return Verdict(
            "no-answer",
            "Nothing comes back, and this kind of port does not show its wires.",
            "Start `deployer serial test PORT --answer` (or a terminal) on the other side.",
        )
    if (
        seen.pins_up
        and seen.pins_down
        and any(a and not b for a, b in zip(seen.pins_up, seen.pins_down, strict=True))
    ):
        return Verdict(
            "crossed-wrong",
            "Our own RTS or DTR comes back on our inputs, but no data does: the plug is wired to "
            "itself (some 3-wire cables bridge 7-8 and 4-6), and the other side is silent.",
            "Start something that sends on the other side and test again; files need --flow none.",
        )
    if any(up):
        return Verdict(
            "no-answer",
            "The other computer is connected and switched on (its wires are up), but nothing "
            "comes from it.",
            "Run `deployer serial test PORT --answer` there. If it does run: the data wires are "
            "not crossed, use a null-modem cable (2-3 and 3-2), not a straight one.",
        )
    return Verdict(
        "no-cable",
        "Nothing at the other end: no wire is up and nothing comes back.",
        "Check that the cable is in the right port on both sides and the other computer is on; a "
        "straight (modem) cable looks the same: it must be a null-modem cable.",
    )


def _judge_talk(seen: Seen) -> Verdict:
    if not seen.far_heard:
        return Verdict(
            "dumb",
            "We hear the other side, but it hears nothing of us: the wire from our pin 3 to its "
            "pin 2 is broken (or our adapter does not send).",
            "Test this port with a loopback plug (bridge 2-3): if that works, change the cable.",
        )
    if misled := _crossed(seen):
        return misled
    clean = [run for run in seen.runs if run.clean]
    if seen.runs and not clean:
        return Verdict(
            "noisy",
            "Both sides hear each other, but no speed runs without errors.",
            "Change the cable or the adapter; keep it away from power cables and under 5 m.",
        )
    hardware = _hardware_flow(seen)
    best = max((run.speed for run in clean), default=seen.speed)
    if hardware is None:
        return Verdict(
            "pins-unknown",
            f"Data runs both ways, clean up to {best} bit/s; one of the ports does not show its "
            "wires, so RTS/CTS could not be tested.",
            f"Use --speed {best} with --flow rtscts; if it stands still, --flow xonxoff.",
        )
    if not hardware:
        return Verdict(
            "three-wire",
            "Data runs both ways, but CTS never follows the other side's RTS: a 3-wire cable "
            f"(or an adapter without RTS/CTS). Clean up to {best} bit/s.",
            f"Use --flow xonxoff --speed {best} here, and Xon/Xoff in HyperTerminal.",
        )
    if seen.runs and best < max(run.speed for run in seen.runs):
        return Verdict(
            "slower",
            f"Cable and both ports are good up to {best} bit/s; faster than that bytes are lost.",
            f"Use --speed {best} on both sides.",
        )
    return Verdict(
        "good",
        f"Cable and both ports are good: data and RTS/CTS in both directions, {best} bit/s.",
        f"Use --flow rtscts --speed {best}, and Hardware in HyperTerminal.",
    )


def _hardware_flow(seen: Seen) -> bool | None:
    """Whether RTS of each side arrives at CTS of the other; None when that could not be seen."""
    found = []
    for up, down in (
        (seen.pins_far_up, seen.pins_far_down),
        (seen.far_pins_up, seen.far_pins_down),
    ):
        if up is None or down is None:
            return None
        found.append(up[0] and not down[0])
    return all(found)


def _crossed(seen: Seen) -> Verdict | None:
    """RTS arrives, but at another pin than CTS."""
    for up, down, where in (
        (seen.far_pins_up, seen.far_pins_down, "the other side's"),
        (seen.pins_far_up, seen.pins_far_down, "our"),
    ):
        if up and down and not (up[0] and not down[0]):
            wrong = [n for n, a, b in zip(("CTS", "DSR", "DCD"), up, down, strict=True) if a != b]
            if wrong:
                return Verdict(
                    "crossed-wrong",
                    f"Data runs, but RTS arrives at {where} {wrong[0]} instead of CTS: the "
                    "handshake wires are crossed wrong.",
                    "Use --flow none at 38400 or less, or a cable with 7-8 and 8-7 crossed.",
                )
    return None

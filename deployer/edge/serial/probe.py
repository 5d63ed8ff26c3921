"""A port under test, and the talk with whoever is at its other end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from deployer.core.serial.linetalk import BEAT, Message, Talk, encode
from deployer.edge.serial.port import Flow, ModemLines


class Probed(Protocol):
    """What is needed of a port: `serialport.SerialLine` has it."""

    speed: int

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        """What has come, after `wait` seconds at most."""

    def write(self, data: bytes) -> int:
        """How many bytes were taken."""

    def set_rts(self, *, on: bool) -> None:
        """Raise or drop RTS."""

    def set_dtr(self, *, on: bool) -> None:
        """Raise or drop DTR."""

    def set_speed(self, speed: int) -> None:
        """Another speed."""

    def set_flow(self, flow: Flow) -> None:
        """Another flow control."""

    def modem_lines(self) -> ModemLines | None:
        """Our inputs."""

    def drain(self, limit: float) -> None:
        """Wait until all has left."""

    def drop_input(self) -> None:
        """Forget what came."""

    def drop_output(self) -> None:
        """Forget what was taken and has not left yet."""


def no_flow(port: Probed) -> None:
    """Nobody stops us, and nobody is stopped by us."""
    port.set_flow(Flow.NONE)
    port.set_rts(on=True)


class Probe:
    """Says and hears messages. `heard` is every byte that came while nobody looked for messages."""

    def __init__(
        self,
        port: Probed,
        *,
        clock: Callable[[], float] = time.monotonic,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.port = port
        self.clock = clock
        self.cancelled = cancelled
        self.talk = Talk()
        self.heard = bytearray()

    def inputs(self) -> tuple[bool, bool, bool] | None:
        """CTS, DSR and DCD."""
        lines = self.port.modem_lines()
        return None if lines is None else (lines.cts, lines.dsr, lines.dcd)

    def greeting(self, limit: float) -> Message | None:
        """Greet until the other end does; its greeting."""
        end = self.clock() + limit
        next_hello = self.clock()
        while (now := self.clock()) < end and not self.cancelled():
            if now >= next_hello:
                next_hello = now + BEAT
                self.send(encode("HELLO", self.talk.heard))
            if (message := self.next(0.05)) is not None and message.word == "HELLO":
                return message
        return None

    def wait_for(self, word: str, seed: int, limit: float) -> tuple[int, ...]:
        """The numbers of the message about a block; none when it does not come."""
        end = self.clock() + limit
        while self.clock() < end and not self.cancelled():
            message = self.next(0.05)
            if message is not None and message.word == word and message.numbers[0] == seed:
                return message.numbers
        return ()

    def ask(self, word: str, *numbers: int) -> Message | None:
        """Ask, three times if need be; the answer has the same word."""
        for _ in range(3):
            self.send(encode(word, *numbers))
            end = self.clock() + 1.0
            while self.clock() < end:
                message = self.next(0.05)
                if message is not None and message.word == word:
                    return message
        return None

    def next(self, wait: float) -> Message | None:
        """The next message, if it comes in so many seconds."""
        message = self.talk.next()
        if message is None:
            self.talk.feed(self.port.read(wait))
            message = self.talk.next()
        return message

    def listen(self, seconds: float) -> None:
        """Hear what comes in so many seconds."""
        end = self.clock() + seconds
        while (now := self.clock()) < end:
            data = self.port.read(min(0.05, end - now))
            self.heard += data
            self.talk.feed(data)

    def send(self, data: bytes, limit: float | None = None) -> None:
        """Say it; without a limit it has left when this returns."""
        end = self.clock() + (2.0 + len(data) * 20 / self.port.speed if limit is None else limit)
        while data and self.clock() < end and not self.cancelled():
            data = data[self.port.write(data) :]
            if data:
                came = self.port.read(0.02, until_writable=True)
                self.heard += came
                self.talk.feed(came)
        if limit is None:
            self.port.drain(1.0)

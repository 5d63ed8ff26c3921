"""Does what `serial test` needs on a port: pins up and down, greetings, blocks at each speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from deployer.core.linetest import BEAT, BLOCK, Answerer, Message, Run, Seen, Talk, block, encode
from deployer.edge.serialport import Flow, LineGoneError, ModemLines

_SETTLE = 0.15
_GREET = 3.0
"""Seconds to wait for the other end's greeting; it greets twice a second."""
_HUNT = 1.3


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


class Examiner:
    """The end that asks. `note` is told what is being tried, `speeds` are those to try."""

    def __init__(
        self,
        port: Probed,
        *,
        speeds: Sequence[int],
        note: Callable[[str], None] = lambda _text: None,
        clock: Callable[[], float] = time.monotonic,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._port = port
        self._speeds = speeds
        self._note = note
        self._clock = clock
        self._cancelled = cancelled
        self._talk = Talk()
        self._heard = bytearray()
        self._seed = 1

    def run(self) -> Seen:
        """Everything that can be seen from this end. Takes some 10 to 40 s."""
        port = self._port
        port.set_flow(Flow.NONE)
        seen = Seen(speed=port.speed)
        seen = self._own_pins(seen)
        self._note("listening, and looking whether what we send comes back")
        seen = self._echo(seen)
        if seen.echo == seen.sent:
            return seen
        greeting = self._greeting(_GREET)
        seen = replace(seen, heard=self._talk.heard, greeting=greeting is not None)
        if greeting is None:
            return replace(seen, other_speed=self._hunt()) if seen.heard else seen
        self._note("the other side answers")
        far_heard = self._hears_us()
        seen = replace(seen, far_heard=far_heard)
        if not far_heard:
            return seen
        seen = self._far_pins(seen)
        return replace(seen, runs=self._runs())

    def _own_pins(self, seen: Seen) -> Seen:
        up = self._pins(up=True)
        if up is None:
            return replace(seen, can_pins=False)
        down = self._pins(up=False)
        return replace(seen, pins_up=self._pins(up=True), pins_down=down)

    def _pins(self, *, up: bool) -> tuple[bool, bool, bool] | None:
        self._port.set_rts(on=up)
        self._port.set_dtr(on=up)
        self._listen(_SETTLE)
        return self._inputs()

    def _inputs(self) -> tuple[bool, bool, bool] | None:
        lines = self._port.modem_lines()
        return None if lines is None else (lines.cts, lines.dsr, lines.dcd)

    def _echo(self, seen: Seen) -> Seen:
        self._heard.clear()
        probe = b"".join(encode("ECHO", n) for n in range(4))
        self._send(probe)
        self._listen(0.3 + len(probe) * 10 / self._port.speed)
        back = len(probe) if probe in bytes(self._heard) else 0
        return replace(seen, sent=len(probe), echo=back)

    def _greeting(self, limit: float) -> Message | None:
        end = self._clock() + limit
        next_hello = self._clock()
        while (now := self._clock()) < end and not self._cancelled():
            if now >= next_hello:
                next_hello = now + BEAT
                self._send(encode("HELLO", self._talk.heard))
            if (message := self._next(0.05)) is not None and message.word == "HELLO":
                return message
        return None

    def _hears_us(self) -> int:
        """Bytes that the other end has heard of us, after we have sent for a while."""
        first: int | None = None
        for _ in range(6):
            message = self._greeting(2 * BEAT)
            if message is None or not message.numbers:
                continue
            if first is None:
                first = message.numbers[0]
            elif message.numbers[0] > first or first:
                return max(message.numbers[0], first)
        return 0

    def _hunt(self) -> int:
        """Listen at the other speeds for a greeting."""
        own = self._port.speed
        try:
            for speed in self._speeds:
                if speed == own or self._cancelled():
                    continue
                self._note(f"listening at {speed} bit/s")
                self._port.set_speed(speed)
                self._talk.forget()
                end = self._clock() + _HUNT
                while self._clock() < end:
                    message = self._next(0.1)
                    if message is not None and message.word != "DAMAGED":
                        return speed
        except LineGoneError:
            return 0
        finally:
            self._port.set_speed(own)
            self._port.drop_input()
            self._talk.forget()
        return 0

    def _far_pins(self, seen: Seen) -> Seen:
        self._note("raising and dropping the handshake wires on both sides")
        if not seen.can_pins:
            return seen
        far_up = self._far_inputs(up=True)
        far_down = self._far_inputs(up=False)
        self._port.set_rts(on=True)
        self._ask("PINS", 0, 1)
        self._listen(_SETTLE)
        down = self._inputs()
        self._ask("PINS", 1, 1)
        self._listen(_SETTLE)
        return replace(
            seen,
            far_pins_up=far_up,
            far_pins_down=far_down,
            pins_far_up=self._inputs(),
            pins_far_down=down,
        )

    def _far_inputs(self, *, up: bool) -> tuple[bool, bool, bool] | None:
        """The other end's inputs with our RTS so and our DTR up."""
        self._port.set_rts(on=up)
        self._listen(_SETTLE)
        answer = self._ask("LINES")
        if answer is None or len(answer.numbers) != 3:
            return None
        cts, dsr, dcd = map(bool, answer.numbers)
        return (cts, dsr, dcd)

    def _runs(self) -> tuple[Run, ...]:
        base = self._port.speed
        runs = []
        for speed in sorted({*self._speeds, base}):
            if speed < 9600 or self._cancelled():
                continue
            self._note(f"{BLOCK} bytes each way at {speed} bit/s")
            run = self._run_at(speed, base)
            if run is not None:
                runs.append(run)
        return tuple(runs)

    def _run_at(self, speed: int, base: int) -> Run | None:
        if speed != base:
            if self._ask("SPEED", speed) is None:
                return None
            try:
                self._port.set_speed(speed)
            except LineGoneError:
                self._listen(7.0)
                return None
            self._listen(_SETTLE)
        out, back = self._block_out(speed), self._block_in(speed)
        if speed != base:
            self._ask("SPEED", base)
            self._port.set_speed(base)
            self._talk.forget()
            if self._greeting(8.0) is None:
                return Run(speed, "none", 0, 0, BLOCK)
        return Run(speed, "none", out, back, BLOCK)

    def _block_out(self, speed: int) -> int:
        self._seed += 1
        data = block(self._seed, BLOCK, plain=True)
        self._send(encode("BLOCK", self._seed, BLOCK, 1) + data)
        return self._result("GOT", self._seed, BLOCK * 10 / speed + 3.0)

    def _block_in(self, speed: int) -> int:
        self._seed += 1
        self._send(encode("WANT", self._seed, BLOCK, 1))
        return self._result("RESULT", self._seed, BLOCK * 10 / speed + 2.0)

    def _result(self, word: str, seed: int, limit: float) -> int:
        end = self._clock() + limit
        while self._clock() < end and not self._cancelled():
            message = self._next(0.05)
            if message is not None and message.word == word and message.numbers[0] == seed:
                return message.numbers[1]
        late = self._talk.give_up_block()
        return late.numbers[1] if late is not None and word == "RESULT" else 0

    def _ask(self, word: str, *numbers: int) -> Message | None:
        """Ask, three times if need be; the answer has the same word."""
        for _ in range(3):
            self._send(encode(word, *numbers))
            end = self._clock() + 1.0
            while self._clock() < end:
                message = self._next(0.05)
                if message is not None and message.word == word:
                    return message
        return None

    def _next(self, wait: float) -> Message | None:
        message = self._talk.next()
        if message is None:
            self._talk.feed(self._port.read(wait))
            message = self._talk.next()
        return message

    def _listen(self, seconds: float) -> None:
        end = self._clock() + seconds
        while (now := self._clock()) < end:
            data = self._port.read(min(0.05, end - now))
            self._heard += data
            self._talk.feed(data)

    def _send(self, data: bytes) -> None:
        end = self._clock() + 2.0 + len(data) * 20 / self._port.speed
        while data and self._clock() < end:
            taken = self._port.write(data)
            data = data[taken:]
            if data:
                came = self._port.read(0.02, until_writable=True)
                self._heard += came
                self._talk.feed(came)
        self._port.drain(1.0)


def answer(
    port: Probed,
    *,
    cancelled: Callable[[], bool],
    note: Callable[[str], None] = lambda _text: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Be the end that answers, until cancelled."""
    port.set_flow(Flow.NONE)
    port.set_rts(on=True)
    port.set_dtr(on=True)
    end = Answerer(now=clock(), speed=port.speed)
    met = False
    while not cancelled():
        answer_once(end, port, clock, 0.1)
        if end.met and not met:
            met = True
            note("the other side is there: the test runs from there")


def answer_once(end: Answerer, port: Probed, clock: Callable[[], float], wait: float) -> None:
    """One round of the answering end."""
    lines = port.modem_lines()
    end.lines = (lines.cts, lines.dsr, lines.dcd) if lines else None
    data = port.read(wait)
    end.tick(clock())
    end.receive_data(data)
    out = end.data_to_send()
    limit = clock() + 5.0
    while out and clock() < limit:
        out = out[port.write(out) :]
        if out:
            end.receive_data(port.read(0.02, until_writable=True))
    while (pins := end.next_pins()) is not None:
        if pins.rts is not None:
            port.set_rts(on=pins.rts)
        if pins.dtr is not None:
            port.set_dtr(on=pins.dtr)
        if pins.speed is not None:
            port.drain(2.0)
            port.set_speed(pins.speed)
            port.drop_input()

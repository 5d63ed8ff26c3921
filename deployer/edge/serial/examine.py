"""The end of a line test that asks: pins up and down, greetings, and blocks at each speed with each
flow control, with a receiver that says halt in the middle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from deployer.core.serial.linetalk import BEAT, FALLBACK, block_length, encode
from deployer.core.serial.linetest import FLOWS, Seen, SpeedRun
from deployer.edge.serial.blocks import Blocks
from deployer.edge.serial.port import LineGoneError
from deployer.edge.serial.probe import Probe, Probed, no_flow

_SETTLE = 0.15
_GREET = 3.0
"""Seconds to wait for the other end's greeting; it greets twice a second."""
_HUNT = 1.3
_SLOWEST = 9600
"""Below this nobody wants to send files, and a block would take too long."""


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
        self._probe = Probe(port, clock=clock, cancelled=cancelled)
        self._port = port
        self._blocks = Blocks(self._probe)
        self._speeds = speeds
        self._note = note

    def run(self) -> Seen:
        """Everything that can be seen from this end. Takes a few seconds to a minute and a half."""
        port = self._port
        no_flow(port)
        seen = Seen(speed=port.speed)
        seen = self._own_pins(seen)
        self._note("listening, and looking whether what we send comes back")
        seen = self._echo(seen)
        if seen.echo == seen.sent:
            return replace(seen, runs=self._runs(seen, self._blocks.loop)) if seen.plug else seen
        greeting = self._probe.greeting(_GREET)
        seen = replace(seen, heard=self._probe.talk.heard, greeting=greeting is not None)
        if greeting is None:
            return replace(seen, other_speed=self._hunt()) if seen.heard else seen
        self._note("the other side answers")
        far_heard = self._hears_us()
        seen = replace(seen, far_heard=far_heard)
        if not far_heard:
            return seen
        seen = self._far_pins(seen)
        return replace(seen, runs=self._runs(seen, self._blocks.both_ways))

    def _own_pins(self, seen: Seen) -> Seen:
        up = self._pins(up=True)
        if up is None:
            return replace(seen, can_pins=False)
        down = self._pins(up=False)
        return replace(seen, pins_up=self._pins(up=True), pins_down=down)

    def _pins(self, *, up: bool) -> tuple[bool, bool, bool] | None:
        self._port.set_rts(on=up)
        self._port.set_dtr(on=up)
        self._probe.listen(_SETTLE)
        return self._probe.inputs()

    def _echo(self, seen: Seen) -> Seen:
        self._probe.heard.clear()
        probe = b"".join(encode("ECHO", n) for n in range(4))
        self._probe.send(probe)
        self._probe.listen(0.3 + len(probe) * 10 / self._port.speed)
        back = len(probe) if probe in bytes(self._probe.heard) else 0
        return replace(seen, sent=len(probe), echo=back)

    def _hears_us(self) -> int:
        """Bytes that the other end has heard of us, after we have sent for a while."""
        first: int | None = None
        for _ in range(6):
            message = self._probe.greeting(2 * BEAT)
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
                if speed == own or self._probe.cancelled():
                    continue
                self._note(f"listening at {speed} bit/s")
                self._port.set_speed(speed)
                self._probe.talk.forget()
                end = self._probe.clock() + _HUNT
                while self._probe.clock() < end:
                    message = self._probe.next(0.1)
                    if message is not None and message.word != "DAMAGED":
                        return speed
        except LineGoneError:
            return 0
        finally:
            self._port.set_speed(own)
            self._port.drop_input()
            self._probe.talk.forget()
        return 0

    def _far_pins(self, seen: Seen) -> Seen:
        if not seen.can_pins:
            return seen
        self._note("raising and dropping the handshake wires on both sides")
        far_up = self._far_inputs(up=True)
        far_down = self._far_inputs(up=False)
        self._port.set_rts(on=True)
        self._probe.ask("PINS", 0, 1)
        self._probe.listen(_SETTLE)
        down = self._probe.inputs()
        self._probe.ask("PINS", 1, 1)
        self._probe.listen(_SETTLE)
        return replace(
            seen,
            far_pins_up=far_up,
            far_pins_down=far_down,
            pins_far_up=self._probe.inputs(),
            pins_far_down=down,
        )

    def _far_inputs(self, *, up: bool) -> tuple[bool, bool, bool] | None:
        """The other end's inputs with our RTS so and our DTR up."""
        self._port.set_rts(on=up)
        self._probe.listen(_SETTLE)
        answer = self._probe.ask("LINES")
        if answer is None or len(answer.numbers) != 3:
            return None
        cts, dsr, dcd = map(bool, answer.numbers)
        return (cts, dsr, dcd)

    def _runs(self, seen: Seen, run: Callable[[int, str, str], SpeedRun]) -> tuple[SpeedRun, ...]:
        """Blocks at each speed; first at the one that was asked for, where every way is tried."""
        base = self._port.speed
        runs: list[SpeedRun] = []
        wanted = {speed for speed in (base, *self._speeds) if speed >= _SLOWEST}
        for speed in sorted(wanted, key=lambda one: (one != base, one)):
            if self._probe.cancelled():
                break
            if speed == base or run == self._blocks.loop:
                self._port.set_speed(speed)
                runs += self._flows(seen, runs, speed, run)
                self._port.set_speed(base)
            else:
                runs += self._at_other_speed(seen, runs, speed, base, run)
        return tuple(sorted(runs, key=lambda one: one.speed))

    def _at_other_speed(
        self, seen: Seen, before: list[SpeedRun], speed: int, base: int,
        run: Callable[[int, str, str], SpeedRun],
    ) -> list[SpeedRun]:  # fmt: skip
        if self._probe.ask("SPEED", speed) is None:
            return []
        try:
            self._port.set_speed(speed)
        except LineGoneError:
            self._probe.listen(FALLBACK + 1)
            return []
        self._probe.listen(_SETTLE)
        runs = self._flows(seen, before, speed, run)
        self._probe.ask("SPEED", base)
        self._port.set_speed(base)
        self._probe.talk.forget()
        if self._probe.greeting(FALLBACK + 2) is None:
            return [SpeedRun(speed, "none", 0, 0, block_length(speed))]
        return runs

    def _flows(
        self,
        seen: Seen,
        before: list[SpeedRun],
        speed: int,
        run: Callable[[int, str, str], SpeedRun],
    ) -> list[SpeedRun]:
        """Every flow control that has not failed before, if the line is clean without."""
        first = not before
        self._note(f"{block_length(speed)} bytes each way at {speed} bit/s")
        runs = [run(speed, "none", "none")]
        if not runs[0].clean:
            return runs
        if first:
            self._note("the same, while the receiver cannot listen and does not say so")
            runs.append(run(speed, "none", "silent"))
        for flow in FLOWS[1:]:
            failed = any(one.flow == flow and not one.clean for one in before)
            if (
                failed
                or self._probe.cancelled()
                or (flow == "rtscts" and not self._sees_wires(seen))
            ):
                continue
            self._note(f"the same, while the receiver says halt (--flow {flow})")
            runs.append(run(speed, flow, flow))
        return runs

    def _sees_wires(self, seen: Seen) -> bool:
        """Whether RTS can be dropped on both sides; then it is worth seeing what that does."""
        return seen.wires is not None or seen.plug

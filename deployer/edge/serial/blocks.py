"""Blocks over a line, with each flow control and with a receiver that says halt in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deployer.core.serial.linetalk import HALTS, Halt, block, block_length, encode, right_bytes
from deployer.core.serial.linetest import FLOWS, SpeedRun
from deployer.edge.serial.port import Flow
from deployer.edge.serial.probe import Probe, no_flow


class Blocks:
    """Runs of test blocks, one after the other."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._port = probe.port
        self._seed = 1

    def both_ways(self, speed: int, flow: str, halt: str) -> SpeedRun:
        """To the end that answers, and from it."""
        length = block_length(speed)
        out, out_late = self._block_out(speed, length, flow, halt)
        back, in_late = self._block_in(speed, length, flow, halt)
        return SpeedRun(
            speed, flow, out, back, length, halted=halt != "none", out_late=out_late,
            in_late=in_late,
        )  # fmt: skip

    def _block_out(self, speed: int, length: int, flow: str, halt: str) -> tuple[int, int]:
        """Send a block with a flow control; the bytes that were right, and those that were late."""
        self._seed += 1
        head = encode("BLOCK", self._seed, length, HALTS.index(halt))
        limit = self._limit(length, speed)
        with self._flow(flow):
            self._probe.send(head + block(self._seed, length), limit)
            got = self._probe.wait_for("GOT", self._seed, limit)
        return (got[1], got[2]) if len(got) == 3 else (0, 0)

    def _block_in(self, speed: int, length: int, flow: str, halt: str) -> tuple[int, int]:
        """Have a block sent with a flow control, and halt its sender."""
        self._seed += 1
        self._probe.send(
            encode("WANT", self._seed, length, FLOWS.index(flow), HALTS.index(halt)), 2.0
        )
        holding = Halt(length, speed)
        end = self._probe.clock() + self._limit(length, speed)
        quiet_since = self._probe.clock()
        right = 0
        while (now := self._probe.clock()) < end and not self._probe.cancelled():
            heard = self._probe.talk.heard
            self._probe.talk.feed(self._port.read(0.02))
            if self._probe.talk.heard > heard or holding.holding:
                quiet_since = now
            coming = self._probe.talk.open_block
            if coming is not None and halt != "none":
                self._halt(halt, holding.step(coming[3], self._probe.clock()))
            if holding.holding:
                continue
            message = self._probe.talk.next()
            if message is None and now - quiet_since > 2.0:
                message = self._probe.talk.give_up_block()
            if message is not None and message.word == "RESULT":
                right = message.numbers[1]
                break
        self._halt(halt, "go")
        self._probe.ask("DONE")
        return right, holding.late

    def _halt(self, halt: str, deed: str | None) -> None:
        if deed is None:
            return
        if halt == "rtscts":
            self._port.set_rts(on=deed == "go")
        elif halt == "xonxoff":
            self._port.write(b"\x11" if deed == "go" else b"\x13")

    def loop(self, speed: int, flow: str, halt: str) -> SpeedRun:
        """A block through a loopback plug: we are the sender and the receiver that says halt."""
        self._seed += 1
        length = block_length(speed)
        data = block(self._seed, length)
        # XOFF stands in the data itself: queued after them it would come too late.
        mark = b"\x13" if halt == "xonxoff" else b""
        pending = bytearray(data[: length // 4] + mark + data[length // 4 :])
        holding = Halt(length, speed)
        got = bytearray()
        end = self._probe.clock() + self._limit(length, speed)
        self._port.drop_input()
        with self._flow(flow):
            while (now := self._probe.clock()) < end and not self._probe.cancelled():
                if pending:
                    del pending[: self._port.write(bytes(pending))]
                got += self._port.read(0.02, until_writable=bool(pending)).replace(b"\x13", b"")
                deed = holding.step(len(got), now) if halt != "none" else None
                if deed == "go" and halt == "xonxoff":
                    no_flow(self._port)
                elif halt == "rtscts":
                    self._halt(halt, deed)
                if len(got) >= length and not holding.holding:
                    break
        right = right_bytes(bytes(got), data)
        late = holding.late
        return SpeedRun(speed, flow, right, right, length, halted=halt != "none", out_late=late)

    @contextmanager
    def _flow(self, flow: str) -> Iterator[None]:
        """With a flow control; afterwards nothing is left that it has stopped."""
        self._port.set_flow(Flow(flow))
        try:
            yield
        finally:
            if flow != "none":
                self._port.drop_output()
            no_flow(self._port)

    def _limit(self, length: int, speed: int) -> float:
        """Seconds that a block may take, with its halt and the silence after a damaged one."""
        return 1.5 * length * 10 / speed + Halt(length, speed).lasts + 2.5

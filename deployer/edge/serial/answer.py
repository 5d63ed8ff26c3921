"""The end of a line test that answers: does with its port what `linetalk.Answerer` decides."""

from __future__ import annotations

import time
from collections.abc import Callable

from deployer.core.serial.linetalk import Answerer, Pins
from deployer.edge.serial.port import Flow
from deployer.edge.serial.probe import Probed, no_flow


class Answering:
    """The answerer and its port. `turn` is one round and never waits longer than it is told to."""

    def __init__(self, port: Probed, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._port = port
        self._clock = clock
        self._pending = bytearray()
        self.end = Answerer(now=clock(), speed=port.speed)
        no_flow(port)
        port.set_dtr(on=True)

    def turn(self, wait: float) -> None:
        """Listen, then do what is to be done."""
        port = self._port
        lines = port.modem_lines()
        self.end.lines = (lines.cts, lines.dsr, lines.dcd) if lines else None
        data = port.read(wait, until_writable=bool(self._pending))
        self.end.tick(self._clock())
        self.end.receive_data(data)
        self._work()

    def _work(self) -> None:
        if self.end.drops:
            self._pending.clear()
        while True:
            if self._pending:
                del self._pending[: self._port.write(bytes(self._pending))]
                if self._pending:
                    return
            match self.end.next_deed():
                case None:
                    return
                case Pins() as pins:
                    self._do(pins)
                case data:
                    self._pending += data

    def _do(self, pins: Pins) -> None:
        port = self._port
        if pins.drop:
            port.drop_output()
        if pins.flow is not None:
            no_flow(port)
            port.set_flow(Flow(pins.flow))
        if pins.rts is not None:
            port.set_rts(on=pins.rts)
        if pins.dtr is not None:
            port.set_dtr(on=pins.dtr)
        if pins.speed is not None:
            port.drain(2.0)
            port.set_speed(pins.speed)
            port.drop_input()


def answer(
    port: Probed,
    *,
    cancelled: Callable[[], bool],
    note: Callable[[str], None] = lambda _text: None,
) -> None:
    """Be the end that answers, until cancelled."""
    answering = Answering(port)
    met = False
    while not cancelled():
        answering.turn(0.1)
        if answering.end.met and not met:
            met = True
            note("the other side is there: the test runs from there")

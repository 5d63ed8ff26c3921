"""What can go wrong with a simulated PC and its cable, on demand, the same every time.

A fault is written as text; several are joined by commas or given one by one:

    cable@BYTE   the cable is pulled at that byte: both connections are gone, the file stays short
    hang@BYTE    at that byte nothing comes any more; FTP.EXE waits until the server closes
    cut@BYTE     the transfer ends at that byte as if it were complete
    flip@BYTE    one bit of that byte arrives wrong
    crlf         every bare LF arrives as CR LF; crlf@BYTE: only in the chunk with that byte
    ascii        the user (or a script) never gets FTP.EXE out of ASCII mode
    full@BYTES   only so much is free on drive C:
    power@STEP   the power fails in the middle of the STEPth change of the disk
    off@LINE     the power fails before the LINEth line that COMMAND.COM carries out
    slow@RATE    no fault: the cable carries so many bytes a second, 1250000 for 10 Mbit/s
    random:SEED  one to three of these, drawn from that seed

Bytes are counted over all data connections of a visit, both directions, from 0; each fault at a
byte or step happens once.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deployer.sim.cable import Cable, Cut, LinkLost, Stalled
from deployer.sim.disk import DiskChange, PowerOff

#: How far random faults reach in a small deployment: bytes, changes of the disk, lines of GO.BAT.
SPAN_BYTES, SPAN_STEPS, SPAN_LINES = 1 << 20, 300, 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its kind, and where it happens (byte, step or size; None: always)."""

    kind: str
    at: int | None = None

    def __str__(self) -> str:
        return self.kind if self.at is None else f"{self.kind}@{self.at}"


#: Kind -> whether it has a number after @ (None: it may).
KINDS: dict[str, bool | None] = {
    "cable": True,
    "hang": True,
    "cut": True,
    "flip": True,
    "crlf": None,
    "ascii": False,
    "full": True,
    "power": True,
    "off": True,
    "slow": True,
}


def parse(text: str) -> tuple[Fault, ...]:
    """The faults that a text names; ValueError with one line for people when it is wrong."""
    found: list[Fault] = []
    for word in (part.strip() for part in text.split(",")):
        kind, _, number = word.partition("@")
        if match := re.fullmatch(r"random:(\d{1,18})", word):
            found += draw(int(match[1]))
        elif kind not in KINDS:
            known = ", ".join([*KINDS, "random:SEED"])
            raise ValueError(f"there is no fault {word!r}; there are {known}")
        elif "@" in word:
            if KINDS[kind] is False:
                raise ValueError(f"the fault {kind} takes no number: {word!r}")
            if not re.fullmatch(r"\d{1,18}", number):
                raise ValueError(f"the fault {word!r} needs a whole number after @")
            found.append(Fault(kind, int(number)))
        elif KINDS[kind]:
            raise ValueError(f"the fault {kind} needs a place, such as {kind}@1000")
        else:
            found.append(Fault(kind))
    return tuple(found)


def draw(seed: int) -> tuple[Fault, ...]:
    """One to three faults, the same for the same seed; small places are as likely as large."""
    rng = random.Random(seed)

    def place(span: int) -> int:
        return int(span ** rng.random())

    def one() -> Fault:
        kind = rng.choice(
            ["cable", "hang", "cut", "flip", "flip", "crlf", "full", "power", "power", "off"]
        )
        match kind:
            case "power":
                return Fault(kind, rng.randint(1, SPAN_STEPS))
            case "off":
                return Fault(kind, rng.randint(1, SPAN_LINES))
            case "full":
                return Fault(kind, 65536 + place(SPAN_BYTES * 4))
            case _:
                return Fault(kind, place(SPAN_BYTES))

    return tuple(one() for _ in range(rng.randint(1, 3)))


class FaultyCable(Cable):
    """A cable with faults at given bytes. `notice` is told when one happens."""

    def __init__(self, faults: Iterable[Fault], notice: Callable[[Fault], None]) -> None:
        kinds = {"cable", "hang", "cut", "flip", "crlf"}
        self._faults = sorted(
            (f for f in faults if f.kind in kinds and f.at is not None), key=lambda f: f.at or 0
        )
        self._always = [f for f in faults if f.kind == "crlf" and f.at is None]
        self._notice = notice
        self._rate = min((f.at for f in faults if f.kind == "slow" and f.at), default=0)
        self._free_at = 0.0
        self._count = 0
        self._last = b""

    def received(self, data: bytes) -> bytes:
        """What the target gets of `data`."""
        return self._pass(data)

    def sent(self, data: bytes) -> bytes:
        """What the other side gets of `data`."""
        return self._pass(data)

    def _pass(self, data: bytes) -> bytes:
        self._take_time(len(data))
        start, self._count = self._count, self._count + len(data)
        out = bytearray(data)
        mangle = False
        while self._faults and (self._faults[0].at or 0) < self._count:
            fault = self._faults.pop(0)
            place = max(0, (fault.at or 0) - start)
            self._notice(fault)
            match fault.kind:
                case "flip":
                    out[place] ^= 1 << (place % 8)
                case "crlf":
                    mangle = True
                case "cable":
                    raise LinkLost(bytes(out[:place]))
                case "cut":
                    raise Cut(bytes(out[:place]))
                case _:
                    raise Stalled(bytes(out[:place]))
        if mangle or self._always:
            return self._mangle(bytes(out))
        self._last = bytes(out[-1:])
        return bytes(out)

    def _take_time(self, count: int) -> None:
        """Bytes take their time on a slow cable; what lay idle is not made up for."""
        if self._rate:
            self._free_at = max(self._free_at, time.monotonic()) + count / self._rate
            time.sleep(max(0.0, self._free_at - time.monotonic()))

    def _mangle(self, data: bytes) -> bytes:
        after_cr = self._last == b"\r"
        self._last = data[-1:]
        if after_cr and data[:1] == b"\n":
            return b"\n" + re.sub(rb"(?<!\r)\n", b"\r\n", data[1:])
        return re.sub(rb"(?<!\r)\n", b"\r\n", data)


class PowerSwitch:
    """Cuts the power at given changes of the disk, half of a write being done."""

    def __init__(self, faults: Iterable[Fault], notice: Callable[[Fault], None]) -> None:
        self._faults = {f.at: f for f in faults if f.kind == "power"}
        self._notice = notice
        self._count = 0

    def __call__(self, step: DiskChange) -> None:
        self._count += 1
        fault = self._faults.pop(self._count, None)
        if fault is not None:
            self._notice(fault)
            raise PowerOff(kept=step.length // 2)

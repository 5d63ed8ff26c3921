"""What a serial cable and its ports can do: what was seen, what that means, and what to do.

`judge` takes what `edge.serial_test` has seen with the talk of `linetalk`. Its messages are for
people who have never seen a handshake wire.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FLOWS = ("none", "rtscts", "xonxoff")


@dataclass(frozen=True, slots=True)
class SpeedRun:
    """How a block went at a speed with a flow control: bytes right of `length`, each way.

    `halted`: its receiver told the sender to stop in the middle; `late` are the bytes that came
    long after that, which an old PC would have lost.
    """

    speed: int
    flow: str
    out_right: int
    in_right: int
    length: int
    halted: bool = False
    out_late: int = 0
    in_late: int = 0

    @property
    def clean(self) -> bool:
        """Both ways without an error, and stopped when told to."""
        return self.out_right == self.in_right == self.length and not self.late

    @property
    def late(self) -> int:
        """Bytes that came while the receiver could not take them."""
        return self.out_late + self.in_late

    @property
    def what(self) -> str:
        """In a few words."""
        if self.clean:
            return "clean"
        if not self.out_right + self.in_right:
            return "nothing passes"
        if self.late:
            return "does not stop"
        return "loses bytes"


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
    runs: tuple[SpeedRun, ...] = field(default=())

    def best(self, flow: str) -> int | None:
        """The fastest speed that ran clean with it; 0: none did, None: it was not tried."""
        tried = [run for run in self.runs if run.flow == flow and (flow == "none") != run.halted]
        return max((run.speed for run in tried if run.clean), default=0) if tried else None

    @property
    def plug(self) -> bool:
        """Whether our CTS follows our RTS: a loopback plug with all its bridges."""
        up, down = self.pins_up, self.pins_down
        return bool(up and down and up[0] and not down[0])

    @property
    def wires(self) -> bool | None:
        """Whether RTS of each side arrives at CTS of the other; None when that was not seen."""
        found = []
        for up, down in (
            (self.pins_far_up, self.pins_far_down),
            (self.far_pins_up, self.far_pins_down),
        ):
            if up is None or down is None:
                return None
            found.append(up[0] and not down[0])
        return all(found)


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """What it means: `kind` for programs, `what` and `remedy` for people."""

    kind: Literal[
        "good", "three-wire", "loopback", "loopback-data", "no-cable", "no-answer",
        "crossed-wrong", "wrong-speed", "dumb", "noisy", "slower", "pins-unknown", "no-handshake",
    ]  # fmt: skip
    what: str
    remedy: str

    @property
    def usable(self) -> bool:
        """Whether files can be sent over this line as it is."""
        return self.kind in ("good", "three-wire", "slower", "pins-unknown", "no-handshake")


def table(seen: Seen) -> list[str]:
    """The runs as lines: a speed in each, a flow control in each column."""
    if not seen.runs:
        return []
    speeds = sorted({run.speed for run in seen.runs})
    cells = {
        (run.speed, run.flow): run.what for run in seen.runs if run.halted or run.flow == "none"
    }
    for run in seen.runs:
        if run.flow == "none" and not run.halted:
            cells[run.speed, "none"] = run.what
    rows = [["bit/s", *(f"--flow {flow}" for flow in FLOWS)]]
    rows += [[str(speed), *(cells.get((speed, flow), "-") for flow in FLOWS)] for speed in speeds]
    lines = [f"{row[0]:>8}  " + "".join(f"{cell:<18}" for cell in row[1:]).rstrip() for row in rows]
    if any("-" in row for row in rows):
        lines.append(f"{'-':>8}  not tried: it had failed at another speed, or cannot be seen here")
    return [*lines, *_notes(seen)]


def _notes(seen: Seen) -> list[str]:
    notes = [
        f"Without flow control {run.late} bytes came while their receiver could take none: an old "
        "PC loses them."
        for run in seen.runs
        if run.flow == "none" and run.halted and run.late
    ]
    if seen.best("rtscts") is None and seen.wires is None:
        notes.append("RTS/CTS was not tried: one of the ports does not show its handshake wires.")
    return notes


def judge(seen: Seen) -> LineVerdict:
    """The one verdict that explains what was seen."""
    if seen.greeting:
        return _judge_talk(seen)
    if seen.sent and seen.echo == seen.sent:
        return _judge_loop(seen)
    if seen.other_speed:
        return LineVerdict(
            "wrong-speed",
            f"The other side speaks at {seen.other_speed} bit/s, this side at {seen.speed}.",
            f"Set both to the same: add --speed {seen.other_speed} here, or change it there.",
        )
    if seen.heard:
        return LineVerdict(
            "wrong-speed",
            f"{seen.heard} bytes came that make no sense at {seen.speed} bit/s: most likely the "
            "other side uses another speed, or not 8N1.",
            "Set the same speed, 8 data bits, no parity and 1 stop bit on both sides.",
        )
    return _judge_silence(seen)


def _judge_loop(seen: Seen) -> LineVerdict:
    if not seen.plug:
        return LineVerdict(
            "loopback-data",
            "Everything sent comes back, but CTS does not follow RTS: pins 2 and 3 are bridged, 7 "
            "and 8 are not (or this adapter has no RTS/CTS).",
            "For a full test bridge 2-3, 7-8 and 4-6-1 of the 9-pin plug; then connect the cable.",
        )
    best = seen.best("none") or seen.speed
    if seen.best("rtscts") == 0:
        return LineVerdict(
            "loopback",
            "Everything sent comes back, and CTS follows RTS: this is a loopback plug. But the "
            "port goes on sending when CTS drops: it has no working RTS/CTS.",
            "With this adapter: " + _software(seen, best) + " Now connect the null-modem cable and "
            "test again.",
        )
    return LineVerdict(
        "loopback",
        "Everything sent comes back, and CTS follows RTS: this is a loopback plug, and port and "
        "adapter are good.",
        "Now take the plug off, connect the null-modem cable, and test again.",
    )


def _judge_silence(seen: Seen) -> LineVerdict:
    up = seen.pins_up or (False, False, False)
    if not seen.can_pins:
        return LineVerdict(
            "no-answer",
            "Nothing comes back, and this kind of port does not show its wires.",
            "Start `deployer serial test PORT --answer` (or a terminal) on the other side.",
        )
    if (
        seen.pins_up
        and seen.pins_down
        and any(a and not b for a, b in zip(seen.pins_up, seen.pins_down, strict=True))
    ):
        return LineVerdict(
            "crossed-wrong",
            "Our own RTS or DTR comes back on our inputs, but no data does: the plug is wired to "
            "itself (some 3-wire cables bridge 7-8 and 4-6), and the other side is silent.",
            "Start `deployer serial test PORT --answer` there and test again. With such a plug use "
            "--flow xonxoff: rtscts seems to work, but stops nobody.",
        )
    if any(up):
        return LineVerdict(
            "no-answer",
            "The other computer is connected and switched on (its wires are up), but nothing "
            "comes from it.",
            "Run `deployer serial test PORT --answer` there. If it does run: the data wires are "
            "not crossed, use a null-modem cable (2-3 and 3-2), not a straight one.",
        )
    return LineVerdict(
        "no-cable",
        "Nothing at the other end: no wire is up and nothing comes back.",
        "Check that the cable is in the right port on both sides and the other computer is on; a "
        "straight (modem) cable looks the same: it must be a null-modem cable.",
    )


def _judge_talk(seen: Seen) -> LineVerdict:
    if not seen.far_heard:
        return LineVerdict(
            "dumb",
            "We hear the other side, but it hears nothing of us: the wire from our pin 3 to its "
            "pin 2 is broken (or our adapter does not send).",
            "Test this port with a loopback plug (bridge 2-3): if that works, change the cable.",
        )
    if misled := _crossed(seen):
        return misled
    if seen.best("none") == 0:
        return LineVerdict(
            "noisy",
            "Both sides hear each other, but no speed runs without errors.",
            "Change the cable or the adapter; keep it away from power cables and under 5 m.",
        )
    return _judge_flow(seen)


def _judge_flow(seen: Seen) -> LineVerdict:
    """Data runs both ways: who can stop whom?"""
    best = seen.best("none") or seen.speed
    hardware = seen.best("rtscts")
    if hardware or (hardware is None and seen.wires):
        return _good(seen, min(best, hardware or best))
    if hardware is None and seen.wires is None:
        return LineVerdict(
            "pins-unknown",
            f"Data runs both ways, clean up to {best} bit/s; whether RTS/CTS works could not be "
            "tested.",
            _sentence(_software(seen, best))
            if seen.best("xonxoff")
            else f"Use --flow rtscts --speed {best}; if that stands still, --flow xonxoff.",
        )
    if seen.wires:
        return LineVerdict(
            "no-handshake",
            "The wires are all there, but with RTS/CTS a sender does not stop when it has to, "
            "or nothing passes: one of the adapters has no working RTS/CTS (cheap CH340 ones).",
            _sentence(_software(seen, best)),
        )
    return LineVerdict(
        "three-wire",
        "CTS never rises: a 3-wire cable (or an adapter without RTS/CTS). Data runs both ways, "
        f"clean up to {best} bit/s.",
        _sentence(_software(seen, best)),
    )


def _good(seen: Seen, best: int) -> LineVerdict:
    if best < max((run.speed for run in seen.runs), default=best):
        return LineVerdict(
            "slower",
            f"Cable and both ports are good up to {best} bit/s; faster than that bytes are lost.",
            f"Use --flow rtscts --speed {best} here, and Hardware with {best} in HyperTerminal.",
        )
    return LineVerdict(
        "good",
        f"Cable and both ports are good: data and RTS/CTS in both directions, {best} bit/s.",
        f"Use --flow rtscts --speed {best}, and Hardware in HyperTerminal.",
    )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _software(seen: Seen, best: int) -> str:
    """What to use where RTS/CTS does not help."""
    speed = seen.best("xonxoff")
    if speed == 0:
        return (
            f"use --flow none --speed {min(best, 38_400)}, and None in HyperTerminal: XON/XOFF "
            "does not stop it either. A busy PC may lose bytes, which ZMODEM sends again."
        )
    return f"use --flow xonxoff --speed {speed or best} here, and Xon/Xoff in HyperTerminal."


def _crossed(seen: Seen) -> LineVerdict | None:
    """RTS arrives, but at another pin than CTS."""
    for up, down, where in (
        (seen.far_pins_up, seen.far_pins_down, "the other side's"),
        (seen.pins_far_up, seen.pins_far_down, "our"),
    ):
        if up and down and not (up[0] and not down[0]):
            wrong = [n for n, a, b in zip(("CTS", "DSR", "DCD"), up, down, strict=True) if a != b]
            if wrong:
                return LineVerdict(
                    "crossed-wrong",
                    f"Data runs, but RTS arrives at {where} {wrong[0]} instead of CTS: the "
                    "handshake wires are crossed wrong.",
                    "Take a cable with 7-8 and 8-7 crossed. Or do without these wires: "
                    + _software(seen, seen.best("none") or seen.speed),
                )
    return None

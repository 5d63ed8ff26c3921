"""A serial line: pyserial in five verbs.

Names are what pyserial opens: `/dev/ttyUSB0`, `/dev/serial/by-id/...`, `COM3`,
`rfc2217://host:port`, `socket://host:port`. Nothing here blocks longer than it is told to: a line
stopped by XOFF or CTS takes no bytes and says so.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import serial

from deployer.edge.serial.names import (
    PortInfo,
    advice,
    device_of,
    find_again,
    identity_of,
    is_locked,
    ports,
)
from deployer.errors import (
    SerialPortBusy,
    SerialPortForbidden,
    SerialPortMissing,
    SerialServerMissing,
    WrongUse,
)

__all__ = [
    "DEFAULT_SPEED", "PLAIN_8N1", "SPEEDS", "Flow", "Frame", "Line", "LineGoneError", "ModemLines",
    "Parity", "PortInfo", "SerialLine", "advice", "device_of", "find_again", "identity_of", "ports",
]  # fmt: skip

DEFAULT_SPEED = 115_200
SPEEDS = (300, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200)
"""What the COM port of an old PC can do (its 16550 divides 115,200)."""
_PIECE = 16 << 10
_SLICE = 0.02
"""Seconds that one look takes at a port that cannot be selected."""
_SERVERS = ("socket", "rfc2217")
"""Ways to a port of another computer."""
_PLACE = re.compile(r"[^/?#]+:([0-9]{1,5})(\?|$)")
_COM = re.compile(r"COM[0-9]+", re.IGNORECASE)
_ERRNO = re.compile(r"^\[Errno -?[0-9]+\] ")


TerminalError: type[Exception] = OSError
with contextlib.suppress(ImportError):  # Windows has none
    import termios

    TerminalError = termios.error


class Flow(StrEnum):
    """Who may stop whom: RTS/CTS wires, XON/XOFF characters, nobody."""

    RTSCTS = "rtscts"
    XONXOFF = "xonxoff"
    NONE = "none"


class Parity(StrEnum):
    """The bit beside each character: none, or what makes the count of ones even or odd."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"
    MARK = "mark"
    SPACE = "space"


@dataclass(frozen=True, slots=True)
class Frame:
    """How a character goes over the line: data bits, parity, stop bits. PCs talk 8N1."""

    bits: int = 8
    parity: Parity = Parity.NONE
    stop: int = 1

    def __str__(self) -> str:
        return f"{self.bits}{self.parity[0].upper()}{self.stop}"


PLAIN_8N1 = Frame()


class LineGoneError(Exception):
    """The port vanished under us (adapter unplugged, connection closed)."""


@dataclass(frozen=True, slots=True)
class ModemLines:
    """The input wires of a port as they stand; None: this port cannot tell."""

    cts: bool
    dsr: bool
    dcd: bool
    ring: bool


class Line(Protocol):
    """What a protocol's driver needs of a line."""

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        """What has come; waits up to `wait` s for it (or until the line takes bytes again)."""

    def write(self, data: bytes) -> int:
        """How many of these bytes the line took; 0 while it is stopped."""

    def drop_output(self) -> None:
        """Forget what was taken and has not left yet."""

    def drain(self, limit: float) -> None:
        """Wait until everything that was taken has left, `limit` seconds at most."""

    def reopen(self) -> bool:
        """After LineGoneError: True when the same line is back."""


class SerialLine:
    """An open serial port. Raises LineGoneError from `read` and `write` when it vanishes."""

    def __init__(
        self,
        port: str,
        speed: int = DEFAULT_SPEED,
        flow: Flow = Flow.RTSCTS,
        frame: Frame = PLAIN_8N1,
    ) -> None:
        self.port = port = device_of(port)
        self.speed = speed
        self.flow = flow
        self._frame = frame
        self._identity = identity_of(port)
        self._serial = _open(port, speed, flow, frame)

    def __enter__(self) -> SerialLine:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back. What a stopped line holds is dropped, not waited for."""
        with contextlib.suppress(Exception):
            if self._serial.out_waiting:
                self._serial.reset_output_buffer()
        with contextlib.suppress(Exception):
            self._serial.close()

    def read(self, wait: float, *, until_writable: bool = False) -> bytes:
        """What has come; see `Line`."""
        try:
            handle = self.handle()
            if handle is None:
                return self._read_by_waiting(_SLICE if until_writable else wait)
            ready = select.select([handle], [handle] if until_writable else [], [], wait)
            if not ready[0]:
                return b""
            return self._read_now()
        except (OSError, serial.SerialException, TypeError, ValueError) as error:
            raise LineGoneError(str(error)) from error

    def _read_by_waiting(self, wait: float) -> bytes:
        """Where nothing can be selected, the port's own time-out, which stays as it is, is waited.

        To change it would settle speed and flow anew each time, over the network.
        """
        end = time.monotonic() + wait
        while True:
            if waiting := self._serial.in_waiting:
                return bytes(self._serial.read(min(waiting, _PIECE)))
            first = bytes(self._serial.read(1))
            if first or time.monotonic() >= end:
                return first + bytes(self._serial.read(self._serial.in_waiting)) if first else b""

    def _read_now(self) -> bytes:
        self._serial.timeout = 0
        waiting = self._serial.in_waiting if hasattr(self._serial, "fd") else _PIECE
        return bytes(self._serial.read(max(1, min(waiting, _PIECE))))

    def write(self, data: bytes) -> int:
        """How many of these bytes the line took; see `Line`."""
        try:
            # Asked first: pyserial spins on a line that takes nothing, whatever its time-out says.
            handle = self.handle()
            if handle is not None and not select.select([], [handle], [], 0)[1]:
                return 0
            return int(self._serial.write(data) or 0)
        except serial.SerialTimeoutException:
            return 0
        except BlockingIOError:
            return 0
        except (OSError, serial.SerialException, TypeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EAGAIN:
                return 0
            raise LineGoneError(str(error)) from error

    def drop_output(self) -> None:
        """Forget what the operating system has not sent yet."""
        with contextlib.suppress(Exception):
            self._serial.reset_output_buffer()

    def drop_input(self) -> None:
        """Forget what has come and was not read."""
        with contextlib.suppress(Exception):
            self._serial.reset_input_buffer()

    def reopen(self) -> bool:
        """True when the same adapter is there again, wherever it is now."""
        device = find_again(self.port, self._identity)
        if device is None:
            return False
        if "://" in device:
            device = str(self._serial.port)  # with what has been learnt of that server
        with contextlib.suppress(Exception):
            self._serial.close()
        try:
            self._serial = _open(device, self.speed, self.flow, self._frame)
        except (SerialPortMissing, SerialPortBusy, SerialPortForbidden, SerialServerMissing):
            # udev may still be giving it its rights.
            return False
        return True

    def set_speed(self, speed: int) -> None:
        """Another speed from now on. Raises LineGoneError where the port cannot do it."""
        try:
            self._serial.baudrate = speed
        except (OSError, ValueError, serial.SerialException) as error:
            raise LineGoneError(f"{speed} bit/s: {error}") from error
        self.speed = speed

    def set_flow(self, flow: Flow) -> None:
        """Another flow control from now on."""
        with contextlib.suppress(OSError, serial.SerialException):
            self._serial.rtscts = flow is Flow.RTSCTS
            self._serial.xonxoff = flow is Flow.XONXOFF
        self.flow = flow

    def set_rts(self, *, on: bool) -> None:
        """Raise or drop RTS."""
        with contextlib.suppress(OSError, serial.SerialException):
            self._serial.rts = on

    def set_dtr(self, *, on: bool) -> None:
        """Raise or drop DTR."""
        with contextlib.suppress(OSError, serial.SerialException):
            self._serial.dtr = on

    def modem_lines(self) -> ModemLines | None:
        """How the input wires stand; None when this port cannot tell."""
        try:
            port = self._serial
            return ModemLines(bool(port.cts), bool(port.dsr), bool(port.cd), bool(port.ri))
        except (OSError, serial.SerialException, NotImplementedError):
            return None

    @property
    def waiting(self) -> int:
        """Bytes that were taken and have not left; 0 where the port cannot tell."""
        with contextlib.suppress(OSError, serial.SerialException, NotImplementedError):
            return int(getattr(self._serial, "out_waiting", 0))
        return 0

    def drain(self, limit: float) -> None:
        """Wait until everything has left, `limit` seconds at most."""
        pending = getattr(type(self._serial), "out_waiting", None)
        waited = 0.0
        while pending is not None and waited < limit:
            try:
                if not self._serial.out_waiting:
                    return
            except (OSError, serial.SerialException):
                return
            select.select([], [], [], 0.02)
            waited += 0.02

    def handle(self) -> Any:
        """What `select` can wait for; None where there is no such thing (Windows, rfc2217)."""
        if sys.platform == "win32":
            return None
        fileno = getattr(self._serial, "fileno", None)
        if fileno is None:
            return None
        try:
            return fileno()
        except (OSError, serial.SerialException, NotImplementedError, AttributeError):
            return None


def _open(port: str, speed: int, flow: Flow, frame: Frame) -> Any:
    if is_locked(port):
        raise SerialPortBusy(port=port)
    scheme, mark, place = port.partition("://")
    if mark and not (scheme in _SERVERS and _is_place(place)):
        raise WrongUse(
            what=f"{port}: not the address of a serial server.",
            remedy="Write it as rfc2217://HOST:PORT or socket://HOST:PORT.",
        )
    try:
        return _opened(port, scheme, speed, flow, frame)
    except (serial.SerialException, OSError, ValueError) as error:
        # pyserial says only in words which of its options the server has not answered.
        if scheme == "rfc2217" and "option 'control'" in str(error) and "?" not in port:
            # A port without modem lines: the server says nothing to RTS and DTR, so do not wait.
            return _open(f"{port}?ign_set_control", speed, flow, frame)
        raise _refusal(port.removesuffix("?ign_set_control"), error) from error


def _is_place(place: str) -> bool:
    found = _PLACE.match(place)
    return found is not None and 0 < int(found[1]) <= 0xFFFF


def _opened(port: str, scheme: str, speed: int, flow: Flow, frame: Frame) -> Any:
    handle = serial.serial_for_url(port, do_not_open=True)
    try:
        handle.baudrate = speed
        handle.rtscts = flow is Flow.RTSCTS
        handle.xonxoff = flow is Flow.XONXOFF
        if not _is_pseudo(port):  # which has no wire, and refuses what it cannot have
            handle.bytesize = frame.bits
            handle.parity = frame.parity[0].upper()
            handle.stopbits = frame.stop
        if scheme == "rfc2217" or sys.platform == "win32":
            handle.timeout = _SLICE
        else:
            handle.timeout = 0
        if scheme != "rfc2217":  # which knows none, and takes far more than we ever have under way
            handle.write_timeout = 0
        if sys.platform != "win32" and "://" not in port:
            handle.exclusive = True
        handle.open()
    except (serial.SerialException, OSError, ValueError, TerminalError) as error:
        with contextlib.suppress(Exception):
            handle.close()
        if isinstance(error, TerminalError):  # its driver has taken other settings than these
            raise WrongUse(
                what=f"{port} cannot send {frame} at {speed} bit/s.",
                remedy="Use another adapter, or set the other side to what this one can do.",
            ) from error
        raise
    return handle


def _is_pseudo(port: str) -> bool:
    """Whether it is a terminal of the system, which leads to a program."""
    return os.path.realpath(port).startswith("/dev/pts/")


def _number(error: BaseException) -> int:
    """The errno of an error, or of the one that it was raised for; 0 when there is none."""
    cause: BaseException | None = error
    while cause is not None:
        numbers = (getattr(cause, "errno", None), *cause.args[:1])
        found = next((n for n in numbers if isinstance(n, int) and n > 0), 0)
        if found:
            return found
        cause = cause.__context__
    return 0


def _refusal(port: str, error: Exception) -> Exception:
    number = _number(error)
    text = str(error)  # on Windows, and for a name that is not found, pyserial has only words
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in text:
        if sys.platform == "win32":
            return SerialPortBusy(port=port)
        return SerialPortForbidden(port=port)
    if number in (errno.EBUSY, errno.EAGAIN):
        return SerialPortBusy(port=port)
    why = os.strerror(number).lower() if number else _ERRNO.sub("", text.rpartition(": ")[2])
    if "://" in port:
        return SerialServerMissing(port=port, why=why.lower())
    others = ", ".join(info.device for info in ports()) or "none at all"
    if number == errno.ENOTTY:
        why = "it is something else"
    elif _COM.fullmatch(port) and sys.platform != "win32":
        why = "COM names are those of Windows"
    return SerialPortMissing(port=port, why=why, others=others)

"""What an agent says by `SITE`: HELLO, WAIT, DONE and BYE as values, and how a word is encoded.

Each is one line of at most 480 bytes. A value is percent-encoded: every byte of the PC's ANSI code
page but letters, digits and `._-:`. Keys that are not known are skipped, so that both sides can
learn more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from deployer.core.target import codepages
from deployer.core.target.codepages import WESTERN

MOST = 480
"""Bytes of a line."""

LONGEST_WAIT = 50.0
"""Seconds that one `SITE WAIT` may last."""

SILENCE = 60.0
"""Seconds without a command after which an agent is gone."""

_TEXT = 200
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:")
_AGENT = re.compile(r"A-[0-9A-F]{8}", re.IGNORECASE | re.ASCII)
_ORDER = re.compile(r"[0-9A-F]{8}", re.IGNORECASE | re.ASCII)


def is_agent(text: str) -> bool:
    """Whether this has the form of an agent's id, in any case of its letters."""
    return _AGENT.fullmatch(text) is not None


def is_order(text: str) -> bool:
    """Whether this has the form of an order's id, in any case of its letters."""
    return _ORDER.fullmatch(text) is not None


def encode(text: str, page: int = WESTERN) -> str:
    """A value as it stands in a line. Raises ValueError for none, and for what the page lacks."""
    if not text:
        raise ValueError("an empty word")
    if lacking := codepages.lacking(text, page):
        raise ValueError(f"the PC's code page, {page}, lacks {lacking}")
    return "".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in text.encode(f"cp{page}"))


def decode(word: str, page: int = WESTERN) -> str:
    """The value of a word, whatever stands there; control characters become dots."""
    raw = re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), word)
    text = raw.encode("latin-1", "replace").decode(f"cp{page}", "replace")
    return "".join(c if c.isprintable() or c == "\t" else "." for c in text)


@dataclass(frozen=True, slots=True)
class Hello:
    """Who the agent is. Lengths are KiB; `boot` changes with each start of Windows; `busy` is the
    order that it is about, "" for none.
    """

    boot: str = ""
    version: str = ""
    name: str = ""
    system: str = ""
    cpu: str = ""
    memory: int = 0
    free: int = 0
    mac: str = ""
    busy: str = ""


@dataclass(frozen=True, slots=True)
class WaitForOrder:
    """It asks for an order, and waits so many seconds for one."""

    seconds: float


class OrderEnd(StrEnum):
    """How an order ended, as its agent says."""

    OK = "OK"
    NO = "NO"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class Done:
    """An order is over. `code` is the exit code if it was OK, the Windows error if it was NO."""

    order: str
    how: OrderEnd
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bye:
    """It ends: `shutdown`, `logoff`, `disconnect` or `remove`."""

    reason: str


Word = Hello | WaitForOrder | Done | Bye

_MEANINGS = {
    2: "there is no such file or program",
    3: "there is no such folder",
    5: "Windows denies it; perhaps it is in use, or read-only",
    8: "there is not enough memory",
    15: "there is no such drive",
    18: "there is no such file",
    19: "the disk is write-protected",
    21: "the drive is not ready",
    23: "its sum is wrong",
    32: "it is in use",
    50: "its agent does not know that order; deployer upgrade gives it a new one",
    87: "what was asked for cannot be read: a number, a time or a key",
    112: "the disk is full",
    123: "the name is not possible",
    145: "the folder is not empty",
    170: "it is busy with another order",
    193: "it is no program for that PC",
    206: "the path is too long",
    1067: "its process was ended there",
    1168: "no such order is in work",
    1223: "it was ended",
    1236: "the line was lost",
}


def meaning(code: int) -> str:
    """What an error of Windows stands for, when its agent says only the number."""
    return _MEANINGS.get(code, "Windows refused it")


def parse(argument: str) -> Word:
    """What stands after `SITE`. Raises ValueError, whose text is short enough for a reply."""
    head, *rest = argument.split()[:32] or [""]
    match head.upper(), rest:
        case "HELLO", ["1", *pairs]:
            return _hello(pairs)
        case "HELLO", _:
            raise ValueError("HELLO needs 1 and key=value ...")
        case "WAIT", [seconds] if re.fullmatch(r"[0-9]{1,4}", seconds, re.ASCII):
            return WaitForOrder(min(float(seconds), LONGEST_WAIT))
        case "WAIT", _:
            raise ValueError("WAIT needs a number of seconds.")
        case "DONE", [order, how, *more] if is_order(order) and how.upper() in list(OrderEnd):
            return _done(order.upper(), OrderEnd(how.upper()), more)
        case "DONE", _:
            raise ValueError("DONE needs an order's id, OK, NO or LOST, and a number.")
        case "BYE", _:
            return Bye(decode(rest[0])[:16] if rest else "disconnect")
        case _:
            raise ValueError("not offered")


def _hello(pairs: list[str]) -> Hello:
    found = {key.lower(): decode(value) for key, _, value in (p.partition("=") for p in pairs)}
    state, _, order = found.get("state", "").partition(":")
    busy = order.upper() if state == "busy" and is_order(order) else ""
    return Hello(
        boot=found.get("boot", "")[:16],
        version=found.get("ver", "")[:16],
        name=found.get("name", "")[:32],
        system=found.get("win", "")[:32],
        cpu=found.get("cpu", "")[:48],
        memory=_number(found.get("mem", "")),
        free=_number(found.get("free", "")),
        mac=found.get("mac", "")[:17],
        busy=busy,
    )


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text, re.ASCII) else 0


def _done(order: str, how: OrderEnd, more: list[str]) -> Done:
    if how == OrderEnd.LOST:
        return Done(order, how)
    if not more or not re.fullmatch(r"-?[0-9]{1,10}", more[0], re.ASCII):
        raise ValueError("DONE needs a number after OK and NO.")
    return Done(order, how, int(more[0]), decode(" ".join(more[1:]))[:_TEXT])

"""What an agent can be asked: one value for each verb, and the words that carry it.

`words` and `parse` are each other's reverse; a verb is written down and travels between processes
as its words. Paths are those of the old PC, lengths are bytes, times are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.core.agents.words import MOST, decode, encode
from deployer.core.target.codepages import WESTERN

OUTPUT_LIMIT = 64 << 20
MOST_FED = 200
_LISTING = 1 << 20
_SCREEN = 16 << 20
_GET = 1 << 31
_SUM = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FED = re.compile(rf"(?:[0-9a-f]{{2}}){{1,{MOST_FED}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Go:
    """Fetch, check, join and run a deployment, as GO.BAT does."""

    user: str
    password: str
    directory: str


# One class for each verb, all of one shape: an order is one of them, and `match` tells which.
@dataclass(frozen=True, slots=True)
class Run:
    """Start a program in a directory; its output comes as it is printed.

    `seconds` is how long it may take, 0 for ever. With `stdin` the order's file is what it reads;
    when it is `fed`, what `Feed` brings.
    """

    directory: str
    seconds: int
    stdin: bool
    command: str
    fed: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """Give bytes, at most `MOST_FED`, to the program that an order has started."""

    order: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """Tell what has become of the order that has this id."""


@dataclass(frozen=True, slots=True)
class Kill:
    """End what an order has started."""

    order: str


@dataclass(frozen=True, slots=True)
class List:
    """List a directory, or what fits a pattern."""

    path: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete one file or an empty directory; with `force` also what no deployment has brought."""

    path: str
    force: bool = False


@dataclass(frozen=True, slots=True)
class Get:
    """Send bytes of a file."""

    path: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Put:
    """Write the order's file to a path, whole or not at all."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Screen:
    """Send a picture of the screen."""


@dataclass(frozen=True, slots=True)
class Power:
    """Restart, or switch off."""

    off: bool


@dataclass(frozen=True, slots=True)
class Time:
    """Set the clock: YYYYMMDDhhmmss, local time."""

    stamp: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Press keys: names such as ALT+N, ENTER or TAB, and text in quotes."""

    text: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Replace the agent by the order's file, whole or not at all."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the agent and all that it has written."""


@dataclass(frozen=True, slots=True)
class Info:
    """Tell of the machine: INFO.TXT, the list of processes, the agent's log."""


Verb = (
    Go | Run | Feed | Ask | Kill | List | Remove | Get | Put | Screen | Power | Time | Keys
    | Upgrade | Forget | Info
)  # fmt: skip


def words(verb: Verb) -> tuple[str, ...]:
    """The verb and its arguments, as they are before they are encoded."""
    match verb:
        case Go(user, password, directory):
            return "GO", user, password, directory
        case Run(directory, seconds, stdin, command, fed):
            return "RUN", directory, str(seconds), "2" if fed else str(int(stdin)), command
        case Feed(order, data):
            return "FEED", order, data.hex()
        case Ask():
            return ("ASK",)
        case Kill(order):
            return "KILL", order
        case List(path):
            return "LS", path
        case Remove(path, force):
            return "RM", path, str(int(force))
        case Get(path, offset, length):
            return "GET", path, str(offset), str(length)
        case Put(path, size, sha256):
            return "PUT", path, str(size), sha256
        case Screen():
            return ("SCREEN",)
        case Power(off):
            return "POWER", "off" if off else "reboot"
        case Time(stamp):
            return "TIME", stamp
        case Keys(text):
            return "KEYS", text
        case Upgrade(size, sha256):
            return "UPGRADE", str(size), sha256
        case Forget():
            return ("FORGET",)
        case Info():
            return ("INFO",)


def parse(given: Sequence[str]) -> Verb:
    """The verb of its words. Raises ValueError for what `words` would not have given."""
    match list(given):
        case ["GO", user, password, directory]:
            return Go(user, password, directory)
        case ["RUN", directory, seconds, ("0" | "1" | "2") as stdin, command] if command.strip():
            return Run(directory, _number(seconds), stdin == "1", command, stdin == "2")
        case ["FEED", order, data] if _FED.fullmatch(data):
            return Feed(order, bytes.fromhex(data))
        case ["ASK"]:
            return Ask()
        case ["KILL", order]:
            return Kill(order)
        case ["LS", path] if path:
            return List(path)
        case ["RM", path, ("0" | "1") as force] if path:
            return Remove(path, force == "1")
        case ["GET", path, offset, length] if path:
            return Get(path, _number(offset), _number(length))
        case ["PUT", path, size, sha256] if path and _SUM.fullmatch(sha256):
            return Put(path, _number(size), sha256)
        case ["SCREEN"]:
            return Screen()
        case ["POWER", ("off" | "reboot") as how]:
            return Power(how == "off")
        case ["TIME", stamp] if re.fullmatch(r"[0-9]{14}", stamp, re.ASCII):
            return Time(stamp)
        case ["KEYS", text] if text:
            return Keys(text)
        case ["UPGRADE", size, sha256] if _SUM.fullmatch(sha256):
            return Upgrade(_number(size), sha256)
        case ["FORGET"]:
            return Forget()
        case ["INFO"]:
            return Info()
        case _:
            raise ValueError(f"not an order for an agent: {' '.join(given)[:60]}")


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        raise ValueError(f"not a number: {text[:20]}")
    return int(text)


def line(identity: str, verb: Verb, page: int = WESTERN) -> str:
    """The reply that gives an order to a PC of that ANSI code page.

    Raises ValueError for characters that the page lacks, and for a line that is too
    long; a long command of a program goes as the first line of the order's file instead (`@`).
    """
    name, *arguments = words(verb)
    text = _line(identity, name, arguments, page)
    if len(text) > MOST and isinstance(verb, Run):
        text = _line(identity, name, [*arguments[:-1], "@"], page)
    if len(text) > MOST:
        raise ValueError(f"too long for an order: {len(text)} bytes, {MOST} at most")
    return text


def _line(identity: str, name: str, arguments: Sequence[str], page: int) -> str:
    return " ".join(("200 ORDER", identity, name, *(encode(each, page) for each in arguments)))


def understood(text: str, page: int = WESTERN) -> tuple[str, Verb]:
    """The id and the verb of a reply that gives an order. Raises ValueError for any other."""
    match text.split(" "):
        case ["200", "ORDER", identity, name, *arguments]:
            return identity, parse((name, *(decode(each, page) for each in arguments)))
        case _:
            raise ValueError(f"not an order: {text[:60]}")


def is_long(verb: Verb, page: int = WESTERN) -> bool:
    """Whether the command of a program travels in the order's file. Raises ValueError as `line`."""
    return isinstance(verb, Run) and line("0" * 8, verb, page).endswith(" " + encode("@"))


def uploads(verb: Verb) -> tuple[str, int]:
    """What the answer comes as: the letter of its file ("" for none) and its most bytes."""
    match verb:
        case Run():
            return "O", OUTPUT_LIMIT
        case List() | Info():
            return "A", _LISTING
        case Screen():
            return "A", _SCREEN
        case Get(length=length):
            return "A", min(length, _GET)
        case _:
            return "", 0


def is_short(verb: Verb) -> bool:
    """Whether it can be done while a program runs that another order has started."""
    return isinstance(verb, Feed | Ask | Kill | Screen | Keys | List | Info | Time | Get | Remove)


def shown(verb: Verb) -> str:
    """The order for people: without passwords, and without what somebody has said."""
    match verb:
        case Go(user=user):
            return f"GO {user}"
        case Upgrade(size=size):
            return f"UPGRADE {size}"
        case Run(command=command):
            return f"RUN {command}"
        case Feed(order=order):
            return f"FEED {order}"
        case _:
            return " ".join(words(verb))

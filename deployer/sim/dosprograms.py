"""The small programs in C:\\WINDOWS and C:\\WINDOWS\\COMMAND that batch files lean on.

Each is a function of one `Call` (command tail, directory, streams) and answers its exit code:
CHOICE (facts B11), FIND (B13), SORT, MORE, ATTRIB, MEM, PING (its answers come from outside).
What a program here cannot do it says, with the exit code of a wrong use; it never pretends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.sim.disk import Attribute, Disk, DiskError


def _wait(_seconds: float) -> None:
    """Nothing to wait for."""


@dataclass(frozen=True, slots=True)
class Call:
    """One start of a program: what it was given, and where its streams lead.

    `stdin` reads up to n bytes (b"" is the end); None stands for the keyboard, which gives one
    line with its line end (b"" when nobody types any more).
    """

    tail: str
    disk: Disk
    cwd: str
    stdout: Callable[[bytes], None]
    keyboard: Callable[[], bytes]
    stdin: Callable[[int], bytes] | None = None
    wait: Callable[[float], None] = _wait
    ping: Callable[[str], bool] | None = None
    memory: int = 128 << 20

    def say(self, text: str) -> None:
        """Write a line."""
        self.stdout(text.encode("cp437", "replace") + b"\r\n")

    def input(self) -> bytes:
        """Everything that standard input has."""
        pieces: list[bytes] = []
        while data := (self.keyboard() if self.stdin is None else self.stdin(4096)):
            pieces.append(data)
        return b"".join(pieces).split(b"\x1a")[0]


Program = Callable[[Call], int]


# -- CHOICE --------------------------------------------------------------------------------------


def choice(call: Call) -> int:
    """Index of the key that was pressed; the default after /T's seconds; 255 on a mistake."""
    keys, silent, case, default, seconds = "YN", False, False, "", 0
    words: list[str] = []
    for word in call.tail.split():
        upper = word.upper()
        if upper.startswith("/C"):
            keys = word[2:].removeprefix(":")
        elif upper.startswith("/T"):
            match = re.fullmatch(r":?(.),(\d{1,2})", word[2:])
            if match is None:
                return _bad_choice(call, "Incorrect timeout syntax.  Expected form Tc,nn or T:c,nn")
            default, seconds = match[1], int(match[2])
        elif upper == "/N":
            silent = True
        elif upper == "/S":
            case = True
        elif word.startswith("/"):
            return _bad_choice(call, "Invalid switch on command line.")
        else:
            words.append(word)
    keys = keys if case else keys.upper()
    default = default if case else default.upper()
    if not keys or (default and default not in keys):
        return _bad_choice(call, "Timeout default not in specified (or default) choices.")
    prompt = " ".join(words) + ("" if silent else f"[{','.join(keys)}]?")
    call.stdout(prompt.encode("cp437", "replace"))
    key = _key(call, keys, case, default, seconds)
    call.say(key)
    return keys.index(key) + 1 if key else 255


def _bad_choice(call: Call, text: str) -> int:
    call.say(f"CHOICE: {text}")
    return 255


def _key(call: Call, keys: str, case: bool, default: str, seconds: int) -> str:
    """The first allowed key; the default when the time is over; "" when input ends."""
    if default and call.stdin is None:
        call.wait(seconds)  # whoever types here reads cards, and this one says: wait
        return default
    for byte in call.input():
        key = chr(byte) if case else chr(byte).upper()
        if key in keys:
            return key
    return default


# -- FIND, SORT, MORE ----------------------------------------------------------------------------


def find(call: Call) -> int:
    """0 when a line has the text, 1 when none has, 2 on a mistake."""
    match = re.match(r'((?:\s*/[VCNI])*)\s*"((?:[^"]|"")*)"(.*)', call.tail, re.IGNORECASE)
    if match is None:
        call.say("FIND: Parameter format not correct")
        return 2
    text = match[2].replace('""', '"').encode("cp437", "replace")
    rest = match[3].split()
    switches = {w[1:].upper() for w in [*match[1].split(), *rest] if w.startswith("/")}
    names = [word for word in rest if not word.startswith("/")]
    found = False
    if not names:
        found = _find_in(call, call.input(), text, switches, "")
    for name in names:
        try:
            data = call.disk.read_bytes(call.disk.absolute(name, call.cwd))
        except DiskError:
            call.say(f"File not found - {name.upper()}")
            return 2
        found |= _find_in(call, data.split(b"\x1a")[0], text, switches, name.upper())
    return 0 if found else 1


def _find_in(call: Call, data: bytes, text: bytes, switches: set[str], heading: str) -> bool:
    lines = data.splitlines()
    wanted, blind = "V" not in switches, "I" in switches

    def has(line: bytes) -> bool:
        return text.upper() in line.upper() if blind else text in line

    hits = [(n, x) for n, x in enumerate(lines, 1) if has(x) is wanted]
    if heading:
        end = f": {len(hits)}" if "C" in switches else ""
        call.say(f"\r\n---------- {heading}{end}")
    elif "C" in switches:
        call.say(str(len(hits)))
    if "C" not in switches:
        for number, line in hits:
            call.stdout((f"[{number}]".encode() if "N" in switches else b"") + line + b"\r\n")
    return bool(hits)


def sort(call: Call) -> int:
    """The lines of standard input in order, without regard to case; /R turns it, /+n looks on."""
    words = call.tail.upper().split()
    start = next((int(w[2:]) for w in words if re.fullmatch(r"/\+\d+", w)), 1)
    if any(w != "/R" and not re.fullmatch(r"/\+\d+", w) for w in words):
        call.say("Invalid parameter")
        return 1
    lines = call.input().splitlines()
    for line in sorted(lines, key=lambda x: x.upper()[start - 1 :], reverse="/R" in words):
        call.stdout(line + b"\r\n")
    return 0


def more(call: Call) -> int:
    """Shows text; nobody is made to press keys for pages."""
    words = call.tail.split()
    try:
        path = call.disk.absolute(words[0], call.cwd) if words else ""
        data = call.disk.read_bytes(path) if path else call.input()
    except DiskError:
        call.say("File not found")
        return 1
    for line in data.split(b"\x1a")[0].splitlines():
        call.stdout(line + b"\r\n")
    return 0


# -- ATTRIB, PING, MEM ---------------------------------------------------------------------------

_BITS = {
    "R": Attribute.READ_ONLY,
    "H": Attribute.HIDDEN,
    "S": Attribute.SYSTEM,
    "A": Attribute.ARCHIVE,
}


def attrib(call: Call) -> int:
    """Shows or sets attributes: ATTRIB [+R|-R] [+A|-A] [+S|-S] [+H|-H] [name]."""
    words = call.tail.upper().split()
    changes = [w for w in words if w[0] in "+-"]
    names = [w for w in words if w[0] not in "+-/"]
    if any(w[1:] not in _BITS for w in changes) or len(names) > 1:
        call.say("Parameter format not correct")
        return 1
    try:
        pattern = call.disk.absolute(names[0] if names else "*.*", call.cwd)
        found = [e for e in call.disk.find(pattern) if not (e.directory and "*" in pattern)]
    except DiskError:
        found = []
    if not found:
        call.say(f"File not found - {names[0] if names else '*.*'}")
        return 1
    folder = pattern.rpartition("\\")[0] + "\\"
    for entry in found:
        path = folder + entry.long
        if changes:
            bits = entry.attributes
            for change in changes:
                bit = _BITS[change[1:]]
                bits = bits | bit if change[0] == "+" else bits & ~bit
            call.disk.set_attributes(path, bits)
        else:
            marks = "".join(k if entry.attributes & _BITS[k] else " " for k in "ASHR")
            call.say(f"  {marks[0]}  {marks[1:]}     {folder}{entry.short}")
    return 0


def ping(call: Call) -> int:
    """Asks whether a number answers: 0 yes, 1 no (facts B9)."""
    words = call.tail.split()
    count = 4
    if "-n" in words[:-1]:
        at = words.index("-n")
        count = int(words[at + 1]) if words[at + 1].isdigit() else 4
        del words[at : at + 2]
    if len(words) != 1 or call.ping is None:
        call.say("Usage: ping [-n count] destination")
        return 1
    here = words[0].startswith("127.")
    call.say(f"\r\nPinging {words[0]} with 32 bytes of data:\r\n")
    good = 0
    for i in range(min(count, 100)):
        if i:
            call.wait(1)
        if here or call.ping(words[0]):
            good += 1
            call.say(f"Reply from {words[0]}: bytes=32 time<10ms TTL=64")
        else:
            call.say("Request timed out.")
    call.say(f"\r\nPing statistics for {words[0]}:")
    call.say(f"    Packets: Sent = {count}, Received = {good}, Lost = {count - good}")
    return 0 if good else 1


def mem(call: Call) -> int:
    """How much memory there is."""
    call.say(f"{call.memory // 1024:>10,}K total memory")
    return 0


#: Where each program lies on a Windows 98 disk.
PROGRAMS: Mapping[str, Program] = {
    "C:\\WINDOWS\\COMMAND\\CHOICE.COM": choice,
    "C:\\WINDOWS\\COMMAND\\FIND.EXE": find,
    "C:\\WINDOWS\\COMMAND\\SORT.EXE": sort,
    "C:\\WINDOWS\\COMMAND\\MORE.COM": more,
    "C:\\WINDOWS\\COMMAND\\ATTRIB.EXE": attrib,
    "C:\\WINDOWS\\COMMAND\\MEM.EXE": mem,
    "C:\\WINDOWS\\PING.EXE": ping,
}

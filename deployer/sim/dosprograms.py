"""The small programs in C:\\WINDOWS and C:\\WINDOWS\\COMMAND that batch files lean on.

Each is a function of one `Call` (command tail, directory, streams) and answers its exit code:
CHOICE (facts B11), FIND (B13), SORT, MORE, ATTRIB, MEM, PING (its answers come from outside), and
those of `dosfiles.py`. What a program here cannot do it says, with the exit code of a wrong use; it
never pretends.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import pairwise

from deployer.sim.disk import Attribute, DiskError
from deployer.sim.doscall import Call, Program
from deployer.sim.dosfiles import deltree, fc, move, xcopy

__all__ = ["PROGRAMS", "Call", "Program"]


# -- CHOICE --------------------------------------------------------------------------------------


def choice(call: Call) -> int:
    """Index of the key that was pressed; the default after /T's seconds; 255 on a mistake."""
    keys, silent, case, default, seconds = "YN", False, False, "", 0
    words: list[str] = []
    for word in call.tail.split():
        upper = word.upper()
        if upper.startswith("/C"):
            keys = word[2:].removeprefix(":")
            if not keys:
                wrong = "Invalid choice switch syntax.  Expected form: /C[:]choices"
                return _bad_choice(call, wrong)
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
    if default and default not in keys:
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
        call.complain("FIND: Parameter format not correct")
        return 2
    text = match[2].replace('""', '"').encode("cp437", "replace")
    rest = match[3].split()
    switches = {w[1:].upper() for w in [*match[1].split(), *rest] if w.startswith("/")}
    names = [word for word in rest if not word.startswith("/")]
    found = missing = False
    if not names:
        found = _find_in(call, call.input(), text, switches, "")
    for name in names:
        try:
            data = call.disk.read_bytes(call.disk.absolute(name, call.cwd))
        except DiskError:
            call.complain(f"File not found - {name.upper()}")
            missing = True
            continue
        found |= _find_in(call, data.split(b"\x1a")[0], text, switches, name.upper())
    return 2 if missing else 0 if found else 1


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
    """The lines of standard input in order, without regard to case; /R turns it, /+n looks on.

    Lines end with CR LF alone; without any input there is one empty line; a line that is too short
    for /+n, or empty, counts as 256 blanks.
    """
    words = call.tail.upper().split()
    start = next((int(w[2:]) for w in words if re.fullmatch(r"/\+\d+", w)), 1)
    if any(w != "/R" and not re.fullmatch(r"/\+\d+", w) for w in words):
        call.complain("Invalid parameter")
        return 1

    def key(line: bytes) -> bytes:
        return line[max(start, 1) - 1 :].translate(_WEIGHTS) or b" " * 256

    lines = call.input().removesuffix(b"\r\n").split(b"\r\n")
    for line in sorted(lines, key=key, reverse="/R" in words):
        call.stdout(line + b"\r\n")
    return 0


def _weight(byte: int) -> int:
    """The place of a character in the order: letters without case and accents."""
    char = unicodedata.normalize("NFD", bytes([byte]).decode("cp437"))[0].upper()
    return char.encode("cp437")[0] if char.isascii() else byte


_WEIGHTS = bytes(_weight(byte) for byte in range(256))


def more(call: Call) -> int:
    """Shows text behind an empty line; after each 25 rows, redirected or not, it wants a key."""
    words = call.tail.split()
    try:
        path = call.disk.absolute(words[0], call.cwd) if words else ""
        data = call.disk.read_bytes(path) if path else call.input()
    except DiskError:
        call.complain("File not found")
        return 1
    call.stdout(b"\r\n")
    text = data.split(b"\x1a")[0]
    ends = [0, *_page_ends(text), len(text)]
    for begin, end in pairwise(ends):
        if begin:
            (call.screen or call.stdout)(b"-- More --")
            call.keyboard()
            (call.screen or call.stdout)(b"\r\n\r\n")
        call.stdout(text[begin:end])
    return 0


def _page_ends(text: bytes) -> Iterator[int]:
    """Where the 25th row of a screen is reached; long lines wrap at column 80."""
    row = column = 1
    for at, byte in enumerate(text, 1):
        match byte:
            case 13:
                column = 1
            case 10:
                row += 1
            case 8:
                column = max(1, column - 1)
            case 9:
                column = (column + 7) // 8 * 8 + 1
            case 7:
                pass
            case _:
                column += 1
                if column > 80:
                    row, column = row + 1, 1
        if row >= 25:
            yield at
            row = column = 1


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
        call.complain("Parameter format not correct")
        return 1
    try:
        pattern = call.disk.absolute(names[0] if names else "*.*", call.cwd)
        found = [e for e in call.disk.find(pattern) if not (e.directory and "*" in pattern)]
    except DiskError:
        found = []
    if not found:
        call.complain(f"File not found - {names[0] if names else '*.*'}")
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
    "C:\\WINDOWS\\COMMAND\\MOVE.EXE": move,
    "C:\\WINDOWS\\COMMAND\\XCOPY.EXE": xcopy,
    "C:\\WINDOWS\\COMMAND\\DELTREE.EXE": deltree,
    "C:\\WINDOWS\\COMMAND\\FC.EXE": fc,
    "C:\\WINDOWS\\PING.EXE": ping,
}

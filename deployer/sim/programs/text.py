"""FIND (facts B13), SORT and MORE: programs that read text and show some of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from deployer.sim.disk import DiskError
from deployer.sim.programs.call import Call


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
    """Shows text after an empty line; after each 25 rows, redirected or not, it wants a key."""
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

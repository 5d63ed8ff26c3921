"""MOVE, XCOPY, DELTREE, FC and ATTRIB: what batch files ask of them, no more.

Where the real program would ask whether to overwrite, these refuse and want /Y.
"""

from __future__ import annotations

from deployer.sim.disk import Attribute, DirectoryEntry, Disk, DiskError
from deployer.sim.programs.call import Call


class _Refused(Exception):  # noqa: N818 - ends the program with this line and exit code
    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def move(call: Call) -> int:
    """MOVE [/Y] file[,file...] target, or directory newname: 0 when everything was moved."""
    try:
        switches, names = _split(call, "MOVE", {"/Y", "/-Y"})
        if len(names) < 2:
            raise _Refused("Required parameter missing")
        *sources, last = names
        target = _absolute(call, last)
        for source in sources:
            _move(call, source, target, many=len(sources) > 1, overwrite="/Y" in switches)
    except _Refused as refusal:
        call.complain(str(refusal))
        return refusal.code
    return 0


def _move(call: Call, source: str, target: str, *, many: bool, overwrite: bool) -> None:
    found = _find(call.disk, _absolute(call, source))
    if not found:
        raise _Refused(f"Cannot move {source.lower()} - No such file or directory")
    into = call.disk.is_dir(target)
    if not into and (many or len(found) > 1):
        raise _Refused("Cannot move multiple files to a single file")
    folder = _absolute(call, source).rpartition("\\")[0] + "\\"
    for entry in found:
        old = folder + entry.long
        new = target.rstrip("\\") + "\\" + entry.long if into else target
        try:
            if not entry.directory and call.disk.exists(new) and old.upper() != new.upper():
                if not overwrite:
                    raise _Refused(f"the simulated MOVE does not ask about {new}: use /Y")
                call.disk.delete(new)
            call.disk.rename(old, new)
        except DiskError as error:
            raise _Refused(f"{old} => {new} [Unable to move: {error.code.name}]") from error
        call.say(f"{old} => {new} [ok]")


def xcopy(call: Call) -> int:
    """XCOPY source [target] [/S /E /I /Y /H /Q]: 0 done, 1 nothing found, 4 mistake, 5 disk."""
    try:
        switches, names = _split(call, "XCOPY", {"/S", "/E", "/I", "/Y", "/H", "/Q"})
        if not 1 <= len(names) <= 2:
            raise _Refused("Invalid number of parameters", 4)
        source, target = _absolute(call, names[0]), _absolute(call, (names[1:] or ["."])[0])
        pattern = "*"
        if not call.disk.is_dir(source):
            source, _, pattern = source.rpartition("\\")
        if f"{target}\\".upper().startswith(f"{source}\\".upper()) and switches & {"/S", "/E"}:
            raise _Refused("Cannot perform a cyclic copy", 4)
        if not call.disk.is_dir(target):
            if "/I" not in switches and not names[1].endswith("\\"):
                raise _Refused("the simulated XCOPY wants /I for a target that is not there", 4)
            call.disk.mkdir(target)
        count = _xcopy(call, source.rstrip("\\") + "\\", pattern, target, switches)
    except _Refused as refusal:
        call.complain(str(refusal))
        return refusal.code
    except DiskError as error:
        call.complain(str(error))
        return 5
    if not count:
        call.complain(f"File not found - {pattern}")
    call.say(f"{count:9} file(s) copied")
    return 0 if count else 1


def _xcopy(call: Call, source: str, pattern: str, target: str, switches: set[str]) -> int:
    count = 0
    for entry in _find(call.disk, source + pattern):
        new = target.rstrip("\\") + "\\" + entry.long
        hidden = entry.attributes & (Attribute.HIDDEN | Attribute.SYSTEM)
        if entry.directory or (hidden and "/H" not in switches):
            continue
        if call.disk.exists(new) and "/Y" not in switches:
            raise _Refused(f"the simulated XCOPY does not ask about {new}: use /Y", 4)
        call.disk.write_bytes(new, call.disk.read_bytes(source + entry.long))
        call.disk.set_mtime(new, entry.mtime)
        if "/Q" not in switches:
            call.say(source + entry.long)
        count += 1
    if switches & {"/S", "/E"}:
        for entry in [e for e in call.disk.listdir(source) if e.directory]:
            inner = target.rstrip("\\") + "\\" + entry.long
            made = not call.disk.exists(inner)
            if made:
                call.disk.mkdir(inner)
            copied = _xcopy(call, source + entry.long + "\\", pattern, inner, switches)
            if made and not copied and "/E" not in switches:
                call.disk.rmdir(inner)
            count += copied
    return count


def deltree(call: Call) -> int:
    """DELTREE /Y names: files and directories with all in them go; 0 when something was there."""
    try:
        switches, names = _split(call, "DELTREE", {"/Y"})
        if not names:
            raise _Refused("Required parameter missing")
        if "/Y" not in switches:
            raise _Refused("the simulated DELTREE does not ask: use /Y")
        for name in names:
            path = _absolute(call, name)
            for entry in _find(call.disk, path):
                full = path.rpartition("\\")[0] + "\\" + entry.long
                call.say(f"Deleting {full.lower()}...")
                _remove(call.disk, full, entry)
    except _Refused as refusal:
        call.complain(str(refusal))
        return refusal.code
    return 0


def _remove(disk: Disk, path: str, entry: DirectoryEntry) -> None:
    if entry.directory:
        for inner in disk.listdir(path):
            _remove(disk, path + "\\" + inner.long, inner)
    try:
        if entry.directory:
            disk.rmdir(path)
        else:
            disk.set_attributes(path, 0)
            disk.delete(path)
    except DiskError as error:
        raise _Refused(f"Access denied - {path}") from error


def _split(call: Call, program: str, known: set[str]) -> tuple[set[str], list[str]]:
    """Switches in capitals, and names; quotes hold names together, commas part them."""
    words, word, quoted = [], "", False
    for char in call.tail + " ":
        if char == '"':
            quoted = not quoted
        elif char in " \t," and not quoted:
            words.append(word)
            word = ""
        elif char == "/" and not quoted:
            words.append(word)
            word = char
        else:
            word += char
    switches = {w.upper() for w in words if w.startswith("/")}
    if unknown := switches - known:
        raise _Refused(f"the simulated {program} does not know {' '.join(sorted(unknown))}", 4)
    return switches, [w for w in words if w and not w.startswith("/")]


def _absolute(call: Call, name: str) -> str:
    try:
        return call.disk.absolute(name, call.cwd)
    except DiskError as error:
        raise _Refused(f"Invalid path or file name - {name}") from error


def _find(disk: Disk, pattern: str) -> tuple[DirectoryEntry, ...]:
    try:
        return disk.find(pattern)
    except DiskError:
        return ()


def fc(call: Call) -> int:
    """FC [/B] file file: says whether they are equal; its exit code means nothing (facts B14)."""
    try:
        switches, names = _split(call, "FC", {"/B"})
        if len(names) != 2:
            raise _Refused("FC: Insufficient number of file specifications")
        first, second = (_bytes_for_fc(call, name) for name in names)
    except _Refused as refusal:
        call.complain(str(refusal))
        return refusal.code
    call.say(f"Comparing files {names[0].upper()} and {names[1].upper()}")
    if first == second:
        call.say("FC: no differences encountered\r\n")
    elif "/B" in switches or b"\0" in first + second:
        _say_bytes(call, names, first, second)
    else:
        _say_lines(call, names, first, second)
    return 0


def _bytes_for_fc(call: Call, name: str) -> bytes:
    try:
        return call.disk.read_bytes(_absolute(call, name))
    except DiskError as error:
        raise _Refused(f"FC: cannot open {name.upper()} - No such file or folder") from error


def _say_bytes(call: Call, names: list[str], first: bytes, second: bytes) -> None:
    for at, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            call.say(f"{at:08X}: {a:02X} {b:02X}")
    if len(first) != len(second):
        longer, shorter = names if len(first) > len(second) else reversed(names)
        call.say(f"FC: {longer.upper()} longer than {shorter.upper()}")
    call.say("")


def _say_lines(call: Call, names: list[str], first: bytes, second: bytes) -> None:
    """One block from the last equal line in front to the first equal one after."""
    texts = [data.split(b"\r\n") for data in (first, second)]
    least = min(map(len, texts))
    front = next((n for n in range(least) if texts[0][n] != texts[1][n]), least)
    back = next((n for n in range(least - front) if texts[0][-1 - n] != texts[1][-1 - n]), 0)
    for name, lines in zip(names, texts, strict=True):
        call.say(f"***** {name.upper()}")
        for line in lines[max(0, front - 1) : len(lines) - max(0, back - 1)]:
            call.stdout(line + b"\r\n")
    call.say("*****\r\n")


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

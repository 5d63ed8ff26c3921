"""IF, GOTO, CALL, LH, SHIFT, EXIT (MSDOS4 TBATCH2.ASM)."""

from __future__ import annotations

import re

from deployer.sim.commandcom import batching, external, messages, pipes
from deployer.sim.commandcom.dialect import Complaint, NotModelled
from deployer.sim.commandcom.line import fcb
from deployer.sim.commandcom.line.parse import parse_line
from deployer.sim.commandcom.line.text import CR, DELIMITERS, at, shield, unquote, upper
from deployer.sim.commandcom.shell import Shell
from deployer.sim.disk import DiskError

_WORDS = ("NOT", "ERRORLEVEL", "EXIST")


class _Scan:
    """A position in the memory of command tails, which goes on after the CR of the present one."""

    def __init__(self, memory: str) -> None:
        self.memory = memory
        self.pos = 0

    def get(self) -> str:
        """The next character."""
        if self.pos >= len(self.memory):
            raise NotModelled("IF reading past the end of its memory")
        self.pos += 1
        return self.memory[self.pos - 1]

    def skip(self) -> str:
        """Skip delimiters; the character found, which stays the next one."""
        while at(self.memory, self.pos) in DELIMITERS:
            self.pos += 1
        return at(self.memory, self.pos)

    def skip_word(self) -> None:
        """Read through the delimiter after a word; a CR in between is not noticed."""
        while self.get() not in DELIMITERS:
            pass


def if_(shell: Shell, _tail: str) -> None:
    """IF [NOT] EXIST name | ERRORLEVEL n | a==b command."""
    pipes.delete_if_any(shell)
    shielded = shield(shell.tail) + shell.tails[len(shell.tail) :]
    scan = _Scan(shielded if shell.quoted else shell.tails)
    nots = 0
    while True:
        if scan.skip() == CR:
            raise Complaint(messages.SYNTAX)
        word = _keyword(scan)
        if word != "NOT":
            break
        nots += 1
    if word == "EXIST":
        truth = _exist(shell, scan, shell.words.text(2 + nots))
    elif word == "ERRORLEVEL":
        truth = shell.errorlevel >= _number(scan)
    else:
        scan.memory = shell.tails  # quotes hold nothing together here (case if-quoted-blank)
        truth = _equal(scan)
    if truth is (nots % 2 == 1):
        return
    scan.skip()
    shell.line = shell.tails[scan.pos :].split(CR, 1)[0]
    shell.if_done = True
    shell.look_again = True


def _keyword(scan: _Scan) -> str:
    """The word of the table that stands here, with a delimiter after it; "" for a comparison."""
    for word in _WORDS:
        end = scan.pos + len(word)
        if upper(scan.memory[scan.pos : end]) != word:
            continue
        if at(scan.memory, end) == CR:
            raise Complaint(messages.SYNTAX)
        if at(scan.memory, end) in DELIMITERS:
            scan.pos = end + 1
            scan.skip()
            return word
    return ""


def _exist(shell: Shell, scan: _Scan, name: str) -> bool:
    scan.skip_word()
    path = unquote(name) if shell.quoted else name
    if not path:
        return False
    try:
        if shell.dos.device(path):
            return True
        return next(shell.dos.search(path, concealed=True), None) is not None
    except DiskError:
        return False


def _number(scan: _Scan) -> int:
    """A number in one byte; other characters than digits count too."""
    value = 0
    while (char := scan.get()) not in DELIMITERS:
        if char == CR:
            raise Complaint(messages.SYNTAX)
        value = (value * 10 + ord(char) - ord("0")) & 0xFF
    return value


def _equal(scan: _Scan) -> bool:
    """Compare the first words left and right of ==; what is between left word and == is skipped."""
    start = scan.pos
    while (char := scan.get()) not in DELIMITERS:
        if char == CR:
            raise Complaint(messages.SYNTAX)
    left = scan.memory[start : scan.pos - 1]
    while char != "=":
        if char == CR:
            raise Complaint(messages.SYNTAX)
        char = scan.get()
    if scan.get() != "=" or scan.skip() == CR:
        raise Complaint(messages.SYNTAX)
    matched = 0
    while matched < len(left) and at(scan.memory, scan.pos + matched) == left[matched]:
        matched += 1
    scan.pos += matched
    same = bool(left) and matched == len(left) and at(scan.memory, scan.pos) in DELIMITERS
    while (char := scan.get()) not in DELIMITERS:
        if char == CR:
            raise Complaint(messages.SYNTAX)
    return same


def goto(shell: Shell, _tail: str) -> None:
    """GOTO label: look for it from the top of the file."""
    if shell.batch is None:
        return
    shell.batch.offset = 0
    reader = batching.open_reader(shell)
    try:
        wanted = fcb.parse(shell.words.text(1))
        if not reader.find_label(wanted.name[: wanted.length]):
            raise Complaint(messages.LABEL)
    finally:
        reader.close()


def call(shell: Shell, _tail: str) -> None:
    """CALL: take the word off the line and look at the rest again."""
    line = shell.line
    start = len(line) - len(line.lstrip("".join(DELIMITERS)))
    shell.line = line[start + 4 :]
    shell.calling = shell.calling_batch = True
    pipes.delete_if_any(shell)


def loadhigh(shell: Shell, tail: str) -> None:
    """LH program: the program runs as ever; where in memory it lies makes no difference here."""
    rest = re.sub(r"\A([ =,;\t]*/(L:[0-9,;]+|S)(?=[ \t]))*[ =,;\t]*", "", tail, flags=re.IGNORECASE)
    if not rest:
        raise Complaint(messages.MISSING)
    shell.line = rest
    shell.words = parse_line(rest, quoted=shell.quoted)
    shell.remember(rest[external.name_end(rest, quoted=shell.quoted) :])
    external.run(shell)


def shift(shell: Shell, _tail: str) -> None:
    """SHIFT: %1 becomes %0, and so on."""
    if shell.batch is not None:
        shell.batch.shifted += 1


def exit_(shell: Shell, _tail: str) -> None:
    """EXIT: the shell ends, unless it is the one that the machine started with."""
    shell.exited = not shell.permanent

"""FOR: checking the line, and making one command after the other from it (MSDOS4 TFOR.ASM).

The shell itself runs the loop: after each command it comes back here for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator

from deployer.sim.commandcom import messages, pipes
from deployer.sim.commandcom.dialect import Complaint, Single
from deployer.sim.commandcom.line.parse import CommandWords
from deployer.sim.commandcom.line.text import unshield, upper
from deployer.sim.commandcom.running import Loop
from deployer.sim.commandcom.shell import Shell
from deployer.sim.disk import DiskError


class _Cursor:
    """Walks along the words as FOR does."""

    def __init__(self, words: CommandWords) -> None:
        self.words = words
        self.index = 0
        self.pair = ""

    def step(self) -> str:
        """The first two characters of the next word, its final zero included."""
        self.index += 1
        if self.index >= len(self.words):
            raise Complaint(messages.SYNTAX)
        start = self.words.words[self.index].start
        self.pair = self.words.buffer[start : start + 2]
        return self.pair

    @property
    def start(self) -> int:
        """Where the present word starts in the buffer."""
        return self.words.words[self.index].start

    def char(self, offset: int) -> str:
        """A character of the buffer, seen from the start of the present word."""
        return self.words.buffer[self.start + offset]


def for_(shell: Shell, _tail: str) -> None:
    """FOR %V IN (list) DO command."""
    if shell.loop is not None:
        shell.loop = None
        if shell.single is Single.LOOP:
            shell.single = Single.LAST
        raise Complaint(messages.FOR_NESTED)
    pipes.delete_if_any(shell)
    words = shell.words
    cursor = _Cursor(words)
    if cursor.step()[0] != "%" or words.words[cursor.index].length != 2:
        raise Complaint(messages.SYNTAX)
    variable = cursor.pair[1]
    found = _list(words, cursor)
    if found is None:
        shell.loop_over()
        return
    first, last = found
    if upper(cursor.step()) != "DO" or cursor.char(2) != "\0":
        raise Complaint(messages.SYNTAX)
    cursor.step()
    origin = words.words[cursor.index].origin
    items = _items(shell, words, first, last)
    shell.loop_start(Loop(variable, words.line[origin + 1 :], items))


def _list(words: CommandWords, cursor: _Cursor) -> tuple[int, int] | None:
    """First and last word of the list; None for an empty one. The closing parenthesis is zeroed."""
    if upper(cursor.step()) != "IN":
        raise Complaint(messages.SYNTAX)
    look = 2  # where the search for the closing parenthesis believes the word to start
    if cursor.char(2) == "(":  # IN(list, without a blank
        word = words.words[cursor.index]
        word.start, word.length = word.start + 2, word.length - 2
        cursor.pair = words.buffer[word.start : word.start + 2]
        look = 1
    elif cursor.char(2) == "\0":
        cursor.step()
    else:
        raise Complaint(messages.SYNTAX)
    if cursor.pair[0] != "(":
        raise Complaint(messages.SYNTAX)
    if cursor.pair[1] == ")":
        return None
    if cursor.pair[1] == "\0":
        if cursor.step() == ")\0":
            return None
        look = 2
    else:
        word = words.words[cursor.index]
        word.start, word.length = word.start + 1, word.length - 1
    first = cursor.index
    while True:
        end = cursor.start + words.words[cursor.index].length + look - 3
        if words.buffer[end] == ")":
            break
        cursor.step()
        look = 2
    words.buffer = words.buffer[:end] + "\0" + words.buffer[end + 1 :]
    last = cursor.index - (cursor.pair == ")\0")
    return first, last


def _items(shell: Shell, words: CommandWords, first: int, last: int) -> Iterator[str]:
    """The items one after the other; wildcards are looked up while the loop runs."""
    buffer = words.buffer
    for word in words.words[first : last + 1]:
        text = unshield(buffer[word.start : word.start + word.length].split("\0")[0])
        if not word.wild:
            yield text
            continue
        element = word.element
        if not word.path and buffer[word.start - 1] == "(":
            element += 3 if buffer[word.start + 1 : word.start + 2] == ":" else 1
        prefix = text[: max(0, element - word.start)]
        try:
            for entry in shell.dos.search(text.replace('"', "")):
                yield prefix + (entry.long if shell.long_for else entry.short)
        except DiskError:
            continue

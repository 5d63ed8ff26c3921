"""A command line as an array of words, as COMMAND.COM makes it (MSDOS4 PARSE2, CPARSE).

Words end at delimiters and at `/`; a switch is a word of one character, so `/abc` gives `a` and
`bc`. The words lie in one buffer, each ended by a zero, because FOR looks at characters next to
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from deployer.sim.commandcom.line.text import CR, DELIMITERS, at, shield, skip_delimiters, unshield

MAX_WORDS = 64
MAX_CHARACTERS = 255


class Unparsable(Exception):  # noqa: N818 - the shell says "Bad command or file name"
    """More words or characters than the buffers hold."""


@dataclass(slots=True)
class Word:
    """One word: where it starts in the buffer, its length, and what it contains.

    `element` is where the last part of a path starts (on the final zero for `C:` and `DIR\\`);
    `origin` is the position in the line right after the word before it.
    """

    start: int
    length: int
    element: int
    origin: int
    switch: bool = False
    wild: bool = False
    path: bool = False


@dataclass(slots=True)
class CommandWords:
    """The words of one command line."""

    line: str
    buffer: str = ""
    words: list[Word] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.words)

    def text(self, index: int) -> str:
        """The text of a word, "" when there is no such word."""
        if index >= len(self.words):
            return ""
        word = self.words[index]
        return unshield(self.buffer[word.start : word.start + word.length].split("\0")[0])


def parse_line(line: str, *, quoted: bool) -> CommandWords:
    """Take a line apart; with `quoted` a quoted text is one word. Raises Unparsable."""
    text = shield(line) if quoted else line
    result = CommandWords(line)
    pos = 0
    while True:
        origin = pos
        pos = skip_delimiters(text, pos)
        if at(text, pos) == CR:
            return result
        if text[pos] == "/":
            pos = skip_delimiters(text, pos + 1)
            char = at(text, pos)
            token = "" if char == CR else char
            word = Word(0, len(token), 0, origin, switch=True)
            pos = min(pos + 1, len(text))
        else:
            token, pos, word = _word(text, pos, origin, first=not result.words)
        _add(result, token, word)


def _word(text: str, pos: int, origin: int, *, first: bool) -> tuple[str, int, Word]:
    start, element = pos, 0
    if at(text, pos + 1) == ":":
        pos, element = pos + 2, 2
    word = Word(0, 0, element, origin)
    while pos < len(text) and text[pos] not in DELIMITERS and (text[pos] != "/"):
        char = text[pos]
        if char == ":" and pos > start and first:
            token = text[start:pos]
            word.length = len(token)
            return token, pos + 1, word
        if char in "*?":
            word.wild = True
        if char == "\\":
            word.path = True
            word.element = pos + 1 - start
        pos += 1
    token = text[start:pos]
    word.length = len(token)
    return token, pos, word


def _add(result: CommandWords, token: str, word: Word) -> None:
    word.start = len(result.buffer)
    word.element += word.start
    if len(result.words) >= MAX_WORDS or word.start + len(token) >= MAX_CHARACTERS:
        raise Unparsable
    result.buffer += token + "\0"
    result.words.append(word)

"""Batch files: lines up to CR with % filled in, in a buffer of 128 bytes; who called whom; GOTO.

The file is opened anew for each line; between lines only a byte offset is kept (facts B2, MSDOS4
TBATCH.ASM).
"""

from __future__ import annotations

from collections.abc import Callable

from deployer.sim.commandcom.dialect import ShellHang
from deployer.sim.commandcom.environment import Environment
from deployer.sim.commandcom.line.text import (
    CR,
    CTRL_Z,
    DELIMITERS,
    decode,
    encode,
    shield,
    unshield,
)
from deployer.sim.commandcom.running import Batch
from deployer.sim.disk import File

BUFFER = 128
_CHUNK = 512
_LABEL = 8  # characters of a label that count


def split_words(line: str, *, quoted: bool) -> list[str]:
    """The words of a command line as %0, %1, ... get them (facts B23)."""
    text = shield(line) if quoted else line
    words, word = [], ""
    for char in text + " ":
        if char in DELIMITERS:
            if word:
                words.append(unshield(word))
            word = ""
        else:
            word += char
    return words


class Reader:
    """One opening of the file. Its end, or a Ctrl-Z, calls `at_end` and reads as CR for ever."""

    def __init__(self, batch: Batch, file: File, at_end: Callable[[], None]) -> None:
        self._batch = batch
        self._file = file
        self._at_end = at_end
        self._chunk = ""
        self._pos = 0
        self.ended = False
        self.seek(batch.offset)

    def seek(self, offset: int) -> None:
        """Go on reading at a byte offset."""
        self._batch.offset = offset
        self._file.seek(offset)
        self._chunk, self._pos = "", 0

    def get(self) -> str:
        """The next character."""
        if self.ended:
            return CR
        self._batch.offset += 1
        if self._pos >= len(self._chunk):
            self._chunk, self._pos = decode(self._file.read(_CHUNK)), 0
        char = self._chunk[self._pos] if self._chunk else CTRL_Z
        self._pos += 1
        if char != CTRL_Z:
            return char
        self.ended = True
        self.close()
        self._at_end()
        return CR

    def skip_delimiters(self) -> str:
        """The first character that is no delimiter; line feeds are delimiters."""
        while (char := self.get()) in DELIMITERS:
            pass
        return char

    def skip_line(self) -> None:
        """Read through the next CR."""
        while not self.ended and self.get() != CR:
            pass

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def find_label(self, wanted: str) -> bool:
        """Stand after the line of the first label that is `wanted` (capitals), from here on."""
        char = self.skip_delimiters()
        while not self.ended:
            if char == ":" and self._is_label(wanted):
                return True
            self._skip_to_line_feed()
            if not self.ended:
                char = self.skip_delimiters()
        return False

    def _skip_to_line_feed(self) -> None:
        """Read through the next line feed; most of a file is skipped like that."""
        while not self.ended:
            rest = self._chunk[self._pos :].partition("\n")[0].partition(CTRL_Z)[0]
            self._batch.offset += len(rest)
            self._pos += len(rest)
            if self.get() == "\n":
                return

    def _is_label(self, wanted: str) -> bool:
        char = self.skip_delimiters()
        for n, want in enumerate(encode(wanted)):
            char = self.get() if n else char
            # Bit 5 is set, then cleared: that is how the shell ignores case, and why - fits CR.
            byte = encode(char)[0] | 0x20
            if want not in (byte, byte - 0x20):
                return False
        char = self.get()
        if not wanted or (len(wanted) < _LABEL and char > " "):
            return False
        if char != CR:
            while self.get() != CR:
                pass
        self.get()
        return True


class _TooLong(Exception):  # noqa: N818 - ends the filling of one line
    """A parameter ran into the end of the buffer."""


class LineBuilder:
    """Fills the buffer with one line, counting as the shell counts."""

    def __init__(self, reader: Reader, batch: Batch, environment: Environment) -> None:
        self._reader = reader
        self._batch = batch
        self._environment = environment
        self._line: list[str] = []
        self._count = 0

    def build(self) -> str:
        """The line, without its CR."""
        char = self._reader.get()
        while True:
            self._count += 1
            if self._count >= BUFFER:
                if char != CR:
                    self._reader.skip_line()
                break
            if char == "%":
                try:
                    char = self._percent()
                except _TooLong:
                    self._reader.skip_line()
                    break
                if not char:
                    char = self._reader.get()
                    continue
            if char == CR:
                break
            self._line.append(char)
            char = self._reader.get()
        return "".join(self._line)

    def _percent(self) -> str:
        """Deal with what stands after %; a character to be stored as usual, or nothing."""
        char = self._reader.get()
        if char in ("%", CR):
            return char
        if char.isascii() and char.isdigit():
            word = self._batch.word(int(char))
            if word is not None:
                self._count -= 1
                self._put(word)
            return ""
        name = char
        while (char := self._reader.get()) not in ("%", CR):
            name += char
        if char == CR:
            self._copy(name)  # no second %: the % is gone, the text stays
            return CR
        value = self._environment.get(name)
        if value is not None:
            self._copy(value)
        return ""

    def _put(self, word: str) -> None:
        """A parameter: cut at the end of the buffer."""
        for char in word:
            self._count += 1
            if self._count >= BUFFER:
                raise _TooLong
            self._line.append(char)

    def _copy(self, value: str) -> None:
        """A variable's value and its final zero: it can leave the buffer, and that is fatal."""
        if self._count + len(value) + 1 >= BUFFER:
            raise ShellHang(
                f"a variable's value runs into the end of the {BUFFER}-byte line buffer: "
                f"{''.join(self._line)[:40]}... (case line-expanded-crash)"
            )
        self._count += len(value)
        self._line.extend(value)

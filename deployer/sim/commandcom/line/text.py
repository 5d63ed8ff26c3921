"""Characters as COMMAND.COM classifies them. Text is code page 437, one character for one byte.

A command line never holds its carriage return: a position at or after the end stands on it.
"""

from __future__ import annotations

import functools

CODE_PAGE = "cp437"
CR = "\r"
CRLF = "\r\n"
CTRL_Z = "\x1a"
#: What separates words of a command line (facts B23).
DELIMITERS = frozenset(" =,;\t\n")

_SHIELDED = "=,;+/ \t\n"
_SHIELD = {ord(c): 0xE000 + ord(c) for c in _SHIELDED}
_UNSHIELD = {0xE000 + ord(c): c for c in _SHIELDED}


def decode(data: bytes) -> str:
    """Bytes of the target as text; the inverse of `encode`."""
    return data.decode(CODE_PAGE)


def encode(text: str) -> bytes:
    """Text as bytes of the target; what the code page lacks becomes `?`."""
    return text.encode(CODE_PAGE, "replace")


def upper(text: str) -> str:
    """Capitals, character by character, where the code page has one: the length stays."""
    return "".join(map(_capital, text))


# The simulated PC shares no code with the lint that is tested on it, so this stands in both.
@functools.cache
def _capital(char: str) -> str:
    capital = char.upper()
    try:
        return capital if len(capital.encode(CODE_PAGE)) == 1 else char
    except UnicodeEncodeError:
        return char


def at(line: str, pos: int) -> str:
    """The character at `pos`; after the end it is the carriage return."""
    return line[pos] if pos < len(line) else CR


def skip_delimiters(line: str, pos: int = 0) -> int:
    """The first position from `pos` on that is no delimiter."""
    while pos < len(line) and line[pos] in DELIMITERS:
        pos += 1
    return pos


def shield(line: str) -> str:
    """Hide delimiters inside quotes, so that a quoted name is a word; a lone one hides nothing."""
    pieces = line.split('"')
    for i in range(1, len(pieces) - 1, 2):
        pieces[i] = pieces[i].translate(_SHIELD)
    return '"'.join(pieces)


def unshield(text: str) -> str:
    """Undo `shield`."""
    return text.translate(_UNSHIELD)


def unquote(text: str) -> str:
    """A word as a file name: shielding and quotes gone."""
    return unshield(text).replace('"', "")

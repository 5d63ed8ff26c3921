"""Which label a GOTO finds, byte by byte as the shell looks for it (MSDOS4 TBATCH2.ASM).

GOTO parses its label like a file name of 8 + 3 characters, so that a dot, a slash or a colon ends
it; the label in the file is compared by setting and clearing one bit, which ignores case and makes
a few other characters equal. `tests/sim/test_lint_agrees.py` holds this against the simulated
COMMAND.COM for every character.
"""

from __future__ import annotations

from functools import lru_cache

from deployer.core.lint.parse import CODE_PAGE, CONTROL, DELIMITERS, Script, ScriptLine

_TERMINATORS = frozenset('."/\\[]:<|>+=;, \t') | CONTROL
_SEPARATORS = frozenset(":<|>+=;, \t")
_BASE, _EXTENSION = 8, 3
SIGNIFICANT = _BASE
"""How many characters of a label's name count (facts B4)."""


def wanted(rest: str) -> str:
    """The name that GOTO looks for, in capitals, from what follows the word GOTO; "" for none."""
    word = _word(rest)
    if word[:1] and word[0] in _SEPARATORS:
        word = word[1:].lstrip(" \t")
    if word[1:2] == ":" and word[0] not in _TERMINATORS:
        word = word[2:]  # taken for a drive
    base, after = _field(word, _BASE)
    extension = _field(after[1:], _EXTENSION)[0] if after[:1] == "." else ""
    name = base.ljust(_BASE) + extension.ljust(_EXTENSION)
    return name.split(" ", 1)[0]


def written(rest: str) -> str:
    """The label that a reader sees after GOTO: up to a blank, without what stands in front."""
    return name_of(rest.lstrip(DELIMITERS + ":./"))


def _word(rest: str) -> str:
    """The word of the command line that is taken for the label."""
    at = 0
    while at < len(rest) and rest[at] not in DELIMITERS + "/:":
        at += 1  # GOTO.X: all of this is the command's own word
    at += rest[at : at + 1] == ":"
    text = rest[at:].lstrip(DELIMITERS)
    if text[:1] == "/":
        return text[1:].lstrip(DELIMITERS)[:1]  # a switch is one character
    end = 2 if text[1:2] == ":" else 0
    while end < len(text) and text[end] not in DELIMITERS + "/":
        end += 1
    return text[:end]


def _field(text: str, size: int) -> tuple[str, str]:
    """A part of a file's name with its `*` spelt out, and what follows it."""
    end = next((n for n, char in enumerate(text) if char in _TERMINATORS), len(text))
    field = ""
    for char in text[:end]:
        if len(field) < size:
            field = (field + "?" * size)[:size] if char == "*" else field + capital(char)
    return field, text[end:]


def capital(char: str) -> str:
    """The capital of a character, where the code page has one."""
    upper = char.upper()
    try:
        return upper if len(upper.encode(CODE_PAGE)) == 1 else char
    except UnicodeEncodeError:
        return char


@lru_cache(maxsize=8192)  # each GOTO of a file asks about each label, and so do many checks
def fits(name: str, label: str) -> bool:
    """Whether GOTO takes the line with this text after its colon for the label `name`."""
    have = label.lstrip(DELIMITERS).encode(CODE_PAGE) + b"\r\n"
    want = name.encode(CODE_PAGE)
    if not want or len(have) <= len(want):
        return False
    for ours, theirs in zip(want, have, strict=False):
        if ours not in (theirs | 0x20, (theirs | 0x20) - 0x20):
            return False
    return len(want) >= _BASE or have[len(want)] <= ord(" ")


def find(script: Script, name: str) -> ScriptLine | None:
    """The line where GOTO stops looking: the first label from the top that fits."""
    for line in script.lines:
        if line.label is not None and fits(name, line.label):
            return line
    return None


def name_of(label: str) -> str:
    """A label's name as a reader sees it: up to the first blank."""
    return (label.split(None, 1) or [""])[0]

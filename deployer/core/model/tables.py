"""The container's TOKENIZER section: a vocabulary as the old PC's engine searches it.

Nothing there needs a table of Unicode: the classes of characters, what each byte of the PC's code
page is, and how each character is shown there go with it.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from deployer.core.model import letters
from deployer.core.model.vocabulary import Vocabulary, VocabularyKind
from deployer.errors import WrongUse

CODE_PAGES = (437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 1252)
"""Code pages with one byte for each character that PCs of the time used."""
_MOST_SHOWN = 8192
_NEAREST = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "′": "'", "″": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "•": "*", "·": ".",
    "…": ".", "‹": "<", "›": ">", "«": "<", "»": ">", "×": "x", "÷": "/", "€": "E", "™": "t",
    "→": ">", "←": "<", "↑": "^", "↓": "v", "≤": "<", "≥": ">", "≠": "#", "≈": "~", "\u00a0": " ",
    "ß": "s", "æ": "a", "Æ": "A", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "þ": "t",
    "ł": "l", "Ł": "L", "ı": "i", "œ": "o", "Œ": "O", "✓": "v", "★": "*", "☆": "*", "█": "#",
}  # fmt: skip
"""What stands for a character that a code page does not have."""


def check_code_page(number: int) -> None:
    """Raises WrongUse for a code page that is not known."""
    if number not in CODE_PAGES:
        raise WrongUse(
            what=f"--codepage {number}: this code page is not known.",
            remedy=f"There are {', '.join(map(str, CODE_PAGES))}; CHCP on the old PC says its own.",
        )


def typed(code_page: int) -> list[int]:
    """What each byte of a code page is in Unicode; what it does not have is U+FFFD."""
    return [ord(bytes([byte]).decode(f"cp{code_page}", "replace")) for byte in range(256)]


def shown(code_page: int) -> dict[int, int]:
    """How characters above ASCII are shown: their own byte, or the nearest character's."""
    own = {point: byte for byte, point in enumerate(typed(code_page)) if byte >= 128}
    own.pop(0xFFFD, None)
    found: dict[int, int] = {}
    for point in range(0x80, 0x3000):
        near = _NEAREST.get(chr(point), "")
        plain = unicodedata.normalize("NFKD", chr(point))
        base = "".join(char for char in plain if not unicodedata.combining(char))
        for char in (near, base):
            if len(char) == 1 and (char != chr(point)):
                byte = ord(char) if " " <= char <= "~" else own.get(ord(char))
                if byte is not None:
                    found.setdefault(point, byte)
    found |= {point: byte for point, byte in own.items() if point >= 128}
    return dict(sorted(found.items())[:_MOST_SHOWN])


def _words(values: Iterable[int]) -> bytes:
    listed = [value & 0xFFFFFFFF for value in values]
    return struct.pack(f"<{len(listed)}I", *listed)


def section(vocabulary: Vocabulary, code_page: int) -> bytes:
    """The section's bytes."""
    texts, pairs = vocabulary.texts, vocabulary.pairs
    offsets = [0]
    for text in texts:
        offsets.append(offsets[-1] + len(text))
    ascending = all(one[2] < two[2] for one, two in pairwise(pairs))
    listed = sorted(range(len(pairs)), key=lambda rank: pairs[rank][:2])
    flags = (
        (1 if vocabulary.add_bos else 0)
        | (2 if vocabulary.blank_first else 0)
        | (4 if vocabulary.ignore_merges else 0)
        | (0 if ascending else 8)
        | (16 if vocabulary.add_eos else 0)
    )
    visible = [point | byte << 24 for point, byte in shown(code_page).items()]
    classes = [point | kind << 24 for point, kind in letters.ranges()]
    specials = vocabulary.specials
    id_bytes = 2 if len(texts) <= 65536 else 4
    head = [
        vocabulary.kind, vocabulary.rule, flags, vocabulary.bos, vocabulary.eos,
        vocabulary.unknown, len(pairs), len(specials), len(classes), len(visible), offsets[-1],
        id_bytes, max(map(len, texts)), code_page, 0, 0,
    ]  # fmt: skip
    parts = [
        _words(head),
        _words(offsets),
        _words(vocabulary.byte_token(value) for value in range(256)),
        _words(typed(code_page)),
        _words(visible),
        _words(classes),
        _words(specials),
        _words(sorted(range(len(texts)), key=lambda number: texts[number])),
    ]
    if vocabulary.kind is VocabularyKind.SENTENCE_PIECE:
        parts.append(struct.pack(f"<{len(texts)}f", *vocabulary.scores))
    if not ascending:
        parts.append(_words(listed))
    numbers = [number for rank in listed for number in pairs[rank]]
    parts.append(struct.pack(f"<{len(numbers)}{'H' if id_bytes == 2 else 'I'}", *numbers))
    parts.append(bytes(vocabulary.types))
    parts += texts
    data = b"".join(parts)
    return data + bytes(-len(data) % 16)

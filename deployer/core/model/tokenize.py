"""Text to tokens and back, with the same numbers as llama.cpp.

`encode` cuts special tokens out first, then joins: byte-level BPE in pieces that the vocabulary's
rule cuts, or SentencePiece by scores.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from deployer.core.model import letters
from deployer.core.model.vocabulary import (
    BYTE,
    CONTROL,
    UNKNOWN,
    Splitting,
    Vocabulary,
    VocabularyKind,
)

_ODD = "\ufffd"
_BLANK = b"\xe2\x96\x81"
"""U+2581, which SentencePiece has for a blank."""


class Tokenizer:
    """A vocabulary that is ready to be used."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._ranks = {
            (left, right): (rank, result)
            for rank, (left, right, result) in enumerate(vocabulary.pairs)
        }
        self._bytes = [vocabulary.byte_token(value) for value in range(256)]
        self._specials = [(n, self._outside(n)) for n in vocabulary.specials]
        self._words: dict[bytes, tuple[int, ...]] = {}

    def _outside(self, token: int) -> bytes:
        """A special token's text as it stands in what is read."""
        text = self.vocabulary.texts[token]
        return text.replace(b" ", _BLANK) if b" " in text and self._is_spm else text

    @property
    def _is_spm(self) -> bool:
        return self.vocabulary.kind is VocabularyKind.SENTENCE_PIECE

    def encode(self, text: bytes, *, special: bool = True, begin: bool = True) -> list[int]:
        """The tokens of a text. `special`: special tokens in it are read; `begin`: BOS may lead."""
        vocabulary = self.vocabulary
        found: list[int] = []
        first = True
        if begin and vocabulary.add_bos and vocabulary.bos >= 0:
            found.append(vocabulary.bos)
        for piece in self._cut(text, special=special):
            if isinstance(piece, int):
                found.append(piece)
                first = True
            elif self._is_spm:
                found += self._sentence(b" " + piece if first and vocabulary.blank_first else piece)
                first = False
            else:
                found += self._byte_level(piece)
        if begin and vocabulary.add_eos and vocabulary.eos >= 0:
            found.append(vocabulary.eos)
        return found

    def _cut(self, text: bytes, *, special: bool) -> list[bytes | int]:
        """The text with special tokens cut out, in the order in which they are tried."""
        pieces: list[bytes | int] = [text] if text else []
        for token, wanted in self._specials:
            hidden = self.vocabulary.types[token] in (CONTROL, UNKNOWN)
            if (hidden and not special) or wanted not in text:
                continue
            after: list[bytes | int] = []
            for piece in pieces:
                if isinstance(piece, int):
                    after.append(piece)
                    continue
                for number, part in enumerate(piece.split(wanted)):
                    after += [token] if number else []
                    after += [part] if part else []
            pieces = after
        return pieces

    # --- byte-level BPE

    def _byte_level(self, text: bytes) -> Iterator[int]:
        for word in split(decoded(text), self.vocabulary.rule):
            data = word.encode("utf-8", "surrogatepass")
            known = self._words.get(data)
            if known is None:
                known = self._joined(data)
                if len(self._words) < 1 << 16:
                    self._words[data] = known
            yield from known

    def _joined(self, word: bytes) -> tuple[int, ...]:
        if self.vocabulary.ignore_merges and word in self.vocabulary.numbers:
            return (self.vocabulary.numbers[word],)
        tokens = [self._bytes[byte] for byte in word]
        following = [*range(1, len(tokens)), -1]
        before = list(range(-1, len(tokens) - 1))
        heap: list[tuple[int, int, int, int, int]] = []

        def offer(left: int, right: int) -> None:
            if left >= 0 and right >= 0:
                known = self._ranks.get((tokens[left], tokens[right]))
                if known:
                    heapq.heappush(heap, (known[0], left, right, tokens[left], tokens[right]))

        for at in range(len(tokens) - 1):
            offer(at, at + 1)
        gone = -2
        while heap:
            _rank, left, right, one, two = heapq.heappop(heap)
            if tokens[left] != one or tokens[right] != two or following[left] != right:
                continue
            tokens[left] = self._ranks[one, two][1]
            tokens[right] = gone
            following[left] = following[right]
            if following[right] >= 0:
                before[following[right]] = left
            offer(before[left], left)
            offer(left, following[left])
        return tuple(token for token in tokens if token >= 0)

    # --- SentencePiece

    def _sentence(self, text: bytes) -> Iterator[int]:
        """By the best score, then the leftmost; what is no token at the end goes byte by byte."""
        numbers, scores = self.vocabulary.numbers, self.vocabulary.scores
        # A first byte whose character is cut off takes what follows: a blank is three bytes there.
        pieces = _characters(text.replace(b" ", _BLANK))
        symbols = [b" " if piece == _BLANK else piece for piece in pieces]
        following = [*range(1, len(symbols)), -1]
        before = list(range(-1, len(symbols) - 1))
        heap: list[tuple[float, int, int, int]] = []

        def offer(left: int, right: int) -> None:
            if left >= 0 and right >= 0:
                token = numbers.get(symbols[left] + symbols[right])
                if token is not None:
                    size = len(symbols[left]) + len(symbols[right])
                    heapq.heappush(heap, (-scores[token], left, right, size))

        for at in range(len(symbols) - 1):
            offer(at, at + 1)
        while heap:
            _score, left, right, size = heapq.heappop(heap)
            if not symbols[left] or not symbols[right]:
                continue
            if len(symbols[left]) + len(symbols[right]) != size:
                continue
            symbols[left] += symbols[right]
            symbols[right] = b""
            following[left] = following[right]
            if following[right] >= 0:
                before[following[right]] = left
            offer(before[left], left)
            offer(left, following[left])
        for symbol in symbols:
            if not symbol:
                continue
            token = numbers.get(symbol)
            if token is not None:
                yield token
                continue
            for byte in symbol.replace(b" ", _BLANK):
                if self._bytes[byte] >= 0:
                    yield self._bytes[byte]

    # --- back

    def decode(self, tokens: Sequence[int], *, special: bool = True) -> bytes:
        """The bytes of tokens; without `special` control tokens are left out."""
        vocabulary = self.vocabulary
        found = bytearray()
        for token in tokens:
            if vocabulary.types[token] == BYTE:
                found.append(int(vocabulary.texts[token][3:5], 16))
            elif special or vocabulary.types[token] != CONTROL:
                found += vocabulary.texts[token]
        return bytes(found)


def _characters(text: bytes) -> Iterator[bytes]:
    """Pieces as long as their first byte says, whether or not they are UTF-8."""
    at = 0
    while at < len(text):
        size = (1,) * 12 + (2, 2, 3, 4)
        length = size[text[at] >> 4]
        yield text[at : at + length]
        at += length


def decoded(text: bytes) -> str:
    """Code points as llama.cpp reads them: overlong forms are read, every bad byte is U+FFFD.

    What is beyond U+10FFFF, which ends llama.cpp's process, is U+FFFD too.
    """
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(_points(text))


def _points(text: bytes) -> Iterator[str]:
    at = 0
    while at < len(text):
        first = text[at]
        length = 1 if first < 0x80 else 2 if first >> 5 == 6 else 3 if first >> 4 == 14 else 4
        rest = text[at + 1 : at + length]
        good = first < 0x80 or (0xC0 <= first < 0xF8 and len(rest) == length - 1)
        if not good or any(byte & 0xC0 != 0x80 for byte in rest):
            yield _ODD
            at += 1
            continue
        point = first if length == 1 else first & (0xFF >> (length + 1))
        for byte in rest:
            point = point << 6 | byte & 0x3F
        yield chr(point) if point < 0x110000 else _ODD
        at += length


# --- splitting

_L, _N, _S = "a-zA-Z\xd2", "0-9\xd1", " \t\n\x0b\x0c\r"
_ASCII_PUNCTUATION = r"""!-#%-*,-/:-;?-@\[-\]_\{\}"""
_COMMON = rf"'s|'t|'re|'ve|'m|'ll|'d| ?[{_L}]+| ?[{_N}]+| ?[^{_S}{_L}{_N}]+|[{_S}]+(?![^{_S}])"
_WORDS = (
    r"'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
    rf"|[^\r\n{_L}{_N}]?[{_L}]+|[{_N}]{{1,%d}}| ?[^{_S}{_L}{_N}]+[\r\n]*|[{_S}]*[\r\n]+"
    rf"|[{_S}]+(?![^{_S}])|[{_S}]+"
)
_PATTERNS = {
    Splitting.NONE: (),
    Splitting.GPT2: (_COMMON + rf"|[{_S}]+",),
    Splitting.SMOLLM: (rf"[{_N}]", _COMMON),
    Splitting.QWEN2: (_WORDS % 1,),
    Splitting.LLAMA3: (_WORDS % 3,),
    Splitting.DEFAULT: (
        rf"[{_ASCII_PUNCTUATION}\xd3$+<=>^~|]+", _COMMON, rf"[{_N}]+", "[0-9][0-9][0-9]",
    ),
}  # fmt: skip


@cache
def _compiled(rule: Splitting) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in _PATTERNS[rule])


@cache
def _collapsed(char: str) -> str:
    """One character for each class: the rules name no other character above ASCII."""
    if char < "\x80":
        return char
    match letters.class_of(ord(char)):
        case letters.LETTER:
            return "\xd2"
        case letters.NUMBER:
            return "\xd1"
        case letters.PUNCTUATION:
            return "\xd3"
        case letters.BLANK:
            return "\x0b"
        case _:
            return "\xd0"


def split(text: str, rule: Splitting) -> Iterator[str]:
    """The pieces in which pairs are joined: one expression after the other cuts them smaller.

    What lies between two matches is a piece as well.
    """
    classes = "".join(map(_collapsed, text))
    cuts = [0, len(text)]
    for pattern in _compiled(rule):
        now = {0}
        for start, end in pairwise(cuts):
            for found in pattern.finditer(classes[start:end]):
                now |= {start + found.start(), start + found.end()}
            now.add(end)
        cuts = sorted(now)
    for start, end in pairwise(cuts):
        if end > start:
            yield text[start:end]

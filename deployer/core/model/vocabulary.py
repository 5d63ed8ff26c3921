"""A model's vocabulary: texts of its tokens, how text is split, which pairs become one token.

Byte-level BPE (`gpt2`) and SentencePiece with scores (`llama`), as llama.cpp reads them. Every
other kind is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from deployer.core.model.gguf import Gguf


class VocabularyKind(IntEnum):
    """How text becomes tokens, by the container's number."""

    BPE = 1
    SENTENCE_PIECE = 2


class Splitting(IntEnum):
    """How a text is cut before pairs are joined, by the container's number."""

    NONE = 0
    GPT2 = 1
    SMOLLM = 2
    QWEN2 = 3
    LLAMA3 = 4
    DEFAULT = 5


NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""Types of tokens, by GGUF's number."""

_RULES = {
    "gpt-2": Splitting.GPT2, "gpt2": Splitting.GPT2, "olmo": Splitting.GPT2,
    "smollm": Splitting.SMOLLM,
    "qwen2": Splitting.QWEN2, "deepseek-r1-qwen": Splitting.QWEN2,
    "llama-bpe": Splitting.LLAMA3, "llama3": Splitting.LLAMA3, "llama-v3": Splitting.LLAMA3,
    "default": Splitting.DEFAULT,
}  # fmt: skip

_END_OF_TURN = (
    b"<|eot_id|>", b"<|im_end|>", b"<|end|>", b"<end_of_turn>", b"<|endoftext|>", b"<|eom_id|>",
    b"<|end_of_text|>", b"< EOT >", b"_<EOT>",
)  # fmt: skip
"""Texts of tokens that end an answer, whatever the file says of them."""
_MOST_STOPS = 16
_LONGEST_TEXT = 65535
_MOST_BYTES = 16 << 20
_MOST_PAIRS = 2 << 20
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens. `texts` are their true bytes; `pairs` are (left, right, result), the first first.

    A SentencePiece token has a blank where the file has U+2581; byte tokens stay `<0x0A>`.
    """

    kind: VocabularyKind
    rule: Splitting
    texts: tuple[bytes, ...]
    types: tuple[int, ...]
    scores: tuple[float, ...]
    pairs: tuple[tuple[int, int, int], ...]
    bos: int
    eos: int
    unknown: int
    add_bos: bool
    add_eos: bool
    blank_first: bool
    ignore_merges: bool
    stops: tuple[int, ...]
    numbers: Mapping[bytes, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def specials(self) -> tuple[int, ...]:
        """Tokens that are cut out of a text first: the longest text first."""
        found = [n for n, kind in enumerate(self.types) if kind in (UNKNOWN, CONTROL, USER_DEFINED)]
        return tuple(sorted((n for n in found if self.texts[n]), key=lambda n: -len(self.texts[n])))

    def byte_token(self, value: int) -> int:
        """The token of a single byte, or NOBODY."""
        text = bytes([value]) if self.kind is VocabularyKind.BPE else f"<0x{value:02X}>".encode()
        return self.numbers.get(text, NOBODY)


def letters_of_bytes() -> dict[int, str]:
    """The letter that stands for each byte in a byte-level vocabulary (GPT-2's)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    shown = {byte: chr(byte) for byte in plain}
    return shown | {byte: chr(256 + number) for number, byte in enumerate(others)}


def vocabulary_of(file: Gguf) -> Vocabulary:
    """The vocabulary of a model. Raises ModelUnsupported, ModelDamaged."""
    model = file.text("tokenizer.ggml.model")
    match model:
        case "gpt2":
            kind = VocabularyKind.BPE
        case "llama":
            kind = VocabularyKind.SENTENCE_PIECE
        case _:
            shown = "".join(char if " " <= char <= "~" else "?" for char in model)[:40]
            raise file.unsupported(
                f"its tokenizer is of the kind {shown or 'empty'}, which is not known",
                "Use a model with byte-level BPE (gpt2) or SentencePiece (llama).",
            )
    raw = _texts(file, "tokenizer.ggml.tokens")
    types = _types(file, len(raw))
    rule = _rule(file) if kind is VocabularyKind.BPE else Splitting.NONE
    if kind is VocabularyKind.BPE:
        back = {letter: byte for byte, letter in letters_of_bytes().items()}
        texts = tuple(
            text if types[n] in (CONTROL, USER_DEFINED, UNKNOWN) else _true_bytes(text, back)
            for n, text in enumerate(raw)
        )
    else:
        texts = tuple(text.replace(b"\xe2\x96\x81", b" ") for text in raw)
    numbers = {text: number for number, text in enumerate(texts)}
    if len(numbers) != len(texts):
        raise file.refuse("two tokens of its tokenizer have the same text")
    if max(map(len, texts)) > _LONGEST_TEXT or sum(map(len, texts)) > _MOST_BYTES:
        raise file.refuse("the texts of its tokens are longer than any tokenizer's")
    bos = _token(file, "tokenizer.ggml.bos_token_id", len(raw), 1)
    eos = _token(file, "tokenizer.ggml.eos_token_id", len(raw), 2)
    eot = _token(file, "tokenizer.ggml.eot_token_id", len(raw), NOBODY)
    ends = [numbers[text] for text in _END_OF_TURN if text in numbers]
    stops = tuple(dict.fromkeys(n for n in (eos, eot, *ends) if n >= 0))[:_MOST_STOPS]
    types = tuple(CONTROL if n in ends and t == NORMAL else t for n, t in enumerate(types))
    add_bos = kind is VocabularyKind.SENTENCE_PIECE or rule is Splitting.LLAMA3
    return Vocabulary(
        kind=kind,
        rule=rule,
        texts=texts,
        types=types,
        scores=_scores(file, len(raw)) if kind is VocabularyKind.SENTENCE_PIECE else (),
        pairs=_pairs(file, numbers) if kind is VocabularyKind.BPE else (),
        bos=bos,
        eos=eos,
        unknown=_token(file, "tokenizer.ggml.unknown_token_id", len(raw), NOBODY),
        add_bos=file.flag("tokenizer.ggml.add_bos_token", default=add_bos),
        add_eos=file.flag("tokenizer.ggml.add_eos_token", default=False),
        blank_first=kind is VocabularyKind.SENTENCE_PIECE
        and file.flag("tokenizer.ggml.add_space_prefix", default=True),
        ignore_merges=rule is Splitting.LLAMA3,
        stops=stops,
        numbers=numbers,
    )


def _rule(file: Gguf) -> Splitting:
    name = file.text("tokenizer.ggml.pre", "default")
    if name not in _RULES:
        shown = "".join(char if " " <= char <= "~" else "?" for char in name)[:40]
        raise file.unsupported(
            f"its tokenizer splits text by the rule {shown or 'empty'}, which is not known",
            f"Use a model with one of: {', '.join(_RULES)}.",
        )
    return _RULES[name]


def _texts(file: Gguf, key: str) -> tuple[bytes, ...]:
    value = file.values.get(key)
    if not isinstance(value, tuple) or not all(isinstance(one, bytes) for one in value):
        raise file.refuse(f"{key} is no list of texts")
    return value  # type: ignore[return-value]


def _types(file: Gguf, count: int) -> tuple[int, ...]:
    value = file.values.get("tokenizer.ggml.token_type", (NORMAL,) * count)
    good = isinstance(value, tuple) and len(value) == count
    if not good or not all(isinstance(one, int) and 0 <= one <= BYTE for one in value):  # type: ignore[union-attr]
        raise file.refuse("tokenizer.ggml.token_type is no list of a type for each token")
    return tuple(int(one) or NORMAL for one in value)  # type: ignore[union-attr]


def _scores(file: Gguf, count: int) -> tuple[float, ...]:
    value = file.values.get("tokenizer.ggml.scores")
    good = isinstance(value, tuple) and len(value) == count
    if not good or not all(isinstance(one, float) and abs(one) < 3e38 for one in value):  # type: ignore[union-attr]
        raise file.refuse("tokenizer.ggml.scores is no list of a number for each token")
    return value  # type: ignore[return-value]


def _token(file: Gguf, key: str, count: int, default: int) -> int:
    given = file.values.get(key)
    if given is None:
        return default if default < count else NOBODY
    if given == 0xFFFFFFFF:
        return NOBODY
    return file.whole(key, 0, count - 1)


def _true_bytes(text: bytes, back: Mapping[str, int]) -> bytes:
    """The bytes for which letters stand; a text that has other characters is what it is."""
    try:
        return bytes(back[char] for char in text.decode())
    except (KeyError, UnicodeDecodeError):
        return text


def _pairs(file: Gguf, numbers: Mapping[bytes, int]) -> tuple[tuple[int, int, int], ...]:
    merges: Sequence[bytes] = _texts(file, "tokenizer.ggml.merges")
    if len(merges) > _MOST_PAIRS:
        raise file.refuse(f"its tokenizer has {len(merges):,} merges")
    back = {letter: byte for byte, letter in letters_of_bytes().items()}
    known: dict[bytes, int] = {}
    seen: dict[tuple[int, int], tuple[int, int, int]] = {}

    def number(letters: bytes) -> int:
        if letters not in known:
            known[letters] = numbers.get(_true_bytes(letters, back), NOBODY)
        return known[letters]

    for merge in merges:
        at = merge.find(b" ", 1)
        left, right, result = (
            (number(merge[:at]), number(merge[at + 1 :]), number(merge[:at] + merge[at + 1 :]))
            if at > 0
            else (NOBODY,) * 3
        )
        if min(left, right, result) < 0:
            raise file.refuse("a merge of its tokenizer joins what are no tokens of it")
        seen.setdefault((left, right), (left, right, result))
    return tuple(seen.values())

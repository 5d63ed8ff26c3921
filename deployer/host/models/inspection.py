"""What a model file is, from its header alone: GGUF, a container, or neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deployer.core.model import container, gguf, layout, tables
from deployer.core.model.container import Encoding, PlacedSection, SectionKind, SectionPlan
from deployer.core.model.layout import CLASSIFIER, Choices, MatrixForm
from deployer.core.model.shape import Shape, shape_of
from deployer.core.model.vocabulary import Vocabulary, vocabulary_of
from deployer.edge.modelfiles import ModelFile
from deployer.host.models import extra

_KEPT = {
    "Q4_0": Encoding.INT4, "Q4_1": Encoding.INT4, "Q4_K": Encoding.INT4, "Q2_0": Encoding.INT4,
    "TQ1_0": Encoding.TERNARY, "TQ2_0": Encoding.TERNARY, "Q1_0": Encoding.ONE_BIT,
}  # fmt: skip
"""What a type of the layers becomes, told by its name; the conversion looks at the numbers too."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A model file. `kinds` counts matrices by type; `sections` are those it has or will have."""

    form: str
    length: int
    shape: Shape
    kinds: tuple[tuple[str, int], ...]
    sections: Sequence[SectionPlan | PlacedSection]
    tokenizer: str
    has_chat: bool
    volumes: int = 1


def inspect(path: Path, *, small: bool = False) -> Inspected | None:
    """What a file is; None when it is neither a GGUF file nor a container.

    `small`: as it is converted for a PC that has no room for int8 rows.

    Raises ModelDamaged, ModelUnsupported, the errors of files.
    """
    extra.refuse_safetensors(path)
    with ModelFile(path) as model:
        head = model.read(0, 65536)
        if container.is_container(head):
            return _container(container.read(head, str(path)), model.length)
        if head[:4] != b"GGUF" and path.suffix.lower() != ".gguf":
            return None
        return _gguf(gguf.parse(model.read, model.length, str(path)), small=small)


def _gguf(file: gguf.Gguf, *, small: bool) -> Inspected:
    shape = shape_of(file)
    vocabulary = vocabulary_of(file)
    choices: Choices = {}
    kinds: Counter[str] = Counter()
    for name in layout.matrices(shape):
        kind = file.tensors[name].kind.name
        kinds[kind] += 1
        kept = _KEPT.get(kind)
        if name == CLASSIFIER and kept is Encoding.INT4:
            kept = None
        other = Encoding.INT4 if small else Encoding.INT8
        other = layout.eight_bits(shape.dim) if name == CLASSIFIER else other
        choices[name] = MatrixForm(kept or other, exact=kept is not None)
    chat = len(file.text("tokenizer.chat_template", ""))
    size = len(tables.section(vocabulary, 437))
    sections = layout.wanted(shape, choices, size, chat, 0)
    return Inspected(
        "a GGUF file", file.length, shape, tuple(kinds.most_common()), sections,
        _tokenizer(vocabulary), bool(chat),
    )  # fmt: skip


def _tokenizer(vocabulary: Vocabulary) -> str:
    kind = "byte-level BPE" if vocabulary.pairs else "SentencePiece"
    return f"{len(vocabulary.texts):,} tokens, {kind}"


def _container(head: container.Head, length: int) -> Inspected:
    kinds: Counter[str] = Counter()
    for section in head.sections:
        for code in section.encodings:
            kinds[Encoding(code).name.lower().replace("_", " ")] += 1
    return Inspected(
        "a container for LLAMA98.EXE", length, head.shape, tuple(kinds.most_common()),
        head.sections, f"{head.vocabulary:,} tokens",
        any(section.kind is SectionKind.CHAT for section in head.sections), head.volumes,
    )  # fmt: skip

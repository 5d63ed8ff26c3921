"""Conversion of a model file for the old PC: from its name here to finished volumes.

`convert` writes where it is told, `kept` into the state directory, where the same file with the
same options is found again by its sum. Ask `extra.need` before this is imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deployer.core.model import (
    chat,
    container,
    gguf,
    graph,
    layout,
    llama2c,
    prefix,
    tables,
    unpack,
)
from deployer.core.model import convert as core
from deployer.core.model.chat import TemplateUnusableError
from deployer.core.model.convert import Extras
from deployer.core.model.expect import Expectation, expect
from deployer.core.model.gguf import Gguf, Read
from deployer.core.model.layout import Choices
from deployer.core.model.source import Source, source_of
from deployer.core.model.tokenize import Tokenizer
from deployer.core.model.vocabulary import NOBODY, Vocabulary, vocabulary_of
from deployer.core.payload import modelfile
from deployer.edge import files
from deployer.edge.modelfiles import ModelFile, Volumes
from deployer.errors import TokenizerMissing, WrongUse
from deployer.host.models import extra, inspection, template

_FORM = "2"
_KEPT = "3"
"""Raised when the same options give other bytes than before: what is kept is then made anew.

`_FORM` goes into a container's identity as well, and stays where an engine that reads the new bytes
refuses the old ones: volumes of both are then mixed up in no way that it would not see.
"""
_MOST_TOKENIZER = 16 << 20
QUANTS = ("auto", "int8", "int4", "exact")


@dataclass(frozen=True, slots=True)
class ConversionOptions:
    """What the user may choose. `memory`: bytes of the PC, None when it is not known."""

    quant: str = "auto"
    memory: int | None = None
    code_page: int = 437
    chat: bool = True

    def words(self, *, small: bool) -> str:
        """What of them the bytes depend on."""
        return f"{_FORM} {self.quant} {small} {self.code_page} {self.chat}"


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion made. `loss` is in nats, None where every number is exact or int8."""

    paths: tuple[Path, ...]
    expectation: Expectation
    encodings: dict[str, int]
    has_chat: bool
    prefix: int
    loss: float | None = None


def convert(
    path: Path,
    to: Path,
    options: ConversionOptions,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Converted:
    """Convert a model file to `to`, or to volumes named after it (`.L01` and so on).

    `progress` is told bytes done and in all. Raises ModelDamaged, ModelUnsupported, WrongUse, the
    errors of files. What cannot be finished leaves nothing.
    """
    extra.refuse_safetensors(path)
    tables.check_code_page(options.code_page)
    if options.quant not in QUANTS:
        raise WrongUse(
            what=f"--quant {options.quant}: this is not known.",
            remedy=f"There are: {', '.join(QUANTS)}.",
        )
    files.make_directory(to.parent)
    with ModelFile(path) as model:
        return _Conversion(model, options).write(to, progress)


class _Conversion:
    """A model that is read and understood, and what is to be made of it."""

    def __init__(self, model: ModelFile, options: ConversionOptions) -> None:
        self._model, self._options = model, options
        self.file, read = _opened(model)
        self.source: Source = source_of(self.file, read)
        self.vocabulary = vocabulary_of(self.file)

    def write(self, to: Path, progress: Callable[[int, int], None]) -> Converted:
        extras = self._extras()
        choices, small = self._choices(extras)
        words = self._options.words(small=small).encode()
        identity = hashlib.sha256(bytes.fromhex(self._model.sha256()) + words).digest()[:16]
        sections = self._plan(choices, extras)
        total, done = sum(one.size for one in sections), 0

        def told(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        with Volumes(to.parent) as volumes:
            core.convert(self.source, choices, extras, identity, volumes.write, progress=told)
            paths = volumes.finish(lambda number, count: volume_path(to, number, count))
        encodings: dict[str, int] = {}
        for form in choices.values():
            name = form.encoding.name.lower().replace("_", " ")
            name += "" if form.exact or name.startswith("int8") else ", rounded"
            encodings[name] = encodings.get(name, 0) + 1
        memory = self._options.memory or 128 << 20
        return Converted(
            paths=paths,
            expectation=expect(self.source.shape, sections, memory),
            encodings=encodings,
            has_chat=bool(extras.chat),
            prefix=extras.prefix_length,
            loss=self._loss(choices, paths),
        )

    def _plan(self, choices: Choices, extras: Extras) -> list[container.SectionPlan]:
        return layout.wanted(
            self.source.shape, choices, len(extras.tokenizer), len(extras.chat),
            len(extras.prefix),
        )  # fmt: skip

    def _choices(self, extras: Extras) -> tuple[Choices, bool]:
        """How each matrix is written, and whether it had to be small for this PC."""

        quant = core.Quant(self._options.quant)
        choices = core.survey(self.source, quant)
        memory = self._options.memory
        if memory is None or quant is not core.Quant.AUTO:
            return choices, False
        roomy = expect(self.source.shape, self._plan(choices, extras), memory)
        if not roomy.streamed or all(form.exact for form in choices.values()):
            return choices, False
        return core.survey(self.source, quant, small=True), True

    def _extras(self) -> Extras:
        tokenizer = tables.section(self.vocabulary, self._options.code_page)
        text = self.file.text("tokenizer.chat_template", "")
        if not text or not self._options.chat:
            return Extras(tokenizer)
        try:
            pieces = template.cut(
                text, _text(self.vocabulary, self.vocabulary.bos),
                _text(self.vocabulary, self.vocabulary.eos),
            )  # fmt: skip
        except TemplateUnusableError as error:
            raise self.file.unsupported(
                f"its chat template cannot be used: {error}",
                "Convert it without chat: --no-chat",
            ) from error
        tokens = prefix.tokens_of(Tokenizer(self.vocabulary), pieces.first)
        tokens = tokens if len(tokens) < self.source.shape.context else []
        section = prefix.section(self.source, tokens)
        return Extras(tokenizer, chat.section(pieces, self.vocabulary), section, len(tokens))

    def _loss(self, choices: Choices, paths: tuple[Path, ...]) -> float | None:
        """What rounding to int4 costs: nats more on a short text, None where none was rounded."""

        if not any(f.encoding.name == "INT4" and not f.exact for f in choices.values()):
            return None
        tokens = Tokenizer(self.vocabulary).encode(SAMPLE.encode())[: self.source.shape.context]
        read = ReadVolumes(paths)
        try:
            ours = graph.losses(unpack.open_container(read, str(paths[0])), tokens)
        finally:
            read.close()
        return unpack.middle_loss(ours) - unpack.middle_loss(graph.losses(self.source, tokens))


def _opened(model: ModelFile) -> tuple[Gguf, Read]:
    """A model file as GGUF, whatever it is, and what reads its numbers."""
    path = str(model.path)
    head = model.read(0, 64)
    version = None if head[:4] == b"GGUF" else llama2c.version_of(head, model.length)
    if version is None:
        return gguf.parse(model.read, model.length, path), model.read
    shape, _group = llama2c.shape_of(head, version, path)
    wanted = modelfile.tokenizer_names(model.path.name, shape.vocabulary)
    beside = {one.name.lower(): one for one in sorted(model.path.absolute().parent.iterdir())}
    for name in wanted:
        if (found := beside.get(name.lower())) is not None:
            tokenizer = files.read_bounded(found, _MOST_TOKENIZER)
            return llama2c.read_as_gguf(model.read, model.length, path, version, tokenizer)
    raise TokenizerMissing(path=model.path, tried=", ".join(wanted))


SAMPLE = (
    "The lighthouse keeper wrote down what the rules asked of him: the hour at which the lamp was "
    "lit, the direction of the wind, and the number of ships that passed. When the storm came, he "
    "did not sleep for two nights. In the morning the sea was quiet, and a small boat lay on the "
    "sand below the house. There was nobody in it, only a coat, a loaf of bread and a letter."
)
"""The text on which a loss is measured."""


class ReadVolumes:
    """Reads a container's volumes by their numbers."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._files = [ModelFile(path) for path in paths]

    def __call__(self, volume: int, offset: int, count: int) -> bytes:
        """Bytes of a volume."""
        return self._files[volume - 1].read(offset, count)

    def close(self) -> None:
        """Close all of them."""
        for file in self._files:
            file.__exit__()


def _text(vocabulary: Vocabulary, token: int) -> str:
    return "" if token == NOBODY else vocabulary.texts[token].decode("utf-8", "replace")


def volume_path(to: Path, number: int, count: int) -> Path:
    """The path of a volume: the name itself for a single one, else `.L01`, `.L02` and so on."""
    if count == 1:
        return to
    letter = "l" if to.suffix == to.suffix.lower() else "L"
    return to.with_suffix(f".{letter}{number:02d}")


def kept(
    path: Path,
    state: Path,
    options: ConversionOptions,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[tuple[Path, ...], bool]:
    """The converted volumes of a model file in the state directory, and whether they were there.

    Raises as `convert` does.
    """
    with ModelFile(path) as model:
        digest = model.sha256()
    words = options.words(small=_is_tight(path, options.memory))
    name = hashlib.sha256(f"{digest} {_KEPT} {words}".encode()).hexdigest()[:24]
    folder = state / "models" / name
    base = "".join(char for char in path.stem.upper() if char.isascii() and char.isalnum())[:8]
    to = folder / f"{base or 'MODEL'}.L98"
    if found := _volumes(folder):
        return found, True
    return convert(path, to, options, progress).paths, False


def _is_tight(path: Path, memory: int | None) -> bool:
    """Whether a model's int8 rows have no room on the PC, told from its header."""
    found = None if memory is None else inspection.inspect(path)
    if found is None or memory is None:
        return False
    return expect(found.shape, found.sections, memory).streamed > 0


def _volumes(folder: Path) -> tuple[Path, ...]:
    """The volumes of a folder when all of them are there, else none."""
    found = tuple(sorted(folder.glob("*.L[0-9][0-9]"))) if folder.is_dir() else ()
    if not found:
        return ()
    with ModelFile(found[0]) as first:
        head = container.read(first.read(0, 65536), str(found[0]))
    return found if head.volumes == len(found) else ()

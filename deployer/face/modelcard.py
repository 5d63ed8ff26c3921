"""Models in words: what a file is, what a conversion made, which models are known."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.core.model.expect import Expectation, expect
from deployer.core.model.known import KnownModel
from deployer.core.payload.fit import DEFAULT_WIRE, MODELLED, EnginePace, Source
from deployer.face import text
from deployer.face.estimate import SOURCES
from deployer.face.say import aside, say, say_json

if TYPE_CHECKING:
    from deployer.host.models.conversion import Converted
    from deployer.host.models.inspection import Inspected
    from deployer.host.models.sending import Sent

USUAL = 128 << 20
"""Memory of the PC where none is named."""
MEMORIES = (64, 128, 256, 512)


def speed(expected: Expectation) -> str:
    """Tokens per second, or seconds a token where it is slow."""
    if not expected.fits:
        return "too big"
    if expected.tokens >= 1:
        digits = 0 if expected.tokens >= 20 else 1
        return f"{expected.tokens:.{digits}f} tok/s"
    seconds = 1 / expected.tokens
    return f"{seconds:.0f} s a token" if seconds >= 10 else f"{seconds:.1f} s a token"


def inspected(
    found: Inspected, file: Path, memory: int, engine: EnginePace | None, *, as_json: bool
) -> None:
    """A GGUF file or a container, and what to expect of it; `engine` is what a survey says."""
    shape = found.shape
    expected = expect(shape, found.sections, memory, pace=engine or MODELLED)
    if as_json:
        say_json(
            {
                "form": found.form, "name": shape.name, "architecture": shape.architecture,
                "parameters": shape.parameters, "layers": shape.layers, "dim": shape.dim,
                "vocabulary": shape.vocabulary, "context": shape.context,
                "matrices": dict(found.kinds), "chat": found.has_chat, "volumes": found.volumes,
                **_fields(expected, engine),
            }
        )  # fmt: skip
        return
    volumes = f" in {found.volumes} volumes" if found.volumes > 1 else ""
    say(f"{file}: {found.form}{volumes}, {text.size(found.length)}: {text.plain(shape.name)}")
    graph = f", {shape.architecture}" if shape.architecture else ""
    say(
        f"  {shape.parameters:,} parameters{graph}, {shape.layers} layers, {shape.heads} heads "
        f"({shape.kv_heads} for keys and values), dim {shape.dim}, hidden {shape.hidden}"
    )
    kinds = ", ".join(f"{count} of {kind}" for kind, count in found.kinds)
    chat = "with a chat template" if found.has_chat else "without a chat template"
    say(f"  matrices: {kinds}; {found.tokenizer}; {chat}")
    _expected(expected, engine)


def _expected(expected: Expectation, engine: EnginePace | None = None) -> None:
    """Memory by item, whether it stays there, and how fast."""
    items = ", ".join(f"{name} {text.memory(size)}" for name, size in expected.items)
    say(f"  for the old PC: {text.size(expected.file)}; in memory: {items}")
    wire = text.duration(max(1.0, expected.file / DEFAULT_WIRE))
    with_memory = f"with {text.memory(expected.memory)} of memory"
    if not expected.fits:
        say(f"  Too big {with_memory}: see deployer model list for what fits.")
        return
    pace = engine or MODELLED
    stays = "all of it stays in memory"
    if expected.streamed:
        stays = (
            f"{text.memory(expected.resident)} stay in memory, {text.memory(expected.streamed)} "
            f"are read from disk for each token (at {text.size(round(pace.disk))}/s)"
        )
    say(f"  {with_memory}: {stays}; {speed(expected)} ({SOURCES[_source(engine)]}, {pace.mhz} MHz)")
    say(f"  about {wire} on a 10 Mbit/s wire")


def _source(engine: EnginePace | None) -> Source:
    return "modelled" if engine is None else "surveyed"


def _fields(expected: Expectation, engine: EnginePace | None = None) -> dict[str, object]:
    return {
        "file": expected.file, "memory": dict(expected.items), "pc_memory": expected.memory,
        "resident": expected.resident, "streamed": expected.streamed, "fits": expected.fits,
        "tokens_per_second": round(expected.tokens, 4), "speed_source": _source(engine),
    }  # fmt: skip


@contextlib.contextmanager
def progress(*, silent: bool) -> Iterator[Callable[[Path, int, int], None]]:
    """How far a conversion is, in per cent, on a terminal."""
    shown = -1
    live = sys.stderr.isatty() and not silent

    def told(file: Path, done: int, total: int) -> None:
        nonlocal shown
        now = done * 100 // max(total, 1)
        if live and now != shown:
            shown = now
            sys.stderr.write(f"\r{text.one_line(file.name)}: {now} % converted")
            sys.stderr.flush()

    try:
        yield told
    finally:
        if live and shown >= 0:
            sys.stderr.write("\n")


def sentence(one: Sent) -> str:
    """What goes in place of a model."""
    said = "converted before" if one.there else "converted for the old PC"
    return f"{text.one_line(one.model.name)}: {said}, {text.count(len(one.volumes), 'file')}"


def converted(done: Converted, *, as_json: bool) -> None:
    """What a conversion made."""
    if as_json:
        say_json(
            {
                "files": [str(path) for path in done.paths], "matrices": done.encodings,
                "chat": done.has_chat, "prefix": done.prefix, "loss": done.loss,
                **_fields(done.expectation),
            }
        )  # fmt: skip
        return
    names = ", ".join(str(path) for path in done.paths)
    kinds = ", ".join(f"{count} of {kind}" for kind, count in done.encodings.items())
    say(f"{names}: {text.size(done.expectation.file)}, matrices: {kinds}")
    if done.has_chat:
        ready = f", {done.prefix} positions of its beginning computed" if done.prefix else ""
        say(f"  with the model's chat{ready}")
    if done.loss is not None:
        say(f"  rounding to int4 costs {done.loss:+.3f} nats a token on a short text")
    _expected(done.expectation)


def fields_of(one: KnownModel, engine: EnginePace | None = None) -> dict[str, object]:
    """A known model for scripts; `engine` is what the survey of a PC says."""
    pace = engine or MODELLED
    return {
        "name": one.name, "where": one.where, "licence": one.licence, "tried": one.tried,
        "file": sum(section.size for section in one.sections),
        "expected": {
            f"{size}M": _fields(expect(one.shape, one.sections, size << 20, pace=pace), engine)
            for size in MEMORIES
        },
    }  # fmt: skip


def known(models: Sequence[KnownModel], engine: EnginePace | None = None) -> None:
    """The known models, two lines each: no table is so wide. `engine` is what a survey says."""
    pace = engine or MODELLED
    machine = f"{pace.mhz} MHz and a disk of {text.size(round(pace.disk))}/s."
    if engine is not None:
        say(f"Measured by this PC's survey: {machine}")
    for one in models:
        size = text.size(sum(section.size for section in one.sections))
        tried = "run by this project" if one.tried else "by its shape"
        say(f"{one.name}: {size} for the old PC; {one.licence}; {one.where}; {tried}")
        each = ", ".join(
            f"{size} MB: " + speed(expect(one.shape, one.sections, size << 20, pace=pace))
            for size in MEMORIES
        )
        say(f"  {each}")
    say()
    if engine is None:
        aside(f"Modelled for a Pentium II of {machine}")

"""Status, history and findings as tables for people and as JSON for machines."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from deployer.core.lint.check import Finding
from deployer.core.payload.fit import engine_memory
from deployer.core.payload.modelfile import Checkpoint
from deployer.face import text

Write = Callable[[str], object]


def findings(
    found: Sequence[Finding], file: Path, write: Write, *, explain: bool, as_json: bool
) -> None:
    """What lint has to say about a batch file."""
    if as_json:
        for finding in found:
            write(json.dumps(msgspec.to_builtins(finding)) + "\n")
        return
    for finding in found:
        write(f"{file}:{finding.line}: {finding.severity}: {finding.message} [{finding.rule}]\n")
        if finding.excerpt:
            write(f"    {finding.excerpt}\n")
        if explain:
            why = f"    {finding.why}\n" if finding.why else ""
            write(f"{why}    {finding.remedy}\n    sources: {', '.join(finding.sources)}\n")
    if not found:
        write(f"{file}: COMMAND.COM of Windows 98 runs this as written, as far as is known.\n")


def model(shape: Checkpoint, file: Path, write: Write, *, as_json: bool) -> None:
    """The shape of a model file."""
    if as_json:
        fields = {**msgspec.to_builtins(shape), "parameters": shape.parameters}
        write(json.dumps({**fields, "memory_needed": engine_memory(shape)}) + "\n")
        return
    size = text.size(shape.file_length)
    write(text.on_screen(f"{file}: a llama2.c model, {size}") + "\n")
    line = (
        f"  {shape.parameters:,} parameters, {shape.layers} layers, {shape.heads} heads "
        f"({shape.kv_heads} for keys and values), dim {shape.dim}, hidden {shape.hidden_dim}"
    )
    write(f"{text.on_screen(line)}\n")
    shared = "shared with" if shape.shared_classifier else "apart from"
    line = f"  {shape.vocabulary} tokens, classifier {shared} the embedding, "
    write(text.on_screen(f"{line}{shape.longest} tokens at most") + "\n")


def columns(lines: Sequence[tuple[str, ...]], write: Write) -> None:
    """A table, the names of its columns first. On a terminal a line is cut at the edge."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in _aligned(lines):
        if width is not None and len(line) > width:
            line = line[: max(width - 3, 0)] + "..."  # noqa: PLW2901 - the same line, cut
        write(line + "\n")


_RIGHT = {"bytes", "rate", "tok/s", "done", "for", "parts", "sent", "seconds"}


def _aligned(lines: Sequence[tuple[str, ...]]) -> Iterator[str]:
    lines = [tuple(text.plain(cell).replace("\n", " ") for cell in line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    names = lines[0]
    for line in lines:
        cells = [
            cell.rjust(wide) if name in _RIGHT else cell.ljust(wide)
            for cell, wide, name in zip(line, widths, names, strict=True)
        ]
        yield "  ".join(cells).rstrip()

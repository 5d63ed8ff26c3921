"""Status, history and findings as tables for people and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from deployer.core.fit import engine_memory
from deployer.core.lint import Finding
from deployer.core.modelfile import Checkpoint
from deployer.face import text

Write = Callable[[str], object]
_RECENT = 5


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
            write(f"    {finding.remedy}\n    sources: {', '.join(finding.sources)}\n")
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

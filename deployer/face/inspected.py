"""What was found in a file before it is sent: lint's findings, a model's shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from deployer.core.lint.check import Finding
from deployer.core.payload.fit import engine_memory
from deployer.core.payload.modelfile import Checkpoint
from deployer.face import text
from deployer.face.say import say, say_json


def findings(found: Sequence[Finding], file: Path, *, explain: bool, as_json: bool) -> None:
    """What lint has to say about a batch file."""
    if as_json:
        for finding in found:
            say_json(msgspec.to_builtins(finding))
        return
    for finding in found:
        say(f"{file}:{finding.line}: {finding.severity}: {finding.said} [{finding.rule}]")
        if finding.excerpt:
            say(f"    {finding.excerpt}")
        if explain:
            more = (finding.why, finding.remedy, f"sources: {', '.join(finding.sources)}")
            for line in filter(None, more):
                say(f"    {line}")
    if not any(finding.severity == "error" for finding in found):
        doubts = f", with {len(found)} warnings" if len(found) > 1 else ", with a warning"
        say(
            f"{file}: COMMAND.COM of Windows 98 runs this as written, as far as is known"
            f"{doubts if found else ''}."
        )


def model(shape: Checkpoint, file: Path, *, as_json: bool) -> None:
    """The shape of a model file."""
    if as_json:
        fields = {**msgspec.to_builtins(shape), "parameters": shape.parameters}
        say_json({**fields, "memory_needed": engine_memory(shape)})
        return
    size = text.size(shape.file_length)
    say(f"{file}: a llama2.c model, {size}")
    say(
        f"  {shape.parameters:,} parameters, {shape.layers} layers, {shape.heads} heads "
        f"({shape.kv_heads} for keys and values), dim {shape.dim}, hidden {shape.hidden_dim}"
    )
    shared = "shared with" if shape.shared_classifier else "apart from"
    say(
        f"  {shape.vocabulary} tokens, classifier {shared} the embedding, "
        f"{shape.longest} tokens at most"
    )

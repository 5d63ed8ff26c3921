"""Status, history and findings as tables for people and as JSON for machines."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from deployer.core.lint import Finding
from deployer.core.modelfile import Checkpoint
from deployer.face import text
from deployer.face.view import Row
from deployer.model import State

Write = Callable[[str], object]
_RECENT = 5


def status(rows: Sequence[Row], write: Write, *, as_json: bool, now: float) -> None:
    """Open deployments, then the last few that ended."""
    opened = [row for row in rows if not row.state.final]
    ended = [row for row in rows if row.state.final][-_RECENT:]
    if as_json:
        for row in [*opened, *ended]:
            write(json.dumps(_summary(row)) + "\n")
        return
    if not rows:
        write("Nothing has been pushed yet. Try: deployer push --target sim\n")
        return
    table = _table("deployment", "target", "state", "for", "what")
    for row in [*opened, *ended]:
        age = text.duration(now - row.since)
        table.add_row(row.deployment, row.target, _state(row), age, _what(row))
    _print(table)


def history(rows: Sequence[Row], write: Write, *, as_json: bool) -> None:
    """Every deployment with its proof."""
    if as_json:
        for row in rows:
            proof = msgspec.to_builtins(row.proof) if row.proof else None
            write(json.dumps({**_summary(row), "proof": proof}) + "\n")
        return
    if not rows:
        write("Nothing has been pushed yet. Try: deployer push --target sim\n")
        return
    table = _table("when", "deployment", "target", "state", "bytes", "tok/s", "what")
    for row in rows:
        when = datetime.datetime.fromtimestamp(row.at, tz=datetime.UTC).astimezone()
        speed = row.proof.tokens_per_second if row.proof else None
        shown = f"{speed:.4g}{'*' if row.emulated else ''}" if speed else ""
        table.add_row(
            when.strftime("%Y-%m-%d %H:%M"), row.deployment, row.target, _state(row),
            f"{row.total:,}", shown, _what(row),
        )  # fmt: skip
    _print(table)
    if any(row.emulated for row in rows):
        write("* on the emulated machine of the simulated PC, not on a real one\n")


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
        write(json.dumps({**fields, "memory_needed": shape.memory_needed}) + "\n")
        return
    write(f"{file}: a llama2.c model, {text.size(shape.file_length)}\n")
    write(f"  {shape.parameters:,} parameters, {shape.layers} layers, {shape.heads} heads ")
    write(f"({shape.kv_heads} for keys and values), dim {shape.dim}, hidden {shape.hidden_dim}\n")
    shared = "shared with" if shape.shared_classifier else "apart from"
    write(f"  {shape.vocabulary} tokens, classifier {shared} the embedding, ")
    write(f"{shape.longest} tokens at most\n")
    write(f"  about {text.size(shape.memory_needed)} of memory on the old PC with int8 weights\n")


def _summary(row: Row) -> dict[str, object]:
    return {
        "deployment": row.deployment,
        "target": row.target,
        "state": row.state.value,
        "reason": row.reason,
        "at": row.at,
        "since": row.since,
        "bytes": row.total,
        "files": [file.long_name for file in row.files],
        "run": row.run,
        "tokens_per_second": row.proof.tokens_per_second if row.proof else None,
        "emulated": row.emulated,
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column == "bytes" else "left")
    return table


def _print(table: Table) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(table)


def _state(row: Row) -> str:
    if row.state == State.FAILED and row.reason:
        return f"failed: {row.reason}"
    return row.state.value


def _what(row: Row) -> str:
    return ", ".join(file.long_name for file in row.files)

"""What a request sends in place of models of others: the one road of push, stage, TUI and bench.

Whoever sends files asks `ready` first. What is no model is left as it is, and costs a few bytes
read of each file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from deployer.core.model.expect import expect
from deployer.edge import resources
from deployer.errors import ModelTooBig, ModelUnsupported
from deployer.host import past
from deployer.host.models import extra, inspection
from deployer.host.requests import Request

Progress = Callable[[Path, int, int], None]
"""Told the model, the bytes done and all of them."""
ENGINE = "LLAMA98.EXE"
_one_at_a_time = threading.Lock()
"""Of many targets with the same model the first has it converted, and the others find it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What goes in place of a model; whether it had been converted before."""

    model: Path
    volumes: tuple[Path, ...]
    there: bool


def needed(request: Request) -> bool:
    """Whether a model among its files runs only when converted.

    Raises ModelUnsupported for one that cannot be, and the errors of files.
    """
    if request.run or request.no_run:
        return False
    for path in request.files:
        extra.refuse_safetensors(path)
    return any(map(extra.is_convertible, request.files))


def ready(
    request: Request,
    state_dir: Path,
    target: str,
    progress: Progress = lambda _model, _done, _all: None,
) -> tuple[Request, tuple[Sent, ...]]:
    """The request with the volumes of a conversion instead of each model that needs one.

    The memory that the target reported last decides how it is converted; a model for which that is
    too little is refused before. What was converted before is found again in the state directory.
    Files that are delivered only, or run by a command, stay as they are. Raises ModelTooBig and as
    `conversion.convert` does.
    """
    if not needed(request):
        return request, ()
    extra.need("Sending a model of this kind")
    with _one_at_a_time:
        return _converted(request, state_dir, past.machine_of(state_dir, target).memory, progress)


def _converted(
    request: Request, state_dir: Path, memory: int | None, progress: Progress
) -> tuple[Request, tuple[Sent, ...]]:
    from deployer.host.models import conversion  # noqa: PLC0415 - needs the extra

    files: list[Path] = []
    sent: list[Sent] = []
    for path in request.files:
        if not extra.is_convertible(path):
            files.append(path)
            continue
        refuse_too_big(path, memory)
        options = conversion.ConversionOptions(memory=memory)
        volumes, there = conversion.kept(path, state_dir, options, partial(progress, path))
        sent.append(Sent(path, volumes, there))
        files += volumes
    return replace(request, files=tuple(files)), tuple(sent)


def refuse_too_big(path: Path, memory: int | None) -> None:
    """Raises ModelTooBig for a model that such a PC cannot run, not even from its disk."""
    found = None if memory is None else inspection.inspect(path, small=True)
    if found is None or memory is None:
        return
    expected = expect(found.shape, found.sections, memory)
    if not expected.fits:
        raise ModelTooBig(path=path, memory=f"{memory >> 20} MB")


def to_talk(
    path: Path,
    state_dir: Path,
    target: str,
    progress: Progress = lambda _model, _done, _all: None,
) -> tuple[Request, Path, tuple[Sent, ...]]:
    """What brings a model there without running it: the request, and the file that is named there.

    Raises as `ready` does, and ModelUnsupported for one with which nobody can talk.
    """
    request, sent = ready(Request((path,)), state_dir, target, progress)
    first = request.files[0]
    found = inspection.inspect(first)
    if found is None or not found.has_chat:
        raise ModelUnsupported(
            path=path, why="it has no chat template, so nobody can talk with it",
            remedy=f"It continues a text: deployer push --target {target} {path} --prompt TEXT",
        )  # fmt: skip
    files = request.files
    if found.volumes > len(files):
        files = tuple(
            first.with_name(f"{first.name[:-2]}{number:02d}")
            for number in range(1, found.volumes + 1)
        )
    program = resources.program_path(ENGINE)
    return Request((program, *files), no_run=True), first, sent

"""What a request would send, said before anything is read through: from names and headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from deployer.core.model.expect import expect
from deployer.core.payload import fit as fits
from deployer.core.payload import plan
from deployer.core.target import codepages
from deployer.edge.choose import CONTAINER
from deployer.errors import WrongUse
from deployer.host import staging
from deployer.host.models import extra, inspection
from deployer.host.requests import Recognised, Request

_LONGEST_SOURCE = 200


def refuse_source(source: str, page: int) -> None:
    """Raises WrongUse for what is no path of files on an old PC of that code page."""
    drive, *names = source.split("\\")
    plain = all(" " <= c <= "~" or c > "\x9f" for c in source) and not set('<>"|/') & set(source)
    whole = re.fullmatch("[A-Za-z]:", drive) and names and all(names)
    wild = any(set("*?") & set(name) for name in names[:-1])
    if lacking := codepages.lacking(source, page):
        raise WrongUse(
            what=f"{source}: the PC's code page, {codepages.ansi(page)}, lacks {lacking}.",
            remedy="Name what is there, or give the PC's profile with its codepage: --profile.",
        )
    known = len(source.encode(f"cp{codepages.ansi(page)}")) <= _LONGEST_SOURCE
    if not (plain and whole and known) or wild or ".." in names:
        raise WrongUse(
            what=f"{source}: that is no path of files on an old PC.",
            remedy=r"Give a drive, folders and a name, perhaps with wildcards: 'C:\LOGS\*.*'.",
        )


def refuse_strange(request: Request) -> None:
    """Raises WrongUse for what no command line can say."""
    if request.gather is not None:
        refuse_source(request.gather.source, staging.profile_of(request).codepage)
    elif not request.files and not request.clean:
        raise WrongUse(what="No file is named.", remedy="Name at least one file to send.")
    if request.part_size is not None and request.part_size < 1:
        raise WrongUse(
            what=f"A part of {request.part_size} bytes is none.",
            remedy="Leave the part size out, or give one such as 1M.",
        )


def recognise(request: Request) -> Recognised:
    """What a request would send. Reads headers only. Raises the errors of wrong input."""
    refuse_strange(request)
    profile = staging.profile_of(request)
    outline = staging.outline(request)
    convertible = () if request.run or request.no_run else request.files
    model = next(filter(extra.is_convertible, convertible), outline.model)
    found = inspection.inspect(model) if model else None
    lengths = outline.lengths
    if found and model != outline.model:  # what it will be once it is converted
        whole = sum(section.size for section in found.sections)
        lengths = tuple(
            whole if path == model else length
            for path, length in zip(outline.paths, lengths, strict=True)
        )
    asked = request.part_size
    small = [length for length in lengths if length and plan.small(length, asked)]
    if len(small) < plan.FEWEST_PACKED:
        small = []
    own = [
        (length, plan.choose_part_size(length, asked, str(path)))
        for path, length in zip(outline.paths, lengths, strict=True)
        if not (small and plan.small(length, asked))
    ]
    packs = len(set(plan.pack_up(small, asked, ())))
    parts = packs + sum(-(-length // size) for length, size in own)
    largest = max((min(length, size) for length, size in own), default=0)
    largest = max(largest, min(sum(small), plan.PACK))
    options = dict(outline.options)
    shape = staging.inspect(outline.model) if outline.model and found is None else None
    load = fits.Load(
        lengths=lengths,
        parts=parts,
        largest_part=largest,
        model=shape if outline.recipe else None,
        bits=int(options.get("quantise", 8)),
        steps=int(options.get("steps", fits.ENGINE_STEPS)),
        expect=None if found is None else partial(expect, found.shape, found.sections),
    )
    parameters = found.shape.parameters if found else shape.parameters if shape else 0
    kind = "converted model" if found else "llama2.c model"
    if model != outline.model:
        kind = "model, which is converted first"
    lines = _lines(outline, lengths, model, f"{kind}, {parameters:,} parameters")
    return Recognised(lines, load, profile, model.name if model else "")


def _lines(
    outline: staging.Outline, lengths: Sequence[int], model: Path | None, said: str
) -> tuple[str, ...]:
    lines = []
    for path, length in zip(outline.paths, lengths, strict=True):
        what = said if path == model else outline.roles.get(path, "file")
        lines.append(f"{path.name}: {what}, {length:,} bytes")
    if outline.recipe or model:
        lines.append(f"runs there with the recipe {outline.recipe or CONTAINER}")
    else:
        lines.append("is delivered and proved, nothing is run")
    return tuple(lines)

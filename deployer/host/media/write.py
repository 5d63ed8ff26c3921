"""A payload on images of floppy disks, or on that of a CD."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.core.media import batch, code, fat12, spread
from deployer.core.media.batch import Kind
from deployer.core.media.spread import Medium
from deployer.core.payload import plan
from deployer.core.target import dates, manifest, places
from deployer.edge import files
from deployer.errors import OutputExists, WrongUse
from deployer.host import staging
from deployer.host.requests import Request
from deployer.model import GO_BAT, HELPER_EXE, Manifest

NO_HOST = "0.0.0.0"
LABELS = "LABELS.TXT"
MOST_OF_A_CD = 700 << 20
"""Bytes; the larger of the two common kinds."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was made: files with their labels and what is on them, and the code of the proof."""

    deployment: str
    files: tuple[tuple[Path, Medium], ...]
    code: str


def floppies(request: Request, out: Path, directory: str, kib: int) -> Written:
    """Images 0.img, 1.img ... in an empty or new directory, as floppy emulators take them.

    Raises OutputExists, WrongUse for a size that is none and for too many disks, and the errors of
    wrong input. When it fails, what was written is taken back.
    """
    geometry = _geometry(kib)
    staged = _stage(replace(request, part_size=spread.part_size(geometry)), directory)
    payload, name = staged.payload, staged.deployment
    text = manifest.render(staged, directory)
    proof = code.of(text)
    # GO.BAT's length is known when the disks are: first it is taken for that of all on one.
    media = _all_on_one(staged)
    for _turn in range(2):
        program = batch.worker(staged, directory, media, Kind.FLOPPIES, proof)
        media = _spread(staged, geometry, [text, program])
    own = _own_files(staged, directory, media, Kind.FLOPPIES, proof)
    new = not out.exists()
    files.make_directory(out)
    if any(out.iterdir()):
        raise OutputExists(path=out)
    written: list[tuple[Path, Medium]] = []
    now = dates.packed(datetime.datetime.now())  # noqa: DTZ005 - FAT knows local time only
    try:
        with tempfile.TemporaryDirectory(prefix="deployer-") as scratch:
            for number, medium in enumerate(media):
                path = out / f"{number}.img"
                written.append((path, medium))
                content = [*(own.items() if not number else ()), (medium.marker, _mark(medium))]
                for part in medium.parts:
                    there = Path(scratch) / "part"
                    there.unlink(missing_ok=True)
                    staging.write_part(payload, part, there)
                    content.append((part.name, there.read_bytes()))
                serial = int(name[1:], 16) << 4 | number & 15
                data = fat12.image(geometry, medium.label, content, date=now, serial=serial)
                files.write_atomically(path, data)
        files.write_atomically(out / LABELS, _labels(written))
    except BaseException:
        files.take_back(out, [*(path.name for path, _medium in written), LABELS], whole=new)
        raise
    return Written(name, tuple(written), proof)


def cd(request: Request, path: Path, directory: str) -> Written:
    """An image of a CD. Raises WrongUse for more than one holds, and what `floppies` raises."""
    from deployer.edge import iso  # noqa: PLC0415 - its library, only for who makes a CD

    if path.exists():
        raise OutputExists(path=path)
    staged = _stage(request, directory)
    name = staged.deployment
    total = staged.payload.total
    if total > MOST_OF_A_CD:
        raise WrongUse(
            what=f"{total:,} bytes are more than a CD holds ({MOST_OF_A_CD:,}).",
            remedy="Send less, or push it over the network.",
        )
    proof = code.of(manifest.render(staged, directory))
    (medium,) = _all_on_one(staged)
    on_it = spread.level_1_names([part.name for part in medium.parts])
    own = _own_files(staged, directory, (medium,), Kind.CD, proof, on_it=on_it)
    own |= {medium.marker: _mark(medium), "AUTORUN.INF": batch.autorun()}
    beside = files.make_directory(path.parent)
    with tempfile.TemporaryDirectory(prefix="deployer-", dir=beside) as made:
        scratch = Path(made)
        for file, data in own.items():
            (scratch / file).write_bytes(data)
        for part in medium.parts:
            staging.write_part(staged.payload, part, scratch / on_it[part.name])
        names = [*own, *(on_it[part.name] for part in medium.parts)]
        iso.write(path, name, [(file, scratch / file) for file in names])
    return Written(name, ((path, medium),), proof)


def _geometry(kib: int) -> fat12.Geometry:
    if kib not in fat12.GEOMETRIES:
        known = ", ".join(map(str, fat12.GEOMETRIES))
        raise WrongUse(what=f"--size {kib}: no such floppy disk.", remedy=f"There are: {known}.")
    return fat12.GEOMETRIES[kib]


def _stage(request: Request, directory: str) -> Manifest:
    """Raises the errors of wrong input."""
    staged = staging.stage(request, host=NO_HOST)
    places.refuse_ours(staged.payload, directory)
    plan.refuse_deep(staged.payload, directory)
    return staged


def _all_on_one(staged: Manifest) -> tuple[Medium, ...]:
    name = staged.deployment
    return (Medium(name, spread.marker(name, 1), staged.payload.parts),)


def _spread(
    staged: Manifest, geometry: fat12.Geometry, longest: Sequence[bytes]
) -> tuple[Medium, ...]:
    lengths = [len(staging.helper()), 8192, *map(len, longest)]
    return spread.spread(
        staged.deployment, staged.payload.parts, geometry,
        first=sum(map(geometry.need, lengths)), files=len(staged.payload.files),
    )  # fmt: skip


def _own_files(
    staged: Manifest,
    directory: str,
    media: Sequence[Medium],
    kind: Kind,
    proof: str,
    *,
    on_it: Mapping[str, str] | None = None,
) -> dict[str, bytes]:
    """What the first disk has beside parts."""
    name = staged.deployment
    return {
        GO_BAT: batch.starter(staged, directory, media, kind),
        batch.worker_name(name): batch.worker(staged, directory, media, kind, proof, on_it=on_it),
        HELPER_EXE: staging.helper(),
        manifest.file_name(name): manifest.render(staged, directory),
    }


def _mark(medium: Medium) -> bytes:
    return f"This is {medium.label}.\r\n".encode("ascii")


def _labels(written: Sequence[tuple[Path, Medium]]) -> bytes:
    """What is to be written on each disk, for people."""

    def lines() -> Iterator[str]:
        for path, medium in written:
            named = [part.name for part in medium.parts]
            content = f"{named[0]} to {named[-1]}" if len(named) > 1 else "".join(named)
            first = "GO.BAT, " if path == written[0][0] else ""
            yield f"{medium.label}   {path.name}   {first}{content}".rstrip(", ")

    return "".join(f"{line}\r\n" for line in lines()).encode("ascii")

"""Folders that a pull or a backup has brought, before they go back to the old PC."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from deployer.core.pull import listing
from deployer.core.pull.listing import Listing, ListRefusedError
from deployer.edge import pulled
from deployer.errors import BackupDamaged, FileMissing


def origin(folder: Path) -> str:
    r"""Where it was on the old PC, such as `C:\GAME`, after every file was read.

    Raises FileMissing without the folder or its sealed list, and BackupDamaged when the list is
    damaged or a file is not what the old PC has summed.
    """
    beside = _beside(folder)
    try:
        source, known = _read(beside)
    except OSError as error:
        raise FileMissing(path=beside) from error
    except ListRefusedError as error:
        raise BackupDamaged(path=folder, why=f"its list {beside.name} cannot be used") from error
    for file in known.files:
        if file.sha256 and pulled.sha256_of(folder / file.path) != file.sha256:
            raise BackupDamaged(path=folder, why=f"{file.path} is not what the old PC had")
    return source.rpartition("\\")[0]


def codepage(folder: Path) -> int:
    """The ANSI page of the PC that it came from. Raises as `origin` does."""
    try:
        return _read(_beside(folder))[1].codepage
    except (OSError, ListRefusedError) as error:
        raise FileMissing(path=_beside(folder)) from error


def attributes(paths: Iterable[Path]) -> Mapping[Path, int]:
    """What the old PC said of files that were pulled, by their paths here: 1 read-only, 2 hidden,
    4 system. Of folders without a sealed list beside them nothing is known.
    """
    found: dict[Path, int] = {}
    for folder in paths:
        with contextlib.suppress(OSError, ListRefusedError):
            _source, known = _read(_beside(folder))
            found |= {folder / file.path: file.attributes & 7 for file in known.files}
    return found


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lst")


def _read(beside: Path) -> tuple[str, Listing]:
    """What was pulled, and the list. Raises OSError, ListRefusedError."""
    data = beside.read_bytes()
    source = listing.source(data)
    return source, listing.parse(data, listing.identity(data), source)

"""Folders that a pull or a backup has brought, before they go back to the old PC."""

from __future__ import annotations

from pathlib import Path

from deployer.core.pull import listing
from deployer.core.pull.listing import ListRefusedError
from deployer.edge import pulled
from deployer.errors import BackupDamaged, FileMissing


def origin(folder: Path) -> str:
    r"""Where it was on the old PC, such as `C:\GAME`, after every file was read.

    Raises FileMissing without the folder or its sealed list, and BackupDamaged when the list is
    damaged or a file is not what the old PC has summed.
    """
    beside = folder.with_name(f"{folder.name}.lst")
    try:
        data = beside.read_bytes()
    except OSError as error:
        raise FileMissing(path=beside) from error
    source = listing.source(data)
    try:
        known = listing.parse(data, listing.identity(data), source)
    except ListRefusedError as error:
        raise BackupDamaged(path=folder, why=f"its list {beside.name} cannot be used") from error
    for file in known.files:
        if file.sha256 and pulled.sha256_of(folder / file.path) != file.sha256:
            raise BackupDamaged(path=folder, why=f"{file.path} is not what the old PC had")
    return source.rpartition("\\")[0]

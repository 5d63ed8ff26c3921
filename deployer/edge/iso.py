"""CD images: ISO 9660 level 1 with Joliet, made and read by pycdlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pycdlib
from pycdlib.pycdlibexception import PyCdlibException

from deployer.errors import FileUnreadable, OutputExists

_MOST = 4 << 20


def write(path: Path, label: str, files: Sequence[tuple[str, Path]]) -> None:
    """A new image with these files in its one directory, named as level 1 wants it: `A-Z 0-9 _`.

    Raises OutputExists, FileUnreadable.
    """
    if path.exists():
        raise OutputExists(path=path)
    image = pycdlib.PyCdlib()
    image.new(interchange_level=1, joliet=3, vol_ident=label, sys_ident="")
    try:
        for name, source in files:
            whole = name if "." in name else f"{name}."
            image.add_file(str(source), f"/{whole};1", joliet_path=f"/{name}")
        image.write(str(path))
    except (OSError, PyCdlibException) as error:
        path.unlink(missing_ok=True)
        raise FileUnreadable(path=path, why=str(error)) from error
    finally:
        image.close()


def small_files(path: Path) -> dict[str, bytes]:
    """The files of an image's one directory, those of up to 4 MiB. Raises FileUnreadable."""
    image = pycdlib.PyCdlib()
    found = {}
    try:
        image.open(str(path))
        for record in image.list_children(joliet_path="/"):
            if record.is_file() and record.get_data_length() <= _MOST:
                name = record.file_identifier().decode("utf-16-be").partition(";")[0]
                data = io.BytesIO()
                image.get_file_from_iso_fp(data, joliet_path=f"/{name}")
                found[name] = data.getvalue()
        image.close()
    except (OSError, ValueError, PyCdlibException) as error:
        raise FileUnreadable(path=path, why=str(error)) from error
    return found

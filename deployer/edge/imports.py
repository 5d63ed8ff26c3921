"""What a Win32 program imports, read with pefile."""

from __future__ import annotations

import struct
from pathlib import Path

from deployer.errors import FileUnreadable

_MOST = 256 << 20
_DIRECTORY = 1  # of imports, in the PE specification


def imports_of(path: Path) -> dict[str, tuple[str, ...]]:
    """Function names for each library that the program needs; imports by number have no name.

    Nothing for a file that is damaged, or of more than 256 MiB. Raises FileUnreadable.
    """
    import pefile  # noqa: PLC0415 - it takes a while, and few payloads need it

    try:
        if path.stat().st_size > _MOST:
            return {}
        with pefile.PE(str(path), fast_load=True) as pe:
            pe.parse_data_directories([_DIRECTORY])
            return {
                entry.dll.decode("ascii", "replace"): tuple(
                    each.name.decode("ascii", "replace") for each in entry.imports if each.name
                )
                for entry in getattr(pe, "DIRECTORY_ENTRY_IMPORT", ())
            }
    except (pefile.PEFormatError, ValueError, struct.error, AttributeError):
        return {}
    except OSError as error:
        raise FileUnreadable(path=path, why=error.strerror) from error

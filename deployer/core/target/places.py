"""Which long names and trees a Windows 98 disk can have, said before anything is sent.

A place is a path relative to the deployment's directory, `/` between its segments. Names are
compared without regard to case (facts C8), as the target's file system does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from deployer.core.target.codepages import WESTERN, fold
from deployer.core.target.manifest import own_directory, unfit
from deployer.core.target.names import OUR_NAMES
from deployer.errors import NameRefused, NamesClash
from deployer.model import Payload

KEPT = OUR_NAMES | {"RESULT.TMP", "INFO.TMP", "NEXT.TMP", "RECEIPT.TXT"}
"""Names at the top that GO.BAT and the helper need for themselves."""

_IDENTITY = re.compile(r"D[0-9A-F]{7}\..*")
_GENERATED = re.compile(r"([^.~ ]{1,6})~[0-9]{1,6}(?:\.([^. ]{1,3}))?")
_THERE_ALREADY = 3
"""Files of that name's kind that the directory on the target may have before ours come."""
_PLAIN = re.compile(r"[^. +,;=\[\]]{1,8}(\.[^. +,;=\[\]]{1,3})?")
_WORKING = re.compile(r"([A-Z0-9_-]{1,8})\.(WRK|[0-9A-J][0-9][0-9])")


def normal(place: str) -> str:
    """The place with composed letters: some systems store `é` as `e` and an accent."""
    return unicodedata.normalize("NFC", place)


def refuse_names(named: Sequence[tuple[str, str]], page: int = WESTERN) -> None:
    """Raises NameRefused for the first (path here, place there) that Windows 98 cannot have.

    The message also says how many more there are.
    """
    found = [(path, why) for path, place in named if (why := refusal(place, page))]
    if found:
        path, why = found[0]
        others = ", ".join(path for path, _why in found[1:4])
        left = len(found) - 4
        more = f" So are: {others}{f' and {left} more' if left > 0 else ''}." if others else ""
        raise NameRefused(path=path, why=why, more=more)


def refusal(place: str, page: int = WESTERN) -> str:
    """Why a Windows 98 of that code page cannot have a file at that place, or ""."""
    return unfit(place, page)


def refuse_ours(payload: Payload, directory: str) -> None:
    """Raises NameRefused for a file that would meet one of ours, where both go to one directory."""
    if directory.upper() != own_directory(directory).upper():
        return
    bases = {part.name.partition(".")[0] for part in payload.parts}
    for file in payload.files:
        top = file.place.upper()
        match = _WORKING.fullmatch(top)
        why = ""
        if top in KEPT or _IDENTITY.fullmatch(top):
            why = "the deployment itself needs it there"
        elif match and match[1] in bases:
            why = "a part of another file has that name for a while"
        if why:
            more = " Or let it all go elsewhere, such as --to C:\\GAME: there it may have any name."
            raise NameRefused(path=file.source or file.place, why=why, more=more)


def refuse_clashes(named: Sequence[tuple[str, str]]) -> None:
    """Raises NamesClash when two (path here, place there) would meet on the target.

    Two files meet when only case tells them apart, a file and a directory when they share a name,
    and `LONGNA~1.TXT` meets the file with a long name that Windows may have given that short one:
    `LONGNA~9.TXT` only where there are enough that have those before it.
    """
    files: dict[str, str] = {}
    for path, place in named:
        other = files.setdefault(fold(place), path)
        if other != path:
            raise NamesClash(path=path, other=other, why=_why_same(path, other))
    for path, place in named:
        for above in _above(fold(place)):
            if above in files:
                raise NamesClash(
                    path=files[above], other=path, why="a file and a directory with one name"
                )
    _refuse_generated(named)


def _refuse_generated(named: Sequence[tuple[str, str]]) -> None:
    directories: dict[str, dict[str, str]] = {}
    for path, place in named:
        above = ""
        for name in fold(place).split("/"):
            directories.setdefault(above, {}).setdefault(name, path)
            above += f"{name}/"
    for names in directories.values():
        for short in filter(_GENERATED.fullmatch, names):
            longer = [name for name in names if _may_get(name, short)]
            first = len(longer) + _lower(short, names)
            if longer and _number(short) <= first + _THERE_ALREADY:
                why = "Windows may give the longer name that short one"
                raise NamesClash(path=names[short], other=names[longer[0]], why=why)


def _number(short: str) -> int:
    return int(short.partition(".")[0].rpartition("~")[2])


def _lower(short: str, names: Iterable[str]) -> int:
    """How many names are that generated one with a lower number: Windows takes the first free."""
    stem, extension = short.partition("~")[0], short.partition(".")[2]
    return sum(
        name.startswith(f"{stem}~")
        and name.partition(".")[2] == extension
        and _GENERATED.fullmatch(name) is not None
        and _number(name) < _number(short)
        for name in names
    )


def _may_get(name: str, short: str) -> bool:
    """Whether Windows may give a name, in capitals, that generated 8.3 name."""
    match = _GENERATED.fullmatch(short)
    if match is None or name == short or _PLAIN.fullmatch(name):
        return False
    stem, dot, extension = name.lstrip(".").rpartition(".")
    stem, extension = (stem, extension) if dot else (extension, "")
    begins = _plain(stem.replace(".", "")).startswith(_plain(match[1]))
    return begins and _plain(extension)[:3] == _plain(match[2] or "")


def _plain(text: str) -> str:
    """Without spaces, and with one sign for all that Windows may write in another way."""
    return re.sub("[^A-Z0-9]", "_", text.replace(" ", ""))


def _why_same(path: str, other: str) -> str:
    if path.lower() == other.lower():
        return "capital and small letters are the same there"
    return "what is in a directory goes straight to where the payload goes"


def _above(place: str) -> Iterable[str]:
    while "/" in place:
        place = place.rpartition("/")[0]
        yield place

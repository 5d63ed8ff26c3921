"""The surveys of a state directory: one sealed file each, named by what brought it, and its target.

surveys/D7F3A21C@192.168.1.2.txt         came with that deployment
surveys/pentium-of-the-club.txt          imported
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from deployer.core.survey import record, share
from deployer.core.survey.record import Survey, SurveyRefusedError
from deployer.edge import surveyed
from deployer.errors import FileMissing, SurveyRefused, SurveyUnknown

FOLDER = "surveys"
_ENDING = ".txt"


@dataclass(frozen=True, slots=True)
class Kept:
    """A survey that is here: its name, whom it is of ("" for one that was imported), and itself."""

    name: str
    target: str
    survey: Survey


def keep(state_dir: Path, name: str, data: bytes, target: str = "") -> Kept:
    """Keep the bytes of a SURVEY.TXT under a name. Raises SurveyRefused, and OSError."""
    found = Kept(name, target, read(data, name))
    folder = state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    parts = [quote(part, safe="") for part in (name, target) if part]
    path = folder / f"{'@'.join(parts)}{_ENDING}"
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
    return found


def arrived(path: Path) -> bytes:
    """The sealed survey in what came from an old PC: OUTPUT.TXT, or SURVEY.TXT alone.

    Raises SurveyRefused.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SurveyRefused(name=path, why=f"it cannot be read: {error.strerror}") from error
    found = record.find(data)
    if data.startswith(share.FIRST.encode()):
        raise SurveyRefused(name=path, why="it is an export, which has no files to judge")
    if not found:
        raise SurveyRefused(name=path, why="there is no whole survey in it")
    read(found, str(path))
    return found


def read(data: bytes, name: str) -> Survey:
    """The survey in these bytes. Raises SurveyRefused."""
    try:
        return record.parse(data)
    except SurveyRefusedError as error:
        raise SurveyRefused(name=name, why=error) from error


def every(state_dir: Path) -> Iterator[Kept]:
    """The surveys that are here, the newest first; what cannot be read is left out."""
    folder = state_dir / FOLDER
    if not folder.is_dir():
        return
    paths = sorted(folder.glob(f"*{_ENDING}"), key=lambda p: p.stat().st_mtime_ns, reverse=True)
    for path in paths:
        name, _, target = path.stem.partition("@")
        try:
            yield Kept(unquote(name), unquote(target), record.parse(path.read_bytes()))
        except (OSError, SurveyRefusedError):
            continue


def one(state_dir: Path, name: str = "") -> Kept:
    """The survey of that name, or the newest of that target; the newest of all without a name.

    Raises SurveyUnknown.
    """
    found = list(every(state_dir))
    for kept in found:
        if not name or kept.name.lower() == name.lower():
            return kept
    for kept in found:
        if kept.target == name:
            return kept
    raise SurveyUnknown(name=name or "any")


def brought(state_dir: Path, name: str, path: Path) -> Kept:
    """Keep a survey that came another way: a file, or a folder that SURVEY.BAT has run in.

    Raises SurveyRefused, FileMissing.
    """
    if not path.exists():
        raise FileMissing(path=path)
    if path.is_file():
        return keep(state_dir, name, arrived(path))
    runs = surveyed.runs(path)
    if not runs:
        raise SurveyRefused(name=path, why="SURVEY.BAT has not run in this folder")
    found = surveyed.collect(path, runs[-1], surveyed.place_of(path))
    return keep(state_dir, name, record.write(found))

"""Folders in which SURVEY.BAT has run, read here: what PROBE98 COLLECT does on an old PC."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from deployer.core.survey.record import MOST_KEPT, Evidence, LeftFile, ProbeEnd, Survey
from deployer.core.survey.script import SURVEY_BAT

_ENDS = {"MARK.ARM": ProbeEnd.STOPPED, "MARK.RAN": ProbeEnd.RAN}


def collect(folder: Path, run: str, at: str) -> Survey:
    """The evidence of a run in a folder that the old PC calls `at`. Raises OSError."""
    marks = [
        mark
        for home in sorted((folder / run).glob("P???"))
        for name in _ENDS
        if (mark := home / name).is_file()
    ]
    return Survey(run, at, {}, tuple(_evidence(mark) for mark in marks))


def runs(folder: Path) -> list[str]:
    """The runs of SURVEY.BAT in a folder, the one that began last at the end."""
    begun = sorted(folder.glob("S???????/HERE.TXT"), key=lambda path: path.stat().st_mtime)
    return [path.parent.name for path in begun]


def place_of(folder: Path) -> str:
    """Where SURVEY.BAT says that the folder is on the old PC."""
    text = (folder / SURVEY_BAT).read_text("ascii", "replace")
    match = re.search(r"^([A-Z]:)\r?\nCD (\\[^\r\n]+)", text, re.MULTILINE)
    return f"{match[1]}{match[2]}" if match else ""


def _evidence(mark: Path) -> Evidence:
    printed = mark.with_name("OUT")
    said = printed.read_bytes() if printed.is_file() else b""
    home = mark.with_name("T")
    inside = sorted(home.rglob("*")) if home.is_dir() else []
    return Evidence(
        slot=mark.parent.name,
        probe=mark.read_text("ascii", "replace").strip(),
        end=_ENDS[mark.name],
        printed=said[:MOST_KEPT],
        printed_length=len(said),
        folders=tuple(_name(path, home) for path in inside if path.is_dir()),
        files=tuple(_left(path, home) for path in inside if path.is_file()),
    )


def _left(path: Path, home: Path) -> LeftFile:
    data = path.read_bytes()
    return LeftFile(
        _name(path, home), len(data), hashlib.sha256(data).hexdigest(), data[:MOST_KEPT]
    )


def _name(path: Path, home: Path) -> str:
    return path.relative_to(home).as_posix().replace("/", "\\")

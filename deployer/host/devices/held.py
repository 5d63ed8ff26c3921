"""Who has an old PC to themselves: one small file each in the state directory, read at each push.

A lab's exporter writes it when somebody acquires the PC's place. It outlives a daemon that is
started again, and holds for every command of this computer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path
from urllib.parse import quote

from deployer.edge import files
from deployer.errors import TargetHeld

_FOLDER = "held"


def hold(state_dir: Path, target: str, holder: str) -> None:
    """From now on only `holder` may ask for anything there. Raises DirectoryForbidden, OSError."""
    files.make_directory(state_dir / _FOLDER)
    files.write_atomically(_place(state_dir, target), holder.encode("utf-8"))
    _place(state_dir, target).chmod(0o644)  # whoever the daemon's user is


def release(state_dir: Path, target: str) -> None:
    """Everybody may again. Raises OSError."""
    _place(state_dir, target).unlink(missing_ok=True)


def holder_of(state_dir: Path, target: str) -> str:
    """Who has it, "" for nobody."""
    with contextlib.suppress(OSError):
        return _place(state_dir, target).read_text(encoding="utf-8")
    return ""


def refuse(state_dir: Path, holders: Collection[str], *targets: str) -> None:
    """Raises TargetHeld when a place that is none of `holders` has a PC of these names."""
    for target in targets:
        found = holder_of(state_dir, target) if target else ""
        if found and found not in holders:
            file = _place(state_dir, target)
            raise TargetHeld(target=target, holder=found, file=file)


def _place(state_dir: Path, target: str) -> Path:
    return state_dir / _FOLDER / quote(target, safe="")

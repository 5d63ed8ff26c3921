"""How an interface was before we touched it: written down first, so that a crash cannot lose it.

One JSON file per interface in the state directory. It appears whole or not at all (temporary file,
fsync, rename, fsync of the directory), before the first change; it goes after the last is undone.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from deployer.core.wire.addresses import Address, Interface, as_file_name
from deployer.edge.link.system import Change, NetworkSystem
from deployer.errors import DirectoryForbidden, UndoDamaged

_VERSION = 1


@dataclass(frozen=True, slots=True)
class UndoRecord:
    """What was there, and what may have been changed since.

    `kept` says that the user asked for the address to stay (`link up`); without it the address is
    given back when the process that set it ends, or at the next start after a crash. `beside` is
    the second address, in 169.254/16; where it was wanted but cannot be, `left_out` is why.
    """

    before: Interface
    address: Address
    changes: tuple[Change, ...]
    host_route: str = ""
    kept: bool = False
    boot: str = ""
    at: float = 0.0
    version: int = _VERSION
    beside: Address | None = None
    left_out: str = ""

    @property
    def interface(self) -> str:
        """The interface's name."""
        return self.before.name


def path_of(state_dir: Path, interface: str) -> Path:
    """Where the record of an interface lies."""
    return state_dir / f"wire-{as_file_name(interface)}.undo.json"


def _old_path_of(state_dir: Path, interface: str) -> Path:
    """Where earlier versions put it: interfaces whose names differ in punctuation shared a file."""
    return state_dir / f"wire-{re.sub(r'[^A-Za-z0-9]', '_', interface)}.undo.json"


def _paths_of(state_dir: Path, interface: str) -> Iterator[Path]:
    """The files that hold the record of this very interface, the newest form first."""
    yield path_of(state_dir, interface)
    old = _old_path_of(state_dir, interface)
    if old != path_of(state_dir, interface):
        record = _read(old)
        if record is not None and record.interface == interface:
            yield old


def write(state_dir: Path, record: UndoRecord) -> None:
    """Put the record on the disk, safely. Raises DirectoryForbidden."""
    path = path_of(state_dir, record.interface)
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _sync_directory(state_dir)
        for old in list(_paths_of(state_dir, record.interface))[1:]:
            old.unlink(missing_ok=True)
    except OSError as error:
        raise DirectoryForbidden(path=state_dir, why=error.strerror or error) from error


def read(state_dir: Path, interface: str) -> UndoRecord | None:
    """The record of an interface, or None. Raises UndoDamaged."""
    found = (_read(path) for path in _paths_of(state_dir, interface))
    return next((record for record in found if record is not None), None)


def records(state_dir: Path) -> Iterator[UndoRecord]:
    """Every record in the state directory. Raises UndoDamaged, after those that can be read."""
    damaged: UndoDamaged | None = None
    for path in sorted(state_dir.glob("wire-*.undo.json")):
        try:
            record = _read(path)
        except UndoDamaged as error:
            damaged = damaged or error
            continue
        if record is not None:
            yield record
    if damaged is not None:
        raise damaged


def same_now(record: UndoRecord, interfaces: Sequence[Interface]) -> Interface | None:
    """The interface of a record as it is now; None when it is gone.

    Its number stays as long as it exists. Its name or its MAC may have been changed meanwhile, but
    hardly both: with neither, the number is another's by now.
    """
    before = record.before
    numbered = [i for i in interfaces if i.index == before.index]
    named = next((i for i in numbered if i.name == before.name), None)
    return named or next((i for i in numbered if i.mac == before.mac), None)


def replay(link: NetworkSystem, state_dir: Path, record: UndoRecord) -> None:
    """Give the interface back as it was, then forget. May be cut off anywhere and done again.

    Only the owner of the wire calls it. A reboot has undone everything already; an interface that
    was unplugged and came back is a new one, where only what was said to daemons must be unsaid.
    """
    with undisturbed():
        now = same_now(record, link.interfaces())
        same_boot = not record.boot or record.boot == link.boot()
        if same_boot:
            for change in reversed(record.changes):
                if change.kind == "up" and _in_use(link, record):
                    continue
                # networkd was told by a file that has the name of then
                if now is not None and change.kind != "networkd":
                    link.revert(now.name, change)
                elif change.kind in ("networkmanager", "networkd"):
                    link.revert(record.interface, change)
        try:
            for path in list(_paths_of(state_dir, record.interface)):
                path.unlink(missing_ok=True)
            _sync_directory(state_dir)
        except OSError as error:
            raise DirectoryForbidden(path=state_dir, why=error.strerror or error) from error


def _in_use(link: NetworkSystem, record: UndoRecord) -> bool:
    """Whether somebody has begun to use an interface that we switched on; ours is off it by now.

    Switched off, it would lose routes that the user has added.
    """
    now = same_now(record, link.interfaces())
    if now is None:
        return False
    more = set(now.addresses) - {*record.before.addresses, record.address, record.beside}
    return bool(more) or link.has_routes(now.index)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Whoever asks a second time to stop is heard after this, so that it is not left half done.

    Only the main thread is disturbed by signals, and only it may say what happens at one.
    """
    heard: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) not in (None, signal.SIG_IGN):
                before[number] = signal.signal(number, lambda got, _frame: heard.append(got))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in heard[:1]:
            signal.raise_signal(number)


def _read(path: Path) -> UndoRecord | None:
    try:
        record = msgspec.json.decode(path.read_bytes(), type=UndoRecord)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UndoDamaged(path=path, why=error.strerror or error) from error
    except msgspec.MsgspecError as error:
        raise UndoDamaged(path=path, why=error) from error
    if record.version != _VERSION:
        raise UndoDamaged(path=path, why=f"version {record.version} is not known")
    return record


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    try:
        handle = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        return  # whoever removed it has taken the notes along
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

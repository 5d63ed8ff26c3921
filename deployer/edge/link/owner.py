"""One owner per wire: a lock that ends with its process and says whose it is.

It is flock on a file in a directory where nobody else may write: `/run/deployer`, which only root
or systemd can have made (for the service's user). Nobody else may open the file either, since
whoever can open a file can lock it. The kernel lists all locks with their owners in /proc/locks, so
everybody may look, and looking disturbs nobody. On Linux an interface belongs to a network
namespace, so the name of its file has the namespace's number.

A user who may change interfaces but is neither root nor the service's has a directory of their own,
which excludes only that user's other processes.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
import time
from pathlib import Path

from deployer.core.wire.addresses import as_file_name
from deployer.errors import DirectoryForbidden, WireBusy

SHARED = Path("/run/deployer") if sys.platform == "linux" else Path("/var/run/deployer")
_ENDING = 5.0
"""Seconds that a child of a killed owner has to end: it notices, but a moment later."""
_LOOK = 0.02


class Ownership:
    """The right to change one interface, until `release` or the end of the process."""

    def __init__(self, interface: str) -> None:
        """Take it. Raises WireBusy, which names the process that has it, or DirectoryForbidden."""
        directory = _writable()
        if directory != SHARED and (pid := owner(interface)):
            raise WireBusy(interface=interface, owner=f"process {pid}")
        self._path = directory / _name(interface)
        self._file = os.fdopen(_take(self._path, interface), "r+b", buffering=0)

    def release(self) -> None:
        """Let the next one in."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self._file.close()


def owner(interface: str) -> int | None:
    """The process that owns the wire on this interface; None when nobody does or it is unknown."""
    name = _name(interface)
    for directory in (SHARED,) if _is_root() else (SHARED, _own()):
        with contextlib.suppress(OSError):
            found = (directory / name).lstat()
            pid = _holder(found)
            if pid is not None:
                return pid
    return None


def _holder(file: os.stat_result) -> int | None:
    """The process that has locked a file, as /proc/locks of Linux says (proc_locks(5))."""
    place = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        fields = line.split()
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == place:
            return int(fields[4]) if int(fields[4]) > 0 else None
    return None


def _name(interface: str) -> str:
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = f"{Path('/proc/self/ns/net').stat().st_ino}-"
    return f"wire-{namespace}{as_file_name(interface)}.lock"


def _writable() -> Path:
    """The shared directory when this user may write in it, else one of this user's own.

    Raises DirectoryForbidden where others may write, too.
    """
    if sys.platform == "win32":
        return _own()  # a user's directory for temporary files is that user's there
    with contextlib.suppress(OSError):
        SHARED.mkdir(mode=0o755)
        SHARED.chmod(0o755)  # whatever the umask: everybody may see who has a wire
    if os.access(SHARED, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return _refuse_open(SHARED)
    own = _own()
    try:
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DirectoryForbidden(path=own, why=error.strerror) from error
    return _refuse_open(own)


def _own() -> Path:
    if sys.platform == "win32":
        return Path(tempfile.gettempdir())
    place = os.environ.get("XDG_RUNTIME_DIR")
    return Path(place) / "deployer" if place else Path(f"/tmp/deployer-{os.geteuid()}")  # noqa: S108


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _refuse_open(directory: Path) -> Path:
    """Raises DirectoryForbidden when somebody else than its owner may write in the directory.

    Root's programs trust any owner of the shared one: only root and systemd make it.
    """
    found = directory.lstat()
    trusted = directory == SHARED or found.st_uid == os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or not trusted or found.st_mode & 0o022:
        raise DirectoryForbidden(path=directory, why="others may write in it")
    return directory


def _take(path: Path, interface: str) -> int:
    """The open file, locked; its owner's number is in it."""
    until = time.monotonic() + _ENDING
    while True:
        try:
            file = _opened(path)
        except OSError as error:
            raise DirectoryForbidden(path=path, why=error.strerror) from error
        try:
            _lock(file)
        except OSError as error:
            pid = owner(interface) or _written(file)
            os.close(file)
            if pid is None or _lives(pid) or time.monotonic() > until:
                whose = f"process {pid}" if pid else "its process cannot be seen from here"
                raise WireBusy(interface=interface, owner=whose) from error
            time.sleep(_LOOK)
            continue
        if _is_at(path, file):
            with contextlib.suppress(OSError):
                os.truncate(file, 0)
                os.write(file, str(os.getpid()).encode("ascii"))
            return file
        os.close(file)  # its last owner took it away before it was ours


def _opened(path: Path) -> int:
    """For this user and the directory's owner alone."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    file = os.open(path, flags, 0o600)
    if _is_root():
        place = path.parent.stat()
        os.fchown(file, place.st_uid, place.st_gid)  # the service's user can take it after a crash
    return file


def _lock(file: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _written(file: int) -> int | None:
    """What its owner wrote; on Windows the locked byte cannot be read."""
    with contextlib.suppress(OSError):
        text = os.pread(file, 20, 0) if sys.platform != "win32" else b""
        return int(text) if text.isdigit() else None
    return None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2][1] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
    except OSError:  # it is another user's
        return True

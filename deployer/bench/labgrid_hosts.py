"""The hosts of a labgrid lab: each host's daemon, through labgrid's own SSH, with managed files.

`NetworkOldPC` is what an exporter offers: an old PC on its host's wire. `OldPC` is its side there
(`labgrid_exporter`). Whoever has acquired the place reaches that host's daemon from anywhere.
"""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import attr
from labgrid import target_factory
from labgrid.resource.common import NetworkResource
from labgrid.util.managedfile import ManagedFile
from labgrid.util.ssh import sshmanager

from deployer.errors import LabHostLost, WrongUse
from deployer.host import connect
from deployer.host.requests import Host

SOCKET = "/run/deployer/control.sock"
_MANY = 60.0
"""Seconds that a command over SSH may take which moves no file."""

_LABGRID = threading.Lock()
"""labgrid's connections, and what it starts, belong to one thread at a time."""


@target_factory.reg_resource
@attr.s(eq=False)
class NetworkOldPC(NetworkResource):  # type: ignore[misc]
    """An old PC on the wire of another host: `pc` is its name or address there, or a simulated one.

    `socket` is the control socket of that host's daemon; `host` is the host, as SSH calls it.
    """

    pc: str = attr.ib(validator=attr.validators.instance_of(str))
    socket: str = attr.ib(default=SOCKET, validator=attr.validators.instance_of(str))

    @property
    def by_ssh(self) -> str:
        """The host through which it is reached: itself, or the exporter's proxy."""
        extra = getattr(self, "extra", {})
        return str(extra["proxy"] if extra.get("proxy_required") else self.host)


def place_of(resource: NetworkOldPC) -> str:
    """The place whose resource it is, "" for none."""
    parent = getattr(resource, "parent", None)
    return str(parent.name) if parent is not None else ""


class LabHost:
    """One host of the lab, for the resources that are on it. Connects in the constructor.

    Raises LabHostLost, which names the host.
    """

    def __init__(self, resource: NetworkOldPC) -> None:
        self.resource = resource
        self.name = str(resource.host)
        self._known: dict[tuple[Path, int, int], Path] = {}
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="deployer-lab-")
        self._local = Path(self._folder.name) / "control.sock"
        self._forward = f"-L{self._local}:{resource.socket}"
        self._control("forward")

    @property
    def called(self) -> str:
        """The daemon there, in words."""
        return f"{self.name} ({self.resource.socket})"

    def close(self) -> None:
        """The socket here goes; the connection is labgrid's."""
        with contextlib.suppress(LabHostLost):
            self._control("cancel")
        self._folder.cleanup()

    def _ssh(self) -> tuple[list[str], str]:
        """How SSH is called, and for whom."""
        name = self.resource.by_ssh
        try:
            with _LABGRID:
                if not sshmanager.get(name).isconnected():
                    sshmanager.remove_by_name(name)  # it was lost, and is made anew
                *words, host = sshmanager.get(name).get_prefix()
        except Exception as error:  # labgrid's own, and those of the processes that it starts
            raise LabHostLost(host=self.name, why=_why(error)) from error
        return words, host

    def _control(self, what: str) -> None:
        words, host = self._ssh()
        _do([*words, "-O", what, self._forward, host], self.name)

    def open(self, *places: str) -> contextlib.AbstractAsyncContextManager[Host]:
        """Its daemon, for what is asked in the name of these places."""
        return connect.elsewhere(self._local, self.called, self.carry, places)

    def carry(self, path: Path) -> Path:
        """Bring a file or a folder there, unless it is there already; its path there.

        Raises WrongUse for a file that is not here, LabHostLost when the host does not take it.
        """
        with self._lock:
            try:
                stat = path.stat()
            except OSError as error:
                raise WrongUse(
                    what=f"{path}: cannot be read ({error.strerror}).",
                    remedy="Name a file of this computer.",
                ) from error
            key = (path, stat.st_size, stat.st_mtime_ns)
            if path.is_dir():
                return self._carry_folder(path)
            if key not in self._known:
                self._known[key] = self._carry_file(path)
            return self._known[key]

    def _carry_file(self, path: Path) -> Path:
        managed = ManagedFile(str(path), self.resource, detect_nfs=False)
        try:
            with _LABGRID:
                managed.sync_to_resource()
            there = Path(managed.get_remote_path())
        except Exception as error:  # as above
            raise LabHostLost(host=self.name, why=_why(error)) from error
        return there.with_name(path.resolve().name)

    def _carry_folder(self, path: Path) -> Path:
        there = Path(_cache()) / "folders" / path.name
        words, host = self._ssh()
        _do([*words, host, f"mkdir -p {shlex.quote(str(there))}"], self.name)
        command = [
            "rsync",
            "-a",
            "--delete",
            "-e",
            shlex.join(words),
            f"{path}/",
            f"{host}:{there}",
        ]
        _do(command, self.name, seconds=None)
        return there

    def fetch(self, there: str, here: Path) -> None:
        """Bring a folder of the host here; it goes there. Raises LabHostLost."""
        words, host = self._ssh()
        here.mkdir(parents=True, exist_ok=True)
        command = ["rsync", "-a", "-e", shlex.join(words), f"{host}:{there}/", f"{here}/"]
        _do(command, self.name, seconds=None)
        _do([*words, host, f"rm -rf {shlex.quote(there)}"], self.name)

    def new_folder(self, name: str) -> str:
        """A path there that nothing has."""
        return f"{_cache()}/pulled/{name}"


def _cache() -> str:
    """Where labgrid keeps what it has brought to a host."""
    return str(ManagedFile.get_user_cache_path(None))


def _do(command: list[str], host: str, seconds: float | None = _MANY) -> None:
    try:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=seconds
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LabHostLost(host=host, why=_why(error)) from error


@contextlib.asynccontextmanager
async def opened(host: LabHost, *places: str) -> AsyncIterator[Host]:
    """Its daemon, for as long as this lasts; then the socket here goes."""
    try:
        async with host.open(*places) as found:
            yield found
    finally:
        host.close()


def _why(error: Exception) -> str:
    """The last line of what a command said, or what became of it; labgrid has lines, we bytes."""
    said = getattr(error, "stderr", None) or b""
    lines = said.decode("utf-8", "replace").splitlines() if isinstance(said, bytes) else list(said)
    lines = [line.strip() for line in lines if line.strip()]
    if lines:
        return lines[-1]
    if isinstance(error, subprocess.CalledProcessError):
        return f"{error.cmd[0]} ended with exit code {error.returncode}"
    return f"{type(error).__name__} {error}".strip()

"""A daemon that a face brings up for itself, as a process of its own.

What it delivers goes on however the face ends: it is in another session, so neither Ctrl-C nor a
closed window nor a kill of the face reaches it. It ends by itself when nothing is open and nobody
is connected (see `daemon`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from deployer.core.view import Row
from deployer.edge import files
from deployer.errors import DaemonGone, DeployerError, DirectoryForbidden, WrongUse
from deployer.events import Event
from deployer.host import past
from deployer.host.forms import error_from_plain
from deployer.host.remote import DaemonClient
from deployer.host.requests import Before
from deployer.host.sockets import SOCKET, reach

LOG = "daemon.log"
_LOG_LIMIT = 1 << 20
_LOOK = 0.02
_PATIENCE = 60.0
"""Seconds that a daemon has to come up, on however slow a machine."""


class DaemonNotStarted(WrongUse):
    """{what}
    {remedy}
    """

    def __init__(self, code: int, what: str, remedy: str) -> None:
        """The exit code and the words with which a daemon has refused to start."""
        super().__init__(what=what, remedy=remedy)
        self.exit_code = code  # type: ignore[misc]  # this one is as it was told


def possible(state_dir: Path) -> bool:
    """Whether there can be a control socket: on this computer, and with a path so long."""
    longest = 103  # what macOS takes; Linux takes four more
    return (
        hasattr(socket, "AF_UNIX") and len(os.fsencode((state_dir / SOCKET).absolute())) <= longest
    )


class Launched(DaemonClient):
    """A client of a daemon that is started when none answers; an async context manager.

    What was before is read from the store, so nobody waits for the daemon to see it, and it is
    started only after that: a window has its list first. A request waits until the daemon answers,
    and raises DaemonNotStarted when it does not come up.
    """

    def __init__(self, state_dir: Path, arguments: Sequence[str]) -> None:
        """`arguments` are those of `deployer serve`, besides the state directory.

        Raises DirectoryForbidden.
        """
        self._place = files.make_directory(state_dir, private=True).absolute()
        self._command = [
            *(sys.executable, "-m", "deployer", "serve", "--on-demand"),
            *("--state-dir", str(self._place), *arguments),
        ]
        self._coming = asyncio.Lock()
        self._came_up = False
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(self._place / SOCKET)

    @property
    def log(self) -> Path:
        """Where the daemon writes what it does."""
        return self._place / LOG

    async def up(self) -> None:
        """Return when the daemon answers; it is started again if it has ended.

        Raises DaemonNotStarted in its own words.
        """
        async with self._coming:
            clock = asyncio.get_running_loop().time
            end = clock() + _PATIENCE
            while not _connects(self._socket):
                if self._process is None:
                    self._process = self._start()
                elif self._process.poll() is not None:
                    code, self._process = self._process.returncode, None
                    if not self._came_up:
                        self._refuse(code)
                    self._came_up = False
                if clock() > end:
                    raise DaemonGone(socket=self._socket)
                await asyncio.sleep(_LOOK)
            self._came_up = True

    async def status(self) -> dict[str, Any]:
        """See `DaemonClient.status`."""
        await self.up()
        return await super().status()

    async def before(self, most: int) -> Before:
        """See `Host.before`; from the store."""
        with past.rows_of(self._place) as rows:
            return rows.before(most)

    async def row(self, deployment: str) -> Row | None:
        """See `Host.row`; from the store."""
        with past.rows_of(self._place) as rows:
            return rows.one(deployment)

    async def rows(self, target: str, most: int) -> tuple[Row, ...]:
        """See `Host.rows`; from the store."""
        with past.rows_of(self._place) as rows:
            return tuple(rows.newest(most, target))

    async def last_seq(self) -> int:
        """See `Host.last_seq`; from the store."""
        return past.last_recorded(self._place)

    async def subscribe(self, since: int | None = None) -> AsyncGenerator[tuple[int, Event], None]:
        """See `Host.subscribe`; what was before comes from the store."""
        if since is not None:
            for since, event in past.recorded(self._place, since):  # noqa: B020, PLR1704
                yield since, event
        await self.up()
        async with contextlib.aclosing(super().subscribe(since)) as stream:
            async for pair in stream:
                yield pair

    async def _ask(self, name: str, *arguments: object) -> Any:
        await self.up()
        return await super()._ask(name, *arguments)

    def _start(self) -> subprocess.Popen[bytes]:
        """In a session of its own: what ends this process, or its terminal, is not for it."""
        try:
            if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
                self.log.replace(self.log.with_suffix(".log.old"))
            files.private_file(self.log)
            with self.log.open("ab") as log:
                self._said_before = log.tell()
                return subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise DirectoryForbidden(path=self._place, why=error.strerror) from error

    def _refuse(self, code: int) -> None:
        """Raise what the daemon has said at its end, unless it ended well."""
        if code == 0:
            return
        with self.log.open("rb") as log:
            log.seek(self._said_before)
            lines = log.read().decode("utf-8", "replace").splitlines()
        said = [error for line in lines if (error := _error_in(line))]
        if not said:
            what = f"The daemon that this window needs has ended at once (exit code {code})."
            raise DaemonNotStarted(code, what, f"Its log says why: {self.log}")
        raise DaemonNotStarted(code, said[-1].what, said[-1].remedy)


def _error_in(line: str) -> DeployerError | None:
    """The error that a daemon has written as JSON; None for every other line of its log."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return error_from_plain(answer) if isinstance(answer, dict) and "error" in answer else None


def _connects(place: Path) -> bool:
    """Whether somebody listens there."""
    try:
        reach(place)
    except OSError:
        return False
    return True

"""A process that serves, and a well-behaved client beside whatever is done to it."""

from __future__ import annotations

import ftplib
import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.fuzz.known import GO_BAT, GOOD, MODEL, TOKEN, USER

PATIENCE = 60.0
_ROOT = Path(__file__).resolve().parents[2]


class Served:
    """The servers, from `__enter__` to `__exit__`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fuzz.serve", str(self._directory)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT, text=True,
            stderr=(self._directory / "stderr").open("w"),
        )  # fmt: skip
        assert self.process.stdout is not None
        self.ports: dict[str, int] = json.loads(self.process.stdout.readline())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def figures(self) -> dict[str, int]:
        """Memory in KiB and open descriptors, now."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, int] = json.loads(self.process.stdout.readline())
        return found

    @property
    def said(self) -> str:
        """What the process has written on its standard error."""
        return (self._directory / "stderr").read_text(errors="replace")


class WellBehaved:
    """A client that is served all the time; `check` raises what went wrong for it."""

    def __init__(self, ports: dict[str, int]) -> None:
        self._ports = ports
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._error: BaseException | None = None
        self.rounds = 0
        self.longest = 0.0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and raise what went wrong."""
        self._ends.set()
        self._thread.join(PATIENCE)
        self.check()

    def check(self) -> None:
        """Raise what went wrong so far."""
        if self._error is not None:
            raise AssertionError("the well-behaved client was not served") from self._error

    def _run(self) -> None:
        try:
            while not self._ends.wait(0.02):
                began = time.monotonic()
                self._fetch()
                self._browse()
                self._watch()
                self.rounds += 1
                self.longest = max(self.longest, time.monotonic() - began)
        except BaseException as error:
            self._error = error

    def _fetch(self) -> None:
        got: list[bytes] = []
        with ftplib.FTP(timeout=PATIENCE, source_address=(GOOD, 0)) as ftp:
            ftp.connect("127.0.0.1", self._ports["ftp"])
            ftp.login(USER, TOKEN)
            ftp.set_pasv(self.rounds % 2 == 1)
            ftp.retrbinary("RETR MODEL.002", got.append)
        assert b"".join(got) == MODEL[len(MODEL) // 2 :]

    def _browse(self) -> None:
        assert self._get("page", "/GO.BAT", {}) == GO_BAT

    def _watch(self) -> None:
        found = json.loads(self._get("control", "/v1/status", {"Authorization": f"Bearer {TOKEN}"}))
        assert found["version"] == 1

    def _get(self, where: str, path: str, headers: dict[str, str]) -> bytes:
        place = ("127.0.0.1", self._ports[where])
        connection = http.client.HTTPConnection(*place, PATIENCE, source_address=(GOOD, 0))
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, (answer.status, body)
            return body
        finally:
            connection.close()

"""A light target: does over FTP what GO.BAT and the helper do, without a disk or a processor.

It fetches GO.BAT as anonymous from its own address, reads its deployment's name and token there,
fetches the manifest and every part it does not have, and reports what it computed.
"""

from __future__ import annotations

import contextlib
import ftplib
import hashlib
import io
import re
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

_LOGIN = re.compile(rb"user (D[0-9A-F]{7}) (\w+)", re.IGNORECASE)


@dataclass
class ScriptedPC:
    """One light PC. `go` until `stop`; `enter` is called first in its thread (a namespace)."""

    address: str
    host: str
    port: Callable[[], int]
    run_exit: int = 0
    enter: Callable[[], object] = lambda: None
    disk: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    patience: float = 10.0
    silent_after: int | None = None
    asleep_until: Callable[[], bool] = lambda: True
    gate: threading.Event | None = None
    every: float = 0.1
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> ScriptedPC:
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)

    def _live(self) -> None:
        self.enter()
        while not self._stop.is_set():
            with contextlib.suppress(ftplib.Error, OSError, EOFError):
                self.visit()
            self._stop.wait(self.every)

    def session(self, user: str, password: str) -> ftplib.FTP:
        ftp = ftplib.FTP(source_address=(self.address, 0))
        ftp.connect(self.host, self.port(), timeout=self.patience)
        ftp.login(user, password)
        ftp.set_pasv(False)
        return ftp

    def fetch(self, ftp: ftplib.FTP, name: str) -> bytes:
        got = io.BytesIO()
        ftp.retrbinary(f"RETR {name}", got.write)
        return got.getvalue()

    def visit(self) -> None:
        """GO.BAT, if one waits: everything in it, to the receipt."""
        with self.session("anonymous", "pc@") as ftp:
            go = _LOGIN.search(self.fetch(ftp, "GO.BAT"))
        assert go is not None
        name, token = go[1].decode(), go[2].decode()
        if name in self.done:
            return
        with self.session(name, token) as ftp:
            manifest = self.fetch(ftp, f"{name}.MAN").decode("ascii").splitlines()
            if self.gate is not None:
                self.gate.wait(self.patience)
            whole = self._files(ftp, manifest)
        runs = any(line.startswith("RUN ") for line in manifest)
        with self.session(name, token) as ftp:
            ftp.storbinary("STOR RESULT.TXT", io.BytesIO(self._report(name, whole, runs)))
            if self.fetch(ftp, "GOTIT.TXT").startswith(name.encode()):
                self.done.append(name)

    def _files(self, ftp: ftplib.FTP, manifest: list[str]) -> list[tuple[str, int, str]]:
        parts: list[tuple[str, int]] = []
        whole = []
        for line in manifest:
            words = line.split(" ")
            if words[0] == "PART":
                parts.append((words[1], int(words[3], 16)))
            elif words[0] == "FILE":
                known = self.disk.get(words[1], b"")
                if hashlib.sha256(known).hexdigest() != words[3]:
                    known = b"".join(self._part(ftp, name, crc) for name, crc in parts)
                self.disk[words[1]] = known
                parts = []
                whole.append((words[1], len(known), hashlib.sha256(known).hexdigest()))
        return whole

    def _part(self, ftp: ftplib.FTP, name: str, crc: int) -> bytes:
        if self.silent_after is not None and len(self.fetched) >= self.silent_after:
            self.silent_after = None
            while not self.asleep_until() and not self._stop.wait(0.02):
                continue
            raise EOFError("it fell asleep")
        data = self.fetch(ftp, name)
        assert zlib.crc32(data) == crc
        self.fetched.append(name)
        return data

    def _report(self, name: str, whole: list[tuple[str, int, str]], runs: bool) -> bytes:
        command = f"RUN\r\nexit={6 if self.run_exit else 0}\r\nrun_exit={self.run_exit}"
        body = f"deployment={name}\r\ncommand={command if runs else 'JOIN'}\r\n"
        body += "" if runs else "exit=0\r\n"
        body += "".join(f"file={n} {length} {sha} good\r\n" for n, length, sha in whole)
        data = body.encode("ascii")
        return data + f"end={data.count(bytes([10]))} {zlib.crc32(data):08X}\r\n".encode("ascii")

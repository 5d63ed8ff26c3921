"""Our server with the files of a directory on its share: `... DIRECTORY PORT [CHUNK]`."""

from __future__ import annotations

import dataclasses
import sys
import threading
from pathlib import Path

from deployer.edge.files import stamp_of
from deployer.edge.ftp.server import FtpLimits, FtpServer, UploadVerdict
from deployer.events import Event
from deployer.model import Entry, Share, Slice


class Authorizer:
    """Everybody sees the files."""

    def __init__(self, share: Share) -> None:
        self._share = share

    def login(self, user: str, password: str, peer: str, at: str) -> Share:
        del user, password, peer, at
        return self._share

    def awaits(self, peer: str) -> bool:
        del peer
        return True

    def takes(self, deployment: str, peer: str, at: str) -> bool:
        del deployment, peer, at
        return True

    def unkept(self, deployment: str, name: str, why: str) -> None:
        pass

    def accepts(self, deployment: str, name: str, data: bytes) -> UploadVerdict:
        del deployment, name, data
        return UploadVerdict.KEEP


def main() -> None:
    """Serve until killed."""
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    entries = []
    for path in sorted(directory.iterdir()):
        now = path.stat()
        source = Slice(str(path), 0, now.st_size, stamp_of(now))
        entries.append(Entry(path.name, source))
    limits = FtpLimits(connections=1024, per_address=1024)
    if len(sys.argv) > 3:
        limits = dataclasses.replace(limits, chunk=int(sys.argv[3]))
    told: list[Event] = []

    def keep(event: Event) -> None:
        told.append(event)
        if len(told) > 1000:
            told.clear()

    server = FtpServer(
        address="127.0.0.1",
        port=port,
        authorizer=Authorizer(Share("D0000000", tuple(entries))),
        inbox_dir=directory.parent / "inbox",
        emit=keep,
        limits=limits,
    )
    server.start()
    threading.Event().wait()


main()

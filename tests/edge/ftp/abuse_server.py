"""A server in a process of its own, so that its memory and descriptors can be watched.

Run as `abuse_server.py DIRECTORY LIMITS [DESCRIPTORS]`, LIMITS being JSON. Prints its port, then
one line of figures for each line that it reads.
"""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from pathlib import Path

from deployer.core.ftp.session import NoLogin
from deployer.edge.files import stamp_of
from deployer.edge.ftp.server import FtpLimits, FtpServer, UploadVerdict
from deployer.events import Event
from deployer.model import Blob, Entry, Share, Slice

UPLOADS = {"RESULT.TXT": 1 << 20, "OUTPUT.TXT": 2 << 20, "INFO.TXT": 64 << 10}


class Authorizer:
    """One deployment, and GO.BAT for guests."""

    def __init__(self, share: Share) -> None:
        self._share = share

    def login(self, user: str, password: str, peer: str, at: str) -> Share | NoLogin:
        del peer, at
        if user == "anonymous":
            return Share("D7F3A21C", self._share.entries[:1])
        return self._share if (user, password) == ("D7F3A21C", "secret77") else NoLogin.UNKNOWN

    def awaits(self, peer: str) -> bool:
        return peer.startswith("127.0.0.")

    def takes(self, deployment: str, peer: str, at: str) -> bool:
        del deployment, peer, at
        return True

    def unkept(self, deployment: str, name: str, why: str) -> None:
        pass

    def accepts(self, deployment: str, name: str, data: bytes) -> UploadVerdict:
        del deployment, name, data
        return UploadVerdict.KEEP


def figures(counts: Counter[str]) -> dict[str, object]:
    """Memory in KiB, open descriptors, events told."""
    status = Path("/proc/self/status").read_text()
    memory = next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
    return {
        "rss": int(memory),
        "fds": len(list(Path("/proc/self/fd").iterdir())),
        "events": dict(counts),
    }


def main() -> None:
    """Serve until the input ends."""
    directory, limits = Path(sys.argv[1]), json.loads(sys.argv[2])
    if len(sys.argv) > 3:
        few = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
    model = directory / "model.bin"
    now = model.stat()
    half = now.st_size // 2
    parts = [
        Entry(f"MODEL.00{i + 1}", Slice(str(model), i * half, half, stamp_of(now))) for i in (0, 1)
    ]
    go_bat = Entry("GO.BAT", Blob(b"@ECHO OFF\r\n"), text=True)
    inner = Entry("SUB/INNER.TXT", Blob(b"inner\r\n"), text=True)
    share = Share("D7F3A21C", (go_bat, *parts, inner), UPLOADS, 1_700_000_000.0)
    counts: Counter[str] = Counter()

    def count(event: Event) -> None:
        counts[type(event).__name__] += 1

    server = FtpServer(
        address="127.0.0.1",
        port=0,
        authorizer=Authorizer(share),
        inbox_dir=directory / "inbox",
        emit=count,
        limits=FtpLimits(**limits),
    )
    print(server.start(), flush=True)
    for _ in sys.stdin:
        print(json.dumps(figures(counts)), flush=True)


main()

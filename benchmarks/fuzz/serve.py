"""What is fuzzed, in a process of its own: FTP, the first-contact page, the control API over TCP.

Run as `serve.py DIRECTORY`. Prints its ports and the token, as JSON, then one line of figures for
each line that it reads.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import deployer
from benchmarks.fuzz.known import GO_BAT, GOOD, MODEL, TOKEN, USER, WAITING
from deployer.core.ftp.session import NoLogin
from deployer.core.payload import plan
from deployer.core.target.page import Waiting
from deployer.edge import asgi
from deployer.edge.ftp.server import FtpLimits, FtpServer, UploadVerdict
from deployer.edge.httpd import HttpLimits, HttpServer
from deployer.edge.ports import bind
from deployer.events import Event
from deployer.face.card import typed_lines
from deployer.host import staging
from deployer.host.api import Access, application
from deployer.host.local import InProcess
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import UPLOAD_LIMITS, Blob, Entry, Share

QUICK = FtpLimits(
    refusal_delay=0.0, connect=0.3, stall=0.5, idle=20.0, login_seconds=10.0, farewell=0.5
)


class Authorizer:
    """One deployment, which two addresses may log in for, and GO.BAT for guests."""

    def __init__(self, share: Share) -> None:
        self._share = share

    def login(self, user: str, password: str, peer: str, at: str) -> Share | NoLogin:
        del at
        if not self.awaits(peer):
            return NoLogin.NOTHING
        if user == "anonymous":
            return Share(USER, self._share.entries[:1])
        return self._share if (user, password) == (USER, TOKEN) else NoLogin.UNKNOWN

    def awaits(self, peer: str) -> bool:
        return peer in (GOOD, "127.0.0.2")

    def takes(self, deployment: str, peer: str, at: str) -> bool:
        del deployment, peer, at
        return True

    def agent(self, peer: str, at: str) -> bytes:
        return b"MZ agent for " + peer.encode() if at else b""

    def taken(self) -> str:
        return ""

    def unkept(self, deployment: str, name: str, why: str) -> None:
        pass

    def accepts(self, deployment: str, name: str, data: bytes) -> UploadVerdict:
        del deployment
        mangled = name == "RESULT.TXT" and not data.endswith(b"\r\n")
        return UploadVerdict.NOT_WHOLE if mangled else UploadVerdict.KEEP

    def waiting(self, peer: str, at: str) -> tuple[Waiting, ...]:
        del at
        return (WAITING,) if self.awaits(peer) else ()


def ignore(_event: Event) -> None:
    """Nobody watches."""


def figures() -> dict[str, int]:
    """Memory in KiB and open descriptors."""
    status = Path("/proc/self/status").read_text()
    memory = next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
    return {"rss": int(memory), "fds": len(list(Path("/proc/self/fd").iterdir()))}


async def main() -> None:
    """Serve until the input ends."""
    directory = Path(sys.argv[1])
    model = directory / "model.bin"
    model.write_bytes(MODEL)
    manifest = staging.stage(Request((model,), no_run=True, part_size=len(MODEL) // 2))
    (file,) = manifest.payload.files
    parts = [Entry(part.name, plan.slice_of(file, part)) for part in file.parts]
    share = Share(
        USER,
        (
            Entry("GO.BAT", Blob(GO_BAT), text=True),
            *parts,
            Entry("SUB/INNER.TXT", Blob(b"inner\r\n"), text=True),
            Entry("GOTIT.TXT", Blob(b"got it\r\n"), text=True, after="RESULT.TXT"),
        ),
        UPLOAD_LIMITS,
        1_700_000_000.0,
    )
    authorizer = Authorizer(share)
    ftp = FtpServer(
        address="127.0.0.1", port=0, authorizer=authorizer, inbox_dir=directory / "inbox",
        emit=ignore, limits=QUICK,
    )  # fmt: skip
    page = HttpServer(
        address="127.0.0.1", port=0, source=authorizer, emit=ignore,
        bounds=HttpLimits(request_seconds=1.0),
    )  # fmt: skip
    asgi.bound_logs(asyncio.get_running_loop())
    web = bind("127.0.0.1", 0)
    port = web.getsockname()[1]
    access = Access(TOKEN, frozenset([f"127.0.0.1:{port}"]))
    pages = Path(deployer.__file__).parent / "face" / "web"
    async with (
        Service(directory / "state", clock=time.time, address="127.0.0.1", ftp_port=0) as service,
        InProcess(service, typed_lines, lasting=True) as host,
    ):
        control = asgi.server(application(host, {}, access, pages), trusted=False)
        serving = asyncio.create_task(control.serve(sockets=[web]))
        ports = {"ftp": ftp.start(), "page": page.start(), "control": port}
        print(json.dumps(ports), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(figures()), flush=True)
        control.should_exit = True
        await serving
    page.close()
    ftp.close()


if __name__ == "__main__":
    asyncio.run(main())

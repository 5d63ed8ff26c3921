"""The host of a survey for one simulated PC: our FTP server, and the manifest that names it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.core.ftp import manners
from deployer.core.ftp.session import NoLogin
from deployer.core.target import manifest as manifests
from deployer.edge.ftp.server import FtpLimits, FtpServer
from deployer.edge.ftp.state import UploadVerdict
from deployer.model import DEFAULT_HOST_ADDRESS, Manifest, Payload, Share
from deployer.sim.cable import Link

LOOPBACK = "127.0.0.1"
MANIFEST = Manifest("D0000001", DEFAULT_HOST_ADDRESS, "D0000001", "abcdefghij", Payload(()))


class _OneLogin:
    """Lets the login of that manifest in."""

    def login(self, user: str, password: str, peer: str, at: str) -> Share | NoLogin:
        del peer, at
        known = (user, password) == (MANIFEST.login, MANIFEST.token)
        return manners.with_manners(Share(user, ())) if known else NoLogin.UNKNOWN

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
        return UploadVerdict.ENDED


@contextmanager
def serving(inbox: Path, silence: float = 4.0) -> Iterator[Link]:
    """The way of a simulated PC to a server that plays for it; `inbox` stays empty."""
    server = FtpServer(
        address=LOOPBACK, port=0, authorizer=_OneLogin(), inbox_dir=inbox,
        emit=lambda _event: None, clock=time.time, limits=FtpLimits(silence=silence),
    )  # fmt: skip
    server.start()
    try:
        yield Link(routes={MANIFEST.host: (LOOPBACK, server.port)})
    finally:
        server.close()


def put_manifest(disk: Path) -> None:
    """The manifest, where the helper of a push leaves it on drive C:."""
    folder = disk / "DEPLOY"
    folder.mkdir(exist_ok=True)
    name = manifests.file_name(MANIFEST.deployment)
    (folder / name).write_bytes(manifests.render(MANIFEST))

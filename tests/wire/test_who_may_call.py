"""Who is served: who comes over the wire, and of this computer nobody but the same user."""

from __future__ import annotations

import asyncio
import contextlib
import ftplib
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.core.ftp.session import GREETING
from deployer.edge import arrival
from deployer.edge.ftp.server import FtpLimits, FtpServer
from deployer.events import CommandRefused, Event
from deployer.host import staging
from deployer.host.offers.offer import Offer
from deployer.host.requests import Request
from deployer.host.service import Service
from deployer.model import Blob, Entry, Manifest, Share
from tests import needs
from tests.edge.conftest import TOKEN, USER, Authorizer
from tests.wire.conftest import Lab

AS_NOBODY = """
import encodings.idna, os, socket, sys  # all that it needs, while it may still read it
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20) as sock:
    sock.sendall(sys.argv[2].encode())
    if sys.argv[3] == "leave":
        sys.exit()
    try:
        print(sock.makefile().read(30), end="")
    except ConnectionError:
        pass
"""


def as_nobody(port: int, said: str, *, then: str = "listen") -> str:
    """What another user of this computer hears who says this; nothing when turned away."""
    words = [sys.executable, "-c", AS_NOBODY, str(port), said, then]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    needs.require("root", "Linux")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield listening


def test_the_same_user_is_admitted_while_connected(listening: socket.socket) -> None:
    with socket.create_connection(listening.getsockname()) as ours:
        sock, _ = listening.accept()
        assert arrival.admitted(sock)
        assert arrival.owner(ours.getsockname(), listening.getsockname()) == os.geteuid()
    assert not arrival.admitted(sock)
    sock.close()


@pytest.mark.parametrize("then", ["listen", "leave"])
def test_another_user_is_not_admitted(listening: socket.socket, then: str) -> None:
    """What a program has sent and closed belongs to nobody; the kernel shows root as its owner."""
    words = [sys.executable, "-c", AS_NOBODY, str(listening.getsockname()[1]), "hello", then]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        sock, _ = listening.accept()
        with sock:
            if then == "leave":
                process.wait(60)
            assert not arrival.admitted(sock)


ADMITS = """
import socket
from deployer.edge import arrival
with socket.create_server(("192.168.1.1", 2121)) as listening:
    print("ready", flush=True)
    for _ in range(count):
        sock, (peer, _port) = listening.accept()
        print(peer, arrival.admitted(sock), flush=True)
        sock.close()
"""
CALL = "import socket; socket.create_connection(('192.168.1.1', 2121), 20).recv(1)"


def test_only_who_comes_by_the_interface_that_has_the_address_is_admitted(lab: Lab) -> None:
    """Linux answers for an address on every interface; a machine elsewhere has only to ask."""
    host, target, elsewhere = lab.host, lab.target, lab.machine("else")
    for name, machine, ours, theirs in (
        ("wire0", target, "192.168.1.1/24", "192.168.1.2/24"),
        ("lan0", elsewhere, "10.9.0.1/24", "10.9.0.2/24"),
    ):
        lab.cable(host, name, machine, "eth0")
        host.ip(f"addr add {ours} dev {name}")
        host.ip(f"link set {name} up")
        machine.ip(f"addr add {theirs} dev eth0")
        machine.ip("link set eth0 up")
    elsewhere.ip("route add 192.168.1.1/32 via 10.9.0.1")
    code = f"count = 3\n{ADMITS}"
    server = host.start(sys.executable, "-c", code)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    heard = []
    for machine in (target, elsewhere, host):
        machine.sh(sys.executable, "-c", CALL)
        heard.append(server.stdout.readline().strip())
    # the third is root of this computer, who may ask for anything anyway
    assert heard == ["192.168.1.2 True", "10.9.0.2 False", "192.168.1.1 True"]


@dataclass
class Offered:
    """A deployment for a simulated PC that has not been started."""

    service: Service
    manifest: Manifest

    @property
    def port(self) -> int:
        return self.service._servers.simulated_port

    def refused(self) -> list[CommandRefused]:
        stored = self.service._store.replay(kinds=(CommandRefused,))
        return [event for _seq, event in stored if isinstance(event, CommandRefused)]


@contextlib.asynccontextmanager
async def offered(folder: Path) -> AsyncIterator[Offered]:
    (folder / "payload.bin").write_bytes(bytes(1000))
    manifest = staging.stage(Request((folder / "payload.bin",), no_run=True))
    async with Service(
        folder / "state", clock=time.time, address="127.0.0.1", ftp_port=0
    ) as service:
        await service.deploy(Offer(manifest, "sim", "C:\\DEPLOY"))
        yield Offered(service, manifest)


def test_another_user_gets_nothing_from_a_rehearsal(tmp_path: Path) -> None:
    """Not GO.BAT with its token, nor a word; and what it sends is not taken."""
    needs.require("root", "Linux")

    async def whole() -> None:
        async with asyncio.timeout(120), offered(tmp_path) as here:
            said = "USER anonymous\r\nPASS x\r\n"
            assert await asyncio.to_thread(as_nobody, here.port, said) == ""
            secret = here.service._servers.secret.decode()
            known = await asyncio.to_thread(as_nobody, here.port, f"{secret}\n{said}")
            assert known == ""  # even one that had guessed it
            while len(here.refused()) < 2:
                await asyncio.sleep(0.01)
            assert {event.command for event in here.refused()} == {"connect"}

    asyncio.run(whole())


def test_who_does_not_know_the_secret_is_not_greeted(tmp_path: Path) -> None:
    """The same user, on systems that do not say whose connection it is."""

    def call(port: int, *lines: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 20) as sock:
            for line in lines:
                sock.sendall(line + b"\n")
            return sock.makefile("rb").readline() if lines[0][:1] != b"U" else sock.recv(100)

    async def whole() -> None:
        async with asyncio.timeout(120), offered(tmp_path) as here:
            secret = here.service._servers.secret
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.to_thread(call, here.port, b"USER anonymous\r") == b""
            greeting = await asyncio.to_thread(call, here.port, secret)
            assert greeting == f"{GREETING}\r\n".encode()

    asyncio.run(whole())


def test_data_connections_of_a_rehearsal_begin_with_the_secret(tmp_path: Path) -> None:
    """So nobody else can send the simulated PC a GO.BAT, or take what comes by PASV."""
    told: list[Event] = []
    share = Share(USER, (Entry("GO.BAT", Blob(b"@ECHO OFF\r\n"), text=True),))
    authorizer = Authorizer(share, share)
    server = FtpServer(
        address="127.0.0.1", port=0, authorizer=authorizer, inbox_dir=tmp_path / "inbox",
        emit=told.append, limits=FtpLimits(refusal_delay=0.0), secret=b"a secret",
    )  # fmt: skip
    with server:
        ftp = ftplib.FTP(timeout=20)
        ftp.sock = socket.create_connection(("127.0.0.1", server.port), 20)
        ftp.af, ftp.file = ftp.sock.family, ftp.sock.makefile("r", encoding="latin-1")
        ftp.sock.sendall(b"a secret\n")
        assert ftp.getresp()[:3] == "220"
        ftp.login(USER, TOKEN)
        ftp.set_pasv(False)
        got = io.BytesIO()
        ftp.retrbinary("RETR GO.BAT", got.write)
        assert got.getvalue() == b"a secret\n@ECHO OFF\r\n"
        place = ftplib.parse227(ftp.sendcmd("PASV"))
        with socket.create_connection(place, 20) as stranger:
            stranger.sendall(b"a guess.\n")
            assert stranger.recv(1) == b""
        with socket.create_connection(place, 20) as own:
            own.sendall(b"a secret\n")
            assert ftp.sendcmd("RETR GO.BAT")[:3] == "150"
            assert own.makefile("rb").read() == b"@ECHO OFF\r\n"
        assert ftp.getresp()[:3] == "226"
        ftp.close()

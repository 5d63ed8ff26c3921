"""The daemon: the wire's address, the servers on it, the control API, until it is told to stop.

Started as root with a user to become, it is two processes. The first one keeps the privilege, and
does nothing with it but wait and give the interface back; the second inherits the open ports, has
become that user, does all the rest without any privilege, and ends with the first however that
ends. Started with capabilities (systemd), or as root alone, it is one process, which keeps what
undoing needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import secrets
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from deployer import client, control, wire
from deployer.edge import files, notify, privileges
from deployer.edge.link.lease import Lease
from deployer.edge.ports import bind, listen_unix
from deployer.errors import DaemonRuns, DeployerError, WrongUse
from deployer.events import Event, to_json
from deployer.host import InProcess, Patience, TypedLines
from deployer.service import Listening, Service, TypedSteps

_GRACE = 2
"""Seconds that watchers have to hang up when the daemon stops."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the daemon does. `wanted` None: no address is set, the ports open on `address` as it is.

    `control` is the Unix socket; `web` a port of 127.0.0.1 for the page, None for none; `user`
    whom to become after the ports are open, "" for nobody else; `pages` where the page's files are.
    """

    state_dir: Path
    address: str
    control: Path
    ftp_port: int = 21
    http_port: int | None = 80
    web: int | None = None
    pages: Path | None = None
    user: str = ""
    wanted: wire.Wanted | None = None
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Words:
    """What a user types for a host and a directory, bare and with its prompts; where lines go."""

    lines: TypedLines
    steps: TypedSteps
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Account:
    """A user of this computer."""

    name: str
    uid: int
    gid: int
    home: str


@dataclass(frozen=True, slots=True)
class _Open:
    """Ports and files that were opened while there was the right to."""

    ftp: socket.socket
    http: socket.socket | None
    control: socket.socket
    web: socket.socket | None


def serve(serving: Serving, words: Words) -> int:
    """Serve until SIGTERM or SIGINT; the exit code, which is not 0 when serving ended by itself.

    Raises DaemonRuns, the errors of the wire, PortBusy, PortForbidden, AddressMissing.
    """
    if client.answers(serving.control):
        raise DaemonRuns(socket=serving.control)
    become = _user(serving.user)
    files.make_directory(serving.state_dir)
    with contextlib.ExitStack() as stack:
        if serving.wanted is not None:
            lease = _take(serving.wanted, stack)
            words.say(f"{lease.interface} has {lease.address} until this ends")
        opened = _open(serving, become)
        stack.callback(serving.control.unlink, missing_ok=True)
        if become is not None:
            return _guard(serving, opened, become, words)
        if privileges.effective():
            privileges.keep_only({"net_admin", "net_raw"})
        asyncio.run(_run(serving, opened, words))
    return 0


def _take(wanted: wire.Wanted, stack: contextlib.ExitStack) -> Lease:
    lease = wire.take(wanted)
    stack.callback(lease.release)
    return lease


def _user(name: str) -> _Account | None:
    """The user to become. Raises WrongUse for an unknown one; None without the right to."""
    if not name or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    pwd = importlib.import_module("pwd")  # Windows has none
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise WrongUse(
            what=f"--user {name}: there is no such user.", remedy="Name one, such as your own."
        ) from None
    return _Account(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)


def _open(serving: Serving, become: _Account | None) -> _Open:
    ftp = bind(serving.address, serving.ftp_port)
    http = None if serving.http_port is None else bind(serving.address, serving.http_port)
    web = None if serving.web is None else bind("127.0.0.1", serving.web)
    fresh = not serving.control.parent.exists()
    files.make_directory(serving.control.parent)
    unix = listen_unix(serving.control)
    if become is not None:
        if fresh:
            serving.control.parent.chmod(0o755)  # whatever the umask: that user has to get there
        os.chown(serving.control, become.uid, become.gid)
        _hand_over(serving.state_dir, become)
    return _Open(ftp, http, unix, web)


def _hand_over(directory: Path, become: _Account) -> None:
    """Give the state to the user, unless it is that user's already.

    What has two names is left alone: one of them may be outside.
    """
    if directory.stat().st_uid == become.uid:
        return
    for path in (directory, *directory.rglob("*")):
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode) or found.st_nlink == 1:
            os.chown(path, become.uid, become.gid, follow_symlinks=False)


def _guard(serving: Serving, opened: _Open, become: _Account, words: Words) -> int:
    """Keep the privilege here, and let a child without it serve; the child's exit code."""
    leash, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(held)
        os._exit(_serve_as(become, leash, serving, opened, words))
    os.close(leash)
    for sock in (opened.ftp, opened.http, opened.control, opened.web):
        if sock is not None:
            sock.close()
    with _forwarding(child):
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(held)
    if code:
        words.say(f"the process that served has ended by itself ({code})")
    return code if code >= 0 else 128 - code


def _serve_as(become: _Account, leash: int, serving: Serving, opened: _Open, words: Words) -> int:
    """The whole life of the child; nothing may get out of it."""
    code = 1
    try:
        os.initgroups(become.name, become.gid)
        os.setresgid(become.gid, become.gid, become.gid)
        os.setresuid(become.uid, become.uid, become.uid)
        os.environ["HOME"] = become.home
        os.umask(0o077)
        threading.Thread(target=_end_with, args=(leash,), name="leash", daemon=True).start()
        words.say(f"the ports are open; serving as {become.name}")
        asyncio.run(_run(serving, opened, words))
        code = 0
    except DeployerError as error:
        sys.stderr.write(f"deployer: {error.what}\n{error.remedy}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
    return code


def _end_with(leash: int) -> None:
    """End at once when the first process is gone: the wire is about to be taken from under us."""
    os.read(leash, 1)
    os._exit(1)


@contextlib.contextmanager
def _forwarding(child: int) -> Iterator[None]:
    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _run(serving: Serving, opened: _Open, words: Words) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with (
        Service(
            serving.state_dir,
            clock=time.time,
            address=serving.address,
            ftp_port=serving.ftp_port,
            listening=Listening(opened.ftp, opened.http),
            typed=words.steps,
        ) as service,
        InProcess(service, words.lines, serving.patience, lasting=True) as host,
    ):
        telling = asyncio.create_task(_tell(service, words.say))
        await service.open_wire()
        for line in await host.take_over():
            words.say(line)
        about = {
            "pid": os.getpid(),
            "address": serving.address,
            "ftp_port": service.ftp_port,
            "state_dir": str(serving.state_dir.absolute()),
        }
        servers = [_api(host, about, opened.control, None)]
        if opened.web is not None:
            port = opened.web.getsockname()[1]
            hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}"))
            access = control.Access(_new_token(serving.state_dir / "web-token"), hosts)
            servers.append(_api(host, about, opened.web, access, serving.pages))
            words.say(f"page: http://127.0.0.1:{port}/#{access.token}")
        words.say(f"ready on {serving.address}:{service.ftp_port}; control at {serving.control}")
        notify.tell(READY="1")
        try:
            await _until(told, servers)
        finally:
            notify.tell(STOPPING="1")
            telling.cancel()


def _new_token(path: Path) -> str:
    """A new token for the page, written where its user alone can read it."""
    token = secrets.token_urlsafe(24)
    files.write_atomically(path, f"{token}\n".encode("ascii"))
    path.chmod(0o600)
    return token


class _Api(uvicorn.Server):
    """A server of the control API; signals are the daemon's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _api(
    host: InProcess,
    about: dict[str, object],
    sock: socket.socket,
    access: control.Access | None,
    pages: Path | None = None,
) -> tuple[uvicorn.Server, socket.socket]:
    config = uvicorn.Config(
        control.application(host, about, access, pages),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE,
    )
    return _Api(config), sock


async def _until(told: asyncio.Event, servers: list[tuple[uvicorn.Server, socket.socket]]) -> None:
    """Serve until told to stop, or until a server ends, which none does by itself."""
    running = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in servers]
    stopping = asyncio.create_task(told.wait())
    await asyncio.wait([stopping, *running], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for server, _sock in servers:
        server.should_exit = True
    await asyncio.gather(*running)


async def _tell(service: Service, say: Callable[[str], None]) -> None:
    """Every stored event as one structured line, for the journal."""
    async for seq, event in service.subscribe():
        if seq:
            say(_line(event))


def _line(event: Event) -> str:
    """An event's JSON without what would fill a journal."""
    fields = json.loads(to_json(event))
    for long_field in ("files", "report", "proof", "text"):
        if long_field in fields and fields["event"] != "screen-line":
            fields.pop(long_field)
    return json.dumps(fields)

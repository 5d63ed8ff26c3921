"""The daemon: the wire's address, the servers on it, the control API, until it is told to stop.

Started as root with a user to become, it is two processes. The first one keeps the privilege, and
does nothing with it but wait and give the interface back; the second inherits the open ports, has
become that user, does all the rest without any privilege, and ends with the first however that
ends. Started with capabilities (systemd), or as root alone, it is one process, which keeps what
undoing needs.

On demand (`Serving.on_demand`) it is what a face brings up for itself. It touches the wire when
something goes to a real PC for the first time, not before, so that looking and rehearsing need no
privilege; and it ends when nothing is open and nobody is connected.
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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

import filelock
import msgspec
import uvicorn

from deployer.edge import asgi, files, notify, privileges
from deployer.edge.ports import bind, listen_unix
from deployer.errors import (
    DaemonRuns,
    DeployerError,
    DirectoryForbidden,
    PortBusy,
    PortForbidden,
    WrongUse,
)
from deployer.events import Event, to_json
from deployer.host import api, sockets, wire
from deployer.host.api import Access
from deployer.host.forms import error_to_plain
from deployer.host.local import InProcess
from deployer.host.requests import PageWords, Patience, Words
from deployer.host.servers import LOOPBACK, OpenPorts, open_beside
from deployer.host.service import Service
from deployer.settings import default_state_dir

_ENDING = 5.0
"""Seconds that an earlier daemon has to end when its control socket does not answer any more."""
_NOTICING = 1.0
"""Seconds after which one that answers is one that runs."""
_UNNEEDED = (15.0, 5.0)
"""Seconds after which one on demand ends: before anybody has connected, and after all have gone."""
_LOOK = 0.25
HTTP = 80


@dataclass(frozen=True, slots=True)
class Serving:
    """What the daemon does. `wanted` None: no address is set, the ports open on `address` as it is.

    `control` is the Unix socket; `web` a port of `web_address` for the page, None for none; `user`
    is the user to become after the ports are open, "" for nobody else; `pages` where the page's
    files are. With `at_home` the state directory is that user's own, whatever `state_dir` says.
    `on_demand`: see above; then `user` is not looked at, the address is set only if this process
    may, and there is a page only beside FTP's own port, and if its port may be opened.
    """

    state_dir: Path
    address: str
    control: Path
    ftp_port: int = 21
    http_port: int | None = 80
    web: int | None = None
    web_address: str = LOOPBACK
    pages: Path | None = None
    user: str = ""
    at_home: bool = False
    wanted: wire.Wanted | None = None
    patience: Patience = field(default_factory=Patience)
    on_demand: bool = False


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

    ftp: tuple[socket.socket, ...]
    http: tuple[socket.socket, ...]
    control: socket.socket
    web: socket.socket | None

    @property
    def listening(self) -> OpenPorts | None:
        """The ports on the wire; None when they are opened on demand."""
        return OpenPorts(self.ftp, self.http) if self.ftp else None


def serve(serving: Serving, words: Words) -> int:
    """Serve until SIGTERM or SIGINT; the exit code, which is not 0 when serving ended by itself.

    Raises DaemonRuns, the errors of the wire, PortBusy, PortForbidden, AddressMissing. On demand
    it writes the error as JSON first, for the program that has started it (see `launch`).
    """
    try:
        return _serve(serving, words)
    except DeployerError as error:
        if serving.on_demand:
            words.say(json.dumps(error_to_plain(error)))
        raise


def _serve(serving: Serving, words: Words) -> int:
    _refuse_second(serving.control)
    become = None if serving.on_demand else _user(serving.user)
    at_home = serving.at_home and become is not None and Path(become.home).is_dir()
    serving = replace(serving, at_home=at_home)
    if not at_home:
        files.make_directory(serving.state_dir, private=True)
    with contextlib.ExitStack() as stack:
        own = _own(serving, words)
        stack.callback(own.give_back)
        beside = "" if serving.on_demand else own.take()
        opened = _open(serving, beside, become, stack, words)
        if become is not None:
            return _guard(serving, opened, become, words, own)
        if privileges.effective():
            privileges.keep_only(_to_keep(serving))
        asyncio.run(_run(serving, opened, words, own))
    return 0


def _refuse_second(place: Path) -> None:
    """Raises DaemonRuns when a daemon answers there, and goes on answering.

    The child of one that was killed answers for a moment more, until it notices.
    """
    until = time.monotonic() + _NOTICING
    while sockets.answers(place):
        if time.monotonic() > until:
            raise DaemonRuns(socket=place)
        time.sleep(_LOOK)


_TO_UNDO = {"net_admin", "net_raw"}
_TO_OPEN = {"net_bind_service", "dac_override"}
"""What opening a port takes later, and reading the files that root is asked to push."""


def _to_keep(serving: Serving) -> set[str]:
    """The capabilities that are used after the ports are open; DHCP opens its port later."""
    gives = serving.wanted is not None and serving.wanted.dhcp
    opens = _TO_OPEN if serving.on_demand else {"net_bind_service"} if gives else set()
    return _TO_UNDO | opens


def _own(serving: Serving, words: Words) -> wire.Own:
    """Our address on the wire; on demand only a process that may set it does so."""
    may = not serving.on_demand or privileges.effective() or _is_root()
    wanted = serving.wanted if may else None
    alone = not serving.on_demand
    return wire.Own(wanted, serving.address, words.say, alone=alone, announce=True)


def _stop_signals() -> tuple[signal.Signals, ...]:
    """What ends the daemon: a closed terminal too, unless it was started so as not to (nohup)."""
    named = (getattr(signal, name, None) for name in ("SIGTERM", "SIGINT", "SIGHUP"))
    return tuple(
        number for number in named if number and signal.getsignal(number) != signal.SIG_IGN
    )


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _user(name: str) -> _Account | None:
    """The user to become. Raises WrongUse for an unknown one; None without the right to."""
    if not name or not _is_root():
        return None
    pwd = importlib.import_module("pwd")  # Windows has none
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise WrongUse(
            what=f"--user {name}: there is no such user.", remedy="Name one, such as your own."
        ) from None
    return _Account(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir)


def _open(
    serving: Serving,
    beside: str,
    become: _Account | None,
    stack: contextlib.ExitStack,
    words: Words,
) -> _Open:
    ftp: tuple[socket.socket, ...] = ()
    http: tuple[socket.socket, ...] = ()
    if not serving.on_demand:
        ftp = open_beside(beside, bind(serving.address, serving.ftp_port), words.say)
        http = _bind_page(serving, beside, words)
    web = None if serving.web is None else bind(serving.web_address, serving.web)
    fresh = not serving.control.parent.exists()
    files.make_directory(serving.control.parent)
    _be_the_only_one(serving.control, stack)
    unix = listen_unix(serving.control)
    stack.callback(serving.control.unlink, missing_ok=True)
    if become is not None:
        if fresh:
            serving.control.parent.chmod(0o755)  # whatever the umask: that user has to get there
        os.chown(serving.control, become.uid, become.gid)
        if not serving.at_home:  # what is the user's own, root leaves alone
            _hand_over(serving.state_dir, become)
    return _Open(ftp, http, unix, web)


def _bind_page(serving: Serving, beside: str, words: Words) -> tuple[socket.socket, ...]:
    """The page's ports; none where another program has it: the page is one way of several."""
    if serving.http_port is None:
        return ()
    try:
        return open_beside(beside, bind(serving.address, serving.http_port), words.say)
    except (PortBusy, PortForbidden) as error:
        words.say(f"no page on the wire: {error.what}")
        return ()


def _be_the_only_one(place: Path, stack: contextlib.ExitStack) -> None:
    """Hold the socket's lock as long as this process lives. Raises DaemonRuns.

    Of two that start at once, one would take the other's socket away; and one that ends removes
    its socket, which by then must not be the next one's.
    """
    lock = filelock.FileLock(place.with_suffix(".lock"), mode=0o600)
    try:
        lock.acquire(timeout=_ENDING)
    except filelock.Timeout as error:
        raise DaemonRuns(socket=place) from error
    except OSError as error:
        raise DirectoryForbidden(path=place.parent, why=error.strerror) from error
    stack.callback(lock.release)


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


class _First:
    """The first process, for the second: what it reports of the wire, and that it has ended."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._untold: list[wire.WireNews] = []
        self._tell: wire.TellWire | None = None
        threading.Thread(target=self._hear, name="first", daemon=True).start()

    def follow(self, tell: wire.TellWire) -> None:
        """Tell what becomes of the wire, in a thread; first what has become of it so far."""
        with self._lock:
            self._tell = tell
            for news in self._untold:
                tell(news)
            self._untold.clear()

    def _hear(self) -> None:
        """End at once when it is gone: the wire is about to be taken from under us."""
        with open(self._pipe, "rb") as lines:
            for line in lines:
                with self._lock:
                    news = _news(line)
                    if self._tell is not None:
                        self._tell(news)
                    else:
                        self._untold.append(news)
        os._exit(1)


def _news(line: bytes) -> wire.WireNews:
    """What the first process has passed on."""
    name, value = msgspec.json.decode(line)
    return wire.news(name, value)


def _guard(serving: Serving, opened: _Open, become: _Account, words: Words, own: wire.Own) -> int:
    """Keep the privilege here, and let a child without it serve; the child's exit code."""
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        os._exit(_serve_as(become, theirs, serving, opened, words))
    os.close(theirs)
    for sock in (*opened.ftp, *opened.http, opened.control, opened.web):
        if sock is not None:
            sock.close()

    def pass_on(news: wire.WireNews) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended, which is noticed here, too
            os.write(ours, msgspec.json.encode((type(news).__name__, news)) + b"\n")

    with _forwarding(child):
        own.follow(pass_on)  # until this process ends, and with it the pipe
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        words.say(f"the process that served has ended by itself ({code})")
    return code if code >= 0 else 128 - code


def _serve_as(become: _Account, pipe: int, serving: Serving, opened: _Open, words: Words) -> int:
    """The whole life of the child; nothing may get out of it."""
    code = 1
    try:
        os.initgroups(become.name, become.gid)
        os.setresgid(become.gid, become.gid, become.gid)
        os.setresuid(become.uid, become.uid, become.uid)
        os.environ["HOME"] = become.home
        os.umask(0o077)
        if serving.at_home:
            serving = replace(serving, state_dir=Path(default_state_dir()))
            files.make_directory(serving.state_dir, private=True)
        first = _First(pipe)
        words.say(f"the ports are open; serving as {become.name}")
        asyncio.run(_run(serving, opened, words, first))
        code = 0
    except DeployerError as error:
        words.say(f"deployer: {error.what}\n{error.remedy}")
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


@contextlib.contextmanager
def _forwarding(child: int) -> Iterator[None]:
    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    before = {number: signal.signal(number, pass_on) for number in _stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _run(serving: Serving, opened: _Open, words: Words, own: wire.Own | _First) -> None:
    """Serve; `own` reports of the wire, which another process may have."""
    told = asyncio.Event()
    asgi.bound_logs(asyncio.get_running_loop())
    for number in _stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with (
        Service(
            serving.state_dir,
            clock=time.time,
            address=serving.address,
            ftp_port=serving.ftp_port,
            listening=opened.listening,
            typed=words.steps,
            before_wire=own.take if serving.on_demand and isinstance(own, wire.Own) else None,
            http_port=serving.http_port if serving.on_demand and serving.ftp_port == 21 else None,
            say=words.say,
            refuse_target=partial(wire.refuse, address=serving.address, wanted=serving.wanted),
        ) as service,
        InProcess(service, words.lines, serving.patience, lasting=True) as host,
    ):
        telling = asyncio.create_task(_tell(service, words))
        own.follow(wire.telling(service.from_thread, serving.address))
        if not serving.on_demand:
            await service.open_wire()
        for line in await host.take_over():
            words.say(line)
        about = {
            "pid": os.getpid(),
            "address": serving.address,
            "beside": service.beside,
            "ftp_port": service.ftp_port,
            "state_dir": str(serving.state_dir.absolute()),
            "on_demand": serving.on_demand,
        }
        servers = [_api(host, about, opened.control, None)]
        if opened.web is not None:
            port = opened.web.getsockname()[1]
            access = Access(
                _new_token(serving.state_dir / "web-token"), page_hosts(serving.web_address, port)
            )
            servers.append(_api(host, about, opened.web, access, serving.pages, words=words.page))
            address = f"http://{serving.web_address}:{port}/#{access.token}"
            words.say(f"page: {address}")
            if words.page is not None:
                words.page.opened(address)
        where = "when it is needed" if serving.on_demand else f"{service.ftp_port}"
        on = " and ".join(filter(None, (serving.address, service.beside)))
        words.say(f"ready on {on}:{where}; control at {serving.control}")
        notify.tell(READY="1")
        try:
            await _until(told, servers, host if serving.on_demand else None)
        finally:
            notify.tell(STOPPING="1")
            telling.cancel()


def page_hosts(address: str, port: int) -> frozenset[str]:
    """What the Host header may be of who asks for the page."""
    names = (address, "localhost") if address == LOOPBACK else (address,)
    return frozenset(f"{name}:{port}" for name in names) | (
        frozenset(names) if port == HTTP else frozenset()  # a browser leaves the usual port out
    )


def _new_token(path: Path) -> str:
    """A new token for the page, written where its user alone can read it."""
    token = secrets.token_urlsafe(24)
    before = os.umask(0o077)  # nobody else may read it for a moment either
    try:
        files.write_atomically(path, f"{token}\n".encode("ascii"))
    finally:
        os.umask(before)
    return token


def _api(
    host: InProcess,
    about: Mapping[str, object],
    sock: socket.socket,
    access: Access | None,
    pages: Path | None = None,
    *,
    words: PageWords | None = None,
    bounds: asgi.AsgiLimits = asgi.DEFAULT,
) -> tuple[uvicorn.Server, socket.socket]:
    application = api.application(
        host, about, access, pages, lambda: host.service.trouble, words=words
    )
    return asgi.server(application, trusted=access is None, bounds=bounds), sock


async def _until(
    told: asyncio.Event,
    servers: list[tuple[uvicorn.Server, socket.socket]],
    needed: InProcess | None = None,
) -> None:
    """Serve until told to stop, or until a server ends, which none does by itself.

    With `needed` also until that host has nothing to do and nobody to do it for.
    """
    running = [asyncio.create_task(server.serve(sockets=[sock])) for server, sock in servers]
    stopping = [asyncio.create_task(told.wait())]
    if needed is not None:
        asked = [server for server, _sock in servers]
        stopping.append(asyncio.create_task(_unneeded(needed, asked)))
    await asyncio.wait([*stopping, *running], return_when=asyncio.FIRST_COMPLETED)
    for task in stopping:
        task.cancel()
    for server, _sock in servers:
        server.config.app.state.leaving.set()  # type: ignore[union-attr]  # it is of `api`
        server.should_exit = True
    await asyncio.gather(*running)


async def _unneeded(host: InProcess, servers: list[uvicorn.Server]) -> Literal[True]:
    """Returns when nothing has been open and nobody has been asking or watching for a while."""
    clock = asyncio.get_running_loop().time
    states = [server.server_state for server in servers]
    seen, since = 0, clock()
    while clock() - since < _UNNEEDED[seen > 0]:
        await asyncio.sleep(_LOOK)
        now = sum(state.total_requests for state in states)
        if now > seen or host.busy or any(state.tasks for state in states):
            seen, since = now, clock()
    return True


async def _tell(service: Service, words: Words) -> None:
    """Every stored event in words, or as one structured line, for the journal."""
    async for seq, event in service.subscribe():
        if not seq:
            continue
        if words.sentence is None:
            words.say(_line(event))
        elif said := words.sentence(event):
            words.say(said)


def _line(event: Event) -> str:
    """An event's JSON without what would fill a journal."""
    fields = json.loads(to_json(event))
    for long_field in ("files", "report", "proof", "text"):
        if long_field in fields and fields["event"] != "screen-line":
            fields.pop(long_field)
    return json.dumps(fields)

"""Under sudo this program becomes the user who called it; a first process keeps root's rights.

So there is one history, one list of names and agents, and no file of a user's is opened or written
as root. The first process sets the address on the wire, opens ports below 1024, listens to who is
on the wire, gives the wire back when the second one has ended, however it ended, and does nothing
else.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_AS_ROOT = ("serve", "link", "doctor", "sim")
"""Commands that need root's rights themselves, or have a way of their own to give them up.

What they keep is about this computer, such as how a change of the wire is undone; the names of PCs
and the history are the user's there too.
"""
_SOCKET = Path("/run/deployer/control.sock")
_LINES = ("dialout", "uucp")
"""Groups that may open serial ports: whoever may call sudo may do that here."""
_PORTS = 1024
_HEARD = 200
"""Of how many machines the answer tells: it is one message."""
_PATIENCE = 30.0


def caller(arguments: Sequence[str]) -> pwd.struct_passwd | None:
    """The user to become; None where this process is to stay what it is.

    That is so without sudo, for commands that need root, where a state directory was named, and
    while a daemon runs that only root may ask.
    """
    user = _caller()
    named = any(each.split("=")[0] == "--state-dir" for each in arguments)
    if named or "DEPLOYER_STATE_DIR" in os.environ or "DEPLOYER_SOCKET" in os.environ:
        return None
    command = next((each for each in arguments if not each.startswith("-")), "")
    if user is None or not command or command in _AS_ROOT:
        return None
    with contextlib.suppress(OSError):
        if _SOCKET.stat().st_uid != user.pw_uid:
            return None
    return user


def _caller() -> pwd.struct_passwd | None:
    """Who called sudo; None for root, for who has no home, and without sudo."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwuid(int(os.environ.get("SUDO_UID", "0")))
    except (KeyError, ValueError):
        return None
    return user if user.pw_uid != 0 and Path(user.pw_dir).is_dir() else None


def said_to_caller(*arguments: str) -> str:
    """What a command prints for the user who called sudo; "" for nobody, and where it fails."""
    user = _caller()
    if user is None:
        return ""
    done = subprocess.run(
        [sys.executable, "-m", "deployer", *arguments],
        user=user.pw_uid, group=user.pw_gid, extra_groups=(), cwd="/",
        env={"PATH": os.defpath, "HOME": user.pw_dir}, capture_output=True, text=True,
        timeout=_PATIENCE, check=False,
    )  # fmt: skip
    return "" if done.returncode else done.stdout


def run_as(user: pwd.struct_passwd, work: Callable[[], int]) -> int:
    """Do the work as that user, in a second process; its exit code. Before the first thread."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    heard = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    child = os.fork()
    if child == 0:
        ours.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os._exit(_second(user, theirs, work))
    theirs.close()
    keeper = _Keeper(ours)
    threading.Thread(target=keeper.answer, name="second", daemon=True).start()
    code = _ended(child, heard)
    keeper.give_back()
    return code


def _second(user: pwd.struct_passwd, line: socket.socket, work: Callable[[], int]) -> int:
    """The whole life of the user's process; nothing may get out of it."""
    code = 2
    try:
        _become(user)
        from deployer.host.sudo import asked

        asked.begin(line)
        code = work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    return code


def _become(user: pwd.struct_passwd) -> None:
    """For good: real, effective and saved ids, all groups."""
    groups = set(os.getgrouplist(user.pw_name, user.pw_gid))
    for name in _LINES:
        with contextlib.suppress(KeyError):
            groups.add(grp.getgrnam(name).gr_gid)
    os.setgroups(sorted(groups))
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    os.environ.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name)


def _ended(child: int, heard: set[signal.Signals]) -> int:
    """Wait for its end; its exit code. What this process is sent goes on to it.

    What the terminal sends, such as Ctrl-C, it has got itself.
    """
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        told = signal.sigwaitinfo(heard)
        if told.si_signo != signal.SIGCHLD and told.si_code <= 0:
            os.kill(child, told.si_signo)


class _Keeper:
    """Has root's rights, and what was done with them."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._own: Any = None

    def answer(self) -> None:
        """Answer the second process, in a thread, until it has ended."""
        from deployer.errors import DeployerError, InternalError
        from deployer.host.forms import error_to_plain
        from deployer.host.sudo.asked import LONGEST

        while data := self._line.recv(LONGEST):
            opened: list[socket.socket] = []
            try:
                answer = self._do(data, opened)
            except DeployerError as error:
                answer = error_to_plain(error)
            except Exception as error:
                answer = error_to_plain(InternalError(kind=type(error).__name__, why=error))
            self._send(answer, [each.fileno() for each in opened])
            for each in opened:
                each.close()

    def _do(self, data: bytes, opened: list[socket.socket]) -> dict[str, Any]:
        import msgspec

        from deployer.edge.ports import bind

        match msgspec.json.decode(data):
            case {"bind": [str(address), int(port)]} if 0 < port < _PORTS:
                opened.append(bind(address, port))
            case {"take": {"wanted": wanted, "address": str(address), "target": str(target)}}:
                return {"beside": self._take(wanted, address, target)}
            case {"listen": {"interface": interface, "named": named, "seconds": seconds}}:
                return self._heard(interface, named, seconds)
            case {"give back": True}:
                self.give_back()
            case other:
                raise ValueError(f"{other} is not done")
        return {}

    def _take(self, wanted: Any, address: str, target: str) -> str:
        from dataclasses import replace

        from deployer.host import wire
        from deployer.host.forms import from_plain, to_plain
        from deployer.settings import SYSTEM_STATE_DIR

        with self._lock:
            if self._own is None:
                asked = from_plain(wanted, wire.Wanted | None)
                if asked is not None:  # how to undo it is root's to know
                    asked = replace(asked, state_dir=Path(SYSTEM_STATE_DIR))
                self._own = wire.Own(
                    asked, address, lambda said: self._send({"say": said}), target=target
                )
                self._own.follow(
                    lambda news: self._send({"news": [type(news).__name__, to_plain(news)]})
                )
            return str(self._own.take())

    @staticmethod
    def _heard(interface: Any, named: Any, seconds: Any) -> dict[str, Any]:
        from deployer.core.wire.devices import NamedTarget
        from deployer.host.devices import heard
        from deployer.host.forms import from_plain, to_plain

        try:
            wanted = from_plain(named, list[NamedTarget])
            found = heard.listen(from_plain(interface, str | None), wanted, float(seconds))
        except OSError as error:
            return {"deaf": error.strerror or str(error)}
        return {"heard": to_plain(found[:_HEARD])}

    def give_back(self) -> None:
        """Undo what was done on the wire, if anything."""
        with self._lock:
            own, self._own = self._own, None
        if own is not None:
            own.give_back()

    def _send(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        import msgspec

        with contextlib.suppress(OSError):  # it has ended
            socket.send_fds(self._line, [msgspec.json.encode(message)], list(files))

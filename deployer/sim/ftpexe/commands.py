"""The commands of FTP.EXE on Windows 98: one table (facts A7), nothing that it lacks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from deployer.sim.ftpexe.session import FtpSession, Lost, Quit

FtpCommand = Callable[[FtpSession, list[str]], None]
"""Carries out a command with its arguments."""


def _open(ftp: FtpSession, words: list[str]) -> None:
    if len(words) > 1 and not ftp.dialect.ftp_open_port:
        ftp.say("Usage: open host name\r\n")
        return
    ftp.open(ftp.argument(words, 0, "To"))


def _user(ftp: FtpSession, words: list[str]) -> None:
    if ftp.connected():
        name = ftp.argument(words, 0, "Username")
        ftp.log_in(name, words[1] if len(words) > 1 else None)


def _get(ftp: FtpSession, words: list[str]) -> None:
    if ftp.connected():
        remote = ftp.argument(words, 0, "Remote file")
        if remote:
            ftp.get(remote, words[1] if len(words) > 1 else remote)


def _put(ftp: FtpSession, words: list[str], verb: str = "STOR") -> None:
    if ftp.connected():
        local = ftp.argument(words, 0, "Local file")
        if local:
            bare = local.replace("/", "\\").rpartition("\\")[2]
            ftp.put(local, words[1] if len(words) > 1 else bare, verb)


def _append(ftp: FtpSession, words: list[str]) -> None:
    _put(ftp, words, "APPE")


def _many(
    verb: str, whose: str, names: Callable[[FtpSession, str], list[str]],
    act: Callable[[FtpSession, str], object],
) -> FtpCommand:  # fmt: skip
    """A command for each file that its patterns name there (`Remote`) or here (`Local`)."""

    def call(ftp: FtpSession, words: list[str]) -> None:
        if ftp.connected():
            for pattern in words or [ftp.argument(words, 0, f"{whose} files")]:
                for name in names(ftp, pattern):
                    if ftp.confirm(verb, name):
                        act(ftp, name)

    return call


_mget = _many("mget", "Remote", FtpSession.names, lambda ftp, name: ftp.get(name, name))
_mput = _many("mput", "Local", FtpSession.local_names, lambda ftp, name: ftp.put(name, name))
_mdelete = _many(
    "mdelete", "Remote", FtpSession.names, lambda ftp, name: ftp.ask_server(f"DELE {name}")
)


def _list(verb: str) -> FtpCommand:
    def call(ftp: FtpSession, words: list[str]) -> None:
        if not ftp.connected():
            return
        start, count = ftp.ticks(), 0

        def show(data: bytes) -> None:
            nonlocal count
            count += len(data)
            ftp.say(data.decode("cp1252", "replace"))

        command = " ".join([verb, *words[:1]])
        ftp.transfer(command, lambda sock: ftp.receive(sock, show))
        ftp.report(count, "received", start)

    return call


def _simple(verb: str, *prompts: str) -> FtpCommand:
    """A command that is one request with so many arguments."""

    def call(ftp: FtpSession, words: list[str]) -> None:
        if ftp.connected():
            values = [ftp.argument(words, i, prompt) for i, prompt in enumerate(prompts)]
            ftp.ask_server(" ".join([verb, *values]))

    return call


def _remotehelp(ftp: FtpSession, words: list[str]) -> None:
    if ftp.connected():
        ftp.ask_server(" ".join(["HELP", *words]))


def _rename(ftp: FtpSession, words: list[str]) -> None:
    if ftp.connected():
        old = ftp.argument(words, 0, "From name")
        new = ftp.argument(words, 1, "To name")
        if ftp.ask_server(f"RNFR {old}") // 100 == 3:
            ftp.ask_server(f"RNTO {new}")


def _quote(ftp: FtpSession, words: list[str]) -> None:
    if ftp.connected():
        line = " ".join(words) or ftp.argument(words, 0, "Command line to send")
        if ftp.ask_server(line) // 100 == 1:
            ftp.reply()


def _type(ftp: FtpSession, words: list[str]) -> None:
    kinds = {"ascii": "A", "binary": "I", "image": "I"}
    if words and words[0] not in kinds:
        ftp.say(f"{words[0]}: unknown mode\r\n")
    elif words:
        _set_type(kinds[words[0]])(ftp, [])
    else:
        ftp.say(f"Using {'ascii' if ftp.ascii else 'binary'} mode to transfer files.\r\n")


def _set_type(letter: str) -> FtpCommand:
    def call(ftp: FtpSession, _words: list[str]) -> None:
        if ftp.connected():
            ftp.set_type(letter)

    return call


def _toggle(name: str, said: str) -> FtpCommand:
    def call(ftp: FtpSession, _words: list[str]) -> None:
        if hasattr(ftp.switches, name):
            setattr(ftp.switches, name, not getattr(ftp.switches, name))
            on = bool(getattr(ftp.switches, name))
        else:
            on = ftp.hash = not ftp.hash
        ftp.say(f"{said} {'On' if on else 'Off'} .\r\n")

    return call


def _lcd(ftp: FtpSession, words: list[str]) -> None:
    ftp.change_local(words[0] if words else "")


def _close(ftp: FtpSession, _words: list[str]) -> None:
    if ftp.connected():
        ftp.close()


def _bye(ftp: FtpSession, _words: list[str]) -> None:
    with contextlib.suppress(Lost):
        ftp.close()
    raise Quit


def _status(ftp: FtpSession, _words: list[str]) -> None:
    control = ftp.control
    ftp.say(f"Connected to {control.host}.\r\n" if control else "Not connected.\r\n")
    ftp.say(f"Type: {'ascii' if ftp.ascii else 'binary'}\r\n")


def _help(ftp: FtpSession, _words: list[str]) -> None:
    ftp.say("Commands may be abbreviated.  Commands are:\r\n\r\n")
    names = sorted(COMMANDS)
    for i in range(0, len(names), 5):
        ftp.say("".join(f"{name:16}" for name in names[i : i + 5]).rstrip() + "\r\n")


def _ignored(ftp: FtpSession, _words: list[str]) -> None:
    """`!`, bell, trace: nothing that matters here (facts A22)."""
    ftp.say("")


COMMANDS: dict[str, FtpCommand] = {
    "!": _ignored, "?": _help, "append": _append, "ascii": _set_type("A"), "bell": _ignored,
    "binary": _set_type("I"), "bye": _bye, "cd": _simple("CWD", "Remote directory"),
    "close": _close,
    "debug": _toggle("debug", "Debugging"), "delete": _simple("DELE", "Remote file"),
    "dir": _list("LIST"), "disconnect": _close, "get": _get, "glob": _toggle("glob", "Globbing"),
    "hash": _toggle("hash", "Hash mark printing"), "help": _help, "lcd": _lcd, "literal": _quote,
    "ls": _list("NLST"), "mdelete": _mdelete, "mdir": _list("LIST"), "mget": _mget,
    "mkdir": _simple("MKD", "Directory name"), "mls": _list("NLST"), "mput": _mput, "open": _open,
    "prompt": _toggle("ask", "Interactive mode"), "put": _put, "pwd": _simple("PWD"), "quit": _bye,
    "quote": _quote, "recv": _get, "remotehelp": _remotehelp, "rename": _rename,
    "rmdir": _simple("RMD", "Directory name"), "send": _put, "status": _status, "trace": _ignored,
    "type": _type, "user": _user, "verbose": _toggle("verbose", "Verbose mode"),
}  # fmt: skip

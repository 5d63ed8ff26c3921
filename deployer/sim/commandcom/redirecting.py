"""Standard input and output of a command: < > >> of its line, or the files of a pipe."""

from __future__ import annotations

from deployer.sim.commandcom import messages
from deployer.sim.commandcom.dialect import Complaint
from deployer.sim.commandcom.line.text import CTRL_Z, encode
from deployer.sim.commandcom.shell import Shell
from deployer.sim.commandcom.streams import FileStream, Stream
from deployer.sim.disk import Code, DiskError


def set_up(shell: Shell) -> None:
    """Open what < and > name, unless a pipe or an IF did; if it fails, the command does."""
    if not shell.pipe.running and not shell.if_done:
        redirect_input(shell)
        redirect_output(shell)


def redirect_input(shell: Shell) -> None:
    """Connect standard input with the file after <."""
    if shell.redirection.source:
        try:
            take_input(shell, shell.dos.open(shell.redirection.source))
        except DiskError as error:
            raise Complaint(messages.of_code(error.code)) from error


def redirect_output(shell: Shell) -> None:
    """Connect standard output with the file after >: made, emptied, or set to its end."""
    if not shell.redirection.target:
        return
    try:
        stream = _appended(shell) if shell.redirection.append else None
        take_output(shell, stream or shell.dos.create(shell.redirection.target))
    except DiskError as error:
        raise Complaint(messages.FILE_CREATION) from error


def take_input(shell: Shell, stream: Stream) -> None:
    """Read from this file until the command is over."""
    shell.stdin = shell.keep(stream)


def take_output(shell: Shell, stream: Stream) -> None:
    """Write to this file until the command is over."""
    shell.stdout = shell.keep(stream)


def _appended(shell: Shell) -> Stream | None:
    """The file after >>, at its end or on its last Ctrl-Z; None when there is none."""
    try:
        stream = shell.dos.update(shell.redirection.target)
    except DiskError as error:
        if error.code is Code.ACCESS_DENIED:
            raise Complaint(messages.of_code(error.code)) from error
        return None
    if isinstance(stream, FileStream):
        size = stream.file.size
        stream.file.seek(max(0, size - 1))
        if stream.file.read(1) == encode(CTRL_Z):
            stream.file.seek(size - 1)
    return stream

"""Pipes: one command after the other, with two files in turn between them (MSDOS4 TPIPE.ASM)."""

from __future__ import annotations

from contextlib import suppress

from deployer.sim.commandcom import messages, redirecting
from deployer.sim.commandcom.dialect import Complaint, Single
from deployer.sim.commandcom.line.text import at, skip_delimiters
from deployer.sim.commandcom.shell import Shell
from deployer.sim.disk import DiskError


def start(shell: Shell) -> None:
    """Make the files and prepare the first command of the line in the buffer."""
    pipe = shell.pipe
    pipe.text = shell.line[skip_delimiters(shell.line) :]
    pipe.pos = 0
    if not pipe.running:
        shell.echo_bits <<= 1
    pipe.running = pipe.files = True
    try:
        pipe.source, pipe.target = _new_file(shell), _new_file(shell)
    except DiskError as error:
        delete(shell)
        raise Complaint(messages.PIPE_ERROR) from error
    redirecting.redirect_input(shell)
    if shell.single is Single.LAST:
        shell.single = Single.PIPE
    _part(shell)


def next_part(shell: Shell) -> bool:
    """Prepare a running pipe's next command; False, with everything removed, after the last."""
    pipe = shell.pipe
    shell.echo = False
    if at(pipe.text, pipe.pos) != "|":
        delete(shell)
        if shell.single is Single.PIPE:
            shell.single = Single.LAST
        return False
    pipe.pos += 1
    try:
        redirecting.take_input(shell, shell.dos.open(pipe.source))
    except DiskError as error:
        delete(shell)
        raise Complaint(messages.PIPE_ERROR) from error
    _part(shell)
    return True


def _part(shell: Shell) -> None:
    """Put the command at the present position into the buffer and connect its output."""
    pipe = shell.pipe
    end = pipe.text.find("|", pipe.pos)
    if end < 0:
        shell.line = pipe.text[pipe.pos :]
        pipe.pos = len(pipe.text)
        redirecting.redirect_output(shell)
        return
    shell.line = pipe.text[pipe.pos : end]
    pipe.pos = end
    try:
        redirecting.take_output(shell, shell.dos.create(pipe.target))
    except DiskError as error:
        delete(shell)
        raise Complaint(messages.PIPE_ERROR) from error
    pipe.source, pipe.target = pipe.target, pipe.source


def delete(shell: Shell) -> None:
    """End a pipe wherever it is and remove its files, open or not."""
    pipe = shell.pipe
    for name in (pipe.source, pipe.target):
        if name:
            with suppress(DiskError):
                shell.dos.delete(name)
    stop(shell)
    pipe.files = False
    pipe.source = pipe.target = ""


def delete_if_any(shell: Shell) -> None:
    """IF, FOR and CALL end the pipe that they stand in."""
    if shell.pipe.files:
        delete(shell)


def delete_left_over(shell: Shell) -> None:
    """Between commands: the files of a pipe that a batch file has ended."""
    if shell.pipe.files and not shell.pipe.running:
        delete(shell)


def stop(shell: Shell) -> None:
    """Forget the rest of a pipe; its files stay for now."""
    if shell.pipe.running:
        shell.pipe.running = False
        shell.echo_bits >>= 1


def _new_file(shell: Shell) -> str:
    """Make an empty file with a name of its own."""
    directory = f"{shell.dos.drive}:\\"
    if shell.dialect.pipe_in_temp:
        temp = shell.environment.get("TEMP") or ""
        directory = temp if temp and shell.dos.is_dir(temp) else shell.dos.full(".")
    directory = directory.rstrip("\\") + "\\"
    taken = {entry.short for entry in shell.dos.listing(directory)}
    number = next(n for n in range(1 << 16) if _name(n) not in taken)
    shell.dos.create(directory + _name(number)).close()
    return directory + _name(number)


def _name(number: int) -> str:
    """Eight letters, as DOS names temporary files."""
    return "".join(chr(ord("A") + (number >> shift & 15)) for shift in range(28, -1, -4))

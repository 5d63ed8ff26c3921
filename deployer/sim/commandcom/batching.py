"""Starting, reading and ending batch files (MSDOS4 TBATCH.ASM: BATCOM, READBAT, BATCHOFF)."""

from __future__ import annotations

from deployer.sim.commandcom import messages, pipes, prompt, redirecting
from deployer.sim.commandcom.batch import LineBuilder, Reader, split_words
from deployer.sim.commandcom.dialect import Complaint, NotModelled, Single
from deployer.sim.commandcom.running import Batch
from deployer.sim.commandcom.shell import Shell
from deployer.sim.commandcom.streams import FileStream
from deployer.sim.disk import Code, DiskError

_DEEPEST = 500


def start(shell: Shell, path: str) -> None:
    """Make a batch file the running one: inside its caller when CALLed, in its place otherwise."""
    calling = shell.calling_batch
    if not calling:
        redirecting.set_up(shell)
        shell.loop = None
    pipes.stop(shell)
    echo = shell.echo
    parent = None
    if shell.batch is not None:
        parent = shell.batch if calling else shell.batch.parent
    if not calling:
        end(shell)
    shell.calling_batch = False
    if shell.depth >= _DEEPEST:
        raise NotModelled(f"more than {_DEEPEST} batch files inside each other")
    shell.depth += 1
    words = split_words(shell.line, quoted=shell.quoted)
    shell.batch = Batch(path, words, parent, shell.echo_bits, shell.loop)
    shell.loop = None
    if shell.single is Single.LAST:
        shell.single = Single.BATCH
    shell.echo_bits = int(echo)


def end(shell: Shell) -> None:
    """Forget the running batch file; its caller waits to be taken up after the present line."""
    batch = shell.batch
    if batch is None:
        return
    if not shell.echo:
        shell.hide_line = True
    shell.echo_bits = batch.echo
    shell.loop = batch.loop
    shell.next_batch = batch.parent
    shell.depth -= 1
    shell.batch = None


def open_reader(shell: Shell) -> Reader:
    """Open the running batch file where it stands; when it is gone, all batch files are over."""
    batch = shell.batch
    assert batch is not None
    try:
        stream = shell.dos.open(batch.path)
    except DiskError as error:
        missing = error.code in (Code.FILE_NOT_FOUND, Code.PATH_NOT_FOUND)
        if missing:
            shell.loop = None
            pipes.stop(shell)
            shell.if_done = False
        end(shell)
        text = messages.BATCH_MISSING if missing else messages.of_code(error.code)
        raise Complaint(text) from error
    assert isinstance(stream, FileStream)
    return Reader(batch, stream.file, lambda: _at_end(shell))


def _at_end(shell: Shell) -> None:
    end(shell)
    if shell.single is Single.BATCH and shell.depth == 0:
        shell.single = Single.LAST


def read_line(shell: Shell) -> bool:
    """Put the next line into the buffer and show it when ECHO is on; always True.

    After the end of a file the line is empty, except after a label without CR LF: then the buffer
    keeps the line before (KB Q34760).
    """
    shell.hide_line = False
    batch = shell.batch
    assert batch is not None
    reader = open_reader(shell)
    try:
        if _skip_labels(reader, batch, shell):
            shell.line = LineBuilder(reader, batch, shell.environment).build()
            reader.get()  # the line feed
            shown = not shell.hide_line and shell.echo
        else:
            shown = False
    finally:
        reader.close()
    if shown:
        if not shell.no_command:
            shell.write_line()
        prompt.show(shell)
        shell.write_line(shell.line)
    shell.no_command = False
    if shell.batch is None and shell.next_batch is not None:
        shell.batch, shell.next_batch = shell.next_batch, None
    return True


def _skip_labels(reader: Reader, batch: Batch, shell: Shell) -> bool:
    """Stand at the beginning of a line that is no label; False when the file ended in a label."""
    while True:
        offset = batch.offset
        char = reader.skip_delimiters()
        if char != ":":
            break
        reader.skip_line()
        reader.get()
        if reader.ended:
            return False
    if reader.ended:
        return True
    if char == "@":
        shell.hide_line = True
    else:
        reader.seek(offset)
    return True

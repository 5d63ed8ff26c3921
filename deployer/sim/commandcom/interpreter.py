"""From lines to commands: a line comes from somewhere and is carried out (MSDOS4 TCODE, TMISC1).

Lines come from a batch file, a FOR, a pipe, a COMMAND /C or the keyboard; what they name is looked
up in `commands.table`, else it is a program or a batch file (`external`).
"""

from __future__ import annotations

from deployer.sim.commandcom import batching, external, messages, pipes, prompt, redirecting
from deployer.sim.commandcom.commands.table import COMMANDS
from deployer.sim.commandcom.dialect import Complaint, End, ShellHang, Single
from deployer.sim.commandcom.line import fcb
from deployer.sim.commandcom.line.parse import Unparsable, parse_line
from deployer.sim.commandcom.line.prescan import PipeSyntax, StandardFiles, prescan
from deployer.sim.commandcom.line.text import skip_delimiters, upper
from deployer.sim.commandcom.shell import MAX_LINE, Shell
from deployer.sim.commandcom.streams import NulStream, read_line
from deployer.sim.disk import DiskError


def execute(shell: Shell, line: str) -> End:
    """Carry out a typed line and everything that it starts; how the shell then waits."""
    shell.line = line[:MAX_LINE]
    _carry_out(shell)
    return _until_keyboard(shell)


def interact(shell: Shell) -> End:
    """Show a prompt, read typed lines and carry them out until EXIT."""
    end = _until_keyboard(shell)
    while end is not End.EXITED:
        end = execute(shell, read_line(shell.base_in))
    return end


def run_single(shell: Shell, command: str) -> End:
    """COMMAND /C: one command, then the end."""
    shell.single = Single.PENDING
    shell.line = command[:MAX_LINE]
    return _until_keyboard(shell)


# -- getting lines ---------------------------------------------------------------------------------


def _until_keyboard(shell: Shell) -> End:
    while (end := _turn(shell)) is None:
        pass
    return end


def _turn(shell: Shell) -> End | None:
    """Get and carry out one line; how the shell waits when it is the keyboard's turn."""
    if shell.fresh:
        shell.clean_up()
        if shell.single is Single.LAST or shell.exited:
            return End.EXITED
        pipes.delete_left_over(shell)
        if _prompting(shell) and shell.batch is None:
            shell.write_line()
    shell.fresh = True
    shell.calling = shell.calling_batch = False
    try:
        return _next_line(shell)
    except Complaint as complaint:
        shell.error(str(complaint))
    return None


def _prompting(shell: Shell) -> bool:
    quiet = shell.single is Single.PENDING or shell.pipe.running or shell.loop is not None
    return shell.echo and not quiet


def _next_line(shell: Shell) -> End | None:
    if shell.pipe.running:
        if pipes.next_part(shell):
            _carry_out(shell, piece_of_pipe=True)
        return None
    prompted = _prompting(shell) and shell.batch is None
    if prompted:
        prompt.show(shell)
    if shell.loop is not None:
        _next_of_loop(shell)
        return None
    shell.redirection = StandardFiles()
    shell.if_done = False
    if shell.batch is not None:
        if batching.read_line(shell):
            _carry_out(shell)
        return None
    match shell.single:
        case Single.NO if isinstance(shell.base_in, NulStream):
            raise ShellHang("CTTY NUL and no CTTY CON: nobody can type any more")
        case Single.NO:
            return End.PROMPT if prompted else End.NO_PROMPT
        case Single.PENDING:
            shell.single = Single.LAST
            _carry_out(shell)
            return None
        case _:
            raise ShellHang("COMMAND /C waits for ever: a called batch file ended all of them")


def _next_of_loop(shell: Shell) -> None:
    assert shell.loop is not None
    line = shell.loop.next_command()
    if line is None:
        shell.loop_over()
        return
    shell.line = line
    if shell.echo:
        if not shell.no_command:
            shell.write_line()
        prompt.show(shell)
        shell.write_line(line)
    shell.no_command = False
    _carry_out(shell)


# -- one line --------------------------------------------------------------------------------------


def _carry_out(shell: Shell, *, piece_of_pipe: bool = False) -> None:
    """Carry out the line in the buffer, again as long as IF or CALL leave a new one there."""
    try:
        while True:
            if shell.step is not None:
                shell.step(shell.line)
            if not piece_of_pipe:
                _prescan(shell)
            piece_of_pipe = False
            shell.look_again = False
            _dispatch(shell)
            if not shell.look_again:
                return
    except Complaint as complaint:
        shell.error(str(complaint))
    except DiskError as error:
        shell.error(messages.of_code(error.code))


def _prescan(shell: Shell) -> None:
    try:
        shell.line, found = prescan(shell.line, shell.redirection, quoted=shell.quoted)
    except PipeSyntax as error:
        pipes.delete(shell)
        raise Complaint(messages.SYNTAX) from error
    if found:
        pipes.start(shell)


def _dispatch(shell: Shell) -> None:
    """Find out what the line asks for, and do it."""
    start = skip_delimiters(shell.line)
    loop_word = upper(shell.line[start : start + 3]) == "FOR"
    try:
        shell.words = parse_line(shell.line, quoted=shell.quoted and not loop_word)
    except Unparsable as error:
        raise Complaint(messages.BAD_COMMAND) from error
    if not shell.words.words or shell.words.words[0].length == 0:
        _null_command(shell)
        return
    first = shell.words.words[0]
    if first.wild:
        raise Complaint(messages.BAD_COMMAND)
    name = fcb.parse(shell.line)
    if shell.words.text(0)[1:2] == ":":
        if name.drive not in shell.dos.drives:
            raise Complaint(messages.INVALID_DRIVE)
        if first.element == first.start + first.length:
            shell.dos.drive = name.drive
            return
    command = COMMANDS.get(name.name[:8].rstrip())
    if command is not None and command.new and not shell.dialect.long_names:
        command = None
    shell.remember(_tail_of_program(shell))
    if name.drive or command is None or not name.name[:8].strip():
        external.run(shell)
        return
    redirecting.set_up(shell)
    _check_drives(shell, command.checks_drives)
    position = start + len(name.name[:8].rstrip())
    shell.remember(shell.line[position:])
    if not command.switches and "/" in shell.tail:
        raise Complaint(f"{messages.INVALID_SWITCH} - /")
    command.run(shell, shell.tail)
    if shell.calling:
        shell.calling = False
        shell.look_again = True


def _check_drives(shell: Shell, wanted: bool) -> None:
    for n in (1, 2):
        drive = fcb.parse(shell.words.text(n)).drive
        if wanted and drive and drive not in shell.dos.drives:
            raise Complaint(messages.INVALID_DRIVE)


def _tail_of_program(shell: Shell) -> str:
    """What stands after the name of a program: from the first delimiter or slash on."""
    return shell.line[external.name_end(shell.line, quoted=shell.quoted) :]


def _null_command(shell: Shell) -> None:
    """An empty line: nothing happens, and less is cleaned up than after a command."""
    if shell.batch is not None:
        shell.no_command = True
    shell.fresh = shell.single is Single.LAST

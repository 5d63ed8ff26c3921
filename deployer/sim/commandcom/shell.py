"""The shell itself: it takes a line from somewhere and carries it out (MSDOS4 TCODE, TMISC1).

One `CommandCom` is one running COMMAND.COM. Its state is that of the original: a command buffer
that keeps the last line (which is how a label without CR LF at the end repeats a command),
redirections that last until the next line is read, at most one FOR, a chain of batch files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from deployer.sim.commandcom import batching, external, fcb, messages, pipes, prompt, redirecting
from deployer.sim.commandcom.batch import Batch
from deployer.sim.commandcom.dialect import (
    WIN98,
    Complaint,
    Dialect,
    End,
    ShellHang,
    Single,
)
from deployer.sim.commandcom.dos import Dos
from deployer.sim.commandcom.environment import Environment
from deployer.sim.commandcom.loops import Loop
from deployer.sim.commandcom.parse import Unparsable, Words, parse_line
from deployer.sim.commandcom.prescan import PipeSyntax, Redirection, prescan
from deployer.sim.commandcom.streams import Console, ConsoleStream, Stream, read_line
from deployer.sim.commandcom.table import COMMANDS
from deployer.sim.commandcom.text import CR, CRLF, encode, skip_delimiters, upper
from deployer.sim.disk import Disk, DiskError

#: A program: gets its command tail and the shell that started it; gives its exit code.
Program = Callable[[str, "CommandCom"], int]
#: Runs a program file that no entry of `programs` stands for: path, tail, shell -> exit code.
RunFile = Callable[[str, str, "CommandCom"], int]

MAX_LINE = 127


class CommandCom:
    """COMMAND.COM on drives, with a console.

    `execute` carries out one typed line with all that follows from it, `run` a batch file or
    program, `interact` reads typed lines until EXIT. `programs` maps a program's path or bare name
    (capitals, with extension) to what plays it; other program files go to `run_file`. `step` is
    called with each line before it is carried out.

    Raises ShellHang when the target would be dead, NotModelled for what is not played, and lets
    PowerOff pass.
    """

    def __init__(
        self,
        drives: Disk | Mapping[str, Disk],
        console: Console,
        programs: Mapping[str, Program] | None = None,
        *,
        run_file: RunFile | None = None,
        environment: Mapping[str, str] | None = None,
        env_bytes: int = 256,
        dialect: Dialect = WIN98,
        permanent: bool = False,
        step: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.dialect = dialect
        self.dos = Dos(drives if isinstance(drives, Mapping) else {"C": drives}, console, dialect)
        self.environment = Environment(
            env_bytes, environment or {}, any_case=dialect.any_case_variable
        )
        self.programs = {upper(name): program for name, program in (programs or {}).items()}
        self.run_file = run_file
        self.step = step
        self.clock = clock
        self.sleep = sleep
        self.permanent = permanent
        self.base_in: Stream = self.dos.console
        self.base_out: Stream = self.dos.console
        self.stderr: Stream = self.dos.console
        self._reset()

    def _reset(self) -> None:
        """Everything that a shell starts with."""
        self.errorlevel = 0
        self.verify = False
        self.break_check = False
        self.long_for = False  # LFNFOR: FOR gives long names
        self.stdin, self.stdout = self.base_in, self.base_out
        self.opened: list[Stream] = []
        self.echo_bits = 1  # bit 0 is ECHO; a pipe shifts it away and back
        self.line = ""  # the command buffer
        self.words = Words("")
        self.tails = CR * MAX_LINE  # the memory where command tails are left
        self.batch: Batch | None = None
        self.next_batch: Batch | None = None
        self.depth = 0
        self.loop: Loop | None = None
        self.pipe = pipes.Pipe()
        self.redirection = Redirection()
        self.if_done = False  # an IF has set up the redirection already
        self.calling = False
        self.calling_batch = False
        self.look_again = False  # IF and CALL leave a new line in the buffer
        self.no_command = False  # the last line was empty
        self.hide_line = False
        self.fresh = True  # whether the last command went through the clean-up
        self.single = Single.NO
        self.exited = False

    # -- for users -----------------------------------------------------------------------------

    def execute(self, line: str) -> End:
        """Carry out a typed line and everything that it starts; how the shell then waits."""
        self.line = line[:MAX_LINE]
        self._carry_out()
        return self._until_keyboard()

    def run(self, path: str, arguments: str = "") -> End:
        """Carry out a batch file or program as if its name had been typed."""
        return self.execute(f"{path} {arguments}".rstrip())

    def interact(self) -> End:
        """Show a prompt, read typed lines and carry them out until EXIT."""
        end = self._until_keyboard()
        while end is not End.EXITED:
            end = self.execute(read_line(self.base_in))
        return end

    def run_single(self, command: str) -> End:
        """COMMAND /C: one command, then the end."""
        self.single = Single.PENDING
        self.line = command[:MAX_LINE]
        return self._until_keyboard()

    def child(self, env_bytes: int = 0) -> CommandCom:
        """Another COMMAND.COM started from here: the same disks, a copy of the environment."""
        other = CommandCom.__new__(CommandCom)
        other.__dict__.update(self.__dict__)
        other.environment = self.environment.copy(env_bytes)
        other.permanent = False
        other.base_in, other.base_out = self.stdin, self.stdout
        other._reset()  # noqa: SLF001 - another of the same kind
        return other

    @property
    def echo(self) -> bool:
        """Whether ECHO is on."""
        return bool(self.echo_bits & 1)

    @echo.setter
    def echo(self, value: bool) -> None:
        self.echo_bits = self.echo_bits & ~1 | value

    @property
    def quoted(self) -> bool:
        """Whether quotes hold names together."""
        return self.dialect.quoted_names

    # -- input and output, for commands and programs ---------------------------------------------

    def write(self, text: str) -> None:
        """Text to standard output."""
        data = encode(text)
        if self.stdout.write(data) < len(data) and not self.stdout.device:
            raise Complaint(messages.NO_SPACE)

    def write_line(self, text: str = "") -> None:
        """A line to standard output."""
        self.write(text + CRLF)

    def error(self, text: str) -> None:
        """A line to the screen, past all redirection."""
        self.stderr.write(encode(text + CRLF))

    def read_line(self) -> str:
        """A line from standard input; one from a file is shown up to its CR, as DOS does."""
        text = read_line(self.stdin)
        if not isinstance(self.stdin, ConsoleStream):
            self.write(text + CR)
        return text

    def end_answer(self) -> None:
        """Go to a new line behind what `read_line` has read; the console has done so itself."""
        if not isinstance(self.stdin, ConsoleStream):
            self.write_line()

    def key(self, timeout: float | None = None) -> str:
        """One key from standard input, "" when that has ended or the time is up."""
        if isinstance(self.stdin, ConsoleStream):
            return self.stdin.key(timeout)
        return self.stdin.read(1).decode("cp437")

    # -- files that stay open for a command ------------------------------------------------------

    def keep(self, stream: Stream) -> Stream:
        """Have a file closed between commands at the latest."""
        self.opened.append(stream)
        return stream

    def _clean_up(self) -> None:
        """Between commands: standard input and output as they were, all other files closed."""
        self.stdin, self.stdout = self.base_in, self.base_out
        for stream in self.opened:
            stream.close()
        self.opened.clear()

    # -- the loop ------------------------------------------------------------------------------

    def _until_keyboard(self) -> End:
        while (end := self._turn()) is None:
            pass
        return end

    def _turn(self) -> End | None:
        """Get and carry out one line; how the shell waits when it is the keyboard's turn."""
        if self.fresh:
            self._clean_up()
            if self.single is Single.LAST or self.exited:
                return End.EXITED
            pipes.delete_left_over(self)
            if self._prompting() and self.batch is None:
                self.write_line()
        self.fresh = True
        self.calling = self.calling_batch = False
        try:
            return self._next_line()
        except Complaint as complaint:
            self.error(str(complaint))
        return None

    def _prompting(self) -> bool:
        quiet = self.single is Single.PENDING or self.pipe.running or self.loop is not None
        return self.echo and not quiet

    def _next_line(self) -> End | None:
        if self.pipe.running:
            if pipes.next_part(self):
                self._carry_out(piece_of_pipe=True)
            return None
        prompted = self._prompting() and self.batch is None
        if prompted:
            prompt.show(self)
        if self.loop is not None:
            self._next_of_loop()
            return None
        self.redirection = Redirection()
        self.if_done = False
        if self.batch is not None:
            if batching.read_line(self):
                self._carry_out()
            return None
        match self.single:
            case Single.NO:
                return End.PROMPT if prompted else End.NO_PROMPT
            case Single.PENDING:
                self.single = Single.LAST
                self._carry_out()
                return None
            case _:
                raise ShellHang("COMMAND /C waits for ever: a called batch file ended all of them")

    def _next_of_loop(self) -> None:
        assert self.loop is not None
        line = self.loop.next_command()
        if line is None:
            self.loop_over()
            return
        self.line = line
        if self.echo:
            if not self.no_command:
                self.write_line()
            prompt.show(self)
            self.write_line(line)
        self.no_command = False
        self._carry_out()

    # -- one line ------------------------------------------------------------------------------

    def _carry_out(self, *, piece_of_pipe: bool = False) -> None:
        """Carry out the line in the buffer, again as long as IF or CALL leave a new one there."""
        try:
            while True:
                if self.step is not None:
                    self.step(self.line)
                if not piece_of_pipe:
                    self._prescan()
                piece_of_pipe = False
                self.look_again = False
                self._dispatch()
                if not self.look_again:
                    return
        except Complaint as complaint:
            self.error(str(complaint))
        except DiskError as error:
            self.error(messages.of_code(error.code))

    def _prescan(self) -> None:
        try:
            self.line, found = prescan(self.line, self.redirection, quoted=self.quoted)
        except PipeSyntax as error:
            pipes.delete(self)
            raise Complaint(messages.SYNTAX) from error
        if found:
            pipes.start(self)

    def _dispatch(self) -> None:
        """Find out what the line asks for, and do it."""
        start = skip_delimiters(self.line)
        loop_word = upper(self.line[start : start + 3]) == "FOR"
        try:
            self.words = parse_line(self.line, quoted=self.quoted and not loop_word)
        except Unparsable as error:
            raise Complaint(messages.BAD_COMMAND) from error
        if not self.words.words or self.words.words[0].length == 0:
            self._null_command()
            return
        first = self.words.words[0]
        if first.wild:
            raise Complaint(messages.BAD_COMMAND)
        name = fcb.parse(self.line)
        if self.words.text(0)[1:2] == ":":
            if name.drive not in self.dos.drives:
                raise Complaint(messages.INVALID_DRIVE)
            if first.element == first.start + first.length:
                self.dos.drive = name.drive
                return
        command = COMMANDS.get(name.name[:8].rstrip())
        if command is not None and command.new and not self.dialect.long_names:
            command = None
        self.remember(self._tail_of_program())
        if name.drive or command is None or not name.name[:8].strip():
            external.run(self)
            return
        redirecting.set_up(self)
        self._check_drives(command.checks_drives)
        position = start + len(name.name[:8].rstrip())
        self.remember(self.line[position:])
        if not command.switches and "/" in self.tail:
            raise Complaint(f"{messages.INVALID_SWITCH} - /")
        command.run(self, self.tail)
        if self.calling:
            self.calling = False
            self.look_again = True

    def _check_drives(self, wanted: bool) -> None:
        for n in (1, 2):
            drive = fcb.parse(self.words.text(n)).drive
            if wanted and drive and drive not in self.dos.drives:
                raise Complaint(messages.INVALID_DRIVE)

    def _tail_of_program(self) -> str:
        """What stands behind the name of a program: from the first delimiter or slash on."""
        return self.line[external.name_end(self.line, quoted=self.quoted) :]

    def _null_command(self) -> None:
        """An empty line: nothing happens, and less is cleaned up than after a command."""
        if self.batch is not None:
            self.no_command = True
        self.fresh = self.single is Single.LAST

    @property
    def tail(self) -> str:
        """The command tail of the present command."""
        return self.tails.split(CR, 1)[0]

    def remember(self, tail: str) -> None:
        """Put a command tail where the one before it was; what is longer there stays behind it."""
        self.tails = (tail + CR + self.tails[len(tail) + 1 :])[: MAX_LINE + 1]

    # -- FOR -----------------------------------------------------------------------------------

    def loop_start(self, loop: Loop) -> None:
        """Begin a FOR; its commands come in the next turns."""
        self.loop = loop
        if self.single is Single.LAST:
            self.single = Single.LOOP

    def loop_over(self) -> None:
        """The list of a FOR is used up, or empty."""
        self.loop = None
        if self.single is Single.LOOP and self.depth == 0:
            self.single = Single.LAST
        elif self.echo and self.batch is not None:
            self.write_line()

"""The state of one running COMMAND.COM, and its streams; it knows no command.

The state is that of the original: a command buffer that keeps the last line (which is how a label
without CR LF at the end repeats a command), redirections that last until the next line is read, at
most one FOR, a chain of batch files. `interpreter` makes it move.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Self

from deployer.sim.commandcom import messages
from deployer.sim.commandcom.dialect import WIN98, Complaint, Dialect, ShellHang, Single
from deployer.sim.commandcom.dos import Dos
from deployer.sim.commandcom.environment import Environment
from deployer.sim.commandcom.line.parse import CommandWords
from deployer.sim.commandcom.line.prescan import StandardFiles
from deployer.sim.commandcom.line.text import CR, CRLF, encode, upper
from deployer.sim.commandcom.running import Batch, Loop, Pipe
from deployer.sim.commandcom.streams import Console, ConsoleStream, Stream, read_line
from deployer.sim.disk import Disk

#: A program: gets its command tail and the shell that started it; gives its exit code.
Program = Callable[[str, "Shell"], int]
#: Runs a program file that no entry of `programs` stands for: path, tail, shell -> exit code.
RunFile = Callable[[str, str, "Shell"], int]

MAX_LINE = 127
_MOST_QUESTIONS = 50
"""So often it asks the same before nobody is taken to be there."""


class Shell:
    """Drives, a console, an environment, and how far the shell has come.

    `programs` maps a program's path or bare name (capitals, with extension) to what plays it; other
    program files go to `run_file`. `step` is called with each line before it is carried out.
    """

    #: What plays the programs that no one else does, by their bare names.
    own_programs: ClassVar[Mapping[str, Program]] = {}

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
        self.words = CommandWords("")
        self.tails = CR * MAX_LINE  # the memory where command tails are left
        self.batch: Batch | None = None
        self.next_batch: Batch | None = None
        self.depth = 0
        self.loop: Loop | None = None
        self.pipe = Pipe()
        self.redirection = StandardFiles()
        self.if_done = False  # an IF has set up the redirection already
        self.calling = False
        self.calling_batch = False
        self.look_again = False  # IF and CALL leave a new line in the buffer
        self.no_command = False  # the last line was empty
        self.hide_line = False
        self.fresh = True  # whether the last command went through the clean-up
        self.single = Single.NO
        self.exited = False

    # -- what others do with it ------------------------------------------------------------------

    def child(self, env_bytes: int = 0) -> Self:
        """Another COMMAND.COM started from here: the same disks, a copy of the environment."""
        other = type(self).__new__(type(self))
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

    def answers(self, question: str) -> Iterator[str]:
        """The first letter of each answer to a question, in capitals; it is asked for each anew.

        Raises ShellHang when nobody is there to answer.
        """
        for _ in range(_MOST_QUESTIONS):
            self.write(question)
            yield self.read_line().strip()[:1].upper()
        raise ShellHang(f"it asks, and nobody answers: {question.strip()}")

    def end_answer(self) -> None:
        """Go to a new line after what `read_line` has read; the console has done so itself."""
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

    def connect(self, device: Stream) -> None:
        """Take lines from a device, and write everything to it (CTTY)."""
        self.base_in = self.base_out = self.stderr = device
        self.clean_up()

    def clean_up(self) -> None:
        """Between commands: standard input and output as they were, all other files closed."""
        self.stdin, self.stdout = self.base_in, self.base_out
        for stream in self.opened:
            stream.close()
        self.opened.clear()

    # -- the command tail ------------------------------------------------------------------------

    @property
    def tail(self) -> str:
        """The command tail of the present command."""
        return self.tails.split(CR, 1)[0]

    def remember(self, tail: str) -> None:
        """Put a command tail where the one before it was; what is longer there stays after it."""
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

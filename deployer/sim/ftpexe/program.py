"""FTP.EXE as it is started: its switches, its script, one line after the other.

ftp = FtpExe(disk, link, out=screen, keyboard=typed_line, ticks=ticks)
exit_code = ftp.run("-n -i -s:NEXT.FTP", cwd="C:\\DEPLOY")
"""

from __future__ import annotations

import re
from collections.abc import Callable

from deployer.sim.disk import DiskError
from deployer.sim.ftpexe.commands import COMMANDS
from deployer.sim.ftpexe.session import Crash, FtpSession, Lost, Quit, Switches

LINE = 200  # facts A24
USAGE = (
    "Transfers files to and from a computer running an FTP server service.\r\n\r\n"
    "FTP [-v] [-d] [-i] [-n] [-g] [-s:filename] [host]\r\n"
)


def parse_switches(tail: str) -> Switches | None:
    """The command line's switches, or None when one is unknown."""
    found = Switches()
    for word in tail.split():
        if found.host:
            return None
        match word[:2]:
            case "-v":
                found.verbose = False
            case "-n":
                found.login = False
            case "-i":
                found.ask = False
            case "-d":
                found.debug = True
            case "-g":
                found.glob = False
            case "-s" if word[2:3] == ":" and len(word) > 3:
                found.script = word[3:]
            case other if other[:1] in ("-", "/"):
                return None
            case _:
                found.host = word
        if word[:1] == "-" and word[1:2] != "s" and len(word) > 2:
            return None
    return found


def split(line: str, *, quotes: bool = True) -> list[str]:
    """Words; double quotes hold blanks together."""
    if not quotes:
        return line.split()[:20]
    return [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', line)][:20]


class FtpExe(FtpSession):
    """One start of FTP.EXE; `run` returns its exit code."""

    def run(self, tail: str, cwd: str) -> int:
        """Run with a command line's tail in a current directory."""
        self._run(tail, cwd)
        return 0 if self.dialect.ftp_exit_zero else int(self.failed)

    def _run(self, tail: str, cwd: str) -> None:
        self.cwd = cwd
        switches = parse_switches(tail)
        if switches is None:
            self.failed = True
            self.say(USAGE)
            return
        self.switches = switches
        if not self.dialect.ftp_verbose:
            switches.verbose = not switches.verbose
        try:
            if switches.script:
                self.script = self._read_script(switches.script)
                if self.script is None:
                    self.failed = True
                    return
            if switches.host:
                self._guard(self.open, switches.host)
            while True:
                self._guard(self._command, self.next_line("ftp> "))
        except Quit:
            pass
        except Crash as crash:
            self.say(f"FTP: This program has performed an illegal operation ({crash}).\r\n")
            self.failed = True
        if self.control:
            self.drop()

    def _guard(self, call: Callable[[str], None], text: str) -> None:
        """A lost connection ends what was being done, not the program."""
        try:
            call(text)
        except Lost:
            self.drop()

    def _read_script(self, name: str) -> list[bytes] | None:
        try:
            data = self.disk.read_bytes(self.disk.absolute(name, self.cwd))
        except DiskError:
            self.say(f"Error opening script file {name}.\r\n")
            return None
        lines: list[bytes] = []
        for line in data.split(b"\x1a")[0].splitlines():
            # A line longer than the reader's buffer comes in pieces.
            lines += [line[i : i + LINE] for i in range(0, len(line), LINE)] or [b""]
        return lines

    def _command(self, line: str) -> None:
        words = split(line, quotes=self.dialect.ftp_quotes)
        if not words:
            return
        name, *arguments = words
        name = name if self.dialect.ftp_small_letters else name.lower()
        names = [name] if name in COMMANDS else [c for c in COMMANDS if c.startswith(name)]
        calls = {COMMANDS[c] for c in names}
        if not calls:
            self.failed = True
            self.say("Invalid command.\r\n")
        elif len(calls) > 1:
            self.say("Ambiguous command.\r\n")
        else:
            calls.pop()(self, arguments)

"""FTP.EXE of Windows 98, over real sockets, with its habits and its mistakes (facts A1-A28).

What is kept: switches `-v -n -i -d -g -s:file`, then the host, nothing else (A1, A2). ASCII until
told `binary` (A5); in both types bytes go as they come, since the network's line end is Windows'
own. PORT only, on the control connection's address (A6, A27). Commands in lower case, unique
beginnings are enough (A7, A8); an unknown line is "Invalid command." and the script goes on (A9);
its end is the end of the program (A10). `get` makes or empties the local file before the server
has answered (A15) and keeps what came of a cut transfer. Each extra line of a reply costs the
script a line (A16). A name over 72 characters ends the program (A17). After a lost connection the
rest is "Not connected." (A13). The exit code is always 0 (A18). It waits for ever (A14): `Hang`
after the link's patience.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from deployer.sim.cable import MAX_REPLY, Cut, Hang, Link, LinkLost, Stalled
from deployer.sim.commandcom.dialect import WIN98, Dialect
from deployer.sim.disk import Code, Disk, DiskError, File, Open, matches

BUFFER = 4096  # facts A23
TIMES_OUT = 1.5
"""Seconds that it waits where it does not wait for ever."""
NAME = 72  # facts A17

_SYSTEM = {
    Code.FILE_NOT_FOUND: "No such file or directory",
    Code.PATH_NOT_FOUND: "No such file or directory",
    Code.INVALID_DRIVE: "No such file or directory",
    Code.INVALID_NAME: "No such file or directory",
    Code.ACCESS_DENIED: "Permission denied",
    Code.SHARING_VIOLATION: "Permission denied",
    Code.DISK_FULL: "No space left on device",
}


class Lost(Exception):  # noqa: N818 - a session's ordinary end
    """The control connection is gone."""


class Quit(Exception):  # noqa: N818 - the program's ordinary end
    """The program is to end."""


class Crash(Exception):  # noqa: N818 - an illegal operation of the program
    """FTP.EXE itself breaks."""


@dataclass(slots=True)
class Switches:
    """What the command line said."""

    verbose: bool = True
    login: bool = True
    ask: bool = True
    debug: bool = False
    glob: bool = True
    script: str = ""
    host: str = ""


@dataclass(slots=True)
class _Control:
    """The control connection."""

    sock: socket.socket
    host: str
    buffer: bytearray = field(default_factory=bytearray)


class FtpSession:
    """One start of FTP.EXE: what it has been told, its connections, and where it stands."""

    def __init__(
        self,
        disk: Disk,
        link: Link,
        *,
        out: Callable[[bytes], None],
        keyboard: Callable[[bool], bytes],
        ticks: Callable[[], float],
        obey_binary: bool = True,
        dialect: Dialect = WIN98,
    ) -> None:
        self.dialect = dialect
        self.failed = False
        self.disk = disk
        self.link = link
        self.ascii = True
        self.hash = False
        self.switches = Switches()
        self._out = out
        self._keyboard = keyboard
        self.ticks = ticks
        self._obey_binary = obey_binary
        self.script: list[bytes] | None = None
        self.control: _Control | None = None
        self.cwd = "C:\\"

    def say(self, text: str) -> None:
        """Show text."""
        self._out(text.encode("cp437", "replace"))

    def next_line(self, prompt: str, *, echo: bool = True) -> str:
        """The next line of the script or of the keyboard; `Quit` when there is none."""
        self.say(prompt)
        if self.script is not None:
            if not self.script and not self.dialect.ftp_script_ends:
                raise Hang("FTP.EXE waits for the keyboard")
            if not self.script:
                self.say("\r\n")
                raise Quit
            line = self.script.pop(0).decode("cp1252", "replace")
            self.say((line if echo else "") + "\r\n")
            return line.strip()
        typed = self._keyboard(echo)
        if not typed or typed[:1] == b"\x1a":
            raise Quit
        return typed.decode("cp1252", "replace").strip()

    # -- the control connection ------------------------------------------------------------------

    def open(self, host: str) -> None:
        """Connect, and log in unless `-n` was given."""
        if self.control:
            self.say(f"Already connected to {self.control.host}, use disconnect first.\r\n")
            return
        try:
            sock = self.link.connect(host, 21)
        except OSError as error:
            refused = isinstance(error, ConnectionRefusedError)
            reason = "Connection refused" if refused else "Connection timed out"
            self.say(f"> ftp: connect :{reason}\r\n")
            return
        self.control = _Control(sock, host)
        self.say(f"Connected to {host}.\r\n")
        if self.reply() >= 400:
            raise Lost
        if self.switches.login:
            name = self.next_line(f"User ({host}:(none)): ")
            self.log_in(name, None)

    def log_in(self, name: str, password: str | None) -> bool:
        code = self.ask_server(f"USER {name}")
        if code // 100 == 3:
            if password is None:
                password = self.next_line("Password: ", echo=False)
            code = self.ask_server(f"PASS {password}")
        if code // 100 == 3:
            code = self.ask_server(f"ACCT {self.next_line('Account: ', echo=False)}")
        if code // 100 != 2:
            self.say("Login failed.\r\n")
        return code // 100 == 2

    def ask_server(self, command: str) -> int:
        """Send a command; the reply's code."""
        self._tell(command)
        return self.reply()

    def connected(self) -> bool:
        """Whether there is a session; says so when not."""
        if self.control is None:
            self.failed = True
            self.say("Not connected.\r\n")
        return self.control is not None

    def _tell(self, command: str) -> None:
        if self.control is None:
            raise Lost
        if self.switches.debug:
            shown = "PASS ..." if command.startswith("PASS ") else command
            self.say(f"---> {shown}\r\n")
        try:
            self.link.send(self.control.sock, command.encode("cp1252", "replace") + b"\r\n")
        except OSError as error:
            self.say("Connection closed by remote host.\r\n")
            raise Lost from error

    def reply(self) -> int:
        """Read one reply and show it; its extra lines each cost the script a line (facts A16)."""
        line = self._reply_line()
        code = line[:3]
        self._show_reply(line)
        if line[3:4] == "-" and code.isdigit():
            extra = 1
            while not ((line := self._reply_line()).startswith(code) and line[3:4] != "-"):
                extra += 1
            self._show_reply(line)
            if self.script is not None and self.dialect.ftp_lines_cost:
                del self.script[:extra]
        self.failed = self.failed or code[:1] in ("4", "5")
        if not code.isdigit():
            return 500
        if code == "421":
            raise Lost
        return int(code)

    def _show_reply(self, line: str) -> None:
        if self.switches.verbose or line[:1] == "5":
            self.say(line + "\r\n")

    def _reply_line(self) -> str:
        control = self.control
        if control is None:
            raise Lost
        while (end := control.buffer.find(b"\n")) < 0 and len(control.buffer) < MAX_REPLY:
            within = None if self.dialect.ftp_waits else TIMES_OUT
            data = self.link.receive(control.sock, BUFFER, within)
            if not data:
                self.say("Connection closed by remote host.\r\n")
                raise Lost
            control.buffer += data
        end = end if end >= 0 else MAX_REPLY
        line = bytes(control.buffer[:end])
        del control.buffer[: end + 1]
        return line.rstrip(b"\r").decode("cp1252", "replace")

    def drop(self, *, reset: bool = False) -> None:
        if self.control:
            self.link.close(self.control.sock, reset=reset)
            self.control = None

    # -- data connections ------------------------------------------------------------------------

    def transfer(self, command: str, move: Callable[[socket.socket], None]) -> None:
        """PORT, the command, the server's call, `move`, the last reply."""
        control = self.control
        if control is None:
            raise Lost
        try:
            listener = self.link.listen(control.sock)
        except OSError as error:  # the network card has lost its address
            self.drop()
            raise Lost from error
        try:
            address, port = listener.getsockname()[:2]
            where = ",".join([*address.split("."), str(port >> 8), str(port & 255)])
            if self.ask_server(f"PORT {where}") // 100 != 2:
                return
            if self.ask_server(command) // 100 != 1:
                return
            data = self.link.accept(listener)
        finally:
            self.link.close(listener)
        self._move(data, move)
        self.reply()

    def _move(self, data: socket.socket, move: Callable[[socket.socket], None]) -> None:
        try:
            move(data)
        except LinkLost:
            self.link.close(data, reset=True)
            self.drop(reset=True)
            self.say("Connection closed by remote host.\r\n")
            raise Lost from None
        except Cut:
            self.link.close(data, reset=True)
        except Stalled:
            self.link.wait_closed(data)
        except OSError:  # the server closed while we were sending
            self.say("> Netout :Connection reset by peer\r\n")
        self.link.close(data)

    def receive(self, sock: socket.socket, write: Callable[[bytes], None]) -> None:
        """Copy a data connection to `write`, as the wire lets it."""
        while data := self.link.receive(sock, BUFFER):
            try:
                write(self.link.cable.received(data))
            except (LinkLost, Cut, Stalled) as event:
                write(event.data)
                raise

    def send(self, sock: socket.socket, file: File) -> int:
        """Copy a file to a data connection; the number of bytes."""
        count = 0
        while data := file.read(BUFFER):
            try:
                self.link.send(sock, self.link.cable.sent(data))
            except (LinkLost, Cut, Stalled) as event:
                self.link.send(sock, event.data)
                raise
            count += len(data)
        return count

    def report(self, count: int, verb: str, start: float) -> None:
        """The line about speed."""
        seconds = max(self.ticks() - start, 0.0)
        rate = count / 1000 / max(seconds, 0.001)
        if count and self.switches.verbose:
            text = f"{count & 0xFFFFFFFF} bytes {verb} in {seconds:.2f} seconds"
            self.say(f"{text} ({rate:.2f} Kbytes/sec)\r\n")

    # -- files -----------------------------------------------------------------------------------

    def get(self, remote: str, local: str) -> None:
        """Fetch a file; the local one exists, empty, before the server has said yes (facts A15)."""
        if len(remote) > NAME and self.dialect.ftp_name_limit:
            raise Crash(f"a name of {len(remote)} characters")
        try:
            path = self.disk.absolute(local, self.cwd)
            file = self._emptied(path) if self.dialect.ftp_empties else None
        except DiskError as error:
            self.local_error(local, error)
            return
        start, count = self.ticks(), 0

        def write(data: bytes) -> None:
            nonlocal count
            assert file is not None
            stored = file.write(data)
            count += stored
            if stored < len(data):
                raise DiskError(Code.DISK_FULL, local)

        def move(sock: socket.socket) -> None:
            nonlocal file
            try:
                file = file or self._emptied(path)
                self.receive(sock, write)
            except DiskError as error:
                self.local_error(local, error)
                raise Cut from error

        try:
            self.transfer(f"RETR {remote}", move)
        finally:
            if file is not None:
                file.close()
        self.report(count, "received", start)

    def _emptied(self, path: str) -> File:
        return self.disk.open(path, Open.CREATE_ALWAYS, read=False, write=True)

    def put(self, local: str, remote: str, verb: str = "STOR") -> None:
        """Send a file as it is."""
        try:
            file = self.disk.open(self.disk.absolute(local, self.cwd))
        except DiskError as error:
            self.say(f"{local}: {_SYSTEM.get(error.code, 'File not found')}\r\n")
            return
        start, count = self.ticks(), 0

        def move(sock: socket.socket) -> None:
            nonlocal count
            count = self.send(sock, file)

        with file:
            self.transfer(f"{verb} {remote}", move)
        self.report(count, "sent", start)

    def names(self, pattern: str) -> list[str]:
        """What NLST answers, for mget and its like."""
        found = bytearray()

        def take(data: bytes) -> None:
            found.extend(data)

        as_text = self.dialect.ftp_list_as_text and not self.ascii
        if as_text:
            self.ask_server("TYPE A")
        self.transfer(f"NLST {pattern}", lambda sock: self.receive(sock, take))
        if as_text:
            self.ask_server("TYPE I")
        return found.decode("cp1252", "replace").split()

    def local_names(self, pattern: str) -> list[str]:
        """The local files that fit a pattern, by their short names."""
        try:
            path = self.disk.absolute(pattern, self.cwd)
            found = self.disk.listdir(path.rpartition("\\")[0] + "\\")
        except DiskError:
            return []
        last = path.rpartition("\\")[2]
        return [e.short for e in found if not e.directory and matches(last, e.short)]

    def local_error(self, name: str, error: DiskError) -> None:
        """What is said about a local file."""
        self.say(f"Error opening local file {name}.\r\n")
        self.say(f"> {name}:{_SYSTEM.get(error.code, 'Unknown error')}\r\n")

    def change_local(self, folder: str) -> None:
        """lcd"""
        if folder:
            try:
                path = self.disk.absolute(folder, self.cwd)
            except DiskError:
                path = ""
            if not path or not self.disk.is_dir(path):
                self.say(f"{folder}: File not found\r\n")
                return
            self.cwd = path
        self.say(f"Local directory now {self.cwd}.\r\n")

    def set_type(self, letter: str) -> None:
        """TYPE A or I; with the fault `ascii` the user never says `binary`."""
        if letter == "I" and not self._obey_binary:
            letter = "A"
        if self.ask_server(f"TYPE {letter}") // 100 == 2:
            self.ascii = letter == "A"

    def confirm(self, verb: str, name: str) -> bool:
        """Ask about one file of several."""
        if not self.switches.ask:
            return True
        return not self.next_line(f"{verb} {name}? ").lower().startswith("n")

    def argument(self, arguments: list[str], at: int, prompt: str) -> str:
        """An argument, asked for when it is missing."""
        return arguments[at] if at < len(arguments) else self.next_line(prompt + " ")

    def close(self) -> None:
        """disconnect"""
        if self.control:
            self._tell("QUIT")
            self.reply()
            self.drop()

"""A small PC for batch files: drives, a screen that keeps all, programs played by checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.core.survey.tools import TOOLS
from deployer.sim.commandcom import WIN98, CommandCom, Dialect
from deployer.sim.disk import Disk
from deployer.sim.programs import PROGRAMS, SMALL, Call, ExternalProgram

NOON = 946_728_000.0  # 1 January 2000
HOME = "C:\\T"
ENVIRONMENT = {
    "PROMPT": "$P$G",
    "COMSPEC": "A:\\COMMAND.COM",
    "TEMP": "C:\\TMP",
    "PATH": "C:\\TOOLS;C:\\DOS",
}
#: The helper programs of the conformance cases, as hexadecimal machine code.
RC, TAIL, SAYCOM, SAYEXE = (program.hex() for program in TOOLS.values())


class NobodyTypes(Exception):
    """A program or the shell waits for the keyboard."""


class Screen:
    """Shows everything in `text`; lines and keys come from `typed`."""

    def __init__(self) -> None:
        self.text = ""
        self.typed: list[str] = []

    def write(self, text: str) -> None:
        """Keep it."""
        self.text += text

    def readline(self) -> str:
        """The next line of `typed`, shown."""
        if not self.typed:
            raise NobodyTypes
        self.text += self.typed[0] + "\r\n"
        return self.typed.pop(0)


def digest(data: bytes) -> str:
    """SHA-256 as the cases write it."""
    return hashlib.sha256(data).hexdigest()


@dataclass
class World:
    """Drives C: and D:, a shell in C:\\T, and what was there before."""

    root: Path
    dialect: Dialect = WIN98
    env_bytes: int = 1024
    drives: Iterable[str] = "CD"
    environment: Mapping[str, str] = field(default_factory=lambda: ENVIRONMENT)
    step: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        self.screen = Screen()
        self.disks = {}
        for letter in self.drives:
            (self.root / letter).mkdir()
            self.disks[letter] = Disk(self.root / letter, clock=lambda: NOON)
        self.disk = self.disks["C"]
        for folder in (HOME, "C:\\TOOLS", "C:\\DOS", "C:\\TMP"):
            self.disk.mkdir(folder)
        self.disk.write_bytes("C:\\TOOLS\\RC.COM", bytes.fromhex(RC))
        self.disk.write_bytes("C:\\TOOLS\\TAIL.COM", bytes.fromhex(TAIL))
        self.disk.write_bytes("C:\\DOS\\COMMAND.COM", b"played COMMAND.COM")
        programs = {}
        for path, program in PROGRAMS.items():
            name = path.rpartition("\\")[2]
            self.disk.write_bytes(f"C:\\DOS\\{name}", f"played {name}".encode())
            programs[f"C:\\DOS\\{name}"] = self._played(program)
        self.shell = CommandCom(
            self.disks, self.screen, programs, run_file=self._run_file,
            environment=self.environment, env_bytes=self.env_bytes, dialect=self.dialect,
            permanent=True, step=self.step, clock=lambda: NOON,
        )  # fmt: skip
        self.shell.dos.chdir(HOME)
        self.before: dict[str, bytes | None] = {}

    def put(self, name: str, data: bytes) -> None:
        """Make a file in C:\\T, and the directory it lies in."""
        folder = f"{HOME}\\{name}".rpartition("\\")[0]
        if not self.disk.exists(folder):
            self.disk.mkdir(folder)
        self.disk.write_bytes(f"{HOME}\\{name}", data)

    def get(self, name: str) -> bytes:
        """The bytes of a file in C:\\T."""
        return self.disk.read_bytes(f"{HOME}\\{name}")

    def snapshot(self) -> dict[str, bytes | None]:
        """All files with their bytes, and directories (None): relative to C:\\T, else whole."""
        found: dict[str, bytes | None] = {}
        for letter, disk in self.disks.items():
            self._walk(disk, letter, "C:\\", found)
        return found

    def _walk(self, disk: Disk, letter: str, folder: str, found: dict[str, bytes | None]) -> None:
        for entry in disk.listdir(folder):
            path = folder.rstrip("\\") + "\\" + entry.long
            name = (letter + path[1:]).removeprefix(HOME + "\\")
            found[name] = None if entry.directory else disk.read_bytes(path)
            if entry.directory:
                self._walk(disk, letter, path, found)

    def _run_file(self, path: str, tail: str, shell: CommandCom) -> int:
        data = self.disks[path[0]].read_bytes("C" + path[1:])
        return self._played(SMALL[digest(data)])(tail, shell)

    def _played(self, program: ExternalProgram) -> Callable[[str, CommandCom], int]:
        def run(tail: str, shell: CommandCom) -> int:
            console = shell.dos.console
            call = Call(
                tail=tail, disk=self.disk, cwd=shell.dos.directories["C"],
                stdout=shell.stdout.write,
                stdin=None if shell.stdin is console else shell.stdin.read,
                keyboard=lambda: console.read(255), screen=console.write,
            )  # fmt: skip
            return program(call)

        return run

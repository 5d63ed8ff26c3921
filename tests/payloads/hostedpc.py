"""A PC with the hosted agent in its folder: it can be switched on, off, and loses its power."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from tests.payloads.agenthost import Host, settings_text


class Pc:
    """Its programs are of one session and one group; each is on while one of them runs."""

    def __init__(self, program: Path, folder: Path, host: Host, *, haste: int = 1) -> None:
        self.folder, self.host = folder, host
        folder.mkdir(parents=True)
        self.work = folder / "work"
        self.work.mkdir()
        self.program = folder / "AGENT98.EXE"
        # Not written here: a thread that starts a program just then gives it this open file, and a
        # program that somebody may still write is refused (ETXTBSY).
        subprocess.run(["cp", "--", program, self.program], check=True)
        self.program.chmod(0o755)
        (folder / "AGENT98.INI").write_bytes(settings_text(host.port))
        self.environment = {
            "AGENT98_HOME": str(folder), "PATH": os.environ["PATH"], "SYS_HASTE": str(haste),
        }  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def on(self, *arguments: str, **faults: str) -> subprocess.Popen[bytes]:
        """Switch it on; faults are those of sys_hosted.c."""
        return self.start(str(self.program), *arguments, **faults)

    def start(self, *command: str, **faults: str) -> subprocess.Popen[bytes]:
        """Switch it on, and start this. Its standard output ends when all agents have ended."""
        self.process = subprocess.Popen(
            command, env=self.environment | faults, cwd=self.folder, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return self.process

    def until_off(self) -> None:
        """Wait until no agent runs there any more."""
        assert self.process is not None
        assert self.process.stdout is not None
        with self.process.stdout as alive:
            while alive.read(1):
                pass
        self.process.wait()

    def kill(self) -> None:
        """Pull the plug: programs end, nothing is said."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def off(self) -> None:
        """Pull the plug, and wait until it is off."""
        self.kill()
        if self.process is not None:
            self.process.wait()
            if self.process.stdout is not None:
                self.process.stdout.close()

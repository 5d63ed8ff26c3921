"""An old PC without an emulator: what GO.BAT does, with the helper built for this computer.

    python native_pc.py HOST ADDRESS DIRECTORY HELPER

The helper is made of the same C sources as DEPLOY98.EXE, so what is checked and written is the
same; FTP sessions are those that its scripts ask for, in active mode. Prints one JSON object at the
end: `helper_seconds` and `sessions`. Only the standard library is used.
"""

from __future__ import annotations

import ftplib
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 90.0
TRIES = 12


@dataclass
class Pc:
    """The machine: where its host is, its directory, and what it has spent."""

    host: str
    address: str
    directory: Path
    helper: str
    manifest: str = ""
    seconds: float = 0.0
    sessions: int = 0

    def session(self, script: list[str]) -> bool:
        """FTP.EXE with a script: goes on after errors, and tells nobody; whether all went well."""
        self.sessions += 1
        well = True
        ftp = ftplib.FTP(timeout=PATIENCE, source_address=(self.address, 0))
        try:
            for line in script:
                word, *names = line.split()
                try:
                    self._obey(ftp, word, names)
                except ftplib.error_perm:
                    well = False
        except (OSError, EOFError, ftplib.Error):
            well = False
        finally:
            ftp.close()
        return well

    def _obey(self, ftp: ftplib.FTP, word: str, names: list[str]) -> None:
        match word:
            case "open":
                ftp.connect(names[0], 21)
                ftp.set_pasv(False)
            case "user":
                ftp.login(names[0], names[1] if len(names) > 1 else "")
            case "get":
                with (self.directory / names[-1]).open("wb") as file:
                    ftp.retrbinary(f"RETR {names[0]}", file.write, 1 << 16)
            case "put":
                if (self.directory / names[0]).exists():
                    with (self.directory / names[0]).open("rb") as file:
                        ftp.storbinary(f"STOR {names[0]}", file)
            case "bye":
                ftp.quit()

    def run(self, command: str) -> int:
        """The helper; its exit code."""
        start = time.monotonic()
        done = subprocess.run(
            [self.helper, command, self.manifest],
            cwd=self.directory, stdout=subprocess.DEVNULL, timeout=PATIENCE, check=False,
        )  # fmt: skip
        self.seconds += time.monotonic() - start
        return done.returncode

    def go(self) -> bool:
        """GO.BAT, from its fetching to the receipt."""
        first = ["open " + self.host, "user anonymous", "binary", "get GO.BAT", "bye"]
        if not self.session(first):
            return False
        text = (self.directory / "GO.BAT").read_text("ascii")
        scripts = {
            name: re.findall(rf"^ECHO (.+?)>+{name}\.FTP\r?$", text, re.MULTILINE)
            for name in ("FIRST", "READY", "SEND")
        }
        self.manifest = next(line.split()[1] for line in scripts["FIRST"] if line.endswith(".MAN"))
        self.session(scripts["FIRST"])
        while (code := self.run("CHECK")) == 1:
            self.session((self.directory / "NEXT.FTP").read_text("ascii").splitlines())
        if code == 0 and self.run("JOIN") == 0:
            self.session(scripts["READY"])
            self.run("RUN")
        self.session(scripts["SEND"])
        return (self.directory / "GOTIT.TXT").exists()


def main(host: str, address: str, directory: str, helper: str) -> int:
    pc = Pc(host, address, Path(directory), helper)
    finished = any(pc.go() for _ in range(TRIES))
    print(json.dumps({"helper_seconds": pc.seconds, "sessions": pc.sessions}))
    return 0 if finished else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))

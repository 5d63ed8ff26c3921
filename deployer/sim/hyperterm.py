"""The simulated PC's COM port with a HyperTerminal on it, and the person before both.

HyperTerminal as Windows 98 has it: Zmodem starts the receiver by itself (facts E2), a name that
begins with `\\` or a drive hangs it (E3), it does not notice a full disk (E3), and it sends one
file at a time. Its Zmodem is lrzsz's, a program that the host's author did not write.

    python -m deployer.sim.hyperterm --port /dev/pts/7 --disk DIR
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Callable, Sequence
from pathlib import Path

from deployer.sim.cable import Hang
from deployer.sim.console import QueuedConsole
from deployer.sim.disk import Disk, DiskError
from deployer.sim.machine import Machine

ZRQINIT = b"**\x18B00"
CANCELS = b"\x18" * 8 + b"\b" * 8
FOLDER = "C:\\DEPLOY"
PULL_DAT = "PULL.DAT"
_PIECE = 32 << 10
_ASKS_SOON = 20.0
"""Seconds after the last PULL.DAT in which a host asks for more, if it does."""


class HyperTerminal:
    """A terminal on a serial port of the modern machine that stands for COM1."""

    def __init__(
        self,
        machine: Machine,
        port: str,
        folder: str = FOLDER,
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        if shutil.which("rz") is None or shutil.which("sz") is None:
            raise ValueError("HyperTerminal's Zmodem is played by lrzsz, which is not installed")
        self._machine = machine
        self._folder = folder
        self._cancelled = cancelled
        self._transfer: subprocess.Popen[bytes] | None = None
        self._line = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._line)

    def close(self) -> None:
        """Hang up."""
        os.close(self._line)

    def receive(self, limit: float) -> tuple[str, ...]:
        """Wait for a sender and take its batch into the folder; the names."""
        heard = b""
        end = time.monotonic() + limit
        while ZRQINIT not in heard:
            left = end - time.monotonic()
            if left <= 0 or self._cancelled():
                return ()
            if select.select([self._line], [], [], min(left, 0.2))[0]:
                heard = (heard + os.read(self._line, 256))[-512:]
        with tempfile.TemporaryDirectory(prefix="deployer-hyperterm-") as inbox:
            self._run("rz", "-b", "-q", "-y", where=inbox, limit=end - time.monotonic())
            return tuple(self._store(path) for path in _oldest_first(Path(inbox)))

    def _store(self, path: Path) -> str:
        if path.name.startswith("\\") or path.name[1:2] == ":":
            raise Hang(f"HyperTerminal stands still: it was offered {path.name!r}")
        data = path.read_bytes()
        place = f"{self._folder}\\{path.name}"
        with contextlib.suppress(DiskError):
            self._machine.disk.write_bytes(place, b"")
            # In pieces: of a file that does not fit, the beginning stays, and nothing is said.
            for start in range(0, len(data), _PIECE):
                self._machine.disk.append_bytes(place, data[start : start + _PIECE])
        return path.name

    def send(self, name: str, limit: float = 60.0) -> None:
        """Transfer, Send File. `limit` is for the first 64 KB; a longer file has more."""
        data = self._machine.disk.read_bytes(f"{self._folder}\\{name}")
        limit *= 1 + len(data) / 65536
        with tempfile.TemporaryDirectory(prefix="deployer-hyperterm-") as outbox:
            (Path(outbox) / name).write_bytes(data)
            self._run("sz", "-b", "-q", name, where=outbox, limit=limit)

    def cancel(self) -> None:
        """Cancel, in the window of a transfer: the other side is told."""
        if self._transfer is not None:
            self._transfer.kill()
            self._transfer.wait()
            os.write(self._line, CANCELS)

    def _run(self, *command: str, where: str, limit: float) -> None:
        before = termios.tcgetattr(self._line)
        self._transfer = process = subprocess.Popen(
            command, stdin=self._line, stdout=self._line, stderr=subprocess.DEVNULL, cwd=where
        )
        try:
            process.wait(max(1.0, limit))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            termios.tcsetattr(self._line, termios.TCSANOW, before)


def _oldest_first(inbox: Path) -> list[Path]:
    return sorted(inbox.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))


def visit(
    machine: Machine, terminal: HyperTerminal, *, folder: str = FOLDER, rounds: int = 8,
    patience: float = 120.0,
) -> bool:  # fmt: skip
    """Do what the card says until the result is sent; whether it was.

    In a pull the host may ask for more, until it has all.
    """
    machine.boot()
    machine.run_line(f"MD {folder}")
    disk = machine.disk
    finished = False
    for _ in range(rounds):
        names = terminal.receive(_ASKS_SOON if finished else patience)
        if finished and not names:
            return True
        for name in names:
            machine.note(f"HyperTerminal received {name}")
        if not names or not disk.exists(f"{folder}\\GO.BAT"):
            continue
        seen = machine.console.shown
        machine.run_line(f"{folder}\\GO")
        said = machine.console.since(seen)
        if any(line.strip() == f"{folder}\\{PULL_DAT}" for line in said):
            finished = any("Finished." in line for line in said)
            machine.note(f"HyperTerminal sends {PULL_DAT}")
            terminal.send(PULL_DAT)
            continue
        if disk.exists(f"{folder}\\NEXT.FTP"):
            machine.note("HyperTerminal sends NEXT.FTP")
            terminal.send("NEXT.FTP")
            continue
        for name in ("OUTPUT.TXT", "RESULT.TXT"):
            if disk.exists(f"{folder}\\{name}"):
                machine.note(f"HyperTerminal sends {name}")
                terminal.send(name)
        return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: the result was sent; 1: it was not; 2: wrong use."""
    parser = argparse.ArgumentParser(description="A simulated PC with HyperTerminal on COM1.")
    parser.add_argument("--port", required=True, help="the terminal that stands for COM1")
    parser.add_argument("--disk", type=Path, required=True, help="the directory of drive C:")
    parser.add_argument("--capacity", type=int, default=2_000_000_000, help="bytes of drive C:")
    options = parser.parse_args(arguments)
    options.disk.mkdir(parents=True, exist_ok=True)
    machine = Machine(
        Disk(options.disk, capacity=options.capacity),
        console=QueuedConsole(lambda line: print(line, flush=True)),  # noqa: T201 - its screen
    )
    try:
        terminal = HyperTerminal(machine, options.port)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"hyperterm: {error}\n")
        return 2
    try:
        return 0 if visit(machine, terminal) else 1
    finally:
        terminal.close()


if __name__ == "__main__":
    raise SystemExit(main())

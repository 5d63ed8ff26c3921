"""The servers that are compared, each in a process of its own on loopback."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"

VSFTPD = """\
listen=YES
background=NO
listen_address={host}
listen_port={port}
anonymous_enable=YES
no_anon_password=YES
anon_root={files}
ftp_username={user}
nopriv_user=nobody
secure_chroot_dir={empty}
seccomp_sandbox=NO
connect_from_port_20=NO
xferlog_enable=NO
max_per_ip=0
max_clients=0
{more}
"""

PROFTPD = """\
ServerName bench
ServerType standalone
DefaultAddress {host}
Port {port}
User nobody
Group nogroup
UseIPv6 off
UseReverseDNS off
MaxInstances none
ScoreboardFile {state}/scoreboard
PidFile {state}/pid
DelayTable none
SystemLog none
TransferLog none
WtmpLog off
RequireValidShell off
UseSendfile on
<Anonymous {files}>
  User {user}
  Group nogroup
  UserAlias anonymous {user}
  RequireValidShell off
  MaxClients none
  MaxClientsPerHost none
  <Limit WRITE>
    DenyAll
  </Limit>
</Anonymous>
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    name: str
    port: int
    pid: int
    version: str
    files: Path
    state: Path

    def processes(self) -> list[int]:
        """The process and all that it has started."""
        found = [self.pid]
        for parent in found:
            path = Path(f"/proc/{parent}/task/{parent}/children")
            with contextlib.suppress(OSError):
                found.extend(int(child) for child in path.read_text().split())
        return found

    def cpu_seconds(self) -> float:
        """Processor time of all processes, those that have ended included."""
        ticks = os.sysconf("SC_CLK_TCK")
        total = 0.0
        for pid in self.processes():
            with contextlib.suppress(OSError, ValueError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += sum(int(number) for number in fields[11:15]) / ticks
        return total

    def memory(self) -> int:
        """Bytes of memory in use, shared pages divided among those who share them."""
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) << 10
        return total


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(name: str, files: Path, state: Path) -> Iterator[Server | str]:
    """The server of that name, or the reason why it cannot be had here."""
    port = free_port()
    command = _command(name, files, state / name, port)
    if isinstance(command, str):
        yield command
        return
    state.mkdir(parents=True, exist_ok=True)
    log = state / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=ROOT, start_new_session=True
        )
    try:
        if not _answers(port, process):
            yield "did not start: " + log.read_text("utf-8", "replace").strip()[-200:]
        else:
            yield Server(name, port, process.pid, _version(name), files, state)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + 15
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection((HOST, port), 1) as sock:
                if sock.recv(3) == b"220":
                    return True
        except OSError:
            time.sleep(0.05)
    return False


def _command(name: str, files: Path, state: Path, port: int) -> list[str] | str:
    state.mkdir(parents=True, exist_ok=True)
    match name:
        case "deployer" | "stock":
            module = f"benchmarks.transfer.serve_{name}"
            return [sys.executable, "-m", module, str(files), str(port)]
        case _ if name.startswith("deployer@"):
            module = "benchmarks.transfer.serve_deployer"
            return [sys.executable, "-m", module, str(files), str(port), name.partition("@")[2]]
        case "vsftpd" | "vsftpd-one":
            program = find("vsftpd")
            if program is None:
                return "vsftpd is not installed (see --programs)"
            more = "one_process_model=YES" if name.endswith("-one") else ""
            return [program, _write(state, VSFTPD, files, port, more)]
        case "proftpd":
            program = find("proftpd")
            if program is None:
                return "proftpd is not installed (see --programs)"
            return [program, "-n", "-q", "-c", _write(state, PROFTPD, files, port, "")]
        case _:
            return "unknown"


def _write(state: Path, text: str, files: Path, port: int, more: str) -> str:
    empty = state / "empty"
    empty.mkdir(mode=0o555, exist_ok=True)
    path = state / "config"
    path.write_text(
        text.format(
            host=HOST, port=port, files=files, empty=empty, state=state, more=more, user=_user()
        )
    )
    return str(path)


def _user() -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("ftp").pw_name
    return "nobody"


PROGRAMS: list[Path] = []
"""Further directories that hold programs, from --programs."""


def find(name: str) -> str | None:
    """A program on PATH, in the system's directories, or where --programs says."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
    for directory in PROGRAMS:
        places += [str(directory), str(directory / "usr" / "sbin")]
    return shutil.which(name, path=os.pathsep.join(places))


def _version(name: str) -> str:
    if name in ("deployer", "stock"):
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            return version("pyftpdlib" if name == "stock" else "retro-deployer")
        except PackageNotFoundError:
            return "from the source tree"
    program = find(name.partition("-")[0]) or name
    # vsftpd prints its version on standard input's descriptor, of all places
    read, write = os.pipe()
    try:
        subprocess.run(
            [program, "-v"], stdin=write, stdout=write, stderr=write, timeout=5, check=False
        )
        os.close(write)
        write = -1
        text = os.read(read, 4096).decode("utf-8", "replace")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    finally:
        os.close(read)
        if write >= 0:
            os.close(write)
    return text.strip().rpartition(" ")[2]

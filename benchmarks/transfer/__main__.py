"""Compares FTP servers side by side in one run: `python -m benchmarks.transfer`.

Ours, pyftpdlib as it comes, vsftpd and proftpd as they are installed, all on loopback, all with the
same client. Servers take turns within a round and the rounds are repeated; what is shown is the
median and, in brackets, its ratio to that of pyftpdlib as it comes. Sessions that make no progress
for three seconds count as stalled. A server that is missing is skipped with the reason.

    --rounds N        how often everything is measured (5)
    --quick           smaller files and fewer sessions: one minute instead of ten
    --only WORD       only measures whose name contains WORD; may be repeated
    --servers A,B     only these of deployer, stock, vsftpd, vsftpd-one (one process), proftpd;
                      deployer@65536 is ours with another size of one sendfile call
    --programs DIR    where to look for vsftpd and proftpd as well, an unpacked package; repeatable
    --dir DIR         where the files to be served are made (1.1 GB; else the temporary directory)
    --json            one JSON object with every single figure instead of the table
"""

from __future__ import annotations

import argparse
import contextlib
import ftplib
import gc
import hashlib
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.transfer import client, servers
from benchmarks.transfer.servers import HOST, Server

ORDER = ("deployer", "stock", "vsftpd", "vsftpd-one", "proftpd")
TITLES = {"deployer": "deployer", "stock": "pyftpdlib"}
PATIENCE = 3.0
RESTING = 8000
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Size:
    """How much is moved."""

    big: int = 1024 * MIB
    medium: int = 16 * MIB
    sparse: int = 8192 * MIB
    sessions: int = 400
    logins: int = 300
    limit: float = 10.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement. `value` is None when nothing could be measured."""

    value: float | None
    stalled: int = 0
    failed: int = 0
    cpu: float | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """Something to measure."""

    name: str
    unit: str
    take: Callable[[Server, Size], Figure]


def _moved(name: str, clients: int) -> Callable[[Server, Size], Figure]:
    def take(server: Server, size: Size) -> Figure:
        loop = client.Loop((HOST, server.port), PATIENCE)
        before = server.cpu_seconds()
        outcome = loop.run(client.together(name), at_once=clients, total=clients, limit=size.limit)
        cpu = server.cpu_seconds() - before
        rate = outcome.moved / outcome.between_gates / (1 << 30)
        whole = outcome.moved == clients * (size.big if name == "BIG.BIN" else size.medium)
        gib = outcome.moved / (1 << 30)
        return Figure(
            rate if whole else None,
            outcome.stalled,
            outcome.failed,
            cpu / gib if gib else None,
            tuple(sorted(outcome.why)),
        )

    return take


def _sessions(clients: int, *, passive: bool) -> Callable[[Server, Size], Figure]:
    def take(server: Server, size: Size) -> Figure:
        loop = client.Loop((HOST, server.port), PATIENCE)
        total = size.sessions if clients == 1 else 2 * size.sessions
        if server.name == "proftpd":
            total //= 10
        outcome = loop.run(
            client.whole_session("SMALL.BIN", passive=passive),
            at_once=clients,
            total=total,
            limit=size.limit,
        )
        return Figure(
            outcome.finished / outcome.seconds,
            outcome.stalled,
            outcome.failed,
            None,
            tuple(sorted(outcome.why)),
        )

    return take


def _logins(server: Server, size: Size) -> Figure:
    loop = client.Loop((HOST, server.port), 20.0)
    outcome = loop.run(
        client.only_login(), at_once=size.logins, total=size.logins, limit=size.limit
    )
    whole = outcome.finished == size.logins
    return Figure(
        outcome.seconds if whole else None,
        outcome.stalled,
        outcome.failed,
        None,
        tuple(sorted(outcome.why)),
    )


def _memory(server: Server, size: Size) -> Figure:
    """A fresh server with 32 clients, each in the middle of a download that it does not read."""
    clients = 32
    seen: list[int] = []
    with servers.running(server.name, server.files, server.state / "fresh") as fresh:
        if isinstance(fresh, str):
            return Figure(None, why=(fresh,))
        _whole(fresh)
        before = fresh.memory()
        loop = client.Loop((HOST, fresh.port), 20.0, lambda _: seen.append(fresh.memory()))
        outcome = loop.run(client.held("BIG.BIN"), at_once=clients, total=clients, limit=size.limit)
    grown = (seen[0] - before) / clients / 1024 if seen else None
    return Figure(grown, outcome.stalled, outcome.failed, None, tuple(sorted(outcome.why)))


def _flat(server: Server, size: Size) -> Figure:
    """How much a fresh server grows while it sends a huge sparse file."""
    with servers.running(server.name, server.files, server.state / "fresh") as fresh:
        if isinstance(fresh, str):
            return Figure(None, why=(fresh,))
        _whole(fresh)
        before = fresh.memory()
        seen: list[int] = []
        loop = client.Loop((HOST, fresh.port), PATIENCE, lambda _: seen.append(fresh.memory()))
        outcome = loop.run(client.together("SPARSE.BIN"), at_once=1, total=1, limit=60.0)
    whole = outcome.moved == size.sparse
    grown = (max(seen) - before) / 1024 if whole else None
    return Figure(grown, outcome.stalled, outcome.failed, None, tuple(sorted(outcome.why)))


MEASURES = (
    Measure("1 GiB x 1, active", "GiB/s", _moved("BIG.BIN", 1)),
    Measure("16 MiB x 20, active", "GiB/s", _moved("MEDIUM.BIN", 20)),
    Measure("16 MiB x 100, active", "GiB/s", _moved("MEDIUM.BIN", 100)),
    Measure("sessions, 1 client, passive", "1/s", _sessions(1, passive=True)),
    Measure("sessions, 1 client, active", "1/s", _sessions(1, passive=False)),
    Measure("sessions, 8 clients, passive", "1/s", _sessions(8, passive=True)),
    Measure("sessions, 8 clients, active", "1/s", _sessions(8, passive=False)),
    Measure("sessions, 100 clients, passive", "1/s", _sessions(100, passive=True)),
    Measure("sessions, 100 clients, active", "1/s", _sessions(100, passive=False)),
    Measure("300 logins at once", "s", _logins),
    Measure("memory per client of 32", "KiB", _memory),
    Measure("growth while a sparse 8 GiB file is sent", "KiB", _flat),
)


def _whole(server: Server) -> bytes:
    """A small file through ftplib, which also warms the server up."""
    with ftplib.FTP(timeout=20) as ftp:
        ftp.connect(HOST, server.port)
        ftp.login()
        got: list[bytes] = []
        ftp.retrbinary("RETR SMALL.BIN", got.append)
        return b"".join(got)


def _right(server: Server, files: Path) -> bool:
    """True when the server sends a whole file unchanged in active mode."""
    digest = hashlib.sha256()
    with ftplib.FTP(timeout=60) as ftp:
        ftp.connect(HOST, server.port)
        ftp.set_pasv(False)
        ftp.login()
        ftp.retrbinary("RETR MEDIUM.BIN", digest.update, 1 << 20)
    return digest.digest() == hashlib.sha256((files / "MEDIUM.BIN").read_bytes()).digest()


def _make_files(files: Path, size: Size) -> None:
    files.mkdir()
    block = os.urandom(MIB)
    for name, length in (("BIG.BIN", size.big), ("MEDIUM.BIN", size.medium)):
        with (files / name).open("wb") as file:
            for _ in range(length // MIB):
                file.write(block)
    (files / "SMALL.BIN").write_bytes(block[:4096])
    with (files / "SPARSE.BIN").open("wb") as file:
        file.truncate(size.sparse)
    for path in files.iterdir():
        path.chmod(0o644)
    files.chmod(0o555)


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    model = platform.processor()
    with contextlib.suppress(OSError, IndexError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line for line in lines if line.startswith("model name")).split(": ")[1]
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _let_ports_rest() -> None:
    """Wait until most ports of earlier sessions are free again, so that no server starves of them.

    A closed connection keeps its port for a minute, and there are some 28,000.
    """
    until = time.monotonic() + 70
    while _resting() > RESTING and time.monotonic() < until:
        time.sleep(0.5)


def _resting() -> int:
    """Connections in TIME_WAIT; 0 where the system does not tell."""
    try:
        words = Path("/proc/net/sockstat").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(words[words.index("tw") + 1])


@dataclass
class Run:
    """Everything that was measured."""

    size: Size
    files: Path
    figures: dict[tuple[str, str], list[Figure]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def take(
        self, up: list[Server], wanted: list[Measure], rounds: int, say: Callable[[str], None]
    ) -> None:
        """Measure, all servers in turn, every round beginning with another one."""
        for number in range(rounds):
            for measure in wanted:
                turn = up[number % len(up) :] + up[: number % len(up)]
                for server in turn:
                    gc.collect()
                    _let_ports_rest()
                    figure = measure.take(server, self.size)
                    self.figures.setdefault((measure.name, server.name), []).append(figure)
                    value = "-" if figure.value is None else f"{figure.value:.2f}"
                    more = f", {figure.stalled} stalled" if figure.stalled else ""
                    more += (
                        f", {figure.failed} failed ({'; '.join(figure.why)})"
                        if figure.failed
                        else ""
                    )
                    say(f"round {number + 1}, {measure.name}, {server.name}: {value}{more}")

    def median(self, measure: str, server: str) -> float | None:
        """The median of what could be measured."""
        taken = [f.value for f in self.figures.get((measure, server), []) if f.value is not None]
        return statistics.median(taken) if taken else None

    def table(self, wanted: list[Measure]) -> str:
        """A table in Markdown."""
        known = {server: None for _, server in self.figures}
        names = sorted(known, key=lambda name: ORDER.index(name) if name in ORDER else 99)
        rows = ["| | " + " | ".join(TITLES.get(name, name) for name in names) + " |"]
        rows.append("|---|" + "---|" * len(names))
        for measure in wanted:
            cells = [self._cell(measure, name) for name in names]
            rows.append(f"| {measure.name}, {measure.unit} | " + " | ".join(cells) + " |")
        cells = [self._cpu(name) for name in names]
        rows.append(
            "| processor time of the server, 16 MiB x 100, s/GiB | " + " | ".join(cells) + " |"
        )
        return "\n".join(rows)

    def _cpu(self, name: str) -> str:
        taken = [f.cpu for f in self.figures.get(("16 MiB x 100, active", name), []) if f.cpu]
        return f"{statistics.median(taken):.2f}" if taken else "-"

    def _cell(self, measure: Measure, name: str) -> str:
        value = self.median(measure.name, name)
        figures = self.figures.get((measure.name, name), [])
        stalled = sum(f.stalled for f in figures)
        failed = sum(f.failed for f in figures)
        text = "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"
        stock = self.median(measure.name, "stock")
        if value is not None and stock:
            text += f" ({value / stock:.2f})"
        if stalled:
            text += f", **{stalled} stalled**"
        if failed:
            text += f", {failed} failed"
        return text

    def verdicts(self) -> list[tuple[str, float | None, str]]:
        """The figures that the design asks for: medians of the ratios within each round."""

        def ratio(a: tuple[str, str], b: tuple[str, str]) -> float | None:
            pairs = zip(self.figures.get(a, []), self.figures.get(b, []), strict=False)
            ratios = [x.value / y.value for x, y in pairs if x.value is not None and y.value]
            return statistics.median(ratios) if ratios else None

        ours, stock = "deployer", "stock"
        rows = [
            (
                "one client, 1 GiB, against pyftpdlib",
                "1 GiB x 1, active",
                "1 GiB x 1, active",
                ">= 0.95",
            ),
            (
                "100 x 16 MiB active, against pyftpdlib",
                "16 MiB x 100, active",
                "16 MiB x 100, active",
                ">= 1.2",
            ),
            (
                "8 clients active, against pyftpdlib passive",
                "sessions, 8 clients, active",
                "sessions, 8 clients, passive",
                ">= 0.9",
            ),
            (
                "100 clients active, against pyftpdlib passive",
                "sessions, 100 clients, active",
                "sessions, 100 clients, passive",
                ">= 0.9",
            ),
            (
                "300 logins at once, time against pyftpdlib",
                "300 logins at once",
                "300 logins at once",
                "< 2",
            ),
        ]
        found = [(title, ratio((a, ours), (b, stock)), want) for title, a, b, want in rows]
        for title, name, want in (
            ("memory per client of 32, KiB", "memory per client of 32", "< 1024"),
            (
                "growth while 8 GiB are sent, KiB",
                "growth while a sparse 8 GiB file is sent",
                "flat",
            ),
        ):
            found.append((title, self.median(name, ours), want))
        return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.transfer", description="Compares FTP servers side by side."
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--servers", default=",".join(n for n in ORDER if "," not in n))
    parser.add_argument("--programs", action="append", type=Path, default=[])
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Run what the arguments say."""
    given = _arguments()
    servers.PROGRAMS.extend(given.programs)
    size = Size(256 * MIB, 4 * MIB, 1024 * MIB, 100) if given.quick else Size()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    wanted = [m for m in MEASURES if not given.only or any(w in m.name for w in given.only)]

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(dir=given.dir, prefix="bench-") as place,
        contextlib.ExitStack() as stack,
    ):
        Path(place).chmod(0o755)
        run = Run(size, Path(place) / "files")
        _make_files(run.files, size)
        (Path(place) / "state").mkdir()
        up: list[Server] = []
        for name in given.servers.split(","):
            server = stack.enter_context(
                servers.running(name.strip(), run.files, Path(place) / "state")
            )
            if isinstance(server, str):
                run.skipped[name] = server
                say(f"{name} is skipped: {server}")
            elif not _right(server, run.files):
                run.skipped[name] = "it does not send a file unchanged"
            else:
                up.append(server)
                run.versions[name] = server.version
        run.take(up, wanted, given.rounds, say)
        run.files.chmod(0o755)
    taken = round(time.monotonic() - began)
    if given.json:
        figures = [
            {"measure": measure, "server": server, "rounds": [vars_of(f) for f in taken_]}
            for (measure, server), taken_ in run.figures.items()
        ]
        print(
            json.dumps(
                {
                    "machine": machine(),
                    "seconds": taken,
                    "rounds": given.rounds,
                    "versions": run.versions,
                    "skipped": run.skipped,
                    "figures": figures,
                    "asked": [{"what": w, "got": g, "want": x} for w, g, x in run.verdicts()],
                }
            )
        )
        return
    print(f"{machine()}\n{given.rounds} rounds in {taken} s; versions {run.versions}\n")
    print(run.table(wanted))
    print()
    for title, got, want in run.verdicts():
        if got is not None:
            print(f"{title}: {got:.2f} (wanted {want})")
    for name, why in run.skipped.items():
        print(f"{name} was skipped: {why}")


def vars_of(figure: Figure) -> dict[str, object]:
    """The fields of a figure."""
    return {name: getattr(figure, name) for name in figure.__dataclass_fields__}


if __name__ == "__main__":
    main()

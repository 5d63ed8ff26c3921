"""Abuse over real sockets: whatever is sent, the server serves on, inside its limits.

Quick by default. `DEPLOYER_ABUSE=100000` sets how many command lines are tried (other numbers grow
with it); `DEPLOYER_ABUSE_TABLE=FILE` adds one line per attempt to a Markdown table in FILE, from
which docs/security.md was written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ftplib
import itertools
import json
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.core.ftp.budget import Allowance
from deployer.edge.ftp.server import FtpLimits
from tests.waiting import until

HOW_MANY = int(os.environ.get("DEPLOYER_ABUSE", "2000"))
TABLE = os.environ.get("DEPLOYER_ABUSE_TABLE", "")
SECRET = b"nobody may read this"
GROWTH = 24 << 10  # KiB that the server may grow by under any attempt
pytestmark = pytest.mark.needs("Linux")


@dataclass
class Target:
    """A server in its own process, with a secret beside what it serves."""

    process: subprocess.Popen
    port: int
    directory: Path

    def figures(self) -> dict:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def connect(self, source: str = "127.0.0.1", patience: float = 10.0) -> socket.socket:
        return socket.create_connection(
            ("127.0.0.1", self.port), patience, source_address=(source, 0)
        )

    def login(self, source: str = "127.0.0.1") -> Line:
        line = Line(self.connect(source))
        assert line.read()[:3] == "220"
        assert line.say(b"USER D7F3A21C")[:3] == "331"
        assert line.say(b"PASS secret77")[:3] == "230"
        return line

    def serves(self) -> None:
        """A well-behaved client gets exactly what it should."""
        got = []
        with ftplib.FTP(timeout=20) as ftp:
            ftp.connect("127.0.0.1", self.port)
            ftp.login("D7F3A21C", "secret77")
            ftp.set_pasv(False)
            ftp.retrbinary("RETR MODEL.002", got.append)
        assert b"".join(got) == (self.directory / "model.bin").read_bytes()[100_000:]

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.directory)): path.read_bytes()
            for path in sorted(self.directory.rglob("*"))
            if path.is_file()
        }


class Line:
    """A control connection that knows when it has ended."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.ended = False

    def read(self) -> str:
        while b"\n" not in self.buffer and not self.ended:
            try:
                data = self.sock.recv(65_536)
            except ConnectionError:
                data = b""
            self.ended = not data
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("ascii").rstrip("\r")

    def say(self, line: bytes) -> str:
        with contextlib.suppress(ConnectionError):
            self.sock.sendall(line + b"\r\n")
        return self.read()

    def close(self) -> None:
        self.sock.close()


@pytest.fixture
def attack(tmp_path):
    """Start a server; afterwards it must serve, be no larger, and have changed nothing."""
    (tmp_path / "secret.txt").write_bytes(SECRET)
    (tmp_path / "model.bin").write_bytes(random.Random(1).randbytes(200_000))
    running: list[Target] = []
    before: dict = {}

    def start(descriptors: int | None = None, **limits: object) -> Target:
        command = [sys.executable, str(Path(__file__).with_name("abuse_server.py")), str(tmp_path)]
        command.append(json.dumps({"refusal_delay": 0.0, **limits}))
        if descriptors:
            command.append(str(descriptors))
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])},
        )
        target = Target(process, int(process.stdout.readline()), tmp_path)
        running.append(target)
        target.serves()
        before.update(target.figures())
        return target

    yield start
    for target in running:
        target.serves()
        until(lambda one=target: one.figures()["fds"] <= before["fds"], "the descriptors closed")
        after = target.figures()
        target.process.stdin.close()
        target.process.wait(10)
        assert after["rss"] - before["rss"] < GROWTH
        kept = target.files()
        assert kept.pop("secret.txt") == SECRET
        assert len(kept.pop("model.bin")) == 200_000
        assert all(
            Path(name).parent == Path("inbox/D7F3A21C")
            and Path(name).name in ("RESULT.TXT", "OUTPUT.TXT", "INFO.TXT")
            for name in kept
        ), list(kept)


def note(attempt: str, outcome: str) -> None:
    """One line of the table."""
    if TABLE:
        with open(TABLE, "a", encoding="ascii") as file:
            file.write(f"| {attempt} | {outcome} |\n")


def right_line(line: str) -> bool:
    return line[:3].isdecimal() and line[3:4] == " " and len(line) <= 100 and line.isprintable()


# --- command lines -------------------------------------------------------------------------------

VERBS = (
    b"USER PASS ACCT REIN CWD XCWD CDUP XCUP PWD XPWD TYPE STRU MODE PORT EPRT PASV EPSV RETR REST "
    b"STOR SIZE MDTM LIST NLST ALLO ABOR NOOP SYST FEAT STAT HELP SITE OPTS CLNT AUTH PBSZ PROT "
    b"MLSD MLST APPE STOU DELE RNFR RNTO MKD XMKD RMD XRMD MFMT SMNT QUIT"
).split()
PATHS = (
    b"../secret.txt", b"..\\secret.txt", b"/secret.txt", b"\\secret.txt", b"../../../../etc/passwd",
    b"/etc/passwd", b"C:\\WINDOWS\\WIN.INI", b"\\\\host\\share\\x", b"....//....//etc/passwd",
    b"..%2f..%2fetc%2fpasswd", b"%2e%2e/secret.txt", b"~root/.profile", b"GO.BAT/../../secret.txt",
    b"SUB/../../secret.txt", b"./././../secret.txt", b"secret.txt", b"model.bin", b"inbox",
    b"GO.BAT\x00.txt", b"GO.BAT;type=i", b"/proc/self/environ", b"CON", b"LPT1", b"|id", b"`id`",
    b"$(id)", b"*/../../*", b"{a,b}", b"\xc0\xae\xc0\xae/secret.txt", b"..\xef\xbc\x8fsecret.txt",
)  # fmt: skip
ARGUMENTS = (
    b"", b" ", b"I", b"A", b"*", b"*.*", b"GO.BAT", b"MODEL.001", b"SUB", b"-la", b"-1", b"0",
    b"99999999999999999999", b"127,0,0,1,4,1", b"10,0,0,1,4,1", b"|1|127.0.0.1|2000|", b"ALL",
    b"D7F3A21C", b"anonymous", b"secret77", b"%n%s%x", b"A" * 500, b"\xff\xfe", b"\x00", *PATHS,
)  # fmt: skip


def test_random_commands_each_get_one_line(attack):
    target = attack(login_tries=10**9)
    generator = random.Random(20261122)
    replies = sessions = 0
    line = None
    began = time.monotonic()
    while replies < HOW_MANY:
        if line is None:
            line, sessions = target.login(), sessions + 1
        verb = generator.choice(VERBS)
        command = verb + b" " + generator.choice(ARGUMENTS)
        if generator.random() < 0.05:
            command = generator.randbytes(generator.randrange(1, 80)).replace(b"\n", b"")
        reply = line.say(command)
        replies += 1
        assert right_line(reply), (command, reply)
        assert SECRET.decode() not in reply
        if reply[:3] == "150":  # after PASV: nobody comes, so end it
            assert line.say(b"ABOR")[:3] == "426"
            assert line.read()[:3] == "226"
        logged_out = verb in (b"USER", b"REIN") and reply[:1] != "5"
        if reply[:3] in ("221", "421") or (logged_out and generator.random() < 0.9):
            line.close()
            line = None
    seconds = time.monotonic() - began
    note(
        f"{replies} random command lines in {sessions} sessions ({seconds:.0f} s)",
        f"one line each, at most 100 characters; memory {change(target)}",
    )


def change(target: Target) -> str:
    now = target.figures()
    return f"{now['rss'] / 1024:.0f} MiB, {now['fds']} descriptors"


def test_garbage_bytes(attack):
    target = attack()
    generator = random.Random(7)
    total = ended = lines = 0
    for _ in range(max(20, HOW_MANY // 100)):
        sock = target.connect()
        line = Line(sock)
        line.read()
        blob = generator.randbytes(generator.randrange(1, 8192))
        with contextlib.suppress(ConnectionError):
            sock.sendall(blob + b"\r\nNOOP\r\n")
            total += len(blob)
        while (reply := line.read()) and reply != "200 Here.":
            lines += 1
            assert right_line(reply), reply
        ended += line.ended
        line.close()
    note(f"{total} bytes of garbage", f"{lines} one-line replies; {ended} sessions ended")


def test_lines_of_64_kilobytes(attack):
    target = attack()
    line = target.login()
    count = max(20, HOW_MANY // 100)
    for number in range(count):
        assert (
            line.say(b"RETR " + bytes([65 + number % 26]) * 65_536) == "500 The line is too long."
        )
    assert line.say(b"NOOP") == "200 Here."
    line.close()
    note(f"{count} lines of 64 KB", "500 each, in one line; the session goes on")


INSIDE = {"GO.BAT", "MODEL.001", "MODEL.002", "SUB"}


def test_paths_that_lead_outside(attack):
    target = attack()
    verbs = b"RETR LIST NLST STOR SIZE MDTM CWD STAT DELE".split()
    tried = 0
    for mode, verb, path in itertools.product((b"TYPE A", b"TYPE I"), verbs, PATHS):
        line = target.login()
        assert line.say(mode)[:3] == "200"
        numbers = line.say(b"PASV").split("(")[1].split(")")[0].split(",")
        address = ("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5]))
        with socket.create_connection(address, 10) as data:
            reply = line.say(verb + b" " + path)
            tried += 1
            if reply[:3] not in ("150", "213"):
                assert reply[:3] in ("550", "553"), (verb, path, reply)
                line.close()
            with contextlib.suppress(ConnectionResetError):
                listed = data.makefile("rb").read() if reply[:3] != "213" else b""
                # `*/../../*` is `*`: what is listed is the share, never a directory of the host
                names = {
                    row.split()[-1].rpartition(b"/")[2].decode() for row in listed.splitlines()
                }
                assert names <= INSIDE
        line.close()
    note(
        f"{tried} combinations of 9 commands with paths outside (`..`, absolute, drive, share, "
        "encoded, NUL, device)",
        "550 or 553, or the share itself; nothing else read, nothing written",
    )


def test_ports_of_other_hosts_and_low_ports(attack):
    target = attack()
    line = target.login()
    tried = 0
    with socket.create_server(("127.0.0.3", 0)) as victim:
        port = victim.getsockname()[1]
        high, low = port >> 8, port & 255
        commands = [
            f"PORT 127,0,0,3,{high},{low}", f"EPRT |1|127.0.0.3|{port}|", "PORT 0,0,0,0,9,9",
            "PORT 255,255,255,255,9,9", "PORT 127,0,0,2,9,9", "PORT 192,168,1,2,9,9",
            "EPRT |2|::1|2000|", "EPRT |1|127.1|2000|", "EPRT |1|localhost|2000|",
            f"PORT 127,0,0,1,{high + 256},{low}", "PORT 127,0,0,01,9,9999",
        ]  # fmt: skip
        commands += [f"PORT 127,0,0,1,{low_port >> 8},{low_port & 255}" for low_port in range(1024)]
        for command in commands:
            assert line.say(command.encode())[:3] in ("501", "522"), command
            assert line.say(b"RETR GO.BAT")[:3] == "425", command
            tried += 1
        victim.settimeout(0.1)
        with pytest.raises(TimeoutError):
            victim.accept()
    told = target.figures()["events"]["CommandRefused"]
    line.close()
    note(
        f"{tried} PORT and EPRT to other hosts or ports below 1024",
        f"501 or 522 each; no connection made; {told} told, then no more",
    )


# --- connections ---------------------------------------------------------------------------------


def test_a_thousand_connections(attack):
    target = attack(connections=100, per_address=60)
    socks, let_in, turned_away = [], 0, 0
    for number in range(1000):
        sock = target.connect(f"127.0.{number // 50}.{number % 50 + 10}")
        socks.append(sock)
        reply = Line(sock).read()
        assert reply[:3] in ("220", "421")
        let_in += reply[:3] == "220"
        turned_away += reply[:3] == "421"
    now = target.figures()
    assert (let_in, turned_away) == (100, 900)
    assert now["fds"] < 200
    for sock in socks:
        sock.close()
    told = sum(now["events"].values())
    assert told < 700
    note(
        "1,000 connections at once, 100 allowed",
        f"100 greeted, 900 told 421; {now['rss'] / 1024:.0f} MiB, {now['fds']} descriptors, "
        f"{told} events",
    )


def wait_gone(target: Target, count: int) -> None:
    until(lambda: target.figures()["events"].get("ClientGone", 0) >= count)


def test_many_connections_from_one_address(attack):
    target = attack(connections=100, per_address=8)
    socks = [target.connect("127.0.9.9") for _ in range(50)]
    replies = [Line(sock).read()[:3] for sock in socks]
    assert (replies.count("220"), replies.count("421")) == (8, 42)
    target.serves()
    for sock in socks:
        sock.close()
    note("50 connections from one address, 8 allowed", "8 greeted; others are served meanwhile")


def test_slow_logins(attack):
    target = attack(login_seconds=3.0, connections=250, per_address=250)
    socks = [target.connect(f"127.0.3.{number + 1}") for number in range(200)]
    began = time.monotonic()
    poll = select.poll()
    alive = {sock.fileno(): sock for sock in socks}
    for number in alive:
        poll.register(number, select.POLLIN)
    served = 0
    while alive and time.monotonic() - began < 60:
        for number, _ in poll.poll(50):
            try:
                data = alive[number].recv(4096)
            except ConnectionError:
                data = b""
            if not data or b"421" in data:
                poll.unregister(number)
                alive.pop(number).close()
        for sock in alive.values():  # one letter at a time, like somebody who never ends
            with contextlib.suppress(OSError):
                sock.send(b"U")
        target.serves()
        served += 1
    seconds = time.monotonic() - began
    assert not alive
    assert served > 1
    note(
        "200 logins that drip one byte at a time, 3 s allowed",
        f"all closed after {seconds:.1f} s; {served} good sessions served meanwhile",
    )


def test_no_descriptors_left(attack):
    target = attack(descriptors=48, connections=1000, per_address=1000)
    socks = []
    for _ in range(100):
        with contextlib.suppress(OSError):
            socks.append(target.connect(patience=2))
    cpu = [sum(int(n) for n in stat(target)[11:13])]
    time.sleep(1.0)
    cpu.append(sum(int(n) for n in stat(target)[11:13]))
    for sock in socks:
        sock.close()
    time.sleep(0.5)
    target.serves()
    ticks = (cpu[1] - cpu[0]) / os.sysconf("SC_CLK_TCK")
    assert ticks < 0.5
    note(
        "100 connections where the process has only 48 descriptors",
        f"no crash, no spinning ({ticks:.2f} s of processor time in 1 s); serves when some go",
    )


def stat(target: Target) -> list[str]:
    return Path(f"/proc/{target.process.pid}/stat").read_text().rpartition(")")[2].split()


def test_passive_ports_do_not_pile_up(attack):
    target = attack()
    line = target.login()
    for _ in range(500):
        assert line.say(b"PASV")[:3] == "227"
    fds = target.figures()["fds"]
    line.close()
    assert fds < 30
    note("500 PASV in one session", f"one port open at a time ({fds} descriptors)")


def test_clients_that_break_off_in_the_middle(attack):
    target = attack()
    count = max(50, HOW_MANY // 100)
    for number in range(count):
        line = target.login()
        line.say(b"TYPE I")
        numbers = line.say(b"PASV").split("(")[1].split(")")[0].split(",")
        data = socket.create_connection(("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5])), 10)
        line.sock.sendall(b"RETR MODEL.001\r\n" if number % 2 else b"STOR RESULT.TXT\r\n")
        if number % 3:
            line.read()
            with contextlib.suppress(OSError):
                data.send(b"half a report")
        for sock in (line.sock, data) if number % 5 else (data, line.sock):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
    wait_gone(target, count)
    told = target.figures()["events"]
    assert told.get("UploadReceived", 0) == 0
    note(
        f"{count} clients that reset both connections in the middle of a transfer",
        "each told as cut; no report kept, no descriptor left",
    )


def test_uploads_without_end(attack):
    target = attack()
    sent = 0
    for name, limit in ((b"OUTPUT.TXT", 2 << 20), (b"INFO.TXT", 64 << 10)):
        line = target.login()
        numbers = line.say(b"PASV").split("(")[1].split(")")[0].split(",")
        data = socket.create_connection(("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5])), 10)
        assert line.say(b"STOR " + name)[:3] == "150"
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                data.sendall(bytes(1 << 20))
                sent += 1 << 20
        assert line.read()[:3] == "552"
        data.close()
        line.close()
        assert sum(map(len, target.files().values())) < 200_000 + limit + 1000
    note(
        "uploads of 64 MiB where 2 MiB and 64 KiB are allowed",
        "552 and cut at the limit; nothing kept",
    )


@pytest.mark.parametrize("command", [b"HELP\r\n", b"PASV\r\n"])
def test_floods_of_commands_without_reading(attack, command: bytes):
    target = attack()
    line = target.login()
    line.sock.settimeout(0.2)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < 50 << 20:
            sent += line.sock.send(command * 10_000)
    line.close()
    wait_gone(target, 2)
    note("commands sent without ever reading a reply", "the connection is closed; memory stays")


def test_guessing_passwords(attack):
    target = attack(refusal_delay=0.05, login_tries=3)
    began = time.monotonic()
    guesses = 0
    while time.monotonic() - began < 1.0:
        line = Line(target.connect())
        line.read()
        for _ in range(3):
            line.say(b"USER D7F3A21C")
            reply = line.say(b"PASS guess%d" % guesses)
            guesses += 1
            assert reply[:3] in ("530", "421")
        assert line.read() == ""
        line.close()
    rate = guesses / (time.monotonic() - began)
    assert rate < 25
    assert target.figures()["events"]["LoginRefused"] == guesses
    note(
        "guessing passwords, one connection after another, at a delay of 0.05 s",
        f"{rate:.0f} guesses a second (at the usual 0.5 s: 2 on each connection); three end a "
        "connection; all are told",
    )


def plain(number: object) -> str:
    if isinstance(number, Allowance):
        return f"{number.count}, {number.size}"
    assert isinstance(number, (int, float))
    return str(int(number)) if number == int(number) else str(number)


def test_the_document_names_every_limit_and_its_default(root):
    text = (root / "docs" / "security.md").read_text("ascii")
    for field in dataclasses.fields(FtpLimits):
        assert f"| `{field.name}` | {plain(field.default)} |" in text


def test_the_document_names_tests_that_there_are(root):
    text = (root / "docs" / "security.md").read_text("ascii")
    named = re.findall(r"`((?:\w+/)?test_\w+\.py)::(test_\w+)`", text)
    assert len(named) > 20
    for file, test in named:
        paths = (root / "tests").glob(f"**/{file}")
        assert any(f"def {test}(" in path.read_text("utf-8") for path in paths), (file, test)

"""FTP.EXE of Windows 98 against a real server, and one that says what a test tells it to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from deployer.sim.cable import Cable, Cut, Hang, Link, LinkLost, Stalled
from deployer.sim.disk import Disk, DiskChange, PowerOff
from deployer.sim.ftpexe import FtpExe
from tests.sim.ftpserver import served

HOST = "192.168.1.1"


class Pc:
    """A PC with a disk, a route to the server, and a user who types."""

    def __init__(self, folder: Path, address: tuple[str, int], cable: Cable | None = None) -> None:
        folder.mkdir()
        self.disk = Disk(folder, capacity=4 << 20)
        self.link = Link(routes={HOST: address}, cable=cable or Cable())
        self.screen = bytearray()
        self.now = 0.0

    def ticks(self) -> float:
        self.now += 0.5
        return self.now

    def ftp(self, tail: str, typed: Sequence[str] = (), *, obey_binary: bool = True) -> str:
        self.screen.clear()
        lines = iter([line.encode() + b"\r\n" for line in typed])
        ftp = FtpExe(
            self.disk, self.link, out=self.screen.extend, keyboard=lambda echo: next(lines, b""),
            ticks=self.ticks, obey_binary=obey_binary,
        )  # fmt: skip
        assert ftp.run(tail, "C:\\") == 0
        return self.screen.decode("cp437")

    def script(self, *lines: str, switches: str = "-n -i", obey_binary: bool = True) -> str:
        body = "".join(f"{line}\r\n" for line in lines)
        self.disk.write_bytes("C:\\A.FTP", body.encode())
        return self.ftp(f"{switches} -s:A.FTP", obey_binary=obey_binary)


LOGIN = (f"open {HOST}", "user w98 pw")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "server"
    home.mkdir()
    (home / "DATA.BIN").write_bytes(bytes(range(256)) * 40)
    (home / "NOTE.TXT").write_bytes(b"one\r\ntwo\r\n")
    return home


@pytest.fixture
def pc(tmp_path: Path, home: Path) -> Iterator[Pc]:
    with served(home) as address:
        yield Pc(tmp_path / "c", address)


def test_a_script_fetches_in_binary(pc: Pc, home: Path) -> None:
    said = pc.script(*LOGIN, "binary", "get DATA.BIN PART.A01", "bye")
    assert pc.disk.read_bytes("C:\\PART.A01") == (home / "DATA.BIN").read_bytes()
    assert "10240 bytes received in 0.50 seconds (20.48 Kbytes/sec)" in said
    assert said.splitlines()[0] == f"ftp> open {HOST}"


def test_the_type_is_ascii_until_told_otherwise(pc: Pc, home: Path) -> None:
    pc.script(*LOGIN, "get DATA.BIN", "bye")
    assert pc.disk.read_bytes("C:\\DATA.BIN") != (home / "DATA.BIN").read_bytes()


def test_a_user_who_forgets_binary(pc: Pc, home: Path) -> None:
    pc.script(*LOGIN, "binary", "get DATA.BIN", "bye", obey_binary=False)
    assert pc.disk.read_bytes("C:\\DATA.BIN") != (home / "DATA.BIN").read_bytes()


def test_a_typed_session_asks_for_user_and_password(pc: Pc) -> None:
    said = pc.ftp(HOST, ["w98", "pw", "get NOTE.TXT", "bye"])
    assert pc.disk.read_bytes("C:\\NOTE.TXT") == b"one\r\ntwo\r\n"
    assert f"User ({HOST}:(none)): " in said
    assert "Password: " in said


def test_put_sends_bytes_as_they_are(pc: Pc, home: Path) -> None:
    pc.disk.write_bytes("C:\\RESULT.TXT", b"a=1\r\n\n\xff")
    pc.script(*LOGIN, "binary", "put RESULT.TXT", "bye")
    assert (home / "RESULT.TXT").read_bytes() == b"a=1\r\n\n\xff"


def test_a_failed_get_leaves_an_empty_file_and_the_script_goes_on(pc: Pc) -> None:
    pc.disk.write_bytes("C:\\OLD.TXT", b"precious")
    pc.script(*LOGIN, "get MISSING.TXT OLD.TXT", "get NOTE.TXT", "bye")
    assert pc.disk.read_bytes("C:\\OLD.TXT") == b""
    assert pc.disk.read_bytes("C:\\NOTE.TXT") == b"one\r\ntwo\r\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bogus", "Invalid command."),
        ("GET NOTE.TXT", "Invalid command."),
        ("passive", "Invalid command."),
        ("c NOTE.TXT", "Ambiguous command."),
        ("get NOTE.TXT", "Not connected."),
        ("type", "Using ascii mode"),
        ("lcd NOWHERE", "NOWHERE: File not found"),
        ("lcd WINDOWS", "Local directory now C:\\WINDOWS."),
    ],
)
def test_a_line_is_answered(pc: Pc, line: str, said: str) -> None:
    pc.disk.mkdir("C:\\WINDOWS")
    assert said in pc.script(line, "bye")


@pytest.mark.parametrize("tail", ["-s:", "-q", "-a", "-w:8192", f"{HOST} -n", "-n -s:MISSING.FTP"])
def test_a_wrong_command_line_ends_at_once_with_0(pc: Pc, tail: str) -> None:
    assert "ftp>" not in pc.ftp(tail)


def test_unique_beginnings_of_commands_are_enough(pc: Pc) -> None:
    said = pc.script(*LOGIN, "bin", "pw", "by")
    assert "200 Type set to: Binary." in said
    assert '257 "/"' in said


def test_a_script_without_bye_ends_with_its_last_line(pc: Pc) -> None:
    pc.script(*LOGIN, "get NOTE.TXT")
    assert pc.disk.exists("C:\\NOTE.TXT")


def test_mget_goes_through_nlst(pc: Pc) -> None:
    pc.script(*LOGIN, "binary", "mget .", "bye")
    assert pc.disk.exists("C:\\DATA.BIN")
    assert pc.disk.exists("C:\\NOTE.TXT")


def test_dir_shows_the_list(pc: Pc) -> None:
    assert "NOTE.TXT" in pc.script(*LOGIN, "dir", "bye")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["mkdir SUB", "cd SUB", "pwd"], '257 "/SUB"'),
        (["rename NOTE.TXT NEW.TXT", "ls"], "NEW.TXT"),
        (["delete NOTE.TXT"], "250 File removed."),
        (["rmdir NONE"], "550"),
        (["quote SYST"], "215 UNIX"),
        (["remotehelp NOOP"], "214 Syntax: NOOP"),
        (["literal NOOP"], "200 I successfully did nothin"),
        (["type binary", "type"], "Using binary mode to transfer files."),
        (["type ebcdic"], "ebcdic: unknown mode"),
        (["append LOCAL.TXT NOTE.TXT"], "226 Transfer complete."),
        (["open elsewhere"], f"Already connected to {HOST}, use disconnect first."),
        (["disconnect", "pwd"], "Not connected."),
        (["status"], f"Connected to {HOST}."),
        (["help"], "Commands may be abbreviated."),
        (["verbose", "cd SUB"], "Verbose mode Off ."),
        (["prompt"], "Interactive mode On ."),
        (["hash"], "Hash mark printing On ."),
        (["user w98 wrong"], "Login failed."),
        (["put MISSING.TXT"], "MISSING.TXT: No such file or directory"),
        (["get NOTE.TXT NODIR\\X"], "Error opening local file NODIR\\X."),
        (["!DIR", "bell", "pwd"], '257 "/"'),
    ],
)
def test_a_command(pc: Pc, lines: list[str], said: str) -> None:
    pc.disk.write_bytes("C:\\LOCAL.TXT", b"local\r\n")
    assert said in pc.script(*LOGIN, *lines, "bye")


def test_quiet_shows_only_errors(pc: Pc) -> None:
    said = pc.script(*LOGIN, "pwd", "cd NONE", "bye", switches="-v -n")
    assert "257" not in said
    assert "550" in said


def test_debugging_shows_what_is_sent_but_the_password(pc: Pc) -> None:
    said = pc.script(*LOGIN, "bye", switches="-d -n")
    assert "---> USER w98" in said
    assert "---> PASS ..." in said
    assert "PASS pw" not in said


def test_several_files_are_asked_for_one_by_one(pc: Pc) -> None:
    said = pc.script(*LOGIN, "mget .", "y", "n", "bye", switches="-n")
    assert said.count("mget ") == 3
    assert pc.disk.exists("C:\\DATA.BIN") != pc.disk.exists("C:\\NOTE.TXT")


def test_mput_and_mdelete_take_patterns(pc: Pc, home: Path) -> None:
    for name in ("ONE.LOG", "TWO.LOG", "KEEP.DAT"):
        pc.disk.write_bytes(f"C:\\{name}", b"x")
    pc.script(*LOGIN, "mput *.LOG", "bye")
    assert (home / "ONE.LOG").exists()
    assert not (home / "KEEP.DAT").exists()
    pc.script(*LOGIN, "mdelete .", "bye")
    assert not (home / "TWO.LOG").exists()


def test_missing_arguments_are_taken_from_the_next_line(pc: Pc) -> None:
    pc.script(*LOGIN, "get", "NOTE.TXT", "bye")
    assert pc.disk.read_bytes("C:\\NOTE.TXT") == b"one\r\ntwo\r\n"


def test_a_server_that_does_not_answer_costs_the_rest_of_the_script(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = closed.getsockname()
    said = Pc(tmp_path / "c", address).script(*LOGIN, "get NOTE.TXT", "bye")
    assert "> ftp: connect :" in said
    assert said.count("Not connected.") == 2


def test_a_full_disk_leaves_a_short_file(pc: Pc, home: Path) -> None:
    (home / "HUGE.BIN").write_bytes(bytes(5 << 20))
    said = pc.script(*LOGIN, "binary", "get HUGE.BIN", "get NOTE.TXT", "bye")
    assert "No space left on device" in said
    assert pc.disk.stat("C:\\HUGE.BIN").size < 5 << 20


def test_a_name_over_72_characters_ends_the_program(pc: Pc) -> None:
    said = pc.script(*LOGIN, "get " + "N" * 73, "get NOTE.TXT", "bye")
    assert "illegal operation" in said
    assert not pc.disk.exists("C:\\NOTE.TXT")


# -- faults on the wire --------------------------------------------------------------------------


class At(Cable):
    """Raises an event at a byte of what is received."""

    def __init__(self, at: int, event: type[Cut | LinkLost | Stalled]) -> None:
        self.at, self.event = at, event

    def received(self, data: bytes) -> bytes:
        if self.at < len(data):
            at, self.at = self.at, 1 << 40
            raise self.event(data[:at])
        self.at -= len(data)
        return data


@pytest.mark.parametrize(("event", "goes_on"), [(Cut, True), (LinkLost, False), (Stalled, True)])
def test_what_came_before_a_fault_stays(
    pc: Pc, home: Path, event: type[Cut | LinkLost | Stalled], goes_on: bool
) -> None:
    pc.link.cable = At(5000, event)
    said = pc.script(*LOGIN, "binary", "get DATA.BIN", "get NOTE.TXT", "bye")
    assert pc.disk.read_bytes("C:\\DATA.BIN") == (home / "DATA.BIN").read_bytes()[:5000]
    assert pc.disk.exists("C:\\NOTE.TXT") is goes_on
    assert ("Not connected." in said) is not goes_on


def test_power_off_in_the_middle_of_a_file_says_nothing_to_the_server(pc: Pc) -> None:
    def cut(step: DiskChange) -> None:
        if step.kind == "write" and step.path == "C:\\DATA.BIN" and step.offset > 0:
            raise PowerOff(100)

    pc.disk.write_bytes("C:\\A.FTP", "\r\n".join([*LOGIN, "binary", "get DATA.BIN"]).encode())
    pc.disk.on_step = cut
    with pytest.raises(PowerOff):
        pc.ftp("-n -i -s:A.FTP")
    assert len(pc.link.open_sockets) == 2
    pc.link.reset_all()
    pc.disk.power_on()
    assert pc.disk.stat("C:\\DATA.BIN").size == 0


# -- a server that says what it is told ----------------------------------------------------------


@contextmanager
def scripted(*replies: bytes) -> Iterator[tuple[str, int]]:
    """Greets with the first reply, answers each command with the next one, then falls silent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as sock, suppress(ConnectionResetError):
            sock.settimeout(10)
            for reply in replies:
                sock.sendall(reply)
                if reply and not sock.recv(4096):
                    return
            if replies[-1]:
                while sock.recv(4096):
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        thread.join()


def test_each_extra_line_of_a_reply_costs_the_script_a_line(tmp_path: Path) -> None:
    with scripted(
        b"220-Hello\r\n220-there\r\n220 \r\n", b"200 fine\r\n", b"221 bye\r\n", b""
    ) as address:
        said = Pc(tmp_path / "c", address).script(
            f"open {HOST}", "lost 1", "lost 2", "quote NOOP", "bye"
        )
    assert "lost" not in said
    assert "200 fine" in said


def test_a_closed_connection_leaves_the_rest_unconnected(tmp_path: Path) -> None:
    with scripted(b"220 hi\r\n", b"421 too busy\r\n", b"") as address:
        said = Pc(tmp_path / "c", address).script(f"open {HOST}", "quote NOOP", "pwd", "bye")
    assert said.count("Not connected.") == 1


def test_a_silent_server_hangs_the_program(tmp_path: Path) -> None:
    with scripted(b"220 hi\r\n") as address:
        pc = Pc(tmp_path / "c", address)
        pc.link.patience = 0.6
        with pytest.raises(Hang):
            pc.script(f"open {HOST}", "quote NOOP", "bye")
        pc.link.reset_all()

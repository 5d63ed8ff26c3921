"""The FTP server over real sockets: every row of its personality, as clients meet it."""

from __future__ import annotations

import ftplib
import importlib
import io
import os
import socket
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployer import events
from deployer.core.ftp.session import HAS_GO
from deployer.edge.files import stamp_of
from deployer.edge.ftp.server import FtpLimits, FtpServer
from deployer.errors import AddressMissing, PortBusy, PortForbidden
from deployer.model import Blob, Entry, Share, Slice

GO = b"@ECHO OFF\r\nECHO hello\r\n"
BOTH_WAYS = pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])


def fetch(ftp: ftplib.FTP, name: str, rest: int | None = None) -> bytes:
    got = io.BytesIO()
    ftp.retrbinary(f"RETR {name}", got.write, rest=rest)
    return got.getvalue()


def descriptors() -> int:
    """How many descriptors this process has open, 0 where that cannot be told."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.exists() else 0


# --- downloads -----------------------------------------------------------------------------------


@BOTH_WAYS
def test_a_part_is_its_slice_of_the_file(serve, passive):
    served = serve()
    with served.client(passive=passive) as ftp:
        assert fetch(ftp, "STORI260.002") == served.model.read_bytes()[150_000:]
        assert fetch(ftp, "STORI260.001") == served.model.read_bytes()[:150_000]


@BOTH_WAYS
@pytest.mark.parametrize("name", ["DEPLOY98.EXE", "EMPTY.TXT", "SUB/INNER.BIN", "go.bat"])
def test_generated_bytes_come_from_memory(serve, passive, name):
    served = serve()
    entry = next(e for e in served.authorizer.share.entries if e.name == name.upper())
    with served.client(passive=passive) as ftp:
        assert fetch(ftp, name) == entry.source.data


def test_the_story_of_a_download_is_told(serve):
    served = serve()
    with served.client() as ftp:
        fetch(ftp, "STORI260.001")
    served.all_gone()
    kinds = [
        type(event).__name__ for event in served.events if type(event) is not events.TransferTick
    ]
    assert kinds == [
        "ClientConnected",
        "LoginAccepted",
        "TransferStarted",
        "TransferDone",
        "ClientGone",
    ]
    started, done = served.wait(events.TransferStarted), served.wait(events.TransferDone)
    for event in (started, done):
        assert (event.deployment, event.peer) == ("D7F3A21C", "127.0.0.1")
        assert (event.name, event.length, event.upload) == ("STORI260.001", 150_000, False)
    assert 0 <= done.seconds < 10
    assert served.authorizer.thread is not threading.main_thread()
    assert served.authorizer.asked == [("D7F3A21C", "secret77", "127.0.0.1")]


def test_a_text_leaves_unchanged_in_ascii_mode(serve):
    with serve().talk() as talk:
        replies, data = talk.fetch("RETR GO.BAT")
        assert replies == [
            "150 Opening ASCII mode data connection for GO.BAT (23 bytes).",
            HAS_GO,
        ]
        assert data == GO


def test_a_program_never_leaves_in_ascii_mode(serve):
    served = serve()
    with served.talk() as talk:
        for name in ("DEPLOY98.EXE", "STORI260.001", "sub\\inner.bin"):
            replies, data = talk.fetch(f"RETR {name}")
            assert data == b""
            assert replies[0].endswith("is not text. Type binary first, then get it again.")
        assert talk.say("TYPE I")[:3] == "200"
        assert talk.fetch("RETR SUB\\INNER.BIN")[1] == b"inner\n"
        assert talk.say("REIN")[:3] == "220"
        talk.say("USER D7F3A21C")
        talk.say("PASS secret77")
        assert talk.fetch("RETR DEPLOY98.EXE")[0][0][:3] == "550"
    refused = served.told(events.AsciiRefused)
    assert [event.name for event in refused] == [
        "DEPLOY98.EXE",
        "STORI260.001",
        "SUB/INNER.BIN",
        "DEPLOY98.EXE",
    ]


def test_a_transfer_can_be_resumed(serve):
    served = serve()
    with served.client() as ftp:
        assert (
            fetch(ftp, "STORI260.001", rest=149_990) == served.model.read_bytes()[149_990:150_000]
        )
        assert fetch(ftp, "DEPLOY98.EXE", rest=9000) == fetch(ftp, "DEPLOY98.EXE")[9000:]
        assert fetch(ftp, "STORI260.001", rest=150_000) == b""
        with pytest.raises(ftplib.error_perm, match="554 REST 150001 is after the end"):
            fetch(ftp, "STORI260.001", rest=150_001)


def test_a_slice_beyond_four_gibibytes(serve, tmp_path):
    big = tmp_path / "sparse.bin"
    offset, text = (4 << 30) + 12_345, b"beyond four gibibytes" * 1000
    with big.open("wb") as file:
        file.seek(offset)
        file.write(text)
        file.truncate(5 << 30)
    now = big.stat()
    source = Slice(str(big), offset - 7, len(text) + 14, stamp_of(now))
    served = serve(Entry("BIG.123", source))
    with served.client() as ftp:
        assert ftp.size("BIG.123") == len(text) + 14
        assert fetch(ftp, "BIG.123") == b"\0" * 7 + text + b"\0" * 7


def test_a_system_without_sendfile_serves_the_same_bytes(serve, monkeypatch):
    monkeypatch.delattr(os, "sendfile")
    served = serve()
    with served.client() as ftp:
        assert fetch(ftp, "STORI260.002") == served.model.read_bytes()[150_000:]


@pytest.mark.parametrize("chunk", [1, 1000, 1 << 20])
def test_any_chunk_size_gives_the_same_bytes(serve, chunk):
    served = serve(limits=FtpLimits(chunk=chunk), length=3000)
    with served.client() as ftp:
        assert fetch(ftp, "STORI260.002") == served.model.read_bytes()[1500:]


def test_progress_is_told_at_most_ten_times_a_second(serve, tmp_path):
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(32 << 20))
    now = big.stat()
    served = serve(Entry("BIG.001", Slice(str(big), 0, 32 << 20, stamp_of(now))))
    with served.talk() as talk:
        talk.say("TYPE I")
        with talk.listen() as door:
            talk.say("RETR BIG.001")
            data, _ = door.accept()
            first = data.recv(1 << 20)
            one = served.wait(events.TransferTick)
            got = len(first)
            while piece := data.recv(1 << 20):
                got += len(piece)
            data.close()
        assert got == 32 << 20
        assert talk.line()[:3] == "226"
    ticks, done = served.told(events.TransferTick), served.wait(events.TransferDone)
    assert 0 < one.moved <= 32 << 20
    moved = [tick.moved for tick in ticks]
    assert moved == sorted(set(moved))
    assert len(ticks) <= 10 * done.seconds + 2


# --- uploads -------------------------------------------------------------------------------------

REPORT = b"deployer-result=1\r\n\n\r\x1a\xff"


@BOTH_WAYS
@pytest.mark.parametrize("type_", ["A", "I"])
def test_a_report_lands_unchanged_and_complete_in_the_inbox(serve, passive, type_):
    served = serve()
    with served.client(passive=passive) as ftp:
        ftp.sendcmd(f"TYPE {type_}")
        with ftp.transfercmd("STOR result.txt") as data:
            data.sendall(REPORT)
        assert ftp.voidresp() == "226 Transfer complete."
    told = served.wait(events.UploadReceived)
    path = served.inbox / "D7F3A21C" / "RESULT.TXT"
    assert (told.name, told.length, told.path) == ("RESULT.TXT", len(REPORT), str(path))
    assert path.read_bytes() == REPORT
    assert [entry.name for entry in path.parent.iterdir()] == ["RESULT.TXT"]
    assert served.wait(events.TransferDone).upload
    assert served.wait(events.TransferStarted).upload


def test_a_new_report_replaces_the_old_one(serve):
    served = serve()
    with served.client() as ftp:
        for text in (b"first, and longer", b"second"):
            ftp.storbinary("STOR RESULT.TXT", io.BytesIO(text))
    assert (served.inbox / "D7F3A21C" / "RESULT.TXT").read_bytes() == b"second"


# --- what ordinary servers answer with 550, 504 or several lines ---------------------------------

ANSWERED = [
    ("NLST *.001", b"STORI260.001\r\n"),
    ("NLST SUB\\*.*", b"SUB\\INNER.BIN\r\n"),
    ("NLST GO.BAT", b"GO.BAT\r\n"),
    ("NLST *.XYZ", b""),
    (
        "LIST SUB\\*.*",
        b"-r--r--r--   1 deployer deployer            6 Nov 14  2023 SUB\\INNER.BIN\r\n",
    ),
    ("LIST -a /SUB", b"-r--r--r--   1 deployer deployer            6 Nov 14  2023 INNER.BIN\r\n"),
    ("LIST *.BAT", b"-r--r--r--   1 deployer deployer           23 Nov 14  2023 GO.BAT\r\n"),
    ("NLST -l *.bat", b"-r--r--r--   1 deployer deployer           23 Nov 14  2023 GO.BAT\r\n"),
]


@pytest.mark.parametrize(("command", "expected"), ANSWERED, ids=[row[0] for row in ANSWERED])
def test_a_listing_that_other_servers_refuse(serve, command, expected):
    with serve().talk() as talk:
        replies, data = talk.fetch(command)
        assert replies[1:] == ["226 Transfer complete."]
        assert data == expected


def test_all_names_in_any_of_the_forms_of_everything(serve):
    with serve().talk() as talk:
        for command in ("NLST", "NLST *.*", "NLST *", "NLST .", "NLST \\", "NLST -a"):
            assert talk.fetch(command)[1].split() == [
                b"SUB", b"GO.BAT", b"DEPLOY98.EXE", b"STORI260.001", b"STORI260.002", b"EMPTY.TXT",
            ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("SIZE STORI260.001", "213 150000"),
        ("SIZE stori260.002", "213 150000"),
        ("SIZE stories.PART two", "213 150000"),
        ("MDTM GO.BAT", "213 20231114221320"),
        ("TYPE A N", "200 "),
        ("TYPE L 8", "200 "),
        ("FEAT", "211 "),
        ("HELP", "214 "),
        ("HELP PORT", "214 PORT h,h,h,h,p,p: "),
        ("STAT", "211 "),
        ("STAT *.*", "213 6 found, 309025 bytes; LIST shows them."),
        ("SITE HELP", "214 "),
        ("SYST", "215 UNIX Type: L8"),
        ("XPWD", '257 "/" '),
        ("CWD sub", "250 The directory is /SUB"),
        ("ALLO 100", "202 "),
        ("ABOR", "225 "),
        ("MODE S", "200 "),
        ("STRU F", "200 "),
        ("NOOP", "200 "),
        ("ACCT x", "202 "),
        ("DELE GO.BAT", "550 Nothing on this server can be changed"),
        ("MKD X", "550 "),
        ("RNFR GO.BAT", "550 "),
        ("APPE RESULT.TXT", "550 "),
        ("FOO", "500 FOO is no command here"),
        ("", "500 "),
    ],
)
def test_one_line_in_ascii_mode(serve, command, reply):
    with serve().talk() as talk:
        assert talk.say(command).startswith(reply)
        assert talk.say("NOOP") == "200 Here."


def test_files_in_a_directory(serve):
    with serve().talk() as talk:
        talk.say("TYPE I")
        talk.say("CWD SUB")
        assert talk.fetch("NLST")[1] == b"INNER.BIN\r\n"
        assert talk.fetch("RETR inner.bin")[1] == b"inner\n"
        assert talk.fetch("RETR ..\\GO.BAT")[1] == GO
        assert talk.say("CDUP") == "250 The directory is /"


# --- data connections ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("PORT 127,0,0,2,{p}", "501 PORT refused: 127.0.0.2 is not your address 127.0.0.1."),
        ("PORT 192,168,1,1,{p}", "501 PORT refused: 192.168.1.1 is not your address 127.0.0.1."),
        ("PORT 127,0,0,1,3,255", "501 PORT refused: port 1023 is below 1024."),
        ("PORT 127,0,0,1,0,21", "501 PORT refused: port 21 is below 1024."),
        ("EPRT |1|127.0.0.2|{n}|", "501 EPRT refused: 127.0.0.2 is not your address 127.0.0.1."),
        ("EPRT |1|127.0.0.1|25|", "501 EPRT refused: port 25 is below 1024."),
        ("PORT 1,2,3", "501 PORT needs six numbers"),
    ],
)
def test_nobody_but_the_client_is_called(serve, command, reply):
    served = serve()
    with socket.create_server(("127.0.0.2", 0)) as victim, served.talk() as talk:
        number = victim.getsockname()[1]
        said = command.format(p=f"{number >> 8},{number & 255}", n=number)
        assert talk.say(said).startswith(reply)
        assert talk.say("RETR GO.BAT") == "425 Say PORT or PASV first."
        told = served.wait(events.CommandRefused)
        assert told.command == said
        assert told.reply.startswith(reply)
        victim.settimeout(0.05)
        with pytest.raises(TimeoutError):
            victim.accept()


def test_eprt_and_epsv(serve):
    served = serve()
    with served.talk() as talk, socket.create_server(("127.0.0.1", 0)) as door:
        assert talk.say(f"EPRT |1|127.0.0.1|{door.getsockname()[1]}|") == "200 EPRT is noted."
        assert talk.say("RETR GO.BAT")[:3] == "150"
        data, _ = door.accept()
        with data:
            assert data.recv(100) == GO
            assert data.recv(100) == b""
        assert talk.line()[:3] == "226"
        reply = talk.say("EPSV")
        port = int(reply.split("|")[3])
        with socket.create_connection(("127.0.0.1", port), 5) as data:
            assert talk.say("RETR GO.BAT")[:3] == "150"
            assert data.recv(100) == GO


def test_a_port_serves_one_transfer_only(serve):
    with serve().talk() as talk:
        assert talk.fetch("RETR GO.BAT")[1] == GO
        assert talk.say("RETR GO.BAT") == "425 Say PORT or PASV first."


def test_the_passive_client_may_come_before_or_after_its_command(serve):
    with serve().talk() as talk:
        for before in (True, False):
            numbers = talk.say("PASV").split("(")[1].split(")")[0].split(",")
            address = ("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5]))
            if before:
                data = socket.create_connection(address, 5)
                assert talk.say("RETR GO.BAT")[:3] == "150"
            else:
                assert talk.say("RETR GO.BAT")[:3] == "150"
                data = socket.create_connection(address, 5)
            with data:
                assert data.recv(100) == GO
                assert data.recv(100) == b""
            assert talk.line() == HAS_GO


def test_a_stranger_at_the_passive_port_is_sent_away_unheard(serve):
    served = serve()
    with served.talk() as talk:
        numbers = talk.say("PASV").split("(")[1].split(")")[0].split(",")
        address = ("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5]))
        with socket.create_connection(address, 5, source_address=("127.0.0.2", 0)) as stranger:
            assert stranger.recv(100) == b""
        assert served.wait(events.CommandRefused).command == "PASV"
        with socket.create_connection(address, 5) as data:
            assert talk.say("RETR GO.BAT")[:3] == "150"
            assert data.recv(100) == GO
        assert talk.line()[:3] == "226"


def test_a_refused_command_closes_the_passive_port(serve):
    with serve().talk() as talk:
        numbers = talk.say("PASV").split("(")[1].split(")")[0].split(",")
        address = ("127.0.0.1", int(numbers[4]) * 256 + int(numbers[5]))
        assert talk.say("RETR NONE")[:3] == "550"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, 5)


def test_a_client_that_waits_for_226_before_it_closes_gets_it(serve):
    served = serve()
    with served.talk() as talk, talk.listen() as door:
        talk.say("RETR GO.BAT")
        data, _ = door.accept()
        with data:
            assert talk.line() == HAS_GO
            assert data.recv(100) == GO
    assert served.wait(events.TransferDone).length == len(GO)


# --- the order of things -------------------------------------------------------------------------


def test_a_whole_script_in_one_packet_is_answered_in_order(serve):
    with serve().talk(login=False) as talk:
        talk.send(
            b"USER D7F3A21C\r\nPASS secret77\r\nTYPE I\nSIZE GO.BAT\r\n"
            b"BLAH\r\nPWD\r\nQUIT\r\nNOOP\r\n"
        )
        codes = []
        while line := talk.line():
            codes.append(line[:3])
        assert codes == ["331", "230", "200", "213", "500", "257", "221"]


def drain(door):
    """Take everything that comes over the data connection."""
    data, _ = door.accept()
    with data:
        while data.recv(1 << 16):
            pass


def test_commands_during_a_transfer_wait_except_those_that_may_not(serve):
    with serve().talk() as talk:
        talk.say("TYPE I")
        with talk.listen() as door:
            assert talk.say("RETR STORI260.001")[:3] == "150"
            assert talk.say("NOOP") == "200 Here."
            assert talk.say("STAT")[:3] == "211"
            talk.send(b"SIZE GO.BAT\r\nRETR GO.BAT\r\nPWD\r\n")
            drain(door)
        assert talk.line() == "226 Transfer complete."
        assert [talk.line()[:3] for _ in range(3)] == ["213", "425", "257"]


def test_nothing_overtakes_what_waits_for_the_end_of_a_transfer(serve):
    with serve().talk() as talk:
        talk.say("TYPE I")
        with talk.listen() as door:
            assert talk.say("RETR STORI260.001")[:3] == "150"
            talk.send(b"SIZE GO.BAT\r\nNOOP\r\nSTAT\r\nPWD\r\n")
            drain(door)
        assert talk.line() == "226 Transfer complete."
        assert [talk.line()[:3] for _ in range(4)] == ["213", "200", "211", "257"]


def test_abor_does_not_wait_behind_others(serve):
    with serve().talk() as talk:
        talk.say("TYPE I")
        with talk.listen() as door:
            assert talk.say("RETR STORI260.001")[:3] == "150"
            talk.send(b"SIZE GO.BAT\r\nABOR\r\nPWD\r\n")
            assert [talk.line()[:3] for _ in range(4)] == ["426", "226", "213", "257"]
            drain(door)


def test_quit_waits_for_the_transfer(serve):
    with serve().talk() as talk:
        talk.say("TYPE I")
        with talk.listen() as door:
            talk.send(b"RETR STORI260.001\r\nQUIT\r\n")
            data, _ = door.accept()
            assert talk.line()[:3] == "150"
            got = 0
            with data:
                while piece := data.recv(1 << 16):
                    got += len(piece)
            assert got == 150_000
        assert [talk.line(), talk.line(), talk.line()] == [
            "226 Transfer complete.",
            "221 Goodbye.",
            "",
        ]


# --- logins --------------------------------------------------------------------------------------


def test_anonymous_sees_go_bat_and_nothing_else(serve):
    served = serve()
    with served.client(login=False) as ftp:
        ftp.login()
        assert ftp.nlst() == ["GO.BAT"]
        assert fetch(ftp, "GO.BAT") == GO
        for name in ("DEPLOY98.EXE", "../STORI260.001", "/etc/passwd"):
            with pytest.raises(ftplib.error_perm, match="550 There is no file"):
                fetch(ftp, name)
        with pytest.raises(ftplib.error_perm, match="553 .* allowed: nothing"):
            ftp.storbinary("STOR RESULT.TXT", io.BytesIO(b""))
    assert served.wait(events.LoginAccepted).login == "anonymous"


def test_a_guest_without_a_waiting_target_is_refused(serve):
    served = serve()
    served.authorizer.guest = None
    with (
        served.client(login=False) as ftp,
        pytest.raises(ftplib.error_perm, match="530 Nothing waits"),
    ):
        ftp.login()


def test_a_wrong_password_is_told_and_three_end_the_session(serve):
    served = serve(limits=FtpLimits(refusal_delay=0.01))
    with served.talk(login=False) as talk:
        for _ in range(2):
            talk.send(b"USER D7F3A21C\r\nPASS wrong\r\nPWD\r\n")
            assert [talk.line()[:3] for _ in range(3)] == ["331", "530", "530"]
        talk.send(b"USER D7F3A21C\r\nPASS wrong\r\n")
        assert talk.line()[:3] == "331"
        assert talk.line() == "421 Too many wrong passwords; the connection is closed."
        assert talk.line() == ""
    refused = served.told(events.LoginRefused)
    assert [event.login for event in refused] == ["D7F3A21C"] * 3
    assert not served.told(events.LoginAccepted)


# --- starting and stopping -----------------------------------------------------------------------


def a_server(**changes) -> FtpServer:
    given = {
        "address": "127.0.0.1",
        "port": 0,
        "authorizer": None,
        "inbox_dir": "unused",
        "emit": lambda _: None,
    }
    return FtpServer(**{**given, **changes})


def test_a_port_in_use(serve):
    port = serve().port
    with pytest.raises(PortBusy, match=f"Port {port} on 127.0.0.1 is in use"):
        a_server(port=port).start()


def test_an_address_that_is_not_here():
    with pytest.raises(AddressMissing, match="192.0.2.1"):
        a_server(address="192.0.2.1").start()


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX users")
def test_a_port_that_only_root_may_open():
    setting = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if setting.exists() and int(setting.read_text()) <= 21:
        pytest.skip("this system lets everybody open port 21")
    was = os.geteuid()
    try:
        if was == 0:
            os.seteuid(65534)
        with pytest.raises(PortForbidden, match="Port 21 on 127.0.0.1 may not be opened"):
            a_server(port=21).start()
    finally:
        os.seteuid(was)


def test_only_the_given_address_is_served(serve):
    port = serve().port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), 5)


def test_closing_says_goodbye_cuts_transfers_and_leaves_nothing(serve):
    before = descriptors()
    served = serve()
    with served.talk() as idle, served.talk() as busy:
        busy.say("TYPE I")
        with busy.listen() as door:
            busy.say("RETR STORI260.001")
            door.accept()[0].close()
            served.server.close()
        assert idle.line() == "421 The server is closing."
        assert idle.line() == ""
    assert len(served.told(events.ClientGone)) == 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", served.port), 5)
    served.server.close()
    assert descriptors() <= before
    assert "ftp" not in [thread.name for thread in threading.enumerate()]


def test_a_server_can_be_started_again(serve):
    served = serve()
    served.server.close()
    assert served.server.start() == served.port
    with served.client() as ftp:
        assert fetch(ftp, "GO.BAT") == GO


def test_pyftpdlib_itself_is_left_as_it_is(serve):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        handlers = importlib.import_module("pyftpdlib.handlers")
        servers = importlib.import_module("pyftpdlib.servers")
    kinds = (
        handlers.FTPHandler,
        handlers.DTPHandler,
        handlers.FTPHandler.active_dtp,
        handlers.FTPHandler.passive_dtp,
        servers.FTPServer,
    )
    before = [dict(vars(kind)) for kind in kinds]
    with serve().client(passive=False) as ftp:
        fetch(ftp, "STORI260.001")
        ftp.set_pasv(True)
        fetch(ftp, "STORI260.002")
    assert [dict(vars(kind)) for kind in kinds] == before


def test_two_servers_in_one_process_share_nothing(serve):
    narrow, wide = serve(limits=FtpLimits(line=20)), serve()
    with narrow.talk() as one, wide.talk() as two:
        assert one.say("HELP " + "x" * 40) == "500 The line is too long."
        assert two.say("HELP " + "x" * 40)[:3] == "214"


SILENT = """
import logging
from deployer.edge.ftp.server import FtpServer
server = FtpServer(address="127.0.0.1", port=0, authorizer=None, inbox_dir="unused", emit=print)
server.start()
logging.getLogger("pyftpdlib").error("pyftpdlib has something to say")
server.close()
"""


def test_nothing_is_printed_and_nothing_is_deprecated():
    run = [sys.executable, "-W", "error", "-c", SILENT]
    root = str(Path(__file__).resolve().parents[3])
    done = subprocess.run(
        run,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- many at once, in active mode ----------------------------------------------------------------


def test_a_finished_client_does_not_freeze_another(serve, tmp_path):
    """The case of pyftpdlib's issue 548: A fetches, B starts a long transfer, A says QUIT."""
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(1 << 20) * 16)
    now = big.stat()
    served = serve(
        Entry("BIG.001", Slice(str(big), 0, 16 << 20, stamp_of(now))),
        limits=FtpLimits(stall=5),
    )
    with served.talk() as first, served.talk() as second:
        assert first.fetch("RETR GO.BAT")[1] == GO
        second.say("TYPE I")
        with second.listen() as door:
            second.say("RETR BIG.001")
            data, _ = door.accept()
            with data:
                got = data.recv(1 << 16)
                assert first.say("QUIT")[:3] == "221"
                pieces = [got]
                while piece := data.recv(1 << 20):
                    pieces.append(piece)
        assert b"".join(pieces) == big.read_bytes()
        assert second.line() == "226 Transfer complete."


def test_a_hundred_clients_in_active_mode(serve):
    served = serve(limits=FtpLimits(stall=10))
    expected = served.model.read_bytes()

    def session(_: int) -> bool:
        with served.client(passive=False) as ftp:
            first = fetch(ftp, "STORI260.001")
            ftp.storbinary("STOR INFO.TXT", io.BytesIO(b"info"))
            return first + fetch(ftp, "STORI260.002") == expected

    with ThreadPoolExecutor(100) as pool:
        assert all(pool.map(session, range(100)))
    served.all_gone(100)
    assert len(served.told(events.TransferDone, upload=False)) == 200
    assert len(served.told(events.UploadReceived)) == 100
    assert not served.told(events.TransferCut)


def test_sessions_leave_no_descriptor_behind(serve):
    served = serve()

    def session() -> None:
        with served.talk() as talk:
            talk.fetch("RETR GO.BAT")
            talk.say("PASV")
            talk.say("QUIT")

    session()
    served.all_gone(1)
    before = descriptors()
    for _ in range(50):
        session()
    served.all_gone(51)
    with served.talk() as talk:  # one more round of the loop, in which the last sockets are closed
        talk.say("NOOP")
        assert descriptors() <= before + 2


def test_the_authorizer_may_hand_out_a_new_share_at_any_login(serve):
    served = serve()
    for number in range(70):
        served.authorizer.share = Share(
            "D7F3A21C", (Entry(f"N{number}.TXT", Blob(b"x"), text=True),)
        )
        with served.talk() as talk:
            assert talk.fetch("NLST")[1] == f"N{number}.TXT\r\n".encode()


# --- downloads that have to wait -----------------------------------------------------------------


def test_a_held_deployment_waits_with_its_next_download_and_with_nothing_else(serve):
    served = serve()
    with served.talk() as talk:
        talk.say("TYPE I")
        served.server.hold(frozenset({"D7F3A21C"}))
        with talk.listen() as door:
            talk.send(b"RETR STORI260.001\r\nPWD\r\n")
            assert talk.quiet(0.4)
            served.server.hold(frozenset({"D0000000"}))
            assert talk.line()[:3] == "150"
            data, _ = door.accept()
            with data:
                while data.recv(1 << 16):
                    pass
        assert talk.line() == "226 Transfer complete."
        assert talk.line()[:3] == "257"
        served.server.hold(frozenset({"D7F3A21C"}))
        assert talk.say("SIZE GO.BAT") == "213 23"
        ftp_reply, _ = talk.fetch("NLST")
        assert ftp_reply[1][:3] == "226"
        talk.send(b"RETR GO.BAT\r\n")
    served.all_gone()

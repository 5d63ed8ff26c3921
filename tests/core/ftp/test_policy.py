"""The FTP personality without a socket: every verb, and any line at all."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deployer.core.ftp import policy, tree
from deployer.core.ftp import session as said
from deployer.core.ftp.session import (
    Abort,
    Active,
    Leave,
    Listen,
    Login,
    NoLogin,
    Passive,
    Receive,
    Refuse,
    RefuseAscii,
    Reply,
    Send,
    Session,
    Show,
)
from deployer.model import Blob, Entry, Share, Slice, State
from docs.generate.ftp import manual

PEER = "192.168.1.2"
PORT = "PORT 192,168,1,2,4,1"
CALL = Active(PEER, 1025)
SHARE = Share(
    "D7F3A21C",
    (
        Entry("GO.BAT", Blob(b"@ECHO OFF\r\n"), text=True),
        Entry("LLAMA98.EXE", Blob(b"MZ\0\0")),
        Entry("STORI260.001", Slice("/m", 0, 700, 1000, 1)),
        Entry("STORI260.002", Slice("/m", 700, 300, 1000, 1), long_name="stories, part two.bin"),
        Entry("README", Blob(b"text\r\n"), text=True),
        Entry("SUB/INNER.BIN", Blob(b"inner"), long_name="sub dir/Inner File.bin"),
        Entry("SUB/DEEP/LAST.TXT", Blob(b"last"), text=True),
    ),
    {"RESULT.TXT": 1000, "OUTPUT.TXT": 2000},
    mtime=1_700_000_000.0,  # 2023-11-14 22:13:20 UTC
)
TREE = tree.grow(SHARE)
OUT = Session(PEER, 1_700_000_100.0)
IN = replace(OUT, login="D7F3A21C", tree=TREE)
BINARY = replace(IN, binary=True)
READY = replace(BINARY, way=CALL)
GUEST = replace(OUT, login="anonymous", tree=tree.grow(Share("", SHARE.entries[:1])))
LINE = re.compile(r"[1-5][0-9][0-9] [ -~]{1,96}")


def ask(session: Session, line: str | bytes) -> policy.Answer:
    raw = line if isinstance(line, bytes) else line.encode()
    return policy.answer(session, *policy.parse(raw))


def reply(session: Session, line: str | bytes) -> str:
    answer = ask(session, line)
    assert isinstance(answer, Reply | Refuse | RefuseAscii), answer
    return answer.line


def listed(session: Session, line: str) -> list[str]:
    answer = ask(session, line)
    assert isinstance(answer, Show), answer
    *lines, last = answer.data.decode("ascii").split("\r\n")
    assert last == ""
    return lines


# --- one row per command and outcome -------------------------------------------------------------

NO_LOGIN = "530 Log in first. Type  user a"
READ_ONLY = "550 Nothing on this server can be changed; it only hands files out."
NO_CRYPT = "502 There is no encryption here; go on without it."

REPLIES = [
    # before login
    (OUT, "USER d7f3a21c", "331 Password for D7F3A21C, please."),
    (OUT, "USER ftp", "331 Press Enter."),
    (OUT, "USER Anonymous", "331 Press Enter."),
    (OUT, "USER a", "331 Press Enter."),
    (OUT, "USER anonymus", "331 Press Enter."),
    (OUT, "USER", "331 Press Enter."),
    (OUT, "PASS x", "503 Say USER first."),
    (IN, "PASS x", "230 You are logged in already."),
    (OUT, "ACCT", "202 No account is needed."),
    (OUT, "RETR GO.BAT", NO_LOGIN),
    (OUT, "LIST", NO_LOGIN),
    (OUT, "STOR RESULT.TXT", NO_LOGIN),
    (OUT, "PORT 192,168,1,2,4,1", NO_LOGIN),
    (OUT, "PASV", NO_LOGIN),
    (OUT, "STAT", "211 deployer; nobody is logged in here."),
    (OUT, "SYST", "215 UNIX Type: L8"),
    (OUT, "FEAT", "211 SIZE, MDTM, REST STREAM, EPRT, EPSV and UTF8 work here."),
    (OUT, "NOOP", "200 Here."),
    (OUT, "AUTH TLS", NO_CRYPT),
    (OUT, "OPTS UTF8 ON", "200 UTF8 is understood."),
    (OUT, "OPTS MLST type", "501 OPTS MLST type is not offered."),
    (OUT, "CLNT x", "200 Noted."),
    # types
    (IN, "TYPE I", "200 Type is binary."),
    (IN, "type i", "200 Type is binary."),
    (IN, "TYPE L 8", "200 Type is binary."),
    (IN, "TYPE L8", "200 Type is binary."),
    (IN, "TYPE E", "504 TYPE E is not offered; use TYPE I (binary)."),
    (IN, "TYPE L 36", "504 TYPE L 36 is not offered; use TYPE I (binary)."),
    (IN, "TYPE A T", "504 TYPE A T is not offered; use TYPE I (binary)."),
    (IN, "TYPE", "501 TYPE needs: A|A N|I|L 8."),
    (IN, "STRU F", "200 Structure is file."),
    (IN, "STRU R", "504 STRU R is not offered; use STRU F."),
    (IN, "MODE S", "200 Mode is stream."),
    (IN, "MODE B", "504 MODE B is not offered; use MODE S."),
    # directories
    (IN, "PWD", '257 "/" is the directory.'),
    (IN, "XPWD", '257 "/" is the directory.'),
    (IN, "CWD SUB", "250 The directory is /SUB"),
    (IN, "XCWD \\sub\\deep\\", "250 The directory is /SUB/DEEP"),
    (IN, "CWD", "250 The directory is /"),
    (IN, "CWD ..", "250 The directory is /"),
    (IN, "CWD ../../etc", "550 There is no directory ../../etc here."),
    (IN, "CWD /", "250 The directory is /"),
    (IN, "CWD \\", "250 The directory is /"),
    (IN, "CWD .", "250 The directory is /"),
    (IN, "CWD GO.BAT", "550 There is no directory GO.BAT here."),
    (IN, "CDUP", "250 The directory is /"),
    (IN, "XCUP", "250 The directory is /"),
    # data connections
    (IN, PORT, "200 PORT is noted."),
    (IN, "EPRT |1|192.168.1.2|1025|", "200 EPRT is noted."),
    (IN, "PORT 192,168,1,3,4,1", "501 PORT refused: 192.168.1.3 is not your address 192.168.1.2."),
    (IN, "PORT 192,168,1,2,3,255", "501 PORT refused: port 1023 is below 1024."),
    (IN, "PORT 192,168,1,2,0,0", "501 PORT refused: port 0 is below 1024."),
    (IN, "EPRT |1|10.0.0.1|1025|", "501 EPRT refused: 10.0.0.1 is not your address 192.168.1.2."),
    (IN, "EPRT |1|192.168.1.2|80|", "501 EPRT refused: port 80 is below 1024."),
    (IN, "EPRT |2|::1|1025|", "522 This network protocol is not offered here; use (1)."),
    (IN, "EPRT |1|192.168.1.2|1025", "501 EPRT needs |1|address|port|."),
    (IN, "EPRT |1|192.168.1.2|99999|", "501 EPRT needs |1|address|port|."),
    (IN, "EPRT x", "501 EPRT needs |1|address|port|."),
    (IN, "PORT 1,2,3", "501 PORT needs six numbers from 0 to 255: h,h,h,h,p,p."),
    (IN, "PORT 192,168,1,2,256,1", "501 PORT needs six numbers from 0 to 255: h,h,h,h,p,p."),
    (IN, "PORT 192,168,1,2,-4,1", "501 PORT needs six numbers from 0 to 255: h,h,h,h,p,p."),
    (IN, "PORT ١,٢,٣,٤,٥,٦", "501 PORT needs six numbers from 0 to 255: h,h,h,h,p,p."),
    (IN, "PORT", "501 PORT needs: h,h,h,h,p,p."),
    (IN, "EPSV ALL", "200 Only EPSV from now on."),
    (IN, "EPSV 2", "522 This network protocol is not offered here; use (1)."),
    (IN, "EPSV x", "501 EPSV takes nothing, a protocol number, or ALL."),
    # files
    (BINARY, "RETR GO.BAT", "425 Say PORT or PASV first."),
    (READY, "RETR NONE.BIN", "550 There is no file NONE.BIN here."),
    (READY, "RETR SUB", "550 SUB is a directory."),
    (READY, "RETR", "501 RETR needs: name."),
    (IN, "RETR llama98.exe", "550 LLAMA98.EXE is not text. Type binary first, then get it again."),
    (
        IN,
        "RETR STORI260.001",
        "550 STORI260.001 is not text. Type binary first, then get it again.",
    ),
    (IN, "SIZE stori260.001", "213 700"),
    (BINARY, "SIZE stories, part two.bin", "213 300"),
    (IN, "SIZE \\SUB\\INNER.BIN", "213 5"),
    (IN, "SIZE NONE", "550 There is no file NONE here."),
    (IN, "MDTM GO.BAT", "213 20231114221320"),
    (IN, "MDTM NONE", "550 There is no file NONE here."),
    (IN, "REST 100", "350 The next transfer begins at 100."),
    (IN, "REST x", "501 REST needs a number of bytes."),
    (IN, "REST -1", "501 REST needs a number of bytes."),
    (IN, "REST 99999999999999999999999", "501 REST needs a number of bytes."),
    (replace(READY, rest=701), "RETR STORI260.001", "554 REST 701 is after the end of the file."),
    (
        replace(READY, rest=1),
        "STOR RESULT.TXT",
        "554 Uploads cannot be resumed; send the whole file again.",
    ),
    (
        READY,
        "STOR EVIL.EXE",
        "553 EVIL.EXE may not be stored here; allowed: OUTPUT.TXT RESULT.TXT.",
    ),
    (
        READY,
        "STOR SUB/RESULT.TXT",
        "553 SUB/RESULT.TXT may not be stored here; allowed: OUTPUT.TXT RESULT.TXT.",
    ),
    (
        replace(GUEST, way=CALL),
        "STOR RESULT.TXT",
        "553 RESULT.TXT may not be stored here; allowed: nothing. Type  get GO.BAT",
    ),
    (BINARY, "STOR RESULT.TXT", "425 Say PORT or PASV first."),
    (GUEST, "RETR LLAMA98.EXE", "550 There is no file LLAMA98.EXE here. Type  get GO.BAT"),
    (GUEST, "RETR go.bta", "550 There is no file go.bta here. Type  get GO.BAT"),
    (GUEST, "RETR GO", "550 There is no file GO here. Type  get GO.BAT"),
    (GUEST, "RETR GO BAT", "550 There is no file GO BAT here. Type  get GO.BAT"),
    (GUEST, "CWD deploy", "550 There is no directory deploy here. Type  get GO.BAT"),
    (GUEST, "DELE GO.BAT", f"{READ_ONLY} Type  get GO.BAT"),
    (GUEST, "GET GO.BAT", "500 GET is no command here; HELP names them. Type  get GO.BAT"),
    (GUEST, "RETR", "501 RETR needs: name. Type  get GO.BAT"),
    (GUEST, "TYPE I", "200 Type is binary."),
    (GUEST, "USER a", "331 Press Enter."),
    # listings
    (READY, "LIST NONE", "550 There is no file or directory NONE here."),
    (READY, "LIST NONE\\*.*", "550 There is no file or directory NONE\\*.* here."),
    (READY, "NLST -a NONE", "550 There is no file or directory NONE here."),
    (BINARY, "NLST", "425 Say PORT or PASV first."),
    (IN, "STAT", "211 Logged in as D7F3A21C, type ASCII, directory /"),
    (BINARY, "STAT", "211 Logged in as D7F3A21C, type binary, directory /"),
    (IN, "STAT *.00?", "213 2 found, 1000 bytes; LIST shows them."),
    (IN, "STAT -l NONE", "550 There is no file NONE here."),
    # what never happens here
    (IN, "DELE GO.BAT", READ_ONLY),
    (IN, "MKD X", READ_ONLY),
    (IN, "XMKD X", READ_ONLY),
    (IN, "RMD SUB", READ_ONLY),
    (IN, "XRMD SUB", READ_ONLY),
    (IN, "RNFR GO.BAT", READ_ONLY),
    (IN, "RNTO X", READ_ONLY),
    (IN, "MFMT 20230101000000 GO.BAT", READ_ONLY),
    (IN, "SMNT X", READ_ONLY),
    (IN, "APPE RESULT.TXT", "550 Files here cannot be appended to; use STOR for the whole file."),
    (IN, "STOU", "550 Names are not made up here; use STOR."),
    (IN, "MLSD", "502 Use LIST."),
    (IN, "MLST GO.BAT", "502 MLST is not offered; use STAT or SIZE."),
    (IN, "PBSZ 0", NO_CRYPT),
    (IN, "PROT P", NO_CRYPT),
    # the rest
    (IN, "ALLO 100", "202 Nothing needs to be reserved."),
    (IN, "SITE CHMOD 777 GO.BAT", "502 SITE CHMOD 777 GO.BAT is not offered."),
    (IN, "SITE HELP", "214 There are no SITE commands here."),
    (
        IN,
        "HELP",
        "214 USER PASS TYPE PORT PASV RETR STOR LIST NLST SIZE QUIT; HELP RETR explains RETR.",
    ),
    (IN, "HELP retr", "214 RETR name: get a file by its 8.3 or long name, in any case"),
    (
        IN,
        "HELP nonsense",
        "214 USER PASS TYPE PORT PASV RETR STOR LIST NLST SIZE QUIT; HELP RETR explains RETR.",
    ),
    (IN, "", "500 An empty line is no command here; HELP names them."),
    (IN, "GET GO.BAT", "500 GET is no command here; HELP names them."),
    (IN, b"\xff\xf4\xff\xf2", "500 An empty line is no command here; HELP names them."),
    (IN, b"\x00\x01", "500 ?? is no command here; HELP names them."),
    (IN, "A" * 200, "500 " + "A" * 29 + "... is no command here; HELP names them."),
    (OUT, "REIN", "220 Ready for a new user."),
]


@pytest.mark.parametrize(
    ("session", "line", "expected"),
    REPLIES,
    ids=[f"{i}-{str(r[1])[:24]}" for i, r in enumerate(REPLIES)],
)
def test_reply(session, line, expected):
    assert reply(session, line) == expected
    assert LINE.fullmatch(expected)


@pytest.mark.parametrize(
    ("session", "line", "expected"),
    [
        (replace(OUT, user="D7F3A21C"), "PASS s p a c e", Login),
        (READY, "RETR STORI260.001", Send),
        (READY, "retr /stori260.001", Send),
        (READY, "RETR \\STORI260.001", Send),
        (READY, 'RETR "STORI260.001"', Send),
        (READY, "RETR ../../STORI260.001", Send),
        (READY, "RETR readme.", Send),
        (READY, "RETR Stories, part TWO.bin", Send),
        (READY, "RETR sub dir\\inner file.bin", Send),
        (replace(READY, directory="SUB"), "RETR INNER.BIN", Send),
        (replace(READY, directory="SUB"), "RETR ..\\GO.BAT", Send),
        (replace(READY, binary=False), "RETR GO.BAT", Send),
        (READY, "STOR result.txt", Receive),
        (replace(READY, binary=False), "STOR \\RESULT.TXT", Receive),
        (READY, "NLST", Show),
        (IN, "PASV", Listen),
        (IN, "EPSV", Listen),
        (IN, "EPSV 1", Listen),
        (IN, "ABOR", Abort),
        (IN, b"\xff\xf4\xff\xf2ABOR", Abort),
        (IN, b"\xff\xfd\x06\xff\xf2ABOR", Abort),
        (IN, b"\xff\xfb\x01\xff\xfd\nABOR", Abort),
        (IN, "QUIT", Leave),
    ],
)
def test_act(session, line, expected):
    assert isinstance(ask(session, line), expected)


@pytest.mark.parametrize(
    "line",
    ["PORT 10,0,0,1,4,1", "PORT 192,168,1,2,0,21", "PORT x", "DELE GO.BAT", "STOR X", "APPE X"],
)
def test_refusals_that_people_should_know_of(line):
    assert isinstance(ask(READY, line), Refuse)


# --- what a session remembers --------------------------------------------------------------------


def after(session: Session, *lines: str) -> Session:
    for line in lines:
        session = ask(session, line).session
    return session


def test_login_leads_to_the_share_in_ascii_mode():
    waiting = after(OUT, "USER D7F3A21C")
    assert ask(waiting, "PASS tok en") == Login(waiting, "D7F3A21C", "tok en")
    welcome = policy.admit(waiting, "D7F3A21C", TREE)
    assert (
        welcome.line == "230 Welcome, D7F3A21C: 7 files here. Say binary before you get programs."
    )
    assert welcome.session == IN
    assert policy.admit(waiting, "x" * 500, GUEST.tree).line.endswith("before you get programs.")


def test_a_refused_login_forgets_the_name():
    refused = policy.reject(after(OUT, "USER nobody"), "nobody", NoLogin.UNKNOWN)
    assert refused.line == "530 nobody with this password is not known here now. Type  user a"
    assert refused.session == OUT


@pytest.mark.parametrize(
    ("why", "line"),
    [
        (NoLogin.OLDER, "530 This GO.BAT is of an older push: fetch GO.BAT again, then start it."),
        (
            NoLogin.NOTHING,
            "530 Nothing waits for this PC now. Push again on the host, fetch GO.BAT again.",
        ),
    ],
)
def test_a_login_of_an_older_push_is_told_what_to_do(why, line):
    refused = policy.reject(after(OUT, "USER D0000001"), "D0000001", why)
    assert (refused.line, refused.session) == (line, OUT)


@pytest.mark.parametrize("state", [State.PROVED, State.FAILED, State.CANCELLED])
def test_after_the_end_nothing_is_left_but_the_receipt_of_what_arrived(state):
    receipt = Entry("GOTIT.TXT", Blob(b"D7F3A21C\r\n"), text=True, after="RESULT.TXT")
    share = replace(SHARE, entries=(*SHARE.entries, receipt))
    session = replace(READY, tree=tree.grow(share))
    over = policy.end(policy.received(session, "RESULT.TXT"), state)
    silent = policy.end(session, state)
    words = said.ended(state)
    for line in ("RETR STORI260.001", "RETR GO.BAT", "LIST", "NLST *.*"):
        assert ask(over, line).line == ask(silent, line).line == f"550 {words}"
    assert ask(over, "STOR RESULT.TXT").line == f"553 {words}"
    sent = ask(replace(over, way=CALL), "RETR GOTIT.TXT")
    assert (type(sent), sent.entry) == (Send, receipt)
    assert ask(silent, "RETR GOTIT.TXT").line == f"550 {words}"


def test_the_end_may_come_between_port_and_the_receipt():
    receipt = Entry("GOTIT.TXT", Blob(b"D7F3A21C\r\n"), text=True, after="RESULT.TXT")
    session = replace(READY, tree=tree.grow(replace(SHARE, entries=(receipt,))))
    called = after(policy.received(session, "RESULT.TXT"), PORT)
    sent = ask(policy.end(called, State.PROVED), "RETR GOTIT.TXT")
    assert (type(sent), sent.entry, sent.way) == (Send, receipt, CALL)


@pytest.mark.parametrize("line", ["USER other", "REIN"])
def test_another_user_finds_nothing_of_the_former(line):
    session = after(READY, "REST 5", line)
    assert replace(session, user="") == OUT


def test_the_port_serves_one_transfer_and_also_ends_with_a_refusal():
    ready = after(BINARY, PORT)
    assert ready.way == CALL
    assert ask(ready, "RETR GO.BAT") == Send(BINARY, SHARE.entries[0], 0, CALL)
    assert after(ready, "RETR NONE").way is None
    assert after(ready, "LIST NONE").way is None
    assert after(ready, "STOR NONE").way is None
    assert after(ready, "SIZE GO.BAT", "TYPE A", "NOOP").way == CALL
    assert after(IN, "PASV").way == Passive()
    assert policy.without_way(after(IN, "PASV")).way is None


def test_nothing_but_epsv_after_epsv_all():
    only = after(IN, "EPSV ALL")
    assert reply(only, PORT) == "501 PORT is not allowed after EPSV ALL."
    assert reply(only, "PASV") == "501 PASV is not allowed after EPSV ALL."
    assert reply(only, "EPRT |1|192.168.1.2|1025|") == "501 EPRT is not allowed after EPSV ALL."
    assert isinstance(ask(only, "EPSV"), Listen)


def test_ipv6_clients_get_their_own_forms():
    six = replace(IN, peer="fe80::2")
    assert reply(six, "EPRT |2|fe80::2|1025|") == "200 EPRT is noted."
    assert reply(six, "EPRT |1|192.168.1.2|1025|").startswith("522")
    assert reply(six, "PASV") == "522 PASV is for IPv4; use EPSV."
    assert isinstance(ask(six, "EPSV 2"), Listen)


def test_rest_serves_one_transfer():
    resumed = ask(after(READY, "REST 10"), "RETR STORI260.001")
    assert isinstance(resumed, Send)
    assert (resumed.offset, resumed.session.rest) == (10, 0)
    assert said.opening(resumed) == (
        "150 Opening BINARY mode data connection for STORI260.001 (690 bytes)."
    )


def test_type_changes_and_stays():
    assert after(IN, "TYPE I").binary
    assert not after(BINARY, "TYPE A N").binary
    assert after(BINARY, "TYPE E").binary


def test_what_may_be_said_during_a_transfer():
    assert [verb for verb in policy.TABLE if policy.is_during(verb)] == ["ABOR", "NOOP", "STAT"]
    assert not policy.is_during("NONSENSE")


def test_only_abor_overtakes_commands_that_wait():
    overtaking = [verb for verb in policy.TABLE if policy.is_during(verb, others_wait=True)]
    assert overtaking == ["ABOR"]


def test_opening_lines():
    assert said.opening(ask(replace(READY, binary=False), "STOR result.txt")) == (
        "150 Opening ASCII mode data connection for RESULT.TXT."
    )
    assert said.opening(ask(READY, "LIST")) == (
        "150 Opening BINARY mode data connection for the listing."
    )


# --- listings ------------------------------------------------------------------------------------

ALL = ["SUB", "GO.BAT", "LLAMA98.EXE", "STORI260.001", "STORI260.002", "README"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("NLST", ALL),
        ("NLST .", ALL),
        ("NLST /", ALL),
        ("NLST \\", ALL),
        ("NLST *", ALL),
        ("NLST *.*", ALL),
        ("NLST -a", ALL),
        ("NLST -a *.*", ALL),
        ("NLST *.EXE", ["LLAMA98.EXE"]),
        ("NLST *.exe", ["LLAMA98.EXE"]),
        ("NLST *.", ["SUB", "README"]),
        ("NLST R*.", ["README"]),
        ("NLST stori???.*", ["STORI260.001", "STORI260.002"]),
        ("NLST *260*2", ["STORI260.002"]),
        ("NLST *part two*", ["STORI260.002"]),
        ("NLST *.NO", []),
        ("NLST [A-Z]*", []),
        ("NLST *.*.*", []),
        ("NLST SUB", ["DEEP", "INNER.BIN"]),
        ("NLST sub\\*.*", ["sub\\DEEP", "sub\\INNER.BIN"]),
        ("NLST SUB/*.BIN", ["SUB/INNER.BIN"]),
        ("NLST /SUB/DEEP/*", ["/SUB/DEEP/LAST.TXT"]),
        ("NLST -a /SUB", ["DEEP", "INNER.BIN"]),
        ("NLST GO.BAT", ["GO.BAT"]),
        ("NLST \\SUB\\INNER.BIN", ["\\SUB\\INNER.BIN"]),
        ("NLST ..", ALL),
        ("NLST ..\\..\\*.BAT", ["..\\..\\GO.BAT"]),
    ],
)
def test_names_listed(line, names):
    assert listed(READY, line) == names


@pytest.mark.parametrize(
    "line", ["LIST *.00?", "LIST -l *.00?", "LIST -al *.00?", "NLST -l *.00?", "LIST -a -l *.00?"]
)
def test_long_lines(line):
    assert listed(READY, line) == [
        "-r--r--r--   1 deployer deployer          700 Nov 14 22:13 STORI260.001",
        "-r--r--r--   1 deployer deployer          300 Nov 14 22:13 STORI260.002",
    ]


def test_directories_and_old_dates_in_a_long_listing():
    years_later = replace(READY, now=1_800_000_000.0)
    assert listed(years_later, "LIST SUB") == [
        "dr-xr-xr-x   2 deployer deployer            0 Nov 14  2023 DEEP",
        "-r--r--r--   1 deployer deployer            5 Nov 14  2023 INNER.BIN",
    ]


def test_everything_listed_can_be_fetched_by_the_name_that_was_shown():
    for pattern in ("*.*", "SUB\\*.*", "/SUB/DEEP/*.*", "SUB/../*.BAT"):
        for name in listed(READY, f"NLST {pattern}"):
            found = tree.find(TREE, "", name) or tree.find_directory(TREE, "", name)
            assert found is not None, name


def test_a_file_that_is_called_like_a_switch():
    odd = tree.grow(Share("", (Entry("-A", Blob(b"")), Entry("B", Blob(b"")))))
    assert listed(replace(READY, tree=odd), "NLST -a") == ["-A"]


def test_an_8_3_name_wins_over_a_long_one():
    both = tree.grow(
        Share("", (Entry("A.BIN", Blob(b"1"), long_name="B.BIN"), Entry("B.BIN", Blob(b"22"))))
    )
    assert reply(replace(IN, tree=both), "SIZE b.bin") == "213 2"


@pytest.mark.parametrize("mtime", [-1.0, 0.0, float("nan"), float("inf"), 1e18])
def test_any_date_can_be_listed(mtime):
    odd = tree.grow(Share("", (Entry("A", Blob(b"")),), mtime=mtime))
    assert len(listed(replace(READY, tree=odd), "LIST")) == 1
    assert reply(replace(READY, tree=odd), "MDTM A").startswith("213 ")


def test_a_pattern_of_many_stars_takes_no_time():
    long = tree.grow(Share("", (Entry("A.BIN", Blob(b""), long_name="a" * 250),)))
    assert listed(replace(READY, tree=long), "NLST " + "*a" * 120 + "b") == []
    assert reply(replace(READY, tree=long), "NLST " + "*a" * 200).startswith("550 ")


# --- anything at all -----------------------------------------------------------------------------

VERBS = st.one_of(st.sampled_from(sorted(policy.TABLE)), st.text(max_size=8))
ARGUMENTS = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        [
            "",
            "GO.BAT",
            "../../etc/passwd",
            "/etc/passwd",
            "\\\\host\\share",
            "C:\\X",
            "*" * 50,
            "-la",
            "|1|192.168.1.2|1025|",
            "192,168,1,2,4,1",
            "||||",
            "\x00",
            "²,1,1,1,1,1",
            "A",
            "I",
        ]
    ),
)
SESSIONS = st.sampled_from(
    [
        OUT,
        IN,
        BINARY,
        READY,
        GUEST,
        replace(READY, way=Passive()),
        replace(READY, directory="SUB/DEEP", rest=3),
    ]
)


def check(answer: policy.Answer) -> None:
    """One line, printable, short; no file but the share's, no call but to the client itself."""
    match answer:
        case Reply(line=line) | Refuse(line=line) | RefuseAscii(line=line) | Leave(line=line):
            assert LINE.fullmatch(line), line
        case Abort(line=line, idle=idle):
            assert LINE.fullmatch(line)
            assert LINE.fullmatch(idle)
        case Send(entry=entry, offset=offset, way=way):
            assert entry in answer.session.tree.share.entries
            assert 0 <= offset <= entry.length
            assert entry.text or answer.session.binary
            assert way in (CALL, Passive())
            assert LINE.fullmatch(said.opening(answer))
        case Receive(name=name, limit=limit):
            assert answer.session.tree.share.uploads[name] == limit
            assert LINE.fullmatch(said.opening(answer))
        case Show(data=data):
            assert data.endswith(b"\r\n") or not data
            assert LINE.fullmatch(said.opening(answer))
        case Login() | Listen():
            pass
    way = answer.session.way
    if isinstance(way, Active):
        assert way.host == PEER
        assert 1024 <= way.port <= 65535
    assert answer.session.directory in answer.session.tree.directories


@given(SESSIONS, VERBS, ARGUMENTS)
def test_any_command_gets_one_short_line(session, verb, argument):
    check(policy.answer(session, verb, argument))


@given(SESSIONS, st.binary(max_size=400))
@example(IN, b"\xff\xf4\xff\xf2")
@example(IN, b"RETR " + b"\x80" * 200)
def test_any_bytes_get_one_short_line(session, line):
    check(ask(session, line))


@given(st.lists(st.tuples(VERBS, ARGUMENTS), max_size=20))
def test_any_conversation_stays_inside_the_share(lines):
    session = READY
    for verb, argument in lines:
        answer = policy.answer(session, verb, argument)
        check(answer)
        session = answer.session


@given(st.text(max_size=60))
@example("0\r\\")
@example("A ./B. ./ .. /. ./C")
def test_any_path_folds_into_itself(path):
    folded = tree.fold("SUB/DEEP", path)
    assert tree.fold("", folded) == folded or '"' in folded
    assert ".." not in folded.split("/")


@given(st.text(alphabet="AB.*?[]", max_size=12), st.text(alphabet="AB.[]", min_size=1, max_size=8))
def test_wildcards_agree_with_a_slow_and_simple_matcher(mask, name):
    def fits(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(fits(pattern[1:], text[i:]) for i in range(len(text) + 1))
        return bool(text) and pattern[0] in ("?", text[0]) and fits(pattern[1:], text[1:])

    if mask == "*.*":
        expected = True
    elif mask.endswith("*."):
        expected = "." not in name and fits(mask[:-1], name)
    else:
        expected = fits(mask, name)
    assert bool(tree._matcher(mask).fullmatch(name)) == expected


# --- the table as a document ---------------------------------------------------------------------


def test_the_manual_is_what_the_table_says(root):
    assert (root / "docs" / "ftp.md").read_text("ascii") == manual()


def test_every_fixed_line_is_one_short_line():
    lines = [
        value for name, value in vars(said).items() if name.isupper() and isinstance(value, str)
    ]
    coded = [line for line in lines if line[:3].isdecimal()]
    assert len(coded) >= 18
    assert [line for line in coded if not LINE.fullmatch(line)] == []


def test_every_command_explains_itself_in_one_short_line():
    for rule in policy.RULES:
        assert LINE.fullmatch(reply(OUT, f"HELP {rule.verb}"))
        assert rule.summary.isascii()
    assert len(policy.TABLE) == len(policy.RULES)


def test_an_entry_without_a_name_is_nowhere():
    odd = tree.grow(Share("", (Entry("/", Blob(b"x")), Entry("A", Blob(b"")))))
    assert listed(replace(READY, tree=odd), "NLST") == ["A"]
    assert reply(replace(READY, tree=odd), "SIZE /") == "550 / is a directory."

"""Programs that others wrote, against our server; where pyftpdlib differs, it is shown beside."""

from __future__ import annotations

import contextlib
import ftplib
import io
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer import events
from deployer.edge.files import stamp_of
from deployer.edge.ftp.server import FtpServer
from deployer.errors import DeployerError
from deployer.model import Entry, Slice

USER, TOKEN = "D7F3A21C", "secret77"
TOLD = "is not text. Type binary first, then get it again."
ENVIRONMENT = {
    **os.environ,
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "http_proxy": "",
    "ftp_proxy": "",
}


@dataclass(frozen=True)
class Ran:
    """What a program did."""

    code: int
    output: str


def run(command: list[str], directory: Path, script: str = "") -> Ran:
    done = subprocess.run(
        command,
        input=script.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=directory,
        timeout=60,
        env={**ENVIRONMENT, "HOME": str(directory)},
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode("latin-1"))


def url(port: int, path: str) -> str:
    return f"ftp://{USER}:{TOKEN}@127.0.0.1:{port}/{path}"


def script(port: int, *lines: str) -> str:
    """What one types at FTP.EXE and its relatives."""
    return "\n".join((f"open 127.0.0.1 {port}", f"user {USER} {TOKEN}", *lines, "bye", ""))


def lftp(port: int, commands: str) -> list[str]:
    settings = (
        "set net:max-retries 1; set net:timeout 10; set xfer:clobber on; set cmd:fail-exit on"
    )
    return ["-c", f"{settings}; open -u {USER},{TOKEN} -p {port} 127.0.0.1; {commands}"]


NCFTP = ["-u", USER, "-p", TOKEN, "-t", "10", "-V"]


def fetching(client: str, port: int, name: str, ascii_mode: bool) -> tuple[list[str], str]:
    """The arguments and the input with which a client fetches a file into its own name."""
    mode = "ascii" if ascii_mode else "binary"
    match client.split():
        case ["curl", *how]:
            more = {"passive": [], "eprt": ["-P", "-"], "port": ["-P", "-", "--disable-eprt"]}
            flags = [*more[how[0]], *(["-B"] if ascii_mode else [])]
            return ["-sS", "-m", "20", *flags, "-O", url(port, name)], ""
        case ["wget", how]:
            kind = ";type=a" if ascii_mode else ""
            flag = ["--no-passive-ftp"] if how == "active" else []
            return ["-T", "10", "-t", "1", *flag, "-O", name, url(port, name + kind)], ""
        case ["lftp", how]:
            flag = "off" if how == "active" else "on"
            get = "get -a" if ascii_mode else "get"
            return lftp(port, f"set ftp:passive-mode {flag}; {get} {name}"), ""
        case ["ncftpget", how]:
            flags = ["-E" if how == "active" else "-F", *(["-a"] if ascii_mode else [])]
            return [*NCFTP, *flags, "-P", str(port), "127.0.0.1", ".", name], ""
        case ["tnftp", how]:
            flag = "-A" if how == "active" else "-p"
            return ["-n", "-i", "-v", flag], script(port, mode, f"get {name}")
        case ["inetutils-ftp", how]:
            toggle = ["passive"] if how == "passive" else []
            return ["-n", "-i", "-v"], "\n".join((*toggle, script(port, mode, f"get {name}")))
        case ["links"]:
            return ["-source", url(port, name)], ""
        case _:
            raise AssertionError(client)


CLIENTS = [
    "curl passive", "curl eprt", "curl port", "wget passive", "wget active", "lftp passive",
    "lftp active", "ncftpget passive", "ncftpget active", "tnftp passive", "tnftp active",
    "inetutils-ftp passive", "inetutils-ftp active",
]  # fmt: skip


def fetch(program, client: str, port: int, name: str, directory: Path, *, ascii_mode: bool = False):
    """Let a client fetch a file; what it has then, and what it said."""
    arguments, typed = fetching(client, port, name, ascii_mode)
    directory.mkdir(exist_ok=True)
    ran = run([program(client.split()[0]), *arguments], directory, typed)
    got = directory / name
    return (got.read_bytes() if got.exists() else b""), ran


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_fetches_a_part_exactly(serve, program, tmp_path, client):
    served = serve()
    got, ran = fetch(program, client, served.port, "STORI260.002", tmp_path / "c")
    assert ran.code == 0, ran.output
    assert got == served.model.read_bytes()[150_000:]
    served.all_gone()
    assert served.wait(events.TransferDone).length == 150_000
    assert not served.told(events.TransferCut)


@pytest.mark.parametrize("client", CLIENTS)
def test_in_ascii_mode_we_send_nothing_and_say_why_where_pyftpdlib_damages(
    serve, stock, program, tmp_path, client
):
    served = serve()
    got, ran = fetch(program, client, served.port, "STORI260.001", tmp_path / "c", ascii_mode=True)
    assert got == b""
    assert served.wait(events.AsciiRefused).name == "STORI260.001"
    if client.split()[0] not in ("curl", "wget"):  # these two have words of their own
        assert TOLD in ran.output
    if client.split()[0] in ("curl", "wget", "lftp", "ncftpget"):
        assert ran.code != 0

    right = (stock.files / "STORI260.001").read_bytes()
    damaged, ran = fetch(
        program, client, stock.port, "STORI260.001", tmp_path / "s", ascii_mode=True
    )
    assert ran.code == 0
    assert damaged
    assert damaged != right


@pytest.mark.parametrize("client", [name for name in CLIENTS if not name.startswith("wget")])
def test_a_text_arrives_in_ascii_mode(serve, program, tmp_path, client):
    got, ran = fetch(program, client, serve().port, "GO.BAT", tmp_path / "c", ascii_mode=True)
    assert ran.code == 0
    # some clients turn CR LF into their own line end, as they should
    assert got.replace(b"\r\n", b"\n") == b"@ECHO OFF\nECHO hello\n"


def test_curl_in_ascii_mode_is_told_in_one_line_why_not(serve, program, tmp_path):
    served = serve()
    for flags in (["-B"], ["-B", "-P", "-"], ["-B", "-P", "-", "--disable-eprt"]):
        ran = run(
            [program("curl"), "-v", *flags, "-o", "x", url(served.port, "STORI260.001")], tmp_path
        )
        assert ran.code == 78
        assert f"< 550 STORI260.001 {TOLD}" in ran.output.replace("\r", "")


# --- names and listings --------------------------------------------------------------------------

WILD = [
    ("tnftp", ["-n", "-i", "-v"], "script"),
    ("inetutils-ftp", ["-n", "-i", "-v"], "script"),
    ("ncftpget", [*NCFTP, "-P", "{port}", "127.0.0.1", ".", "STORI260.*"], ""),
    ("wget", ["-T", "10", "-t", "1", "{url}"], ""),
    ("lftp", "lftp", ""),
]


@pytest.mark.parametrize(("name", "arguments", "typed"), WILD, ids=[row[0] for row in WILD])
def test_wildcards_fetch_all_parts(serve, program, tmp_path, name, arguments, typed):
    served = serve()
    directory = tmp_path / "c"
    directory.mkdir()
    if arguments == "lftp":
        arguments = lftp(served.port, "mget STORI260.*")
    arguments = [
        a.replace("{port}", str(served.port)).replace("{url}", url(served.port, "STORI260.*"))
        for a in arguments
    ]
    text = script(served.port, "binary", "mget STORI260.*") if typed else ""
    ran = run([program(name), *arguments], directory, text)
    parts = sorted(path for path in directory.iterdir() if path.name.startswith("STORI260"))
    assert b"".join(part.read_bytes() for part in parts) == served.model.read_bytes(), ran.output


@pytest.mark.parametrize("client", ["tnftp", "inetutils-ftp"])
def test_dir_and_ls_with_patterns_where_pyftpdlib_says_550(serve, stock, program, tmp_path, client):
    lines = ("ls *.BAT", "dir SUB\\\\*.*", "nlist *.001")
    ours = run([program(client), "-n", "-i", "-v"], tmp_path, script(serve().port, *lines))
    assert "GO.BAT" in ours.output
    assert "STORI260.001" in ours.output
    assert "550" not in ours.output
    theirs = run([program(client), "-n", "-i", "-v"], tmp_path, script(stock.port, *lines))
    assert "GO.BAT" not in theirs.output
    assert "550" in theirs.output


def test_lower_case_names_where_pyftpdlib_says_550(serve, stock, program, tmp_path):
    served = serve()
    got, _ = fetch(program, "curl passive", served.port, "stori260.001", tmp_path / "c")
    assert got == served.model.read_bytes()[:150_000]
    missing, ran = fetch(program, "curl passive", stock.port, "stori260.001", tmp_path / "s")
    assert (missing, ran.code) == (b"", 78)


def test_links_browses_and_fetches(serve, program, tmp_path):
    served = serve()
    listing = run([program("links"), "-dump", url(served.port, "")], tmp_path)
    for name in ("GO.BAT", "STORI260.001", "150000", "SUB"):
        assert name in listing.output
    source = run([program("links"), "-source", url(served.port, "STORI260.001")], tmp_path)
    assert source.output.encode("latin-1") == served.model.read_bytes()[:150_000]


def test_w3m_browses_and_fetches(serve, program, tmp_path):
    """w3m knows port 21 only, so it gets an address of its own."""
    served, path = serve(), program("w3m")
    server = FtpServer(
        address="127.0.98.21",
        port=21,
        authorizer=served.authorizer,
        inbox_dir=served.inbox,
        emit=served.events.append,
    )
    try:
        server.start()
    except DeployerError as error:
        pytest.skip(f"w3m needs port 21: {error}")
    with contextlib.closing(server):
        listing = run([path, "-dump", "ftp://127.0.98.21/"], tmp_path)
        assert "GO.BAT" in listing.output
        text = run([path, "-dump_source", "ftp://127.0.98.21/GO.BAT"], tmp_path)
        assert text.output.split() == ["@ECHO", "OFF", "ECHO", "hello"]


# --- resume and upload ---------------------------------------------------------------------------


@pytest.mark.parametrize("client", ["curl", "wget", "lftp"])
def test_a_cut_download_is_resumed(serve, program, tmp_path, client):
    served = serve()
    half = tmp_path / "STORI260.001"
    half.write_bytes(served.model.read_bytes()[:100_000])
    address = url(served.port, "STORI260.001")
    arguments = {
        "curl": ["-sS", "-m", "20", "-C", "-", "-O", address],
        "wget": ["-T", "10", "-t", "1", "-c", address],
        "lftp": lftp(served.port, "get -c STORI260.001"),
    }[client]
    ran = run([program(client), *arguments], tmp_path)
    assert ran.code == 0, ran.output
    assert half.read_bytes() == served.model.read_bytes()[:150_000]
    assert served.wait(events.TransferDone).length == 50_000


UPLOADS = [
    ("curl", ["-sS", "-m", "20", "-T", "RESULT.TXT", "{url}"], ""),
    ("curl", ["-sS", "-m", "20", "-P", "-", "-T", "RESULT.TXT", "{url}"], ""),
    ("lftp", "put RESULT.TXT", ""),
    ("ncftpput", [*NCFTP, "-E", "-P", "{port}", "127.0.0.1", ".", "RESULT.TXT"], ""),
    ("tnftp", ["-n", "-i", "-v"], "script"),
    ("inetutils-ftp", ["-n", "-i", "-v"], "script"),
]


@pytest.mark.parametrize(
    ("client", "arguments", "typed"), UPLOADS, ids=[f"{i}-{r[0]}" for i, r in enumerate(UPLOADS)]
)
def test_a_client_uploads_a_report(serve, program, tmp_path, client, arguments, typed):
    served = serve()
    report = b"deployer-result=1\r\nend=1 0\r\n"
    (tmp_path / "RESULT.TXT").write_bytes(report)
    if isinstance(arguments, str):
        arguments = lftp(served.port, arguments)
    arguments = [
        a.replace("{port}", str(served.port)).replace("{url}", url(served.port, "RESULT.TXT"))
        for a in arguments
    ]
    text = script(served.port, "binary", "put RESULT.TXT") if typed else ""
    ran = run([program(client), *arguments], tmp_path, text)
    assert ran.code == 0, ran.output
    kept = served.wait(events.UploadReceived)
    assert Path(kept.path).read_bytes() == report


def test_an_upload_in_ascii_mode_is_kept_where_pyftpdlib_strips_it(serve, stock):
    report = b"line\r\nbare\nend\r\n"
    for served in (serve(), stock):
        with served.client() as ftp:
            ftp.sendcmd("TYPE A")
            with ftp.transfercmd("STOR RESULT.TXT") as data:
                data.sendall(report)
            ftp.voidresp()
    assert (stock.files / "RESULT.TXT").read_bytes() == b"line\nbare\nend\n"
    ours = stock.files.parent / "inbox" / USER / "RESULT.TXT"
    assert ours.read_bytes() == report


# --- every answer that differs, with the same words ----------------------------------------------

ROWS = [
    # command, pyftpdlib's reply in TYPE A, ours
    ("SIZE STORI260.001", "550", "213"),
    ("TYPE A N", "504", "200"),
    ("SIZE go.bat", "550", "213"),
    ("CWD sub", "550", "250"),
    ("CWD \\SUB", "550", "250"),
    ("SITE HELP", "multi", "214"),
    ("FEAT", "multi", "211"),
    ("HELP", "multi", "214"),
    ("STAT", "multi", "211"),
]
TRANSFERS = [
    ("NLST *.001", "550", b"STORI260.001\r\n"),
    ("NLST *.*", "550", None),
    ("NLST SUB\\*.*", "550", b"SUB\\INNER.BIN\r\n"),
    ("LIST *.BAT", "550", None),
    ("LIST SUB\\*.*", "550", None),
    ("LIST -a /SUB", "550", None),
    ("NLST -l", "550", None),
    ("RETR go.bat", "550", b"@ECHO OFF\r\nECHO hello\r\n"),
    ("RETR SUB\\INNER.BIN", "550", None),
]


@pytest.mark.parametrize(("command", "theirs", "ours"), ROWS, ids=[row[0] for row in ROWS])
def test_a_reply_that_differs(serve, stock, command, theirs, ours):
    replies = []
    for served in (serve(), stock):
        with served.client() as ftp:
            ftp.sendcmd("TYPE A")
            try:
                replies.append(ftp.sendcmd(command))
            except ftplib.Error as error:
                replies.append(str(error))
            # ftplib gives a reply of several lines as one text
            if "\n" in replies[-1]:
                replies[-1] = "multi"
    assert replies[0].startswith(ours)
    assert replies[1].startswith(theirs)


@pytest.mark.parametrize(
    ("command", "theirs", "expected"), TRANSFERS, ids=[row[0] for row in TRANSFERS]
)
def test_a_transfer_that_differs(serve, stock, command, theirs, expected):
    with stock.client(passive=False) as ftp:
        ftp.sendcmd("TYPE A" if "RETR" not in command else "TYPE I")
        with pytest.raises(ftplib.error_perm, match=theirs):
            ftp.transfercmd(command)
    with serve().client(passive=False) as ftp:
        ftp.sendcmd("TYPE A" if "SUB\\INNER" not in command else "TYPE I")
        got = io.BytesIO()
        with ftp.transfercmd(command) as data:
            while piece := data.recv(4096):
                got.write(piece)
        assert ftp.voidresp()[:3] == "226"
        assert got.getvalue()
        assert expected in (None, got.getvalue())


def test_the_frozen_client_of_pyftpdlib_and_ours_that_goes_on(serve, stock, tmp_path):
    """A fetches, B begins a long transfer, A says QUIT: B freezes there, and goes on here."""
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(16 << 20))
    now = big.stat()
    ours = serve(Entry("BIG.001", Slice(str(big), 0, 16 << 20, stamp_of(now))))
    assert _with_another_quitting(ours, patience=60) == 16 << 20
    assert _with_another_quitting(stock, patience=2) < 16 << 20


def _with_another_quitting(served, patience: float) -> int:
    """Bytes that B gets until none come for `patience` seconds."""
    with served.client(passive=False) as first, contextlib.ExitStack() as stack:
        second = served.client(passive=False)
        stack.callback(second.close)
        first.retrbinary("RETR GO.BAT", lambda _: None)
        second.sendcmd("TYPE I")
        with second.transfercmd("RETR BIG.001") as data:
            got = len(data.recv(1000))
            first.quit()
            data.settimeout(patience)
            try:
                while piece := data.recv(1 << 20):
                    got += len(piece)
                    time.sleep(0)
            except TimeoutError:
                pass
        return got

"""The first-contact page, fetched by programs that we did not write."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from deployer.core.target.page import Waiting
from deployer.edge.httpd import DEFAULT, HttpLimits, HttpServer, everybody
from deployer.errors import AddressMissing, PortBusy
from deployer.events import Event, TransferDone
from tests import needs
from tests.waiting import until

GO = b"@ECHO OFF\r\nECHO hello\r\n"
WAITING = Waiting(
    deployment="D7F3A21C",
    host="192.168.1.1",
    directory=r"C:\DEPLOY",
    files=(("stories260K.bin", 1_056_540), ("tok512.bin", 6_227)),
    go_bat=GO,
    typed=(
        ("C:\\>", "C:"),
        ("C:\\>", "FTP 192.168.1.1"),
        ("User:", "anonymous"),
        ("Password:", ""),
    ),
    run='LLAMA98.EXE STORI260.BIN -i "Once upon a time"',
)


class Served:
    """A server on loopback; the deployment waits for 127.0.0.1 alone."""

    def __init__(
        self,
        bounds: HttpLimits = DEFAULT,
        admits: Callable[[socket.socket], bool] = everybody,
    ) -> None:
        self.events: list[Event] = []
        self.asked: list[str] = []
        self.claims: list[tuple[str, str, str]] = []
        self.first = ""
        self.server = HttpServer(
            address="127.0.0.1", port=0, source=self, emit=self.events.append, clock=lambda: 5.0,
            bounds=bounds, admits=admits,
        )  # fmt: skip
        self.port = self.server.start()
        self.url = f"http://127.0.0.1:{self.port}"

    def waiting(self, peer: str, at: str) -> Sequence[Waiting]:
        self.asked.append(at)
        return (WAITING,) if self.awaits(peer) else ()

    def awaits(self, peer: str) -> bool:
        return peer == "127.0.0.1"

    def takes(self, deployment: str, peer: str, at: str) -> bool:
        self.claims.append((deployment, peer, at))
        return not self.first

    def agent(self, peer: str, at: str) -> bytes:
        return b"MZ agent for " + peer.encode() if at else b""

    def taken(self) -> str:
        return self.first

    def raw(self, request: bytes) -> bytes:
        """Every byte of the answer to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as sock:
            sock.sendall(request)
            pieces = []
            while piece := sock.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.server.close()


def run(*words: str) -> bytes:
    needs.require(words[0])
    done = subprocess.run(words, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


FETCHERS = {
    "curl HTTP/1.0": ["curl", "-sS", "--fail", "--http1.0"],
    "curl HTTP/1.1": ["curl", "-sS", "--fail", "--http1.1"],
    "w3m": ["w3m", "-dump_source"],
    "links": ["links", "-source"],
    "wget": ["wget", "-q", "-O", "-"],
}


@pytest.mark.parametrize("program", FETCHERS)
@pytest.mark.parametrize("path", ["/D7F3A21C/GO.BAT", "/GO.BAT", "/go.bat"])
def test_go_bat_arrives_byte_by_byte(served: Served, program: str, path: str) -> None:
    assert run(*FETCHERS[program], served.url + path) == GO
    done = until(lambda: [e for e in served.events if isinstance(e, TransferDone)])
    assert [(e.deployment, e.peer, e.name, e.length) for e in done] == [
        ("D7F3A21C", "127.0.0.1", "GO.BAT", len(GO))
    ]


READERS = {"w3m": ["w3m", "-dump"], "links": ["links", "-dump"]}


@pytest.mark.parametrize("program", READERS)
def test_the_page_reads_well(served: Served, program: str) -> None:
    text = run(*READERS[program], served.url + "/").decode("utf-8", "replace")
    for words in (
        "Deployment D7F3A21C", "Start GO.BAT", "Run this program from its current location",
        "stories260K.bin", "1,056,540", "FTP 192.168.1.1", "anonymous",
    ):  # fmt: skip
        assert words in " ".join(text.split()), text


def test_the_page_is_html_3_2(served: Served, tmp_path: Path) -> None:
    needs.require("the DTD of HTML 3.2")
    for name, path in (("page", "/"), ("missing", "/nope")):
        page = tmp_path / f"{name}.html"
        page.write_bytes(
            served.raw(f"GET {path} HTTP/1.0\r\n\r\n".encode()).split(b"\r\n\r\n", 1)[1]
        )
        done = subprocess.run(
            ["onsgmls", "-s", "-c", str(needs.HTML_3_2), str(page)],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")


def test_the_answer_is_http_1_0_without_anything_new(served: Served) -> None:
    answer = served.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n")
    head, body = answer.split(b"\r\n\r\n", 1)
    lines = head.decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "HTTP/1.0 200 OK"
    assert set(headers) == {"Server", "Date", "Content-Type", "Content-Length"}
    assert headers["Content-Type"] == "text/html"
    assert int(headers["Content-Length"]) == len(body)
    assert body.isascii()
    for modern in (b"<style", b"<script", b"style=", b"class=", b"onclick"):
        assert modern not in body.lower()


def test_a_batch_file_is_an_octet_stream(served: Served) -> None:
    answer = served.raw(b"GET /D7F3A21C/GO.BAT HTTP/1.0\r\n\r\n")
    assert b"Content-Type: application/octet-stream\r\n" in answer
    assert b"Cache" not in answer
    assert b"Pragma" not in answer


def test_a_foreign_machine_sees_nothing(served: Served) -> None:
    for path in ("/", "/GO.BAT", "/D7F3A21C/GO.BAT"):
        connection = http.client.HTTPConnection(
            "127.0.0.1", served.port, timeout=30, source_address=("127.0.0.2", 0)
        )
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 404
        assert b"127.0.0.2" in body
        assert b"D7F3A21C" not in body
        assert b"stories" not in body
    assert served.events == []


REQUESTS = {
    "HTTP/0.9": (b"GET /\r\n\r\n", b"<!DOCTYPE"),
    "HEAD": (b"HEAD / HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
    "by a proxy's form": (b"GET http://192.168.1.1/GO.BAT HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
    "with a query": (b"GET /?x=1 HTTP/1.0\r\n\r\n", b"HTTP/1.0 200"),
    "upwards": (b"GET /../../etc/passwd HTTP/1.0\r\n\r\n", b"HTTP/1.0 404"),
    "another method": (b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.0 501"),
    "rubbish": (b"\x16\x03\x01\x02\x00\r\n\r\n", b""),
    "a long line": (b"GET /" + b"a" * 70_000 + b" HTTP/1.0\r\n\r\n", b"HTTP/1.0 414"),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_whatever_is_asked_is_answered(served: Served, case: str) -> None:
    request, start = REQUESTS[case]
    with contextlib.suppress(ConnectionResetError):
        assert served.raw(request).startswith(start)
    assert served.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")


@pytest.fixture
def narrow() -> Iterator[Served]:
    """Few places, and little time."""
    served = Served(HttpLimits(callers=4, per_address=2, request_seconds=1.0))
    yield served
    served.server.close()


def call(served: Served, address: str) -> socket.socket:
    place = ("127.0.0.1", served.port)
    return socket.create_connection(place, 30, source_address=(address, 0))


def test_callers_who_say_nothing_keep_nobody_out(served: Served) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(2, 42):
            stack.enter_context(call(served, f"127.0.0.{number}")).sendall(b"G")
            if number % 10 == 0:
                assert served.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")
        for _ in range(60):
            stack.enter_context(call(served, "127.0.0.1")).sendall(b"G")
        assert served.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")


def test_one_byte_now_and_then_is_cut_when_the_time_is_up(narrow: Served) -> None:
    """However many bytes: what counts is when the request began."""
    with call(narrow, "127.0.0.1") as slow:
        slow.settimeout(0.05)
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for letter in itertools.cycle(b"GET / HTTP/1.0\r\nX: "):
                slow.sendall(bytes([letter]))
                with contextlib.suppress(TimeoutError):
                    if not slow.recv(1):
                        break
        assert time.monotonic() - began < 10


def test_headers_without_end_are_cut(narrow: Served) -> None:
    with call(narrow, "127.0.0.1") as endless, contextlib.suppress(ConnectionError):
        endless.sendall(b"GET / HTTP/1.0\r\n" + b"X: y\r\n" * 10_000)
        assert endless.recv(100) == b"" or endless.recv(100)
    assert narrow.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")


def test_the_oldest_caller_of_an_address_makes_room(narrow: Served) -> None:
    with call(narrow, "127.0.0.1") as first, call(narrow, "127.0.0.1") as second:
        assert narrow.raw(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200")
        assert first.recv(1) == b""
        second.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert second.recv(12) == b"HTTP/1.0 200"


def test_an_awaited_machine_is_not_sent_away_for_others(narrow: Served) -> None:
    with call(narrow, "127.0.0.1") as awaited, contextlib.ExitStack() as stack:
        others = [stack.enter_context(call(narrow, f"127.0.0.{n}")) for n in range(2, 12)]
        assert others[0].recv(1) == b""
        awaited.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert awaited.recv(12) == b"HTTP/1.0 200"


def test_who_is_not_admitted_gets_nothing() -> None:
    served = Served(admits=lambda sock: sock.getpeername()[0] != "127.0.0.1")
    try:
        assert served.raw(b"GET /GO.BAT HTTP/1.0\r\n\r\n") == b""
        assert served.asked == []
    finally:
        served.server.close()


def test_a_busy_port_and_a_missing_address_are_named(served: Served) -> None:
    for address, port, error in (
        ("127.0.0.1", served.port, PortBusy),
        ("192.0.2.1", 0, AddressMissing),
    ):
        other = HttpServer(address=address, port=port, source=served, emit=served.events.append)
        with pytest.raises(error):
            other.start()


class Dillo:
    """The browser on a screen of its own, with a folder for what it saves, and keys to press."""

    def __init__(self, place: Path) -> None:
        needs.require("dillo", "Xvfb", "xdotool", "wget")
        self.saved = place / "saved"
        for folder in (self.saved, place / ".dillo"):
            folder.mkdir()
        (place / ".dillo" / "dillorc").write_text(f"save_dir={self.saved}\n")
        (place / ".dillo" / "keysrc").write_text("<ctrl>y = save\n")
        # Without -noreset, whoever is just coming is thrown out when the last one leaves: xdotool,
        # which looked for a window while the browser starts.
        screen = ["-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"]
        self.screen = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", *screen],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self.screen.stdout is not None
        number = self.screen.stdout.readline().decode().strip()
        self.env = {"HOME": str(place), "PATH": os.environ["PATH"], "DISPLAY": f":{number}"}
        self.browser: subprocess.Popen[bytes] | None = None

    def open(self, url: str) -> None:
        self.browser = subprocess.Popen(
            ["dillo", "-g", "800x600+0+0", url], env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def keys(self, *words: str) -> bool:
        """Act as a person at the keyboard; whether there was anything to act on."""
        done = subprocess.run(
            ["xdotool", *words], env=self.env, timeout=20, check=False, capture_output=True
        )
        return done.returncode == 0

    def save(self, length: int, *keys: tuple[str, ...], ask: tuple[str, ...] = ()) -> bytes:
        """What was saved, `length` bytes, after the dialog, which `ask` brings, got `keys`."""
        dialog = ("search", "--onlyvisible", "--name", "Save")

        def asked() -> bool:
            if self.keys(*dialog):
                return True
            if ask:  # keys are lost on a window that is not yet ready for them
                self.keys(*ask)
                time.sleep(0.5)
            return False

        until(asked, "a dialog")
        for words in keys:  # nobody manages the windows: it has no focus unless it is given
            self.keys(*dialog, "windowfocus", *words)
        until(
            lambda: any(one.stat().st_size >= length for one in self.saved.iterdir()),
            lambda: f"{length} bytes in {[*self.saved.iterdir()]}",
        )
        (file,) = self.saved.iterdir()
        return file.read_bytes()

    def close(self) -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                ["/usr/libexec/dillo/dpidc", "stop"], env=self.env, timeout=5, check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        for process in (self.browser, self.screen):
            if process is not None:
                process.kill()
                process.wait(10)


@pytest.fixture
def dillo(tmp_path: Path) -> Iterator[Dillo]:
    browser = Dillo(tmp_path)
    try:
        yield browser
    finally:
        browser.close()


def test_dillo_saves_the_page_as_it_is(served: Served, dillo: Dillo) -> None:
    wanted = served.raw(b"GET / HTTP/1.0\r\n\r\n").partition(b"\r\n\r\n")[2]
    served.asked.clear()
    dillo.open(served.url + "/")
    until(lambda: bool(served.asked), "a request of dillo")
    keys = (("key", "End"), ("type", "page.htm"), ("key", "Return"))
    assert dillo.save(len(wanted), *keys, ask=("key", "ctrl+y")) == wanted


def test_dillo_asks_where_to_save_go_bat_and_gets_every_byte(served: Served, dillo: Dillo) -> None:
    dillo.open(served.url + "/GO.BAT")
    assert dillo.save(len(GO), ("key", "Return")) == GO


def test_a_look_at_the_page_takes_nothing_and_go_bat_is_the_first_machines(served: Served) -> None:
    """GO.BAT may wait for whoever asks first; HEAD is no asking."""
    served.raw(b"GET / HTTP/1.0\r\n\r\n")
    served.raw(b"HEAD /GO.BAT HTTP/1.0\r\n\r\n")
    assert served.claims == []
    assert b" 200 " in served.raw(b"GET /GO.BAT HTTP/1.0\r\n\r\n")
    assert served.claims == [(WAITING.deployment, "127.0.0.1", "127.0.0.1")]
    served.first = "192.168.1.7"
    refused = served.raw(b"GET /GO.BAT HTTP/1.0\r\n\r\n")
    assert b" 404 " in refused
    assert b"is for the one at <B>192.168.1.7</B> now" in refused


def test_the_second_link_asks_before_anything_stays(served: Served) -> None:
    def get(path: str) -> bytes:
        return served.raw(f"GET {path} HTTP/1.0\r\n\r\n".encode())

    name = WAITING.deployment
    assert f'HREF="/{name}/STAY.HTM"'.encode() in get("/")
    asked = get(f"/{name}/STAY.HTM")
    assert b"Start, and stay ready?" in asked
    assert b"Remove" in asked
    assert f'HREF="/{name}/AGENT98.EXE"'.encode() in asked
    head, _, program = get(f"/{name}/AGENT98.EXE").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 ")
    assert program == b"MZ agent for 127.0.0.1"
    assert get("/AGENT98.EXE").startswith(b"HTTP/1.0 404 ")

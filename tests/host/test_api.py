"""The control API through real sockets: every request of its table, and who is refused."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from deployer.core.payload.fit import MODELLED
from deployer.edge.asgi import AsgiLimits, LineBudget
from deployer.edge.ports import bind, listen_unix
from deployer.errors import (
    EXIT_HOST,
    DaemonGone,
    DeploymentUnknown,
    DirectoryForbidden,
    FileMissing,
    InternalError,
    NotTakenOver,
    ProgramDamaged,
    TargetBusy,
    WrongUse,
)
from deployer.events import DeploymentStaged, PauseChanged, ScreenLine, StateChanged, TransferTick
from deployer.face.card import typed_lines
from deployer.host import api, daemon, forms, sockets
from deployer.host.api import Access
from deployer.host.forms import REQUESTS
from deployer.host.local import InProcess
from deployer.host.remote import DaemonClient
from deployer.host.requests import AgentRequest, Order, PageWords, Request
from deployer.host.service import Service
from deployer.host.staging import sample_model
from deployer.model import Stage, State

TARGET = "127.0.0.1"
TOKEN = "a-token-of-this-test"
FEW = AsgiLimits(prove=0.5, unproved=20)


@dataclass
class Daemon:
    """A service with its control API on a Unix socket and on a port of loopback."""

    service: Service
    host: InProcess
    socket: Path
    port: int
    web: uvicorn.Server

    @property
    def watchers(self) -> int:
        return len(self.service._bus._subscribers)

    async def watched_by(self, count: int) -> None:
        """Wait until so many watch the events."""
        async with asyncio.timeout(30):
            while self.watchers != count:
                await asyncio.sleep(0.005)

    def over_tcp(self, **headers: str) -> httpx.AsyncClient:
        given = {"authorization": f"Bearer {TOKEN}", **headers}
        headers = {name: value for name, value in given.items() if value}
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers)

    def over_unix(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket))
        return httpx.AsyncClient(transport=transport, base_url="http://deployer")


@contextlib.asynccontextmanager
async def running(
    directory: Path, pid: int = 1, *, takes_over: bool = False, words: PageWords | None = None
) -> AsyncIterator[Daemon]:
    """A daemon, which like the real one takes over what was open before it answers anybody."""
    path = directory / "control.sock"
    door, port = listen_unix(path), bind("127.0.0.1", 0)
    number = port.getsockname()[1]
    access = Access(TOKEN, frozenset((f"127.0.0.1:{number}", f"localhost:{number}")))
    async with (
        Service(directory / "state", clock=time.time, address=TARGET, ftp_port=0) as service,
        InProcess(service, typed_lines, lasting=True) as host,
    ):
        if takes_over:
            await host.take_over()
        about = {"address": TARGET, "pid": pid}
        servers = [
            daemon._api(host, about, door, None),
            daemon._api(host, about, port, access, words=words, bounds=FEW),
        ]
        told = asyncio.Event()
        serving = asyncio.create_task(daemon._until(told, servers))
        try:
            yield Daemon(service, host, path, number, servers[1][0])
        finally:
            told.set()
            await asyncio.wait_for(serving, 30)


Scenario = Callable[[Daemon, DaemonClient], Awaitable[None]]


def play(directory: Path, scenario: Scenario, words: PageWords | None = None) -> None:
    async def whole() -> None:
        async with (
            asyncio.timeout(60),
            running(directory, words=words) as served,
            DaemonClient(served.socket) as face,
        ):
            await scenario(served, face)

    asyncio.run(whole())


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    path = tmp_path / "firmware image.bin"
    path.write_bytes(bytes(range(256)) * 1000)
    return path


def order(path: Path) -> Order:
    return Order(Request((path,), no_run=True), TARGET)


def test_a_model_is_recognised_by_a_daemon_with_what_it_takes_on_the_pc(tmp_path: Path) -> None:
    """What to expect of a model is worked out by a function, which has no JSON form."""
    model = sample_model()

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        request = Request((model,))
        far, near = await face.recognise(request), await served.host.recognise(request)
        assert (far.lines, far.model) == (near.lines, near.model)
        assert far.load.expect is not None
        assert near.load.expect is not None
        of_pc = {"memory": 64 << 20, "steps": 256, "pace": MODELLED}
        assert far.load.expect(**of_pc) == near.load.expect(**of_pc)

    play(tmp_path, scenario)


def test_every_request_is_answered_as_in_process(tmp_path: Path, payload: Path) -> None:
    """The whole table, one after another; a request that is added has to be added here."""

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        asked = set()

        async def ask(name: str, *arguments: Any) -> Any:
            asked.add(name)
            return await getattr(face, name)(*arguments)

        known = await ask("recognise", order(payload).request)
        assert known == await served.host.recognise(order(payload).request)
        assert await ask("last_seq") == 0
        deployment = await ask("push", order(payload))
        assert served.service.standing(deployment).target == TARGET
        assert await ask("last_seq") == served.service.last_seq() > 0
        assert await ask("begun", deployment) == 0
        before = await ask("before", 5)
        assert before == await served.host.before(5)
        assert [row.deployment for row in before.rows] == [deployment]
        assert (before.seq, before.count) == (served.service.last_seq(), 1)
        assert await ask("row", deployment) == before.rows[0]
        assert await ask("row", "D0000000") is None
        assert await ask("rows", TARGET, 5) == before.rows
        assert await ask("rows", TARGET, 0) == ()
        assert await ask("sources", deployment) == (str(payload),)
        assert await ask("pause", deployment) is None
        assert await ask("resume", deployment) is None
        told = [event.paused for _seq, event in served.service._store.replay(kinds=(PauseChanged,))]
        assert told == [True, False]
        agent = served.service.agents.enrol("192.168.1.9", TARGET, 21, "pentium").agent
        assert await ask("agents") == await served.host.agents()
        assert (await ask("find_agent", "pentium")).agent == agent
        assert await ask("last_screen", agent) == b""
        given = await ask("give", AgentRequest(agent, ("RUN", "C:\\", "0", "1", "X"), 60, payload))
        assert (await ask("heard", given, 0, "")).stage == Stage.QUEUED
        assert await ask("withdraw", given) is None
        assert (await ask("heard", given, 0, "")).stage == Stage.EXPIRED
        with contextlib.suppress(ProgramDamaged):  # a source tree in which it was not built
            await ask("upgrade", agent, 60.0)
        assert [row.agent for row in await ask("drop_agents", "pentium")] == [agent]
        assert await ask("agents") == ()
        assert await ask("recheck", deployment) == await served.host.recheck(deployment)
        assert await ask("cancel", deployment) is None
        assert served.service.standing(deployment).state == State.CANCELLED
        async with asyncio.timeout(30):
            while served.host._open:
                await asyncio.sleep(0.005)
        assert await ask("retry", deployment) == deployment
        assert asked == set(REQUESTS)

    play(tmp_path, scenario)


def test_an_order_without_a_host_is_for_the_daemons_address(tmp_path: Path, payload: Path) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        words = order(payload)
        there = "c:\\deploy\\"
        deployment = await face.push(Order(words.request, words.target, there, host=""))
        found = served.service.staged(deployment)
        assert found is not None
        assert found[0].host == TARGET
        assert found[1].directory == "C:\\DEPLOY"

    play(tmp_path, scenario)


def test_files_keep_their_names_however_they_are_named(
    tmp_path: Path, payload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is of the face's directory; a link is sent under its own name."""
    (tmp_path / "link.bin").symlink_to(payload)
    monkeypatch.chdir(tmp_path)

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        deployment = await face.push(order(Path("link.bin")))
        found = served.service.staged(deployment)
        assert found is not None
        assert found[0].payload.files[0].long_name == "link.bin"

    play(tmp_path, scenario)


ERRORS: dict[
    str, tuple[Callable[[DaemonClient, Path], Awaitable[object]], type[Exception], str]
] = {
    "a file that is not there": (
        lambda face, at: face.push(order(at / "absent.bin")), FileMissing, "absent.bin",
    ),
    "a deployment that is not there": (
        lambda face, at: face.retry("D0000000"), DeploymentUnknown, "D0000000",
    ),
    "a target that is no address": (
        lambda face, at: face.push(Order(order(at).request, "../../elsewhere")),
        WrongUse, "elsewhere",
    ),
    "a host that is no address": (
        lambda face, at: face.push(Order(order(at).request, TARGET, host="a b")), WrongUse, "'a b'",
    ),
    "a directory that says more": (
        lambda face, at: face.push(Order(order(at).request, TARGET, "C:\\X\r\nDEL *.*")),
        WrongUse, "no directory",
    ),
    "no file at all": (
        lambda face, at: face.push(Order(Request((), no_run=True), TARGET)), WrongUse, "No file",
    ),
    "parts of nothing": (
        lambda face, at: face.recognise(Request((at / "x",), part_size=0)), WrongUse, "is none",
    ),
    "a path that no file can have": (
        lambda face, at: face.push(order(at / "a\0b")), WrongUse, "Not a request",
    ),
    "a recipe that is not there": (
        lambda face, at: face.recognise(Request((at / "x",), recipe="nonsense")),
        WrongUse, "nonsense",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_crosses_with_its_class_and_words(
    tmp_path: Path, payload: Path, case: str
) -> None:
    ask, kind, words = ERRORS[case]
    (tmp_path / "x").write_bytes(b"x")

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        with pytest.raises(kind) as caught:
            await ask(face, tmp_path)
        assert words in caught.value.what  # type: ignore[attr-defined]
        assert caught.value.remedy  # type: ignore[attr-defined]

    play(tmp_path, scenario)


def test_a_busy_target_is_refused_by_name(tmp_path: Path, payload: Path) -> None:
    (tmp_path / "other").write_bytes(b"x")

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        deployment = await face.push(order(payload))
        for asked in (order(tmp_path / "other"), replace(order(payload), directory="C:\\OTHER")):
            with pytest.raises(TargetBusy, match=f"{TARGET} is busy with {deployment}") as caught:
                await face.push(asked)
            assert caught.value.fields["deployment"] == deployment
            assert caught.value.exit_code == EXIT_HOST

    play(tmp_path, scenario)


def test_what_is_under_way_already_is_taken_up(tmp_path: Path, payload: Path) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        deployment = await face.push(order(payload))
        begun = await face.begun(deployment)
        assert await face.push(order(payload)) == deployment
        assert await face.retry(deployment) == deployment
        assert await face.begun(deployment) == begun, "it is not offered a second time"

    play(tmp_path, scenario)


def test_a_fault_of_the_daemon_itself_is_told_and_survived(
    tmp_path: Path, payload: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        served.service.last_seq = lambda: 1 // 0  # type: ignore[method-assign]
        with pytest.raises(InternalError, match="Internal error: ZeroDivisionError"):
            await face.last_seq()
        assert (await face.status())["version"] == forms.VERSION

    play(tmp_path, scenario)
    assert "Traceback" in capsys.readouterr().err


def test_a_daemon_that_stops_ends_the_streams_and_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C of `deployer serve` while somebody watches."""

    async def scenario() -> None:
        async with asyncio.timeout(60), DaemonClient(tmp_path / "control.sock") as face:
            async with running(tmp_path) as served:
                watching = asyncio.ensure_future(anext(face.subscribe(0)))
                await served.watched_by(1)
            with pytest.raises(DaemonGone):
                await watching

    asyncio.run(scenario())
    assert capfd.readouterr().err == ""


BODIES = {
    "not JSON": (b"push!", 400, "Not a request"),
    "an object": (b'{"a": 1}', 400, "Not a request"),
    "too few arguments": (b"[]", 400, "another number of arguments"),
    "too many arguments": (b'["D1", "D2"]', 400, "another number of arguments"),
    "of another type": (b"[5]", 400, "Expected `str`"),
    "too long": (b"[" + b" " * api.MAX_BODY + b'"D1"]', 400, "too long"),
    "not UTF-8": (b'["\xff"]', 400, "Not a request"),
    "nested without end": (b"[" * 100_000, 400, "Not a request"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_is_no_request_is_refused(tmp_path: Path, case: str) -> None:
    body, status, words = BODIES[case]

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        async with served.over_unix() as raw:
            answer = await raw.post("/v1/cancel", content=body)
        assert answer.status_code == status
        assert answer.json()["error"] == "WrongUse"
        assert words in answer.json()["fields"]["what"]

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/format", 404), ("POST", "/v1/_ask", 404), ("POST", "/v1/subscribe", 404),
        ("POST", "/v1/name", 404), ("POST", "/v1/__aexit__", 404), ("POST", "/v1/take_over", 404),
        ("GET", "/v1/push", 405), ("GET", "/v2/status", 404), ("POST", "/v1/status", 404),
        ("POST", "/v1/a/b", 404),
    ],
)  # fmt: skip
def test_only_the_table_can_be_asked(tmp_path: Path, method: str, path: str, status: int) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        async with served.over_unix() as raw:
            assert (await raw.request(method, path, content=b"[]")).status_code == status

    play(tmp_path, scenario)


def test_events_are_replayed_and_then_live(tmp_path: Path, payload: Path) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        deployment = await face.push(order(payload))
        stream = face.subscribe(0)
        seq, event = await anext(stream)
        assert (seq, type(event)) == (1, DeploymentStaged)
        seen = [seq]
        while seen[-1] < served.service.last_seq():
            seen.append((await anext(stream))[0])
        line = ScreenLine(1.0, deployment, 'naïve ░▒▓\\ "quoted" data: id: 7')
        served.service.publish(line)
        served.service.publish(TransferTick(2.0, deployment, TARGET, "A.001", 5, 10))
        assert await anext(stream) == (seen[-1] + 1, line)
        assert (await anext(stream))[0] == 0  # a tick has no number
        assert seen == list(range(1, len(seen) + 1))
        await stream.aclose()
        late = face.subscribe(seen[-1])
        assert (await anext(late))[1] == line
        await late.aclose()

    play(tmp_path, scenario)


def test_a_reader_that_reconnects_goes_on_where_it_was(tmp_path: Path, payload: Path) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        await face.push(order(payload))
        headers = {"last-event-id": "2"}
        async with (
            served.over_unix() as raw,
            raw.stream("GET", "/v1/events?since=0", headers=headers) as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            lines = answer.aiter_lines()
            first = [line async for line in _until_id(lines)][-1]
        assert first == "id: 3"

    play(tmp_path, scenario)


async def _until_id(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith("id:"):
            return


@pytest.mark.parametrize("since", ["999", str(10**30), "-1", "x", "", "²"])
def test_any_number_may_be_asked_for(tmp_path: Path, payload: Path, since: str) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        async with (
            served.over_unix() as raw,
            raw.stream("GET", "/v1/events", params={"since": since}) as answer,
        ):
            assert answer.status_code == 200
            assert await anext(answer.aiter_lines()) == ": deployer"

    play(tmp_path, scenario)


def test_a_silent_stream_says_that_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "HEARTBEAT", 0.02)

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        async with served.over_unix() as raw, raw.stream("GET", "/v1/events") as answer:
            comments = []
            async for line in answer.aiter_lines():
                comments += [line] if line else []
                if len(comments) == 3:
                    break
        assert comments == [": deployer", ": still here", ": still here"]

    play(tmp_path, scenario)


def test_who_hangs_up_is_forgotten(tmp_path: Path, payload: Path) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        before = served.watchers
        streams = [face.subscribe(0) for _ in range(5)]
        await face.push(order(payload))
        for stream in streams:
            await anext(stream)
        await served.watched_by(before + 5)
        for stream in streams:
            await stream.aclose()
        with socket.socket(socket.AF_UNIX) as rude:
            rude.connect(str(served.socket))
            rude.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
            await served.watched_by(before + 1)
        await served.watched_by(before)

    play(tmp_path, scenario)


def test_a_daemon_that_goes_is_noticed(tmp_path: Path, payload: Path) -> None:
    async def whole() -> None:
        async with running(tmp_path) as served:
            face = DaemonClient(served.socket)
            await face.push(order(payload))
            stream = face.subscribe(0)
            await anext(stream)
        with pytest.raises(DaemonGone):
            async for _ in stream:
                pass
        with pytest.raises(DaemonGone):
            await face.last_seq()
        with pytest.raises(DaemonGone):
            await face.status()

    asyncio.run(asyncio.wait_for(whole(), 60))
    assert sockets.find(tmp_path) is None  # the socket's file may still lie there


def test_the_socket_is_its_owners_alone(tmp_path: Path) -> None:
    listen_unix(tmp_path / "control.sock").close()
    assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600
    listen_unix(tmp_path / "control.sock").close()  # a dead one is replaced


@pytest.mark.parametrize("kind", ["a file", "a link to one", "a link to nothing", "a directory"])
def test_only_a_socket_is_replaced_by_the_socket(tmp_path: Path, kind: str) -> None:
    place, file = tmp_path / "place", tmp_path / "file"
    file.write_text("precious")
    match kind:
        case "a file":
            place = file
        case "a link to one":
            place.symlink_to(file)
        case "a link to nothing":
            place.symlink_to(tmp_path / "absent")
        case _:
            place.mkdir()
    before = place.lstat()
    with pytest.raises(DirectoryForbidden, match="no socket"):
        listen_unix(place)
    assert place.lstat() == before
    assert file.read_text() == "precious"


def test_a_place_that_is_too_long_for_a_socket_is_named_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with pytest.raises(DirectoryForbidden, match="path too long"):
        listen_unix(folder / "control.sock")


def test_the_token_is_never_anybody_elses_to_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        token = daemon._new_token(tmp_path / "web-token")
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert (tmp_path / "web-token").read_text() == f"{token}\n"
    assert (tmp_path / "web-token").stat().st_mode & 0o777 == 0o600


UNKNOWN: dict[str, tuple[dict[str, str], int]] = {
    "with its token": ({}, 200),
    "by the name localhost": ({"host": "localhost:{port}"}, 200),
    "a page of its own": ({"origin": "http://127.0.0.1:{port}"}, 200),
    "without a token": ({"authorization": ""}, 401),
    "with another token": ({"authorization": "Bearer wrong"}, 401),
    "with a token that is no ASCII": ({"authorization": "Bearer \u00e4"}, 401),
    "with a cookie, which goes to every port": (
        {"authorization": "", "cookie": f"deployer={TOKEN}"},
        401,
    ),
    "a page elsewhere, under a name of its own": ({"host": "rebound.example:{port}"}, 403),
    "another port's name": ({"host": "127.0.0.1:1"}, 403),
    "a page of another origin": ({"origin": "http://elsewhere.example"}, 403),
    "another port's page": ({"origin": "http://127.0.0.1:1"}, 403),
    "a page from a file": ({"origin": "null"}, 403),
    "by https": ({"origin": "https://127.0.0.1:{port}"}, 403),
}


@pytest.mark.parametrize("who", UNKNOWN)
def test_who_may_ask_over_tcp(tmp_path: Path, who: str) -> None:
    headers, status = UNKNOWN[who]

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        given = {name: value.replace("{port}", str(served.port)) for name, value in headers.items()}
        given = {name: value.encode("latin-1") for name, value in given.items()}  # type: ignore[misc]
        async with served.over_tcp(**given) as http:
            assert (await http.get("/v1/status")).status_code == status
            async with http.stream("GET", "/v1/events") as events:
                assert events.status_code == status
                assert "access-control-allow-origin" not in events.headers

    play(tmp_path, scenario)


def test_the_pages_token_only_reads(tmp_path: Path, payload: Path) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        async with served.over_tcp() as http:
            body = forms.to_plain([order(payload)])
            for name in REQUESTS:
                answer = await http.post(f"/v1/{name}", json=body if name == "push" else [])
                assert (answer.status_code, "only reads" in answer.text) == (403, True)
        assert served.service.last_seq() == 0

    play(tmp_path, scenario)


ASK = """
import os, socket, sys
os.setgroups([]); os.setgid(65534); os.setuid(65534)
with socket.socket(socket.AF_UNIX) as sock:
    sock.connect(sys.argv[1])
    sock.sendall(b"POST /v1/last_seq HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\n\\r\\n[]")
    print(sock.recv(65536).decode().split()[1])
"""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="root alone can become another user"
)
def test_another_user_may_not_ask_even_when_the_socket_lets_everybody_in() -> None:
    with tempfile.TemporaryDirectory(prefix="deployer-test-") as open_to_all:
        place = Path(open_to_all)
        place.chmod(0o755)

        async def whole() -> tuple[str, str]:
            async with asyncio.timeout(60), running(place) as served:
                served.socket.chmod(0o666)
                words = [sys.executable, "-c", ASK, str(served.socket)]
                other = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
                said, _ = await other.communicate()
                async with served.over_unix() as own:
                    answer = await own.post("/v1/last_seq", content=b"[]")
                return said.decode().strip(), str(answer.status_code)

        assert asyncio.run(whole()) == ("403", "200")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01"])
def test_half_requests_keep_nobody_out(
    tmp_path: Path, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """The oldest connection that has shown no token goes when there are more than a few."""

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            for number in range(300):
                sock = stack.enter_context(socket.socket())
                sock.setblocking(False)
                await loop.sock_connect(sock, ("127.0.0.1", served.port))
                with contextlib.suppress(ConnectionError):
                    sock.send(sent)
                if number % 50 == 49:
                    async with served.over_tcp() as http:
                        assert (await http.get("/v1/status")).status_code == 200
                    assert len(served.web.server_state.connections) <= FEW.unproved + 1

    play(tmp_path, scenario)
    assert "Traceback" not in capfd.readouterr().err


def test_a_request_that_comes_too_slowly_is_cut(tmp_path: Path) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        began = asyncio.get_running_loop().time()
        with contextlib.suppress(ConnectionError):
            for letter in itertools.cycle(b"GET / HTTP/1.1\r\nX: "):
                writer.write(bytes([letter]))
                await writer.drain()
                if await _ended(reader, 0.05):
                    break
        assert asyncio.get_running_loop().time() - began < 10 * FEW.prove
        writer.close()

    play(tmp_path, scenario)


async def _ended(reader: asyncio.StreamReader, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            return not await reader.read(1)
    except TimeoutError:
        return False


def test_a_watcher_with_the_token_stays_however_many_come(tmp_path: Path) -> None:
    async def scenario(served: Daemon, face: DaemonClient) -> None:
        loop = asyncio.get_running_loop()
        async with served.over_tcp() as http, http.stream("GET", "/v1/events") as events:
            lines = events.aiter_lines()
            assert await anext(lines) == ": deployer"
            with contextlib.ExitStack() as stack:
                for _ in range(3 * FEW.unproved):
                    sock = stack.enter_context(socket.socket())
                    sock.setblocking(False)
                    await loop.sock_connect(sock, ("127.0.0.1", served.port))
                async with asyncio.timeout(30):  # all others have not shown a token in time
                    while len(served.web.server_state.connections) > 1:
                        await asyncio.sleep(0.01)
            served.service.publish(ScreenLine(1.0, "D7F3A21C", "still here"))
            assert "id: 1" in [line async for line in _until_id(lines)]

    play(tmp_path, scenario)


def test_a_log_has_a_few_lines_a_minute_and_counts_the_rest() -> None:
    now = [0.0]
    budget = LineBudget(AsgiLimits(log_lines=2, log_period=60), clock=lambda: now[0])
    assert [budget.take() for _ in range(5)] == [0, 0, None, None, None]
    now[0] = 60.0
    assert [budget.take() for _ in range(3)] == [3, 0, None]


def test_what_crosses_is_json_of_version_1(tmp_path: Path, payload: Path) -> None:
    """Written down, so that a change of it is seen."""

    async def scenario(served: Daemon, face: DaemonClient) -> None:
        async with served.over_unix() as raw:
            status = (await raw.get("/v1/status")).json()
            body = forms.to_plain([order(payload)])
            pushed = (await raw.post("/v1/push", json=body)).json()
            again = await raw.post("/v1/push", json=body)
        assert status == {"version": 1, "name": "the daemon", "address": TARGET, "pid": 1}
        assert json.loads(json.dumps(body)) == [
            {
                "request": {
                    "files": [str(payload)], "run": "", "recipe": "", "no_run": True, "options": [],
                    "part_size": None, "profile": "win98-fat32", "no_check": False,
                    "overwrite": "keep", "delete": False, "dates": True, "gather": None,
                    "clean": False, "codepage": None,
                },
                "target": TARGET, "directory": "C:\\DEPLOY", "host": "192.168.1.1",
                "line": {"speed": 115200, "flow": "rtscts"}, "patience": None,
                "stay": False, "holders": [],
            }
        ]  # fmt: skip
        assert set(pushed) == {"result"}
        assert again.json() == pushed, "the same again is taken up"
        changes = served.service._store.replay(kinds=(StateChanged,))
        assert [event.state for _seq, event in changes] == [State.WAITING]

    play(tmp_path, scenario)


@dataclass
class Follower:
    """One who watches a deployment, past the end of the daemon."""

    face: DaemonClient
    deployment: str
    patience: float = 30.0

    def __post_init__(self) -> None:
        self.seen: list[int] = []
        self.said: list[str] = []
        self.task = asyncio.create_task(self.watch())

    async def watch(self) -> None:
        stream = self.face.follow(self.deployment, 0, self.said.append, patience=self.patience)
        async with contextlib.aclosing(stream):
            async for seq, event in stream:
                self.seen.append(seq)
                if isinstance(event, StateChanged) and event.state.final:
                    return

    async def until(self, seq: int) -> None:
        async with asyncio.timeout(30):
            while seq not in self.seen:
                await asyncio.sleep(0.005)


def restart(
    directory: Path,
    payload: Path,
    after: Callable[[Daemon, Follower], Awaitable[None]],
    pid: int,
    *,
    takes_over: bool = False,
) -> Follower:
    """A deployment is watched; its daemon ends, and another begins."""

    async def scenario() -> Follower:
        async with asyncio.timeout(60), DaemonClient(directory / "control.sock") as face:
            async with running(directory) as first:
                deployment = await face.push(order(payload))
                follower = Follower(face, deployment)
                await follower.until(first.service.last_seq())
            async with running(directory, pid, takes_over=takes_over) as second:
                await after(second, follower)
            return follower

    return asyncio.run(scenario())


def test_who_follows_a_deployment_stays_with_it_past_a_restart(
    tmp_path: Path, payload: Path
) -> None:
    async def goes_on(second: Daemon, follower: Follower) -> None:
        second.service.cancel(follower.deployment)
        await follower.task

    follower = restart(tmp_path, payload, goes_on, pid=2, takes_over=True)
    assert follower.seen == list(range(1, follower.seen[-1] + 1))
    assert len(follower.said) == 2


def test_a_daemon_that_comes_back_without_the_deployment_is_told(
    tmp_path: Path, payload: Path
) -> None:
    async def does_not(_second: Daemon, follower: Follower) -> None:
        with pytest.raises(NotTakenOver, match=follower.deployment):
            await follower.task

    restart(tmp_path, payload, does_not, pid=2)


def test_a_stream_that_was_cut_is_taken_up_again(tmp_path: Path, payload: Path) -> None:
    """The same daemon need not offer anything anew."""

    async def goes_on(second: Daemon, follower: Follower) -> None:
        event = StateChanged(time.time(), follower.deployment, State.CANCELLED, "", "user")
        second.service.publish(event)
        await follower.task

    assert restart(tmp_path, payload, goes_on, pid=1).said[-1] == "The daemon is back."


def test_a_daemon_that_does_not_come_back_is_gone(tmp_path: Path, payload: Path) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(60), DaemonClient(tmp_path / "control.sock") as face:
            async with running(tmp_path) as served:
                follower = Follower(face, await face.push(order(payload)), patience=0.2)
                await follower.until(served.service.last_seq())
            with pytest.raises(DaemonGone):
                await follower.task

    asyncio.run(scenario())

"""The control API, version 1: what a `Host` does, over HTTP and JSON.

`REQUESTS` is the one table of it, read by the daemon's application and by its client, so that the
two cannot drift apart. A request is `POST /v1/<name>` with `[argument]` or `[]`, an answer is
`{"result": ...}` or `{"error": <class of errors.py>, "fields": {...}}`; `GET /v1/events?since=N` is
the event stream (server-sent events), `GET /v1/before` what was before it, `GET /v1/status` says
who answers.

On a Unix socket the daemon's own user and root may ask: the file's mode keeps others out, and so
does what the kernel says of who has connected. Over TCP (127.0.0.1, or the one address that the
user named) nothing can be asked for, only looked at: status, what was before, cards, screens and
events, for which a token is needed; the Host header must name that
port (a page elsewhere may not reach it under a name of its own), and a request from a page of
another origin is refused. The token goes in a header, never in a cookie (those are sent to every
port) or in an address (those are kept). The files of the live page are given without it: they hold
nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import structs
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from deployer import errors
from deployer.events import HostTroubled, to_dict, to_json
from deployer.host.forms import REQUESTS, VERSION, RequestForm, error_to_plain, from_plain, to_plain
from deployer.host.requests import Host, PageWords

MAX_BODY = 1 << 20
_NEWEST = (1 << 63) - 1
"""No event has a greater number."""

_BODY_WITHIN = 15.0
"""Seconds that the body of a request has to arrive."""

SHOWN = 50
"""Deployments that the page begins with; all that are open come besides."""

HEARTBEAT = 10.0
"""Seconds after which a silent stream says that it is still there."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask over TCP: the token, and the host names by which the port may be called."""

    token: str
    hosts: frozenset[str]


Answering = Callable[[HttpRequest], Awaitable[Response]]


class Connected(Protocol):
    """The connection of a request; its server puts it into the request's state."""

    @property
    def asker(self) -> int | None:
        """The user at the other end, as the kernel says; None where it does not."""

    def trust(self) -> None:
        """The other end has shown that it may ask."""


def application(
    host: Host,
    about: Mapping[str, Any],
    access: Access | None,
    pages: Path | None = None,
    trouble: Callable[[], errors.DeployerError | None] = lambda: None,
    *,
    words: PageWords | None = None,
) -> Starlette:
    """The daemon's side. `about` is what `GET /v1/status` adds; `access` None: a Unix socket.

    `trouble` is what keeps it from going on just now, which `GET /v1/status` says, too. With
    `words` events come with a sentence, and there is `GET /v1/card/ID`. `GET /v1/screen/AGENT` is
    the picture of its screen that an agent has sent last, a PNG.

    `pages` is the directory of the live page's files, None for no page. Event streams end when its
    `state.leaving` is set, so that the server need not break them off.
    """
    leaving = asyncio.Event()

    def to_whom_may(answer: Answering) -> Answering:
        async def answered(request: HttpRequest) -> Response:
            return refused(request, access) or await answer(request)

        return answered

    async def ask(request: HttpRequest) -> Response:
        if access is not None:
            return PlainTextResponse("This token only reads; ask on the Unix socket.\n", 403)
        asker = _connection(request).asker
        if not _may_ask(asker):
            error = errors.DaemonNotYours(owner=os.geteuid(), asker=asker)
            return JSONResponse(error_to_plain(error), 403)
        kind = REQUESTS.get(request.path_params["name"])
        if kind is None:
            return JSONResponse({"error": "WrongUse", "fields": _UNKNOWN}, 404)
        try:
            async with asyncio.timeout(_BODY_WITHIN):
                arguments = await _arguments(request, kind)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except TimeoutError:
            return Response(status_code=408)
        except ValueError as error:
            fields = {"what": f"Not a request: {error}.", "remedy": "Use the same version there."}
            return JSONResponse({"error": "WrongUse", "fields": fields}, 400)
        work = getattr(host, request.path_params["name"])(*arguments)
        return await _result(work, leaving if kind.waits else None)

    async def status(_request: HttpRequest) -> Response:
        if leaving.is_set():
            return Response(status_code=503)
        told: dict[str, Any] = {"version": VERSION, "name": host.name, **about}
        if (error := trouble()) is not None:
            told["trouble"] = [error.what, error.remedy]
        return JSONResponse(told)

    async def events(request: HttpRequest) -> Response:
        since = request.headers.get("last-event-id") or request.query_params.get("since", "")
        stream = host.subscribe(min(int(since), _NEWEST) if since.isdecimal() else None)
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(
            _server_sent(stream, leaving, words), media_type="text/event-stream", headers=headers
        )

    async def before(_request: HttpRequest) -> Response:
        return await _before(host)

    async def card(request: HttpRequest) -> Response:
        row = await host.row(request.path_params["deployment"])
        lines = words.card(row) if words is not None and row is not None else ()
        return JSONResponse({"lines": lines})

    async def screen(request: HttpRequest) -> Response:
        picture = await host.last_screen(request.path_params["agent"])
        return Response(picture, media_type="image/png", status_code=200 if picture else 204)

    async def page(request: HttpRequest) -> Response:
        if (refusal := _strange(request, access)) is not None:
            return refusal
        name = request.path_params.get("file", "index.html")
        kind = _PAGE_FILES.get(name)
        if kind is None or pages is None:
            return PlainTextResponse("There is no such page.\n", 404)
        return Response((pages / name).read_bytes(), media_type=kind, headers=_PAGE_HEADERS)

    served = Starlette(
        routes=[
            Route("/", page, methods=["GET"]),
            Route("/{file}", page, methods=["GET"]),
            Route("/v1/status", to_whom_may(status), methods=["GET"]),
            Route("/v1/events", to_whom_may(events), methods=["GET"]),
            Route("/v1/before", to_whom_may(before), methods=["GET"]),
            Route("/v1/card/{deployment}", to_whom_may(card), methods=["GET"]),
            Route("/v1/screen/{agent}", to_whom_may(screen), methods=["GET"]),
            Route("/v1/{name}", to_whom_may(ask), methods=["POST"]),
        ]
    )
    served.state.leaving = leaving
    return served


_PAGE_FILES = {
    "index.html": "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "fold.js": "text/javascript",
    "partmap.js": "text/javascript",
}
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""The page may speak to its own address only, and be shown inside no other."""

_UNKNOWN = {
    "what": "The daemon does not know this request.",
    "remedy": "Restart it after an update, so that both are of one version.",
}


async def _before(host: Host) -> Response:
    """What was before, as a page reads it: each row by the names of its fields."""
    try:
        found, agents = await host.before(SHOWN), await host.agents()
    except errors.DeployerError as error:
        return JSONResponse(error_to_plain(error), 409)
    rows = [
        {**structs.asdict(row), "parts": [structs.asdict(part) for part in row.parts.values()]}
        for row in found.rows
    ]
    wire = to_dict(found.wire) if found.wire is not None else None
    told = {
        "rows": rows, "seq": found.seq, "count": found.count, "wire": wire,
        "agents": msgspec.to_builtins(agents),
    }  # fmt: skip
    return Response(msgspec.json.encode(told), media_type="application/json")


def refused(request: HttpRequest, access: Access | None) -> Response | None:
    """Why a request may not be answered; None when it may."""
    if access is None:
        return None
    if (refusal := _strange(request, access)) is not None:
        return refusal
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), access.token.encode()):
        return PlainTextResponse("The token is missing or wrong.\n", 401)
    _connection(request).trust()
    return None


def _connection(request: HttpRequest) -> Connected:
    connection: Connected = request.scope["state"]["connection"]
    return connection


def _may_ask(asker: int | None) -> bool:
    """Whether that user may ask this process to read files and to change what it serves.

    The socket's mode says the same; but a mode can be changed by mistake.
    """
    return asker is None or asker in (0, os.geteuid())


def _strange(request: HttpRequest, access: Access | None) -> Response | None:
    """The refusal of a request by another name, or from a page of another origin."""
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if access is None or (host in access.hosts and origin in (None, f"http://{host}")):
        return None
    return PlainTextResponse("Not from here.\n", 403)


async def _arguments(request: HttpRequest, kind: RequestForm) -> list[Any]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise ValueError("too long")
    try:
        given = msgspec.json.decode(body or b"[]", type=list[Any])
    except (msgspec.MsgspecError, RecursionError) as error:  # the second: nested too deep
        raise ValueError(str(error)) from error
    if len(given) != len(kind.takes):
        raise ValueError("another number of arguments")
    return [from_plain(*each) for each in zip(given, kind.takes, strict=True)]


async def _server_sent(
    stream: AsyncIterator[tuple[int, Any]], leaving: asyncio.Event, words: PageWords | None = None
) -> AsyncIterator[str]:
    """The event stream as text; a tick has no number, so a reader who reconnects goes on right.

    With `words` an event that has a sentence has a line `said` beside its data.
    """
    upcoming: asyncio.Task[tuple[int, Any]] | None = None
    end = asyncio.ensure_future(leaving.wait())
    yield ": deployer\n\n"
    try:
        while not end.done():
            upcoming = upcoming or asyncio.ensure_future(_next(stream))
            done, _ = await asyncio.wait(
                [upcoming, end], timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                yield ": still here\n\n"
                continue
            if upcoming not in done:
                return
            ended, upcoming = upcoming, None
            try:
                seq, event = ended.result()
            except errors.DeployerError as error:  # what was before cannot be read
                trouble = HostTroubled(time.time(), "", error.what, error.remedy)
                yield f"data: {to_json(trouble)}\n\n"
                return
            number = f"id: {seq}\n" if seq else ""
            said = words.sentence(event) if words is not None else ""
            spoken = f"said: {said}\n" if said else ""
            yield f"{number}{spoken}data: {to_json(event)}\n\n"
    finally:
        end.cancel()
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


async def _result(work: Coroutine[Any, Any, Any], leaving: asyncio.Event | None) -> Response:
    """The answer that work gives; 503 when `leaving` is set before."""
    try:
        result = await work if leaving is None else await _unless(leaving, work)
    except errors.DeployerError as error:
        return JSONResponse(error_to_plain(error), 409)
    except asyncio.CancelledError:
        if leaving is None or not leaving.is_set():
            raise
        return Response(status_code=503)
    except Exception as error:  # the asker learns it, and the daemon goes on
        traceback.print_exc()
        return JSONResponse(
            error_to_plain(errors.InternalError(kind=type(error).__name__, why=error)), 500
        )
    return JSONResponse({"result": to_plain(result)})


async def _unless(leaving: asyncio.Event, work: Coroutine[Any, Any, Any]) -> Any:
    """What work gives. Raises CancelledError as soon as the daemon ends."""
    task, end = asyncio.ensure_future(work), asyncio.ensure_future(leaving.wait())
    try:
        await asyncio.wait([task, end], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
        return await task
    finally:
        end.cancel()
        task.cancel()


async def _next(stream: AsyncIterator[tuple[int, Any]]) -> tuple[int, Any]:
    return await anext(stream)

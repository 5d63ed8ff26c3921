"""A `Host` that lives in a daemon: the same requests, over its control API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from deployer.core.view import Row
from deployer.errors import DaemonGone, DeployerError, NotTakenOver, WrongUse
from deployer.events import DeploymentStaged, Event, StateChanged, read
from deployer.host import forms
from deployer.host.requests import (
    AgentRequest,
    AgentRow,
    Before,
    Check,
    Heard,
    Order,
    Patience,
    Recognised,
    Request,
    Say,
)
from deployer.model import is_simulated

BACK_WITHIN = 60.0
"""Seconds that a daemon which is being started again has, for those who watch a deployment."""
_ASK_EVERY = 0.5
_STILL_THERE, _ANSWERS_WITHIN = 5.0, 20.0
"""Seconds between two questions to a daemon on another computer, and what an answer may take."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class OtherComputer:
    """A daemon on another computer, reached through a socket on this one.

    `name` is that computer's. `carry` brings a file there, in a thread, and gives its path there.
    `holders` are the places that ask (see `host/devices/held`).
    """

    name: str
    carry: Callable[[Path], Path]
    holders: tuple[str, ...] = ()


def _absolute(request: Request, carry: Callable[[Path], Path]) -> Request:
    """The same files, by the same names, for a daemon that stands in another directory."""
    recipe, profile = (
        str(carry(Path(name).absolute())) if name.endswith(".toml") else name
        for name in (request.recipe, request.profile)
    )
    files = tuple(carry(file.absolute()) for file in request.files)
    return replace(request, files=files, recipe=recipe, profile=profile)


def _here(path: Path) -> Path:
    return path


class DaemonClient:
    """Use it as an async context manager. Every request raises DaemonGone when nobody answers.

    A daemon `elsewhere` is asked again and again whether it is there: a line that is cut between
    two computers says nothing by itself.
    """

    def __init__(self, socket: Path, elsewhere: OtherComputer | None = None) -> None:
        self._elsewhere = elsewhere
        self._socket = socket
        self._called: Path | str = socket if elsewhere is None else elsewhere.name
        self._carry = elsewhere.carry if elsewhere is not None else _here
        self._holders = elsewhere.holders if elsewhere is not None else ()
        self._gone: asyncio.Future[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket)),
            base_url="http://deployer",
            timeout=httpx.Timeout(30, read=None),
        )

    async def __aenter__(self) -> Self:
        if self._elsewhere is not None:
            self._gone = asyncio.get_running_loop().create_future()
            self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
        await self._http.aclose()

    async def _watch(self) -> None:
        """Notice that the other computer does not answer any more."""
        with contextlib.suppress(DaemonGone, TimeoutError):
            while True:
                async with asyncio.timeout(_ANSWERS_WITHIN):
                    await self.status()
                await asyncio.sleep(_STILL_THERE)
        assert self._gone is not None
        self._gone.set_result(None)

    async def _unless_gone(self, work: Awaitable[Result]) -> Result:
        """What work gives. Raises DaemonGone when the other computer is gone before."""
        if self._gone is None:
            return await work
        task = asyncio.ensure_future(work)
        both: set[asyncio.Future[Any]] = {task, self._gone}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise DaemonGone(socket=self._called)
            return task.result()
        finally:
            task.cancel()

    @property
    def name(self) -> str:
        """Where this host runs, in words."""
        return "the daemon goes on without this window"

    @property
    def ends_with_face(self) -> bool:
        """Never: the daemon goes on."""
        return False

    async def status(self) -> dict[str, Any]:
        """Who answers, and where it listens."""
        try:
            answer = await self._http.get("/v1/status")
        except httpx.HTTPError as error:
            raise DaemonGone(socket=self._called) from error
        if answer.status_code != 200:  # it is about to end
            raise DaemonGone(socket=self._called)
        found: dict[str, Any] = answer.json()
        return found

    async def subscribe(self, since: int | None = None) -> AsyncGenerator[tuple[int, Event], None]:
        """See `Host.subscribe`. Raises DaemonGone when the stream ends."""
        query = {} if since is None else {"since": str(since)}
        try:
            async with self._http.stream("GET", "/v1/events", params=query) as answer:
                seq = 0
                lines = answer.aiter_lines()
                while (line := await self._unless_gone(anext(lines, None))) is not None:
                    field, _, value = line.partition(": ")
                    if field == "id":
                        seq = int(value)
                    elif field == "data":
                        yield seq, read(value)
                        seq = 0
        except httpx.HTTPError as error:
            raise DaemonGone(socket=self._called) from error
        raise DaemonGone(socket=self._called)

    async def follow(
        self,
        deployment: str,
        since: int,
        say: Say,
        *,
        patience: float = BACK_WITHIN,
    ) -> AsyncGenerator[tuple[int, Event], None]:
        """See `Host.follow`; also past a restart of the daemon.

        Raises DaemonGone when it is not back within `patience` seconds, NotTakenOver when it is,
        but without this deployment.
        """
        seen, daemon = since, (await self.status()).get("pid")
        told, newest = True, since  # what a new daemon must have told of it, up to which number
        while True:
            try:
                async with contextlib.aclosing(self.subscribe(seen)) as stream:
                    async for seq, event in stream:
                        seen = max(seq, seen)
                        told = told or (event.deployment == deployment and _stands(event))
                        if event.deployment in ("", deployment):
                            yield seq, event
                        if seen >= newest and not told:
                            raise NotTakenOver(deployment=deployment)
            except DaemonGone:
                say(f"The daemon does not answer; waiting up to {patience:.0f} s for its return.")
                now, newest = await self._returned(patience)
                say("The daemon is back.")
                await asyncio.sleep(_ASK_EVERY)  # one that can tell nothing would be asked for ever
                told, daemon = now == daemon, now
                if newest <= seen and not told:
                    raise NotTakenOver(deployment=deployment) from None

    async def _returned(self, patience: float) -> tuple[object, int]:
        """Who answers when somebody does, and the number of its newest event then."""
        try:
            async with asyncio.timeout(patience):
                while True:
                    with contextlib.suppress(DaemonGone, ValueError):
                        return (await self.status()).get("pid"), await self.last_seq()
                    await asyncio.sleep(_ASK_EVERY)
        except TimeoutError:
            raise DaemonGone(socket=self._called) from None

    async def before(self, most: int) -> Before:
        """See `Host.before`."""
        found: Before = await self._ask("before", most)
        return found

    async def row(self, deployment: str) -> Row | None:
        """See `Host.row`."""
        found: Row | None = await self._ask("row", deployment)
        return found

    async def rows(self, target: str, most: int) -> tuple[Row, ...]:
        """See `Host.rows`."""
        found: tuple[Row, ...] = await self._ask("rows", target, most)
        return found

    async def last_seq(self) -> int:
        """See `Host.last_seq`."""
        return int(await self._ask("last_seq"))

    async def begun(self, deployment: str) -> int:
        """See `Host.begun`."""
        return int(await self._ask("begun", deployment))

    async def recognise(self, request: Request) -> Recognised:
        """See `Host.recognise`."""
        carried = await asyncio.to_thread(_absolute, request, self._carry)
        found: Recognised = await self._ask("recognise", carried)
        if not found.model:
            return found
        from deployer.host import recognise  # noqa: PLC0415 - most pushes have no model

        with contextlib.suppress(DeployerError):
            here = await asyncio.to_thread(recognise.recognise, request)
            return replace(found, load=replace(found.load, expect=here.load.expect))
        return found

    async def push(self, order: Order) -> str:
        """See `Host.push`. An order that names no host is for the address that the daemon has."""
        named = order.host if self._elsewhere is None or is_simulated(order.target) else ""
        host = named or str((await self.status())["address"])
        request = await asyncio.to_thread(_absolute, order.request, self._carry)
        order = replace(order, request=request, host=host, holders=order.holders or self._holders)
        return str(await self._ask("push", order))

    async def retry(self, deployment: str, patience: Patience | None = None) -> str:
        """See `Host.retry`."""
        return str(await self._ask("retry", deployment, patience))

    async def sources(self, deployment: str) -> tuple[str, ...]:
        """See `Host.sources`."""
        found: tuple[str, ...] = await self._ask("sources", deployment)
        return found

    async def recheck(self, deployment: str) -> tuple[Check, ...]:
        """See `Host.recheck`."""
        found: tuple[Check, ...] = await self._ask("recheck", deployment)
        return found

    async def cancel(self, deployment: str) -> None:
        """See `Host.cancel`."""
        await self._ask("cancel", deployment)

    async def agents(self) -> tuple[AgentRow, ...]:
        """See `Host.agents`."""
        found: tuple[AgentRow, ...] = await self._ask("agents")
        return found

    async def last_screen(self, agent: str) -> bytes:
        """See `Host.last_screen`."""
        found: bytes = await self._ask("last_screen", agent)
        return found

    async def find_agent(self, target: str) -> AgentRow:
        """See `Host.find_agent`."""
        found: AgentRow = await self._ask("find_agent", target)
        return found

    async def drop_agents(self, target: str) -> tuple[AgentRow, ...]:
        """See `Host.drop_agents`."""
        found: tuple[AgentRow, ...] = await self._ask("drop_agents", target)
        return found

    async def give(self, order: AgentRequest) -> str:
        """See `Host.give`."""
        if order.carried is not None:
            carried = await asyncio.to_thread(self._carry, order.carried.absolute())
            order = replace(order, carried=carried)
        order = replace(order, holders=order.holders or self._holders)
        return str(await self._ask("give", order))

    async def upgrade(self, agent: str, seconds: float) -> str:
        """See `Host.upgrade`."""
        return str(await self._ask("upgrade", agent, seconds))

    async def heard(
        self, order: str, offset: int, seen: str, *, patience: float = BACK_WITHIN
    ) -> Heard:
        """See `Host.heard`; also past a restart of the daemon, which asks the agent anew."""
        while True:
            try:
                found: Heard = await self._ask("heard", order, offset, seen)
            except DaemonGone:
                if self._elsewhere is not None:
                    raise
                await self._returned(patience)
            else:
                return found

    async def withdraw(self, order: str) -> None:
        """See `Host.withdraw`."""
        await self._ask("withdraw", order)

    async def pause(self, deployment: str) -> None:
        """See `Host.pause`."""
        await self._ask("pause", deployment)

    async def resume(self, deployment: str) -> None:
        """See `Host.resume`."""
        await self._ask("resume", deployment)

    async def _ask(self, name: str, *arguments: object) -> Any:
        body = [forms.to_plain(argument) for argument in arguments]
        try:
            answer = await self._unless_gone(self._http.post(f"/v1/{name}", json=body))
            plain = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise DaemonGone(socket=self._called) from error
        if "error" in plain:
            raise forms.error_from_plain(plain)
        kind = forms.REQUESTS[name].gives
        if kind is None:
            return None
        try:
            return forms.from_plain(plain["result"], kind)
        except ValueError as error:
            raise WrongUse(
                what=f"The daemon answers in another version's words: {error}.",
                remedy="Restart it after an update.",
            ) from error


def _stands(event: Event) -> bool:
    """Whether an event says how a deployment stands in a new daemon: offered again, or over."""
    return isinstance(event, DeploymentStaged) or (
        isinstance(event, StateChanged) and event.state.final
    )

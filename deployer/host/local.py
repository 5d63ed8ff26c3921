"""A `Host` in this process: it answers what faces ask with a `Service` of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import getpass
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from deployer.core.agents.picture import png_of_bmp
from deployer.core.target import gobat
from deployer.core.view import Row
from deployer.core.wire.addresses import parse_target
from deployer.edge import rehearsal
from deployer.errors import (
    DeployerError,
    DeploymentEnded,
    DeploymentUnknown,
    SerialPortForbidden,
    SerialPortNotDaemons,
    TargetBusy,
    WrongUse,
)
from deployer.events import DeploymentStaged, Event
from deployer.host import carry, past, staging
from deployer.host.agents import asking, kept
from deployer.host.agents.kept import KeptPCs
from deployer.host.devices import held
from deployer.host.offers.offer import Offer, content
from deployer.host.recognise import recognise, refuse_strange
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
    TypedLines,
)
from deployer.host.service import Service
from deployer.model import (
    ANY,
    DEFAULT_HOST_ADDRESS,
    SIM_NAME,
    LineSettings,
    Payload,
    State,
    is_simulated,
)

_LEAVE = 60.0
"""Seconds that an ended deployment has to say so to its old PC, before its target is free."""
_LOOK = 0.02
_SWITCH_OFF = {True: 30.0, False: 5.0}
"""Seconds that a simulated PC has to come back to its prompt after it was proved, or was not."""

Rehearse = Callable[[Service, str, Sequence[str]], Awaitable[int]]


async def as_usual(service: Service, deployment: str, lines: Sequence[str]) -> int:
    """Nothing goes wrong with it; it is not switched off when an agent has come to stay."""
    found = service.staged(deployment)
    live = found is not None and kept.stays(found[0])
    return await service.rehearse(deployment, lines, live=live)


@dataclass(slots=True)
class InProcess:
    """A host in this process. Use it as an async context manager around the service's.

    `typed_lines` are what a user types for a host and a directory; `rehearse` runs a simulated PC.
    A `lasting` host is a daemon's: what has not ended when it stops is taken over by the next.
    """

    service: Service
    typed_lines: TypedLines
    patience: Patience = field(default_factory=Patience)
    rehearse: Rehearse = as_usual
    lasting: bool = False
    once: staging.Once = field(default_factory=staging.Once)
    pcs: KeptPCs = field(init=False)
    _open: dict[str, Offer] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pcs = KeptPCs(self.service)

    @property
    def name(self) -> str:
        """Where this host runs, in words."""
        return "the daemon" if self.lasting else "served by this window"

    @property
    def ends_with_face(self) -> bool:
        """See `Host.ends_with_face`."""
        return not self.lasting

    @property
    def busy(self) -> bool:
        """Whether anything is open."""
        return bool(self._open)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """What has ended says so to its old PC; what has not is cancelled, for nobody serves it.

        A daemon's is left as it is. Simulated PCs are switched off.
        """
        if not self.lasting:
            with contextlib.suppress(asyncio.CancelledError):
                await self._goodbyes()
            with contextlib.suppress(DeployerError):  # it cannot be written down
                for deployment in list(self._open):
                    self.service.cancel(deployment, "the window that served it was closed")
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pcs.close()

    async def _goodbyes(self) -> None:
        """Wait while what has ended says goodbye, as long as nothing else is open."""
        while self._tasks and self._open and all(map(self.service.has_ended, self._open)):
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def take_over(self) -> tuple[str, ...]:
        """Offer again what an earlier daemon left open; a line for people about each."""
        lines = []
        for deployment in self.service.left_open():
            try:
                found = self.service.staged(deployment)
                if found is not None:  # it may be another process' business
                    target = self._became(found[1])
                    self.service.take_up(found[0], target, found[1].directory)
                payload = found[0].payload if found else Payload(())
                changed = await asyncio.to_thread(staging.changed, payload)
                if found is None or changed:
                    self.service.abandon(deployment, changed or "its manifest")
                    lines.append(f"{deployment} cannot go on: its files are gone or have changed")
                    continue
                await self._retry(deployment)
                lines.append(f"{deployment} goes on")
            except DeployerError as error:
                lines.append(f"{deployment} cannot go on: {error.what}")
        return tuple(lines)

    def subscribe(self, since: int | None = None) -> AsyncIterator[tuple[int, Event]]:
        """See `Host.subscribe`."""
        return self.service.subscribe(since)

    async def before(self, most: int) -> Before:
        """See `Host.before`."""
        return self.service.before(most)

    async def row(self, deployment: str) -> Row | None:
        """See `Host.row`."""
        return self.service.row(deployment)

    async def rows(self, target: str, most: int) -> tuple[Row, ...]:
        """See `Host.rows`."""
        return self.service.rows(target, most)

    async def follow(
        self,
        deployment: str,
        since: int,
        say: Say,  # noqa: ARG002 - nobody has to wait for this process
    ) -> AsyncGenerator[tuple[int, Event], None]:
        """See `Host.follow`."""
        async for seq, event in self.service.subscribe(since):
            if event.deployment in ("", deployment):
                yield seq, event

    async def last_seq(self) -> int:
        """See `Host.last_seq`."""
        return self.service.last_seq()

    async def begun(self, deployment: str) -> int:
        """See `Host.begun`."""
        return self.service.begun(deployment)

    async def recognise(self, request: Request) -> Recognised:
        """See `Host.recognise`."""
        return await asyncio.to_thread(recognise, request)

    async def push(self, order: Order) -> str:
        """See `Host.push`."""
        if carry.is_serial(order.target):
            order = replace(order, host=DEFAULT_HOST_ADDRESS)  # nobody calls it; ids stay the same
        order = order if order.host else replace(order, host=self.service.host_for(order.target))
        order = self._in_its_letters(order)
        _refuse_strange(order)
        held.refuse(self.service.state_dir, order.holders, order.target)
        await self._until_left(order.target)
        under_way = self._open_for(order.target)
        beside = self.service.agent_files(order.target, order.host) if order.stay else ()
        manifest = await asyncio.to_thread(
            staging.stage, order.request, host=order.host, once=self.once, beside=beside
        )
        line = order.line if carry.is_serial(order.target) else None
        offer = Offer(manifest, order.target, order.directory, line)
        if under_way is not None and _same(offer, under_way):
            return under_way.deployment
        self._refuse_busy(order.target)
        taken = self.service.take_up(manifest, order.target, order.directory)
        offer = replace(offer, manifest=taken)
        return await self._offer(offer, order.patience)

    def _in_its_letters(self, order: Order) -> Order:
        """With the code page that the PC has named, where files come from there or are deleted.

        Raises WrongUse for a directory that no PC of that page can have.
        """
        request = order.request
        if request.codepage is None and (request.gather is not None or request.clean):
            pages = self.service.pages(order.target)
            request = replace(request, codepage=pages.ansi if pages else None)
        page = staging.profile_of(request).codepage
        return replace(
            order, request=request, directory=gobat.parse_directory(order.directory, page)
        )

    async def retry(self, deployment: str, patience: Patience | None = None) -> str:
        """See `Host.retry`. With unchanged files the id stays, so `GO` alone is enough there."""
        if (found := self.service.staged(deployment)) is not None:
            held.refuse(self.service.state_dir, (), self._became(found[1]))
        return await self._retry(deployment, patience)

    async def _retry(self, deployment: str, patience: Patience | None = None) -> str:
        """The same, whoever has acquired the target: it goes on with what it was about."""
        found = self.service.staged(deployment)
        if found is None:
            raise DeploymentUnknown(deployment=deployment)
        manifest, before = found
        target = self._became(before)
        if is_simulated(target):
            rehearsal.check_installed()
        await self._until_left(target)
        offer = Offer(manifest, target, before.directory, before.line)
        if deployment in self._open:
            return deployment
        self._refuse_busy(target)
        # take_up reserves the target for this process
        self.service.take_up(manifest, target, before.directory)
        try:
            if not await asyncio.to_thread(staging.unchanged, manifest):
                again = await asyncio.to_thread(staging.again, manifest)
                offer = replace(offer, manifest=again)
        except DeployerError:
            self.service.release(offer)
            raise
        return await self._offer(offer, patience)

    async def sources(self, deployment: str) -> tuple[str, ...]:
        """See `Host.sources`."""
        found = self.service.staged(deployment)
        return tuple(file.source for file in found[0].payload.files) if found else ()

    async def recheck(self, deployment: str) -> tuple[Check, ...]:
        """See `Host.recheck`."""
        return await asyncio.to_thread(past.recheck, self.service.state_dir, deployment)

    async def cancel(self, deployment: str) -> None:
        """See `Host.cancel`. What another process delivers, or none any more, is ended too."""
        if deployment in self._open:
            self.service.cancel(deployment)
        else:
            with contextlib.suppress(DeploymentEnded):
                await asyncio.to_thread(past.cancel, self.service.state_dir, deployment)

    async def agents(self) -> tuple[AgentRow, ...]:
        """See `Host.agents`."""
        return self.service.agents.rows()

    async def last_screen(self, agent: str) -> bytes:
        """See `Host.last_screen`."""
        picture = self.service.agents.last_screen(agent)
        with contextlib.suppress(ValueError):
            return await asyncio.to_thread(png_of_bmp, picture)
        return b""

    async def find_agent(self, target: str) -> AgentRow:
        """See `Host.find_agent`."""
        row = self.service.agents.find(target)
        await self.service.open_for_agents(simulated=is_simulated(row.target))
        if is_simulated(row.target):
            rehearsal.check_installed()
            self.pcs.switch_on(row.target)
        return row

    async def drop_agents(self, target: str) -> tuple[AgentRow, ...]:
        """See `Host.drop_agents`."""
        return self.service.agents.drop(target)

    async def give(self, order: AgentRequest) -> str:
        """See `Host.give`."""
        row = self.service.agents.find(order.agent)
        held.refuse(self.service.state_dir, order.holders, row.target, row.address)
        verb = asking.verb_of(order, self.service.brought(order.agent))
        carried = await asyncio.to_thread(asking.carried, order.carried)
        return self.service.agents.give(order.agent, verb, order.seconds, carried=carried)

    async def upgrade(self, agent: str, seconds: float) -> str:
        """See `Host.upgrade`."""
        row = self.service.agents.find(agent)
        held.refuse(self.service.state_dir, (), row.target, row.address)
        verb, image = await asyncio.to_thread(asking.newest_agent)
        return self.service.agents.give(agent, verb, seconds, carried=image)

    async def heard(self, order: str, offset: int, seen: str) -> Heard:
        """See `Host.heard`."""
        return await self.service.agents.heard(order, offset, seen)

    async def withdraw(self, order: str) -> None:
        """See `Host.withdraw`."""
        self.service.agents.withdraw(order)

    async def pause(self, deployment: str) -> None:
        """See `Host.pause`. Over a serial line nothing can wait: its receiver would give up."""
        offer = self._open.get(deployment)
        if offer is None:
            raise WrongUse(
                what=f"{deployment} is not delivered from here, so it cannot be paused here.",
                remedy="It can be cancelled, and retried from here.",
            )
        if carry.is_serial(offer.target):
            raise WrongUse(
                what="What goes over a serial line cannot pause: the receiver there would give up.",
                remedy=f"End it with: deployer cancel {deployment} - and go on later with: "
                f"deployer retry {deployment}",
            )
        self.service.pause(deployment, paused=True)

    async def resume(self, deployment: str) -> None:
        """See `Host.resume`."""
        self.service.pause(deployment, paused=False)

    async def _until_left(self, target: str) -> None:
        """Wait, but not long, while what has ended there is still saying so to the old PC."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE):
                while (offer := self._open_for(target)) and self.service.has_ended(
                    offer.deployment
                ):
                    await asyncio.sleep(_LOOK)

    def _open_for(self, target: str) -> Offer | None:
        """What is open for a target, or for whoever comes and has become that one."""
        for deployment, offer in self._open.items():
            if offer.target == target or self.service.target_of(deployment) == target:
                return offer
        return None

    def _became(self, staged: DeploymentStaged) -> str:
        """The target of a deployment; of one for whoever came, the machine that had it."""
        row = self.service.row(staged.deployment)
        return row.target if row is not None and staged.target == ANY else staged.target

    def _refuse_busy(self, target: str) -> None:
        if (busy := self._open_for(target)) is not None:
            raise TargetBusy(target=target, deployment=busy.deployment)

    async def _offer(self, offer: Offer, patience: Patience | None) -> str:
        """Offer a staged payload, and look after it until it has ended."""
        deployment = offer.deployment
        patience = patience or self.patience
        self._open[deployment] = offer
        try:
            work = await self._begin(offer, patience)
        except BaseException as error:
            self._open.pop(deployment, None)
            self.service.release(offer)
            if isinstance(error, DeployerError):
                self.service.fail(deployment, f"it could not be offered: {error.what}", error)
            else:
                self.service.cancel(deployment)
            raise

        async def look_after() -> None:
            try:
                with contextlib.suppress(DeployerError):  # whoever follows it is told
                    await work()
            finally:
                self._open.pop(deployment, None)
                self.service.release(offer)
                self.service.let_go(deployment)

        task = asyncio.get_running_loop().create_task(look_after())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return deployment

    async def _begin(self, offer: Offer, patience: Patience) -> Callable[[], Awaitable[None]]:
        """Offer it over the network or the line; what then looks after it until its end."""
        if not carry.is_serial(offer.target):
            await self.service.deploy(offer)
            return functools.partial(self._look_after, offer, patience)
        settings = offer.line or LineSettings()
        try:
            line = await carry.open_line(offer.target, settings)
        except SerialPortForbidden as error:
            if not self.lasting:
                raise
            port = carry.port_of(offer.target)
            raise SerialPortNotDaemons(port=port, user=getpass.getuser()) from error
        try:
            pull = await carry.start(self.service, offer, line)
        except BaseException:
            line.close()
            raise
        return functools.partial(carry.carry, self.service, offer, patience, line, pull)

    async def _look_after(self, offer: Offer, patience: Patience) -> None:
        if not offer.simulated:
            await self._until_ended(offer, patience)
        elif self.pcs.has_agent(offer.target) and self.rehearse is as_usual:
            self.pcs.switch_on(offer.target)
            await self._until_ended(offer, patience)
        else:
            async with self.pcs.visit(offer.target):
                await self._visit(offer, patience)

    async def _until_ended(self, offer: Offer, patience: Patience) -> State:
        """How it ended; whoever fetched it has logged out then."""
        ended = await self.service.finished(
            offer.deployment, silence=patience.silence, while_running=patience.while_running
        )
        if ended.state != State.CANCELLED:
            await self.service.until_logged_out(offer.deployment)
        return ended.state

    async def _visit(self, offer: Offer, patience: Patience) -> None:
        """Type at the simulated PC, and switch it off at the end unless an agent stays there."""
        lines = self.typed_lines(offer.manifest.host)
        pc = asyncio.ensure_future(self.rehearse(self.service, offer.deployment, lines))
        stays = False
        try:
            state = await self._until_ended(offer, patience)
            if state == State.PROVED and kept.stays(offer.manifest):
                stays = await self.pcs.take(offer.target, pc)
            if not stays and state != State.CANCELLED:
                await asyncio.wait([pc], timeout=_SWITCH_OFF[state == State.PROVED])
        finally:
            if not stays:
                pc.cancel()
                await asyncio.gather(pc, return_exceptions=True)


def _refuse_strange(order: Order) -> None:
    """Raises WrongUse for what no face of ours would ask: an order may come over a socket.

    An agent calls over a network, so none goes over a serial line.

    Raises SimulatorMissing for a simulated PC that cannot run here.
    """
    refuse_strange(order.request)
    if carry.is_serial(order.target):
        if order.stay:
            raise WrongUse(
                what="An agent calls over a network, and this PC is reached over a serial line.",
                remedy="Leave --stay out.",
            )
        carry.check(order.target, order.line)
        return
    if order.stay:
        gobat.refuse_agent(order.directory)
    called: tuple[str, ...] = (order.host, order.target)
    if is_simulated(order.target):
        if not re.fullmatch(SIM_NAME, order.target):
            raise WrongUse(
                what=f"{order.target}: not a name for a simulated PC.",
                remedy="Use letters, digits and hyphens, up to 31, such as sim:pc01.",
            )
        rehearsal.check_installed()
        called = (order.host,)
    elif order.target == ANY:
        called = (order.host,)
    for address in called:
        parse_target(address)


def _same(one: Offer, other: Offer) -> bool:
    """Whether two offers bring the same to the same place."""
    return (content(one.manifest), one.directory) == (content(other.manifest), other.directory)

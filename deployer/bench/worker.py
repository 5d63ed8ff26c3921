"""One target's work: switched on, identified, offered its payloads one after the other, retried."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, assert_never

from deployer.bench import known, power, steps
from deployer.bench.follow import Followed, Follower, OnEvent
from deployer.bench.inventory import Bench, BenchPayload, BenchStep, BenchTarget
from deployer.bench.journal import Keeper
from deployer.bench.results import Delivery, Outcome, TargetResult
from deployer.bench.slots import Slots
from deployer.bench.steps import AgentStep, Came
from deployer.core.deployment import Deployment
from deployer.core.target.proof import Failure, failure
from deployer.core.view import Row
from deployer.core.wire import presence
from deployer.errors import (
    EXIT_HOST,
    EXIT_PROVED,
    EXIT_UNREACHABLE,
    EXIT_USE,
    EXIT_VERIFY,
    DeployerError,
    TargetBusy,
    WrongUse,
)
from deployer.host import staging, wire
from deployer.host.agents.errand import Errand
from deployer.host.endings import raise_for
from deployer.host.models import sending
from deployer.host.pull import compare
from deployer.host.requests import Host, Order
from deployer.model import DEFAULT_HOST_ADDRESS, Cause, Payload, State, is_simulated

Tell = Callable[[str, str], object]
"""Told a target's name and a line for people."""

_LONGEST_BACKOFF = 300.0
_LOOK_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How to provision. `force` sends also what is there; `resume` goes on with the last run."""

    force: bool = False
    resume: bool = False
    only: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    jobs: int | None = None


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who is told what: every event, lines for people, and what has become of each target.

    `doing` is told which step each target is about now.
    """

    on_event: OnEvent = lambda _event: None
    tell: Tell = lambda _target, _line: None
    ended: Callable[[TargetResult], object] = lambda _result: None
    doing: Tell = lambda _target, _line: None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What all targets of a run share."""

    host: Host
    bench: Bench
    options: Options
    watchers: Watchers
    follower: Follower
    slots: Slots
    keeper: Keeper
    state_dir: Path
    once: staging.Once = field(default_factory=staging.Once)


@dataclass
class _Trouble:
    """Why a target cannot go on."""

    reason: str
    code: int


class Stop(Exception):  # noqa: N818  it ends a target's work, it is no error of ours
    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.trouble = _Trouble(reason, code)


class Worker:
    """One target's work."""

    def __init__(self, run: RunContext, target: BenchTarget) -> None:
        self.run = run
        self.target = target
        self.mac = ""
        self.deliveries: list[Delivery] = []
        self.offered = ""
        self.done_before = False
        journal = run.keeper.journal
        self.before = journal.steps.get(target.name, ()) if run.options.resume else ()
        self.given = journal.given.get(target.name, "") if run.options.resume else ""
        self._begun = time.monotonic()
        self._limit = asyncio.timeout(target.deadline)

    async def work(self) -> TargetResult:
        """All payloads in order; the first that fails ends it. Never raises for the target."""
        try:
            async with self._limit:
                await self._prepare()
                for number, step in enumerate(self.target.work):
                    await self._step(number, step)
                await self._switch("off")
        except TimeoutError:
            return await self._late()
        except Stop as stop:
            return self.result(Outcome.FAILED, stop.trouble.reason, stop.trouble.code)
        came = {delivery.outcome for delivery in self.deliveries}
        best = (o for o in (Outcome.PROVED, Outcome.DONE) if o in came)
        return self.result(next(best, Outcome.THERE))

    def result(self, outcome: Outcome, reason: str = "", code: int = 0) -> TargetResult:
        """What has become of the target."""
        return TargetResult(
            name=self.target.name,
            address=self.target.address,
            groups=self.target.groups,
            outcome=outcome,
            reason=reason,
            code=code,
            seconds=time.monotonic() - self._begun,
            mac=self.mac,
            deliveries=tuple(self.deliveries),
        )

    async def _late(self) -> TargetResult:
        reason = f"not done within {self.target.deadline:g} s"
        standing = self.run.follower.standings.get(self.offered)
        if self.offered:
            self.run.slots.free(self.offered)
            with contextlib.suppress(DeployerError):
                await self.run.host.cancel(self.offered)
            reason += (
                f"; the last thing it did: {standing.stands.last if standing else 'nothing yet'}"
            )
        if self.given:
            with contextlib.suppress(DeployerError):
                await self.run.host.withdraw(self.given)
        if len(self.deliveries) < len(self.target.work):  # else it was being switched off
            step = self.target.work[len(self.deliveries)]
            self._note(step, _Trouble(reason, EXIT_UNREACHABLE), standing)
        return self.result(Outcome.FAILED, reason, EXIT_UNREACHABLE)

    async def _prepare(self) -> None:
        """Switch it on and say what a human has to do, unless nothing has to be sent."""
        await self._convert()
        if not await self._anything_to_send():
            return
        await self._switch("on")
        if self.target.say:
            self.run.watchers.tell(self.target.name, self.target.say)

    async def _convert(self) -> None:
        """Models of others become what the old PC runs."""
        found: list[BenchStep] = []
        for step in self.target.work:
            if isinstance(step, AgentStep):
                found.append(step)
                continue
            if step.wanted is not None and step.wanted.missing:
                raise Stop(step.wanted.missing, EXIT_USE)
            try:
                request, _sent = await asyncio.to_thread(
                    sending.ready, step.request, self.run.state_dir, self.target.address
                )
            except DeployerError as error:
                raise Stop(error.what, error.exit_code) from error
            found.append(replace(step, request=request))
        self.target = replace(self.target, payloads=(), steps=tuple(found))

    async def _anything_to_send(self) -> bool:
        for number, step in enumerate(self.target.work):
            if isinstance(step, AgentStep):
                if not self._was_done(number):
                    return True
            elif not await self._is_there(step):
                return True
        return False

    async def _step(self, number: int, step: BenchStep) -> None:
        """A payload, or what the agent has to do. Raises Stop when it does not come to a good end.

        What an interrupted run was done with is not done again; a payload is where its proof says.
        """
        only_once = isinstance(step, AgentStep) or step.always
        if only_once and self._was_done(number):
            self.deliveries.append(Delivery(step.name, Outcome.DONE, "before, in the same run"))
            return
        total = len(self.target.work)
        self.run.watchers.doing(self.target.name, f"step {number + 1} of {total}: {step.name}")
        if isinstance(step, AgentStep):
            await self._errand(step)
        else:
            await self._payload(step)
        name = self.target.name
        await self.run.keeper.keep(lambda journal: journal.with_step(name, _mark(step)))

    def _was_done(self, number: int) -> bool:
        """Whether the interrupted run that goes on was done with this step."""
        marks = tuple(_mark(step) for step in self.target.work[: number + 1])
        return self.before[: number + 1] == marks

    async def _errand(self, step: AgentStep) -> None:
        """Let the agent do it. What it was given is done once, however often the run begins."""
        begun, host = time.monotonic(), self.run.host
        target, watchers = self.target, self.run.watchers

        async def note(order: str) -> None:
            self.given = order
            await self.run.keeper.keep(lambda journal: journal.with_order(target.name, order))

        given, self.given = self.given, ""
        try:
            agent = await host.find_agent(await self._whom())
            asked = Errand(host, agent, self._left(), lambda line: watchers.tell(target.name, line))
            came = await steps.carry_out(asked, step, given, note)
        except DeployerError as error:
            if error.exit_code == EXIT_HOST:
                raise
            came = Came(f"{step.name}: {error.what}", error.exit_code)
        self.given = ""
        outcome = Outcome.FAILED if came.reason else Outcome.DONE
        self.deliveries.append(
            Delivery(
                step.name, outcome, came.reason, came.code, tries=1,
                seconds=time.monotonic() - begun, told=came.told, ended=came.exit,
            )
        )  # fmt: skip
        if came.reason:
            raise Stop(came.reason, came.code)

    async def _whom(self) -> str:
        """The agent that is asked: the target's, or the only one. Raises WrongUse for several."""
        if not self.target.anyone:
            return self.target.address
        rows = [r for r in await self.run.host.agents() if not is_simulated(r.target)]
        found = [row for row in rows if row.here] or rows
        if len(found) == 1:
            return found[0].agent
        raise WrongUse(
            what=f"any stands for one PC with an agent, and {len(found)} are known.",
            remedy="Write the PC's address or name, or push something to it first.",
        )

    def _left(self) -> float:
        """Seconds until the target's deadline."""
        return max(self._begun + self.target.deadline - time.monotonic(), 0.0)

    async def _is_there(self, payload: BenchPayload) -> Delivery | None:
        """What the last proof says, when it says that the payload is there."""
        try:
            manifest = await asyncio.to_thread(
                staging.stage, payload.request, host=self._host(), once=self.run.once
            )
        except DeployerError as error:
            raise Stop(error.what, error.exit_code) from error
        if (payload.always or self.run.options.force) and not self.done_before:
            return None
        if self.target.stay and not await self._has_agent():
            return None
        there = await self._there(manifest.payload)
        if there is None:
            return None
        return Delivery(
            payload.name,
            Outcome.THERE,
            deployment=there.deployment,
            length=there.total,
            output=there.output_path,
            proof=there.proof,
        )

    async def _has_agent(self) -> bool:
        """Whether this host knows an agent there."""
        rows = await self.run.host.agents()
        return any(self.target.address in (row.target, row.address) for row in rows)

    async def _there(self, payload: Payload) -> Row | None:
        if self.target.anyone:  # what another PC has proved says nothing of this one
            return None
        for most in known.PAGES:
            rows = await self.run.host.rows(self.target.address, most)
            found = known.look(rows, self.target.directory, payload)
            if found.decided or len(rows) < most:
                return found.there
        return None

    async def _payload(self, payload: BenchPayload) -> None:
        """One payload, with its retries. Raises Stop when it cannot be proved."""
        if (there := await self._is_there(payload)) is not None:
            self.deliveries.append(there)
            return
        await self._check_mac()
        tries, begun = 0, time.monotonic()
        while True:
            tries += 1
            standing, trouble, curable = await self._try(payload)
            seconds = time.monotonic() - begun
            curable = curable and tries <= self.target.retries
            if trouble is None or not curable:
                self._note(payload, trouble, standing, tries=tries, seconds=seconds)
            if trouble is None:
                if self.target.anyone and standing is not None:  # the rest is for the same PC
                    self.target = replace(self.target, address=standing.stands.target)
                return
            if not curable:
                raise Stop(trouble.reason, trouble.code)
            wait = min(self.target.backoff * 2 ** (tries - 1), _LONGEST_BACKOFF)
            self.run.watchers.tell(self.target.name, f"{trouble.reason}; again in {wait:g} s")
            await asyncio.sleep(wait)
            await self._switch("cycle")

    def _note(
        self,
        payload: BenchStep,
        trouble: _Trouble | None,
        standing: Followed | None,
        *,
        tries: int = 0,
        seconds: float = 0.0,
    ) -> None:
        self.deliveries.append(
            Delivery(
                payload.name,
                Outcome.FAILED if trouble else Outcome.PROVED,
                trouble.reason if trouble else "",
                trouble.code if trouble else EXIT_PROVED,
                standing.staged.deployment if standing else "",
                tries,
                standing.staged.total if standing else 0,
                standing.sent if standing else 0,
                standing.moving if standing else 0.0,
                seconds or time.monotonic() - self._begun,
                standing.stands.output_path if standing else "",
                standing.stands.proof if standing else None,
                folder=standing.folder if standing else "",
            )
        )

    async def _try(self, payload: BenchPayload) -> tuple[Followed | None, _Trouble | None, bool]:
        """Offer once and wait for the end: how it stands, the trouble, and if a try may cure it."""
        try:
            standing = await self._offer(payload)
        except TargetBusy as error:
            return None, _Trouble(error.what, error.exit_code), True
        except DeployerError as error:
            if error.exit_code == EXIT_HOST:
                raise
            return None, _Trouble(error.what, error.exit_code), False
        silent = await self._until_ended(standing)
        self.offered = ""
        self.run.slots.free(standing.staged.deployment)
        if silent:
            return standing, _Trouble(silent, EXIT_UNREACHABLE), True
        trouble, curable = _judge(standing.stands)
        if trouble is None and payload.wanted is not None:
            trouble = await asyncio.to_thread(_compare, standing.folder, payload.wanted)
        return standing, trouble, curable

    async def _offer(self, payload: BenchPayload) -> Followed:
        """Push; what an interrupted run left open of the very payload is taken up by the host."""
        order = Order(
            payload.request, self.target.address, self.target.directory, self._host(),
            line=self.target.line, stay=self.target.stay and payload.request.gather is None,
        )  # fmt: skip
        await self._push(order)
        begun = await self.run.host.begun(self.offered)
        return await self.run.follower.standing(self.offered, begun)

    async def _push(self, order: Order) -> None:
        """Ask for it. When the deadline passes meanwhile, what comes of it is still waited for.

        The host goes on with what it was asked for, and it has to be withdrawn by its name.
        """
        pushing = asyncio.ensure_future(self.run.host.push(order))
        try:
            self.offered = await asyncio.shield(pushing)
        except asyncio.CancelledError:
            if self._limit.expired():
                with contextlib.suppress(DeployerError):
                    self.offered = await pushing
            pushing.cancel()
            raise

    async def _until_ended(self, standing: Followed) -> str:
        """Wait for the end; when the target falls silent, cancel, and say how."""
        while not standing.stands.state.final:
            self.run.follower.raise_broken()
            left = None
            deployment = standing.staged.deployment
            quiet = standing.called and standing.stands.state != State.RUNNING
            if quiet and deployment not in self.run.slots.held:
                left = standing.heard_at + self.target.silence - time.monotonic()
            standing.changed.clear()
            try:
                async with asyncio.timeout(left):
                    await standing.changed.wait()
            except TimeoutError:
                await self.run.host.cancel(deployment)
                return (
                    f"no sign of life for {self.target.silence:g} s; "
                    f"the last thing it did: {standing.stands.last}"
                )
        return ""

    def _host(self) -> str:
        alone = self.target.simulated or self.target.on_line
        return DEFAULT_HOST_ADDRESS if alone else self.run.bench.wire.host

    async def _check_mac(self) -> None:
        """Wait until the target is there and has the right MAC. Raises Stop for another one."""
        if not self.target.mac or self.target.simulated:
            return
        unseen = 0
        while True:
            verdict = await asyncio.to_thread(lambda: next(wire.ask(self.target.address)))
            if presence.there(verdict):
                self.mac = getattr(verdict, "mac", "").lower()
                unseen += not self.mac
            if self.mac == self.target.mac:
                return
            if self.mac:
                raise Stop(
                    f"another machine: {self.target.address} has the MAC {self.mac}, the bench "
                    f"says {self.target.mac}; nothing was sent",
                    EXIT_VERIFY,
                )
            if unseen > 3:
                raise Stop(
                    "its MAC cannot be seen from this computer; leave mac out to send without "
                    "this check",
                    EXIT_VERIFY,
                )
            await asyncio.sleep(_LOOK_EVERY)

    async def _switch(self, what: Literal["on", "off", "cycle"]) -> None:
        """Run a power command, if there is one. Raises Stop when it fails."""
        words = getattr(self.target.power, what)
        if not words or (
            what == "off" and all(d.outcome == Outcome.THERE for d in self.deliveries)
        ):
            return
        self.run.watchers.tell(self.target.name, f"power {what}")
        if why := await power.run(words, self.target.power.timeout):
            raise Stop(f"power {what} failed ({words[0]}: {why})", EXIT_HOST)


def _mark(step: BenchStep) -> str:
    """What a step is known by in the journal."""
    return " ".join(step.words) if isinstance(step, AgentStep) else step.name


def _judge(ended: Deployment) -> tuple[_Trouble | None, bool]:
    """What an end means, and whether another try may cure it."""
    try:
        raise_for(ended)
    except DeployerError as error:
        reason = ended.reason or error.what
        if ended.cause == Cause.USER:
            reason = f"cancelled {ended.reason}".strip()
        return _Trouble(reason, error.exit_code), _curable(ended)
    return None, False


def _compare(folder: str, wanted: compare.Comparison) -> _Trouble | None:
    """What in a pulled folder is not as it has to be; no other try would change that."""
    try:
        why = compare.differences(Path(folder), wanted)
    except OSError as error:
        return _Trouble(f"{error.filename} cannot be read ({error.strerror})", EXIT_HOST)
    return _Trouble(why, EXIT_VERIFY) if why else None


def _curable(ended: Deployment) -> bool:
    match ended.cause:
        case Cause.USER:
            return False
        case Cause.SILENCE | Cause.NEVER_CALLED | Cause.SOURCE | Cause.ERROR:
            return True
        case Cause.PROOF | Cause.NONE:
            return ended.proof is None or failure(ended.proof) == Failure.NOT_VERIFIED
        case _:
            assert_never(ended.cause)

"""Provisioning: every target of a bench gets its payloads, each for itself, until all are proved.

All targets are offered at once, since nobody knows which is switched on first; `jobs` limits how
many fetch at a time, and the others' next part is held back. What a target's last proof says is
there is not sent again. A failure of one target never stops another; what stops all is what the
host itself cannot do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployer import settings
from deployer.bench import journal as journals
from deployer.bench.follow import Follower
from deployer.bench.inventory import Bench, BenchTarget
from deployer.bench.journal import Journal, Keeper
from deployer.bench.results import Results, TargetResult, UnknownCaller
from deployer.bench.slots import Slots
from deployer.bench.worker import Options, RunContext, Watchers, Worker
from deployer.core.wire.simulated import loopback
from deployer.host import connect, wire
from deployer.host.connect import Here
from deployer.host.devices import names
from deployer.host.requests import Host, Patience, Say, TypedLines, Words, nothing_typed

_THREADS = 64
"""Targets that do not answer are asked in threads, a second each, and hold up no others."""


def provision(
    bench: Bench,
    *,
    only: Sequence[str] = (),
    groups: Sequence[str] = (),
    force: bool = False,
    resume: bool = False,
    jobs: int | None = None,
    state_dir: str | Path | None = None,
    watchers: Watchers | None = None,
    typed_lines: TypedLines = nothing_typed,
    use_daemon: bool = True,
) -> Results:
    """Provision a bench, with the daemon where one runs; returns when every target has ended.

    Raises what the host cannot do (ports, wire) and WrongUse for unknown names; what goes wrong
    with a target is in the results.
    """
    folder = settings.expanded(state_dir or settings.load().state_dir)
    options = Options(force, resume, tuple(only), tuple(groups), jobs)
    served = bench if resume else bench.select(options.only, options.groups)

    told = watchers or Watchers()

    async def work(undo: connect.Undo) -> Results:
        async with open_host(
            served,
            folder,
            undo,
            typed_lines=typed_lines,
            use_daemon=use_daemon,
            system=state_dir is None,
            say=lambda line: told.tell("this computer", line),
        ) as host:
            return await run(host, bench, folder, options, told)

    return connect.run(work)


@contextlib.asynccontextmanager
async def open_host(
    bench: Bench,
    state_dir: Path,
    undo: connect.Undo,
    *,
    typed_lines: TypedLines = nothing_typed,
    use_daemon: bool = True,
    system: bool = True,
    say: Say = lambda _line: None,
) -> AsyncIterator[Host]:
    """The host of a bench: the daemon when one runs; else one here, which ends with this context.

    Raises the errors of the wire; those of the ports come with the first push.
    """
    alone = all(target.simulated or target.on_line for target in bench.targets)
    own = bench.wire
    wanted = wire.Wanted(
        address=own.address, state_dir=state_dir, interface=own.interface, link_local=True,
        dhcp=own.dhcp,
        fixed=tuple((target.mac, target.address) for target in bench.targets
                    if target.mac and not target.named),
    )  # fmt: skip
    here = Here(
        address="127.0.0.1" if alone else own.host,
        ftp_port=own.ftp_port,
        http_port=None if alone else connect.page_port(own.ftp_port),
        wanted=wanted if own.link else None,
        patience=Patience(None),
        at_once=not alone,
    )
    words = Words(typed_lines, nothing_typed, say)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    async with connect.open_host(
        state_dir, here, words, undo, system=system, daemon=use_daemon
    ) as host:
        yield host


async def run(
    host: Host,
    bench: Bench,
    state_dir: Path,
    options: Options | None = None,
    watchers: Watchers | None = None,
) -> Results:
    """Provision over a host that is there."""
    options, watchers = options or Options(), watchers or Watchers()
    path = journals.place(state_dir, bench)
    before = journals.read(path) if options.resume else None
    if before is not None and not before.ended:
        options = replace(options, only=before.only, groups=before.groups, force=before.force)
        record = before
    else:
        record = Journal(options.only, options.groups, options.force)
    chosen = await _located(host, bench.select(options.only, options.groups), state_dir)
    return await _Run(host, chosen, options, watchers, Keeper(path, record), state_dir).all()


async def _located(host: Host, bench: Bench, state_dir: Path) -> Bench:
    """With the addresses that PCs with names have now. Raises as `Bench.located`."""
    if not any(target.named for target in bench.targets):
        return bench
    given = await asyncio.to_thread(names.added, settings.load(), state_dir, now=True)
    return bench.located(given.targets, await host.agents())


@dataclass
class _Run:
    host: Host
    bench: Bench
    options: Options
    watchers: Watchers
    keeper: Keeper
    state_dir: Path
    begun: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        callers = (
            loopback(target.address) if target.simulated else target.address
            for target in self.bench.targets
        )
        addresses = frozenset(callers) | {"127.0.0.1"}
        self.follower = Follower(self.host, addresses, self.watchers.on_event)
        self.slots = Slots(self.host, self.options.jobs or self.bench.jobs)
        self.context = RunContext(
            self.host, self.bench, self.options, self.watchers, self.follower, self.slots,
            self.keeper, self.state_dir,
        )  # fmt: skip

    async def all(self) -> Results:
        """Every target at the same time, until each has ended."""
        await self.keeper.keep()
        async with self.follower.following():
            slots = asyncio.create_task(self.slots.serve(self.follower))
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._target(t)) for t in self.bench.targets]
            except ExceptionGroup as found:
                raise found.exceptions[0] from None
            finally:
                slots.cancel()
                await asyncio.gather(slots, return_exceptions=True)
        await self.keeper.keep(lambda journal: replace(journal, ended=True))
        return Results(
            self.bench.source or "bench",
            self.begun,
            time.time() - self.begun,
            tuple(task.result() for task in tasks),
            await self._unknown_callers(),
        )

    async def _target(self, target: BenchTarget) -> TargetResult:
        """One target from switching it on to its last payload."""
        worker = Worker(self.context, target)
        worker.done_before = self.options.resume and target.name in self.keeper.journal.proved
        result = await worker.work()
        await self.keeper.keep(lambda journal: journal.with_target(target.name, result.outcome))
        line = f"{result.outcome}{f': {result.reason}' if result.reason else ''}"
        self.watchers.tell(target.name, line)
        self.watchers.ended(result)
        return result

    async def _unknown_callers(self) -> tuple[UnknownCaller, ...]:
        """Machines on the wire that the bench does not know."""
        found = dict(self.follower.unknown_callers)
        own = self.bench.wire.host
        if any(not target.simulated for target in self.bench.targets) and own[:4] != "127.":
            known = self.follower.addresses | {own}
            for standing in await asyncio.to_thread(wire.standings, self.state_dir):
                if any(address.ip == own for address in standing.interface.addresses):
                    for ip, mac in standing.neighbours:
                        if ip not in known:
                            said = found.get(ip, UnknownCaller(ip))
                            found[ip] = replace(said, mac=mac)
        return tuple(found[ip] for ip in sorted(found))

"""A host that cannot write down what happens refuses, says why, and goes on by itself."""

from __future__ import annotations

import asyncio
import contextlib
import ftplib
import random
import sqlite3
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deployer.edge.ports import listen_unix
from deployer.edge.store import Store
from deployer.errors import StoreBusy, StoreDamaged, StoreFull
from deployer.events import (
    DeploymentStaged,
    HostTroubled,
    LoginRefused,
    ServerListening,
    StateChanged,
)
from deployer.face.card import typed_lines
from deployer.face.tui.watched import Watched
from deployer.host import daemon, sockets, staging
from deployer.host.local import InProcess
from deployer.host.offers.offer import Offer
from deployer.host.requests import Order, Request
from deployer.host.service import Service
from deployer.model import State
from tests.bench.scripted import ScriptedPC

PEER = "127.0.0.1"


@dataclass
class World:
    service: Service
    host: InProcess
    folder: Path

    def order(self) -> Order:
        path = self.folder / "payload.bin"
        if not path.exists():
            path.write_bytes(bytes(range(256)) * 400)
        return Order(Request((path,), no_run=True), PEER, host=PEER)

    async def until_trouble(self, *, there: bool) -> None:
        async with asyncio.timeout(30):
            while (self.service.trouble is not None) != there:
                await asyncio.sleep(0.01)

    def pc(self) -> ScriptedPC:
        return ScriptedPC(PEER, PEER, lambda: self.service.ftp_port)

    async def status(self) -> tuple[str, str] | None:
        return await asyncio.to_thread(sockets.trouble, self.folder, system=False)


@pytest.fixture(autouse=True)
def no_other_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOYER_SOCKET", raising=False)


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[World]:
    door = listen_unix(folder / "control.sock")
    async with (
        Service(folder / "state", clock=time.time, address=PEER, ftp_port=0) as service,
        InProcess(service, typed_lines, lasting=True) as host,
    ):
        told = asyncio.Event()
        servers = [daemon._api(host, {"address": PEER, "pid": 1}, door, None)]
        running = asyncio.create_task(daemon._until(told, servers))
        try:
            yield World(service, host, folder)
        finally:
            told.set()
            await asyncio.wait_for(running, 30)


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    """Another process keeps the database locked."""
    with contextlib.closing(sqlite3.connect(state / "deployer.sqlite3")) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextlib.contextmanager
def full(_state: Path) -> Iterator[None]:
    """The disk has no room for another page."""
    append = Store.append

    def refused(store: Store, event: object) -> int:
        if isinstance(event, HostTroubled):
            return append(store, event)
        raise StoreFull(path=store.directory, why="database or disk is full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "append", refused)
        yield


@contextlib.contextmanager
def damaged(state: Path) -> Iterator[None]:
    """Its bytes are others now; in the end the user does as is said."""
    store = state / "deployer.sqlite3"
    for path in (store, state / "deployer.sqlite3-wal"):
        with path.open("r+b") as file:
            file.truncate(4096)
            file.write(random.Random(98).randbytes(4096))
    yield
    store.rename(state / "away.sqlite3")


@pytest.mark.parametrize(
    ("way", "error"), [(locked, StoreBusy), (full, StoreFull), (damaged, StoreDamaged)]
)
def test_it_refuses_says_why_and_goes_on(tmp_path: Path, way, error: type[Exception]) -> None:
    """The old PC asks in the middle of it, is told to wait, and comes again."""

    async def scenario() -> None:
        async with serving(tmp_path) as world:
            world.service._store.wait_for_lock(0.1)
            deployment = await world.host.push(world.order())
            stream = world.service.subscribe(0)
            with way(tmp_path / "state"):
                world.service._store._db.run("PRAGMA shrink_memory")  # it looks into the file again
                with contextlib.suppress(ftplib.error_temp):  # that it comes cannot be written down
                    await asyncio.to_thread(world.pc().session, "anonymous", "pc@")
                await world.until_trouble(there=True)
                with pytest.raises(ftplib.error_temp, match="421 The host cannot write"):
                    await asyncio.to_thread(world.pc().visit)
                assert isinstance(world.service.trouble, error)
                assert await world.status() == (
                    world.service.trouble.what, world.service.trouble.remedy
                )  # fmt: skip
                with pytest.raises(error):
                    await world.host.push(replace(world.order(), target="127.0.0.2"))
            await world.until_trouble(there=False)
            assert await world.status() is None
            await asyncio.to_thread(world.pc().visit)
            ended = await asyncio.wait_for(world.service.finished(deployment, silence=30), 40)
            assert ended.state == State.PROVED
            seen = []
            async for _seq, event in stream:
                seen.append(event)
                if isinstance(event, StateChanged) and event.state.final:
                    break
            refusals = [e for e in seen if isinstance(e, LoginRefused) and e.cause == "not-now"]
            assert len(refusals) <= 1, "what strangers do meanwhile fills nothing"
            kept = [e for _seq, e in world.service._store.replay(0, deployment)]
            mine = [e for e in seen if e.deployment == deployment]
            if way is damaged:  # of what was before, that it was staged, and where it was
                assert [type(event) for event in kept[:2]] == [DeploymentStaged, ServerListening]
                again = max(n for n, e in enumerate(mine) if isinstance(e, DeploymentStaged))
                mine = mine[again:]
            assert mine == kept[: len(mine)], "nothing is missing"

    asyncio.run(scenario())


def test_a_window_shows_the_trouble_until_it_is_over() -> None:
    watched = Watched()
    watched.happened(HostTroubled(1.0, "", "The disk is full.", "Make room."))
    assert watched.trouble == "The disk is full."
    assert any("Make room." in line for line in watched.unsaid())
    watched.happened(HostTroubled(2.0, "", "", ""))
    assert watched.trouble == ""


def test_what_ended_is_let_go_from_memory(tmp_path: Path) -> None:
    """500 pushes cost a daemon no more than a few: what is remembered of the last ones."""
    path = tmp_path / "payload.bin"
    path.write_bytes(bytes(1000))
    manifest = staging.stage(Request((path,), no_run=True))

    async def pushes(service: Service, count: int) -> None:
        for number in range(count):
            each = staging.stage(Request((path,), no_run=True))
            service.write_down(Offer(each, f"127.0.{number >> 8}.{number & 255}", "C:\\DEPLOY"))
            service.cancel(each.deployment)
            service.let_go(each.deployment)
        await asyncio.sleep(0)

    async def scenario() -> None:
        async with Service(
            tmp_path / "state", clock=time.time, address=PEER, ftp_port=0
        ) as service:
            service.write_down(Offer(manifest, PEER, "C:\\DEPLOY"))
            tracemalloc.start()
            await pushes(service, 600)  # the ring of the newest events is full, too
            before, _peak = tracemalloc.get_traced_memory()
            await pushes(service, 500)
            after, _peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert (after - before) / 500 < 300, "bytes for each push"
            assert service.standing(manifest.deployment).state == State.STAGED, "the open one stays"

    asyncio.run(scenario())


def test_a_store_that_is_moved_away_is_begun_anew_and_nothing_that_runs_is_lost(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"

    async def scenario() -> None:
        async with serving(tmp_path) as world:
            deployment = await world.host.push(world.order())
            before = world.service.last_seq()
            stream = world.service.subscribe(before)
            (state / "deployer.sqlite3").rename(state / "away.sqlite3")
            await world.until_trouble(there=True)
            assert isinstance(world.service.trouble, StoreDamaged)
            await world.until_trouble(there=False)
            await asyncio.to_thread(world.pc().visit)
            ended = await asyncio.wait_for(world.service.finished(deployment, silence=30), 40)
            assert ended.state == State.PROVED
            async for seq, event in stream:
                assert not seq or seq > before
                if isinstance(event, StateChanged) and event.state.final:
                    break

    asyncio.run(scenario())
    with contextlib.closing(Store(state)) as store:
        (row,) = store.rows(10)
        assert row.state == State.PROVED
        assert row.proof is not None
        assert store.manifest(row.deployment) is not None

"""A simulated PC is on once: two of them on one disk delete each other's files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from deployer.edge import rehearsal
from deployer.face.card import typed_lines
from deployer.host.local import InProcess
from deployer.host.requests import Order, Request
from deployer.host.service import Service
from deployer.model import State

BOUND = 120.0


@pytest.fixture
def on_at_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The most simulated PCs that were on at once; each is real."""
    on = most = 0
    real = rehearsal.run

    async def counted(arguments: Sequence[str], secret: bytes, *seen: Callable[..., None]) -> int:
        nonlocal on, most
        on += 1
        most = max(most, on)
        try:
            return await real(arguments, secret, *seen)
        finally:
            on -= 1

    monkeypatch.setattr(rehearsal, "run", counted)
    return lambda: most


def test_who_asks_for_the_agent_while_it_comes_gets_the_pc_that_is_on(
    tmp_path: Path, on_at_once: Callable[[], int]
) -> None:
    async def scenario() -> None:
        (tmp_path / "a.txt").write_bytes(b"text")
        order = Order(Request((tmp_path / "a.txt",), no_run=True), "sim", stay=True)
        async with (
            Service(
                tmp_path / "state", clock=time.time, address="127.0.0.1", ftp_port=0
            ) as service,
            InProcess(service, typed_lines) as host,
            asyncio.timeout(BOUND),
        ):
            deployment = await host.push(order)
            row = await host.find_agent("sim")  # it was enrolled, and comes with the files
            ended = await service.finished(deployment, silence=None)
            assert ended.state is State.PROVED
            while not (await host.find_agent("sim")).here:
                await asyncio.sleep(0.02)
            assert row.agent == (await host.find_agent("sim")).agent

    asyncio.run(scenario())
    assert on_at_once() == 1

"""Following a target: nothing that happens to the process ends the watch in silence."""

from __future__ import annotations

import asyncio
import multiprocessing

import pytest

from deployer.core.wire.presence import Answered, PresenceVerdict
from deployer.edge.link import ping


def answered(target: str) -> PresenceVerdict:
    return Answered(0.001)


async def first() -> str:
    async for _, change, _ in ping.watch("192.168.1.2", ask=answered):
        return change
    return ""


def see_it() -> None:
    assert asyncio.run(asyncio.wait_for(first(), 30)) == "appeared"


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork"
)
def test_a_forked_process_watches_with_threads_of_its_own() -> None:
    """A daemon that has asked once and then splits in two must not wait for threads left behind."""
    see_it()
    child = multiprocessing.get_context("fork").Process(target=see_it)
    child.start()
    child.join(60)
    assert child.exitcode == 0


def test_a_probe_that_cannot_be_sent_is_sent_again() -> None:
    failures = iter([OSError("the interface is coming up")])

    def ask(target: str) -> PresenceVerdict:
        for error in failures:
            raise error
        return Answered(0.001)

    async def follow() -> str:
        async for _, change, _ in ping.watch("192.168.1.2", interval=0.0, ask=ask):
            return change
        return ""

    assert asyncio.run(asyncio.wait_for(follow(), 30)) == "appeared"

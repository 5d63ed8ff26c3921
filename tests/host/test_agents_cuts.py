"""Orders of every kind while connections break and the PC is switched off, again and again."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path

import pytest

from deployer.core.agents import verbs
from deployer.core.agents.verbs import Verb
from deployer.core.agents.verbs import words as words_of
from deployer.host.requests import AgentRequest
from deployer.model import Stage
from tests.agentpc import STEPS, AgentPC, Program, bitmap
from tests.host.test_agents import hosting, play
from tests.waiting import PATIENCE

ORDERS = 24
DATA = bytes(range(256)) * 64


def program(running: Program) -> int:
    for at in range(0, len(DATA), 4096):
        running.write(DATA[at : at + 4096])
    running.close()
    return 3


def any_verb(chance: random.Random) -> Verb:
    return chance.choice(
        [
            verbs.Run("C:\\DEPLOY", 0, False, "X.EXE"),
            verbs.Remove(f"C:\\{chance.randrange(100)}", force=True),
            verbs.List("C:\\"),
            verbs.Get("C:\\DATA", 0, len(DATA)),
            verbs.Put("C:\\PUT", len(DATA), hashlib.sha256(DATA).hexdigest()),
            verbs.Screen(),
            verbs.Keys("ENTER"),
            verbs.Time("20010203040506"),
            verbs.Info(),
        ]
    )


async def harm(chance: random.Random, pc: AgentPC, over: asyncio.Event) -> None:
    """Now a connection breaks, now the power goes, at any step."""
    while not over.is_set():
        await asyncio.sleep(chance.uniform(0.02, 0.3))
        match chance.randrange(4):
            case 0:
                pc.cut()
            case 1:
                for running in tuple(pc.running.values()):
                    running.cut()
            case 2:
                pc.stop_at[chance.choice(STEPS)] = ""
            case 3:
                await asyncio.to_thread(pc.switch_off)
        if pc.off.is_set():
            await asyncio.to_thread(pc.switch_on)


@pytest.mark.parametrize("seed", range(4))
def test_no_order_is_done_twice_and_none_is_lost_in_silence(tmp_path: Path, seed: int) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        carried = tmp_path / "put.bin"
        carried.write_bytes(DATA)
        async with hosting(tmp_path / "state") as hosted:
            pc = hosted.pc(play=program, screen=bitmap(), files={"C:\\DATA": DATA, "C:\\1": b""})
            with pc:
                over = asyncio.Event()
                storm = asyncio.ensure_future(harm(chance, pc, over))
                ends = []
                for _number in range(ORDERS):
                    verb = any_verb(chance)
                    with_file = carried if isinstance(verb, verbs.Put) else None
                    request = AgentRequest(hosted.agent, words_of(verb), PATIENCE, with_file)
                    order = await hosted.host.give(request)
                    ends.append((order, verb, *await hosted.end(order)))
                over.set()
                await storm
            times = [order for order, what in pc.done if not what.startswith("--")]
            for order, verb, heard, got in ends:
                assert heard.stage.final
                assert times.count(order) <= 1, (verb, heard)
                if heard.stage == Stage.DONE:
                    assert times.count(order) == 1
                if heard.stage == Stage.EXPIRED:
                    assert times.count(order) == 0
                if isinstance(verb, verbs.Run | verbs.Get) and heard.stage == Stage.DONE:
                    assert got == DATA, "an answer is whole or none"
            assert pc.files.get("C:\\PUT", DATA) == DATA, "no file is half written"
            assert any(heard.stage == Stage.DONE for _order, _verb, heard, _got in ends)

    play(scenario)

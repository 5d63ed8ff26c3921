"""AGENT98.EXE on a simulated PC, and the real host: orders, pushes, and the PC off and on again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deployer.core.agents import overlay
from deployer.core.agents.overlay import Enrolment
from deployer.core.agents.verbs import Forget, List, Screen, Verb
from deployer.events import OrderChanged, StateChanged
from deployer.host.requests import Heard, Order, Request
from deployer.model import Stage, State
from deployer.sim.cable import Cable
from deployer.sim.faults import Fault, FaultyCable, parse
from deployer.sim.win32.desktop import SessionEnd
from tests.host.test_agents import ADDRESS, Hosted, eventually, hosting, play, run, states
from tests.simulatedpc import HOST, SimulatedPc

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / "payloads" / "bin" / "AGENT98.EXE").read_bytes()
FIRST = ROOT / "tests" / "data" / "agents" / "AGENT98-1.0.EXE"
"""The agent as it was when it did all orders itself."""


@contextlib.asynccontextmanager
async def with_pc(
    hosted: Hosted, folder: Path, program: bytes = PROGRAM, cable: Cable | None = None
) -> AsyncIterator[SimulatedPc]:
    """A PC whose user has followed the second link."""
    pc = SimulatedPc(folder, hosted.service.ftp_port)
    enrolled = Enrolment(hosted.agent, hosted.token, HOST)
    pc.download(overlay.program(program, enrolled))
    pc.machine.link.cable = cable or pc.machine.link.cable
    pc.let_live()
    try:
        await hosted.here()
        yield pc
    finally:
        await asyncio.to_thread(pc.off)


async def push(hosted: Hosted, folder: Path) -> str:
    path = folder / "T.BAT"
    path.write_bytes(b"@ECHO it runs\r\n" + b"@REM padding of the program\r\n" * 5000)
    request = Request((path,), run="T.BAT", part_size=64 << 10)
    return await hosted.host.push(Order(request, ADDRESS, host=HOST))


async def delivered(hosted: Hosted, deployment: str, times: int) -> None:
    """Wait until a push is proved, and its order answered."""
    await eventually(lambda: State.PROVED in states(hosted.told(StateChanged), deployment))
    await eventually(
        lambda: [e.stage for e in hosted.told(OrderChanged)].count(Stage.DONE) == times
    )


async def outcome(hosted: Hosted, verb: Verb) -> tuple[Heard, bytes]:
    return await hosted.end(await hosted.ask(verb))


def test_a_program_runs_there_and_is_heard_here(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            hosting(tmp_path / "state") as hosted,
            with_pc(hosted, tmp_path / "c") as pc,
        ):
            row = await hosted.here()
            assert (row.name, row.system, row.memory) == ("OLD-PC", "4.10.1998", 131072)
            pc.machine.disk.write_bytes("C:\\DEPLOY\\T.BAT", b"@ECHO hello %1\r\n")
            heard, said = await outcome(hosted, run("T.BAT there"))
            assert said.startswith(b"hello there\r\n")
            assert heard.stage is Stage.DONE

    play(scenario)


@pytest.mark.parametrize("byte", [330, 3000], ids=["what it is told of its worker", "the worker"])
def test_a_wrong_bit_in_what_an_agent_needs_for_an_order_costs_a_second_try(
    tmp_path: Path, byte: int
) -> None:
    async def scenario() -> None:
        async with hosting(tmp_path / "state") as hosted:
            faults = list[Fault]()
            cable = FaultyCable(parse(f"flip@{byte}"), faults.append)
            async with with_pc(hosted, tmp_path / "c", cable=cable):
                heard, said = await outcome(hosted, List("C:\\DEPLOY"))
            assert faults
            assert (heard.stage, b"AGENT98.EXE" in said) == (Stage.DONE, True)
            stages = [e.stage for e in hosted.told(OrderChanged)]
            assert stages.count(Stage.REFUSED) == 1, "one try was in vain"

    play(scenario)


def test_a_push_needs_nobody_there_also_after_the_pc_was_off(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            hosting(tmp_path / "state") as hosted,
            with_pc(hosted, tmp_path / "c") as pc,
        ):
            await delivered(hosted, await push(hosted, tmp_path), times=1)
            pc.machine.session.desktop.end_session(SessionEnd.REBOOT)
            await eventually(lambda: pc.ends)
            await hosted.here()
            (tmp_path / "again").mkdir()
            await delivered(hosted, await push(hosted, tmp_path / "again"), times=2)
            assert Stage.LOST not in [event.stage for event in hosted.told(OrderChanged)]

    play(scenario)


def test_an_agent_of_the_first_version_is_served_and_becomes_the_newest(tmp_path: Path) -> None:
    """It does all orders itself; the new one fetches its worker, and both go without a trace."""

    async def scenario() -> None:
        async with (
            hosting(tmp_path / "state") as hosted,
            with_pc(hosted, tmp_path / "c", FIRST.read_bytes()) as pc,
        ):
            _, said = await outcome(hosted, Screen())
            assert said[:2] == b"BM"
            heard, _ = await hosted.end(await hosted.host.upgrade(hosted.agent, 60.0))
            assert heard.stage is Stage.DONE
            await eventually(lambda: "AGENT98N.EXE" not in pc.names)
            assert "AGENT98W.EXE" not in pc.names
            assert (await hosted.here()).version == "1.1"
            for verb in (List("C:\\DEPLOY"), Screen()):
                heard, said = await outcome(hosted, verb)
                assert (heard.stage, bool(said)) == (Stage.DONE, True)
            assert "AGENT98W.EXE" in pc.names
            await outcome(hosted, Forget())
            await eventually(lambda: not pc.names)

    play(scenario)

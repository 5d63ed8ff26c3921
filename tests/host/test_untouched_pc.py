"""A PC that nobody has touched: an address typed into its browser once, and nothing ever after."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from deployer.core.agents.verbs import Forget, Power, Screen, Time, Verb
from deployer.core.agents.verbs import List as ListVerb
from deployer.events import AgentHello, OrderChanged, ServerListening, StateChanged
from deployer.host.agents import untouched
from deployer.host.local import InProcess
from deployer.host.requests import nothing_typed
from deployer.host.service import Service
from deployer.model import Stage, State
from deployer.sim.browser import Browser
from deployer.sim.win32.desktop import SessionEnd
from tests.host.test_agent98_pc import push
from tests.host.test_agents import ADDRESS, Hosted, eventually, play, run, states
from tests.simulatedpc import SimulatedPc

FIRST = "169.254.1.1"
KEYS_ONCE, KEYS_LATER = 25, 0


async def done(hosted: Hosted, verb: Verb) -> bytes:
    """Carry out an order; what it sent."""
    heard, sent = await hosted.end(await hosted.ask(verb))
    assert heard.stage is Stage.DONE, heard
    return sent


def test_an_untouched_pc_is_pushed_to_by_one_typed_address_and_then_by_nothing(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with (
            Service(
                tmp_path / "state", clock=time.time, address=ADDRESS, ftp_port=0, http_port=0
            ) as service,
            InProcess(service, nothing_typed) as host,
        ):
            await service.open_for_agents(simulated=False)
            hosted = Hosted(host, service, tmp_path / "state", "", "")
            first = await push(hosted, tmp_path)
            pc = SimulatedPc(tmp_path / "c", service.ftp_port)
            (page,) = [e.port for e in hosted.told(ServerListening) if e.protocol == "http"]
            pc.machine.link.routes = {f"{FIRST}:80": (ADDRESS, page)}
            browser = Browser(pc.machine)
            await asyncio.to_thread(browser.open, f"http://{FIRST}/")
            assert browser.keys <= KEYS_ONCE
            await asyncio.to_thread(browser.follow, "start, and stay ready")
            assert "stays on this computer" in browser.text
            assert not pc.at_start
            await asyncio.to_thread(browser.follow, "Yes: start AGENT98.EXE")
            pc.let_live()
            try:
                await proved(hosted, first)
                hosted.agent = hosted.told(AgentHello)[0].agent
                await later(hosted, pc, tmp_path)
                assert browser.keys <= KEYS_ONCE + KEYS_LATER
            finally:
                await asyncio.to_thread(pc.off)

    play(scenario)


async def proved(hosted: Hosted, deployment: str) -> None:
    await eventually(lambda: State.PROVED in states(hosted.told(StateChanged), deployment))


async def later(hosted: Hosted, pc: SimulatedPc, folder: Path) -> None:
    """The PC is switched off and on; everything else needs nobody there."""
    await eventually(lambda: any(e.stage is Stage.DONE for e in hosted.told(OrderChanged)))
    starts = len(hosted.told(AgentHello))
    pc.machine.session.desktop.end_session(SessionEnd.OFF)
    await eventually(lambda: len(hosted.told(AgentHello)) > starts)
    (folder / "second").mkdir()
    await proved(hosted, await push(hosted, folder / "second"))
    assert (await done(hosted, run("T.BAT"))).startswith(b"it runs\r\n")
    assert b"AGENT98.EXE" in await done(hosted, ListVerb("C:\\DEPLOY"))
    assert (await done(hosted, Screen()))[:2] == b"BM"
    await done(hosted, Time("19990102030405"))
    assert 0 <= pc.machine.clock.now() - time.mktime((1999, 1, 2, 3, 4, 5, 0, 0, -1)) < 300
    boots = [e.boot for e in hosted.told(AgentHello)]
    await done(hosted, Power(off=False))
    await eventually(lambda: hosted.told(AgentHello)[-1].boot not in boots)
    await hosted.here()
    order = await hosted.host.upgrade(hosted.agent, 60.0)
    heard, _ = await hosted.end(order)
    assert heard.stage is Stage.DONE
    await hosted.here()
    await eventually(lambda: pc.names and "AGENT98N.EXE" not in pc.names)
    await done(hosted, Forget())
    await eventually(lambda: not [name for name in pc.names if name.startswith("AGENT98")])
    assert pc.at_start == {}


def test_the_demonstration_shows_every_step() -> None:
    lines: list[str] = []
    asyncio.run(untouched.show(lines.append))
    assert [line.split()[0].rstrip(":") for line in lines] == [
        "pushed", "switched", "pushed", "run", "ls", "screen", "settime", "reboot", "upgrade",
        "forget",
    ]  # fmt: skip
    assert lines[0].startswith("pushed and proved: 20 keys")

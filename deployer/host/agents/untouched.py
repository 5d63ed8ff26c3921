"""A PC that nobody has touched, from the address typed into its browser to the agent's end: shown.

The host is one of its own on loopback ports of this computer, the PC a process of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from deployer.core.agents import verbs
from deployer.core.agents.verbs import Forget, List, Power, Run, Screen, Time, Verb
from deployer.errors import StepFailed
from deployer.events import AgentGone, AgentHello, StateChanged
from deployer.host.agents.simulated import ITS_HOST, LOOPBACK, URL, SimulatedPc, simulated_pc
from deployer.host.past import recorded
from deployer.host.requests import AgentRequest, Order, Request, Say
from deployer.model import Stage, State

_WITHIN = 120.0
_LOOK = 0.05


@dataclass(slots=True)
class Showing:
    """The host, and what it was told so far."""

    pc: SimulatedPc
    say: Say
    agent: str = ""
    pushed: int = 0

    def told(self, kind: type) -> list[object]:
        """The stored events of a kind."""
        return [event for _seq, event in recorded(self.pc.state) if isinstance(event, kind)]

    async def until(self, what: Callable[[], bool], step: str) -> None:
        """Wait for it. Raises StepFailed."""
        end = time.monotonic() + _WITHIN
        while not what():
            if time.monotonic() > end:
                raise StepFailed(step=step, why=f"it did not happen within {_WITHIN:g} s")
            await asyncio.sleep(_LOOK)

    async def do(self, verb: Verb, step: str) -> bytes:
        """Have an order carried out; what it sent. Raises StepFailed."""
        order = await self.pc.host.give(AgentRequest(self.agent, verbs.words(verb), _WITHIN))
        got, mark = b"", ""
        while True:
            heard = await self.pc.host.heard(order, len(got), mark)
            got, mark = got + heard.data, heard.mark
            if heard.over:
                if heard.stage is not Stage.DONE:
                    raise StepFailed(step=step, why=heard.text or heard.stage.value)
                return got

    async def push(self) -> str:
        """Stage a batch file for whoever is there; the deployment."""
        self.pushed += 1
        path = self.pc.folder / "HELLO.BAT"
        path.write_bytes(b"@ECHO Hello from push %d\r\n" % self.pushed)
        request = Request((path,), run="HELLO.BAT")
        return await self.pc.host.push(Order(request, LOOPBACK, host=ITS_HOST))

    async def proved(self, deployment: str, step: str) -> None:
        """Wait until the old PC has proved it."""

        def is_proved() -> bool:
            return any(
                isinstance(e, StateChanged)
                and e.deployment == deployment
                and e.state is State.PROVED
                for e in self.told(StateChanged)
            )

        await self.until(is_proved, step)

    async def again(self, before: int, step: str) -> None:
        """Wait until the agent has called once more."""
        await self.until(lambda: len(self.told(AgentHello)) > before, step)


async def show(say: Say) -> None:
    """Show all of it, a line for each step. Raises StepFailed, SimulatorMissing."""
    async with simulated_pc() as pc:
        await _steps(Showing(pc, say))


async def _steps(showing: Showing) -> None:
    say = showing.say
    first = await showing.push()
    await showing.proved(first, "the first push")
    showing.agent = next(e.agent for e in showing.told(AgentHello) if isinstance(e, AgentHello))
    say(f"pushed and proved: {len(URL) + 1} keys were pressed there, two links clicked")
    starts = len(showing.told(AgentHello))
    await showing.do(Power(off=True), "poweroff")
    await showing.again(starts, "the PC is off and on again")
    say("switched off and on: its agent has called again, nothing was pressed there")
    await showing.proved(await showing.push(), "the second push")
    say("pushed again and proved: no key was pressed there")
    await _orders(showing)


async def _orders(showing: Showing) -> None:
    say = showing.say
    run = Run("C:\\DEPLOY", 60, False, "HELLO.BAT")
    text = (await showing.do(run, "run")).decode("cp437", "replace")
    say(f"run HELLO.BAT: {text.splitlines()[0]}")
    rows = (await showing.do(List("C:\\DEPLOY"), "ls")).decode("cp1252", "replace").splitlines()
    say(f"ls C:\\DEPLOY: {len(rows)} names")
    picture = await showing.do(Screen(), "screen")
    if picture[:2] != b"BM":
        raise StepFailed(step="screen", why="it is no picture")
    say(f"screen: a picture of {len(picture):,} bytes")
    stamp = time.strftime("%Y%m%d%H%M%S", time.localtime())
    await showing.do(Time(stamp), "settime")
    say(f"settime: {stamp}")
    boots = {e.boot for e in showing.told(AgentHello) if isinstance(e, AgentHello)}
    await showing.do(Power(off=False), "reboot")
    await showing.until(
        lambda: any(
            e.boot not in boots for e in showing.told(AgentHello) if isinstance(e, AgentHello)
        ),
        "reboot",
    )
    say("reboot: it is back, with another start of Windows")
    starts = len(showing.told(AgentHello))
    order = await showing.pc.host.upgrade(showing.agent, _WITHIN)
    await showing.until(lambda: len(showing.told(AgentHello)) > starts + 1, "upgrade")
    heard = await showing.pc.host.heard(order, 0, "")
    if heard.stage is not Stage.DONE:
        raise StepFailed(step="upgrade", why=heard.text or heard.stage.value)
    say("upgrade: a new agent has taken the old one's place")
    await showing.do(Forget(), "forget")
    await showing.until(
        lambda: any(isinstance(e, AgentGone) and e.why == "remove" for e in
                    showing.told(AgentGone)),
        "forget",
    )  # fmt: skip
    say("forget: the agent has removed itself")

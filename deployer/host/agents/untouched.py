"""A PC that nobody has touched, from the address typed into its browser to the agent's end: shown.

The host is one of its own on loopback ports of this computer, the PC a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from deployer.core.agents import verbs
from deployer.core.agents.verbs import Forget, List, Power, Run, Screen, Time, Verb
from deployer.edge import rehearsal
from deployer.errors import StepFailed
from deployer.events import AgentGone, AgentHello, ServerListening, StateChanged
from deployer.host.local import InProcess
from deployer.host.past import recorded
from deployer.host.requests import AgentRequest, Order, Request, Say, nothing_typed
from deployer.host.service import Service
from deployer.model import Stage, State

URL = "http://169.254.1.1/"
LINKS = ("start, and stay ready", "Yes: start AGENT98.EXE")
_LOOPBACK = "127.0.0.1"
_WITHIN = 120.0
_LOOK = 0.05


@dataclass(slots=True)
class Showing:
    """The host, and what it was told so far."""

    service: Service
    host: InProcess
    state: Path
    say: Say
    folder: Path
    agent: str = ""
    pushed: int = 0
    screen: list[str] = field(default_factory=list)

    def told(self, kind: type) -> list[object]:
        """The stored events of a kind."""
        return [event for _seq, event in recorded(self.state) if isinstance(event, kind)]

    async def until(self, what: Callable[[], bool], step: str) -> None:
        """Wait for it. Raises StepFailed."""
        end = time.monotonic() + _WITHIN
        while not what():
            if time.monotonic() > end:
                raise StepFailed(step=step, why=f"it did not happen within {_WITHIN:g} s")
            await asyncio.sleep(_LOOK)

    async def do(self, verb: Verb, step: str) -> bytes:
        """Have an order carried out; what it sent. Raises StepFailed."""
        order = await self.host.give(AgentRequest(self.agent, verbs.words(verb), _WITHIN))
        got, mark = b"", ""
        while True:
            heard = await self.host.heard(order, len(got), mark)
            got, mark = got + heard.data, heard.mark
            if heard.over:
                if heard.stage is not Stage.DONE:
                    raise StepFailed(step=step, why=heard.text or heard.stage.value)
                return got

    async def push(self) -> str:
        """Stage a batch file for whoever is there; the deployment."""
        self.pushed += 1
        path = self.folder / "HELLO.BAT"
        path.write_bytes(b"@ECHO Hello from push %d\r\n" % self.pushed)
        request = Request((path,), run="HELLO.BAT")
        return await self.host.push(Order(request, _LOOPBACK, host="192.168.1.1"))

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


@contextlib.asynccontextmanager
async def _pc(showing: Showing) -> AsyncIterator[None]:
    """The simulated PC, for as long as it is shown."""
    (page,) = [e.port for e in showing.told(ServerListening)
               if isinstance(e, ServerListening) and e.protocol == "http"]  # fmt: skip
    arguments = rehearsal.command(
        host="192.168.1.1", port=showing.service.ftp_port, disk=showing.folder / "c", lines=(),
        arguments=[
            f"--route=169.254.1.1:80={_LOOPBACK}:{page}", f"--untouched={URL}",
            *(f"--follow={words}" for words in LINKS),
        ],
    )  # fmt: skip
    task = asyncio.create_task(rehearsal.run(arguments, b"", showing.screen.append))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def show(say: Say) -> None:
    """Show all of it, a line for each step. Raises StepFailed, SimulatorMissing."""
    rehearsal.check_installed()
    with tempfile.TemporaryDirectory(prefix="deployer-demo-") as name:
        folder = Path(name)
        async with (
            Service(
                folder / "state", clock=time.time, address=_LOOPBACK, ftp_port=0, http_port=0
            ) as service,
            InProcess(service, nothing_typed) as host,
        ):
            await service.open_for_agents(simulated=False)
            await _steps(Showing(service, host, folder / "state", say, folder))


async def _steps(showing: Showing) -> None:
    say = showing.say
    first = await showing.push()
    async with _pc(showing):
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
    order = await showing.host.upgrade(showing.agent, _WITHIN)
    await showing.until(lambda: len(showing.told(AgentHello)) > starts + 1, "upgrade")
    heard = await showing.host.heard(order, 0, "")
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

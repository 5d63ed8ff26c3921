"""The page of an old PC in the window, over a real service and an agent of the tests."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from textual.widgets import Input

from deployer.core.agents import overlay
from deployer.core.agents.picture import shrunk
from deployer.edge.store import Store
from deployer.edge.store.agents import KnownAgent
from deployer.face.tui.agent import HALF, AgentScreen, half_blocks
from deployer.face.tui.app import DeployerApp
from deployer.host.local import InProcess
from deployer.host.requests import Order, Request, nothing_typed
from deployer.host.service import Service
from deployer.settings import Settings
from tests.agentpc import AgentPC, Program, bitmap
from tests.face.oldpc import screen, until

AGENT, TOKEN = "A-0123ABCD", "00112233445566778899aabbccddeeff"


def test_a_picture_is_two_pixels_a_character_in_proportion() -> None:
    picture = bitmap(64, 48)  # red above, blue below
    rows = shrunk(picture, 16, 24)
    assert (len(rows), len(rows[0])) == (12, 16 * 3)
    assert (rows[0][:3], rows[-1][:3]) == (b"\xff\0\0", b"\0\0\xff") or (
        rows[0][:3], rows[-1][:3]
    ) == (b"\0\0\xff", b"\xff\0\0")  # fmt: skip
    lines = half_blocks(picture, 16, 12).plain.splitlines()
    assert lines == [HALF * 16] * 6
    assert set(half_blocks(picture, 16, 12, colour=False).plain) == {"-", "\n"}
    assert len(shrunk(bitmap(2, 2), 16, 24)) == 2, "nothing is made larger"


def test_screen_command_and_restart_from_the_window(tmp_path: Path) -> None:
    def play(program: Program) -> int:
        program.write(b"hello from " + program.run.command.encode() + b"\r\n")
        program.close()
        return 3

    async def scenario() -> None:
        store = Store(tmp_path / "state")
        store.agents.enrol(KnownAgent(AGENT, "127.0.0.1", "pentium", 1.0),
                           overlay.fingerprint(TOKEN))  # fmt: skip
        store.close()
        (tmp_path / "x.bin").write_bytes(b"x")
        async with (
            Service(
                tmp_path / "state", clock=time.time, address="127.0.0.1", ftp_port=0
            ) as service,
            InProcess(service, nothing_typed) as host,
        ):
            await service.open_for_agents(simulated=False)
            request = Request((tmp_path / "x.bin",), no_run=True)
            await host.push(Order(request, "127.0.0.1", host="127.0.0.1"))
            pc = AgentPC(service.ftp_port, AGENT, TOKEN, play=play, screen=bitmap(64, 48))
            pc.go = lambda _go: None
            app = DeployerApp(host, Settings(), start=tmp_path)
            with pc:
                async with app.run_test(size=(100, 40)) as pilot:
                    await until(pilot, lambda: app.row is not None, "the deployment")
                    await until(
                        pilot, lambda: any(row.here for row in service.agents.rows()), "its call"
                    )
                    await pilot.press("a")
                    await until(pilot, lambda: isinstance(app.screen, AgentScreen), "the page")
                    await until(pilot, lambda: HALF * 20 in screen(app), "the picture")
                    assert "The agent on pentium (127.0.0.1) is there" in screen(app)
                    assert "Windows 4.10.2222" in screen(app)
                    app.screen.query_one(Input).value = "T.EXE /A"
                    await pilot.press("enter")
                    await until(pilot, lambda: "[exit 3]" in screen(app), "its end")
                    assert "hello from T.EXE /A" in screen(app)
                    boot = pc.boot
                    await pilot.press("f8")
                    await until(pilot, lambda: "F8 again" in screen(app), "the question")
                    assert pc.boot == boot
                    await pilot.press("f8")
                    await until(pilot, lambda: pc.boot != boot, "the restart")
                    await until(pilot, lambda: "is there" in screen(app), "it is back")
                    await pilot.press("escape")
                    await until(pilot, lambda: not isinstance(app.screen, AgentScreen), "closed")

    asyncio.run(scenario())

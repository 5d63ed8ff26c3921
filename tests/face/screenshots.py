"""The pictures in docs/: `python -m tests.face.screenshots` draws them from the golden events.

They are the app's own SVG export without its web fonts, so that looking at them fetches nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from deployer.face.tui import looks
from deployer.face.tui.app import DeployerApp
from deployer.host.recognise import recognise
from deployer.host.requests import Recognised, Request
from deployer.settings import Settings
from tests.face.oldpc import Scripted, screen, until
from tests.face.test_tui_screens import EVENTS, NOW

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MODEL = ROOT / "payloads" / "models" / "campfire" / "campfire260K.bin"
SIZE = (100, 30)
PICTURES: dict[str, tuple[str, ...]] = {
    "tui-moving": (),
    "tui-push": ("p",),
    "tui-card": ("down", "down", "k"),
    "tui-proof": ("down", "o"),
}

THEMES = {"tui-light": looks.LIGHT, "tui-98": looks.NINETY_EIGHT}


class Seeing(Scripted):
    """A script that recognises real files."""

    async def recognise(self, request: Request) -> Recognised:
        return recognise(request)


async def picture(name: str, theme: str = looks.DARK) -> str:
    """One page as SVG."""
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        start = Path(place) / "models"
        start.mkdir()
        for one in (MODEL, MODEL.with_name("campfire.tok.bin")):
            shutil.copy(one, start)
        return await _drawn(name, start, theme)


async def page(name: str) -> str:
    """The picture of one file in docs/."""
    if name in THEMES:
        return await picture("tui-moving", THEMES[name])
    return await picture(name)


async def _drawn(name: str, start: Path, theme: str) -> str:
    app = DeployerApp(Seeing(EVENTS, name="daemon"), Settings(), clock=lambda: NOW, start=start)
    app.theme = theme
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.row is not None)
        app._side_box.choose("D7F3A21C")
        await pilot.press(*PICTURES[name])
        if name == "tui-push":
            path = await _still(pilot)
            app.screen.query_one("#target", Input).value = "192.168.1.2"
            path.value = "models/campfire260K.bin"
            await until(pilot, lambda: "on this wire" in screen(app))
            await until(pilot, lambda: screen(app).count("campfire.tok.bin") == 2)  # the tree, too
        for _ in range(5):
            await pilot.pause(0.05)
        return without_fonts(app.export_screenshot(title="deployer tui"))


async def _still(pilot: Pilot[None]) -> Input:
    """The dialogue's first field, with a cursor that is there and does not blink."""
    await until(pilot, lambda: pilot.app.screen.query("#path:focus"))
    path = pilot.app.screen.query_one("#path", Input)
    path.cursor_blink = path.select_on_focus = False
    pilot.app.screen.query_one("#target", Input).focus()
    await until(pilot, lambda: not path.has_focus)
    path.focus()  # shows the cursor
    await until(pilot, lambda: path.has_focus)
    await pilot.pause()
    return path


def without_fonts(svg: str) -> str:
    """The picture with the fonts of whoever looks at it, under names that do not change."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "monospace")


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    for name in (*PICTURES, *THEMES):
        path = DOCS / f"{name}.svg"
        path.write_text(asyncio.run(page(name)), encoding="utf-8")
        print(path, path.stat().st_size)

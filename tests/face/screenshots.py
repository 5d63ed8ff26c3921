"""The pictures in docs/: `python -m tests.face.screenshots` draws them from the golden events.

Besides, it draws the window in every size, theme and state into build/pictures, to be looked at.
They are the app's own SVG export without its web fonts, so that looking at them fetches nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from deployer.events import Event, TargetReported, TransferDone, TransferStarted, TransferTick
from deployer.face.tui import looks
from deployer.face.tui.app import DeployerApp
from deployer.host.recognise import recognise
from deployer.host.requests import Recognised, Request
from deployer.model import Round
from deployer.settings import Settings
from tests.face.oldpc import Scripted, screen, until
from tests.face.test_tui_screens import EVENTS, NOW, PC, info

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MODEL = ROOT / "payloads" / "models" / "campfire" / "campfire260K.bin"
DRAWN = ROOT / "build" / "pictures"
SIZE = (100, 30)
SIZES = ((80, 24), SIZE, (160, 45))
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


def damaged() -> Iterator[Event]:
    """Two parts arrived damaged: one comes again, the other waits for its turn."""
    at, identity = NOW - 20, "D7F3A21C"
    yield TransferDone(at, identity, PC, "STORI15M.002", 4 << 20, 6.0)
    have = (("STORI15M.BIN", "1"), ("LLAMA98.EXE", "1"))
    bad = (("STORI15M.002", 2), ("STORI15M.003", 1))
    report = info(command="CHECK", exit_code=1, have=have, bad=bad, rounds=(Round(2, 2, 2),))
    yield TargetReported(at + 5, identity, replace(report, deployment=identity))
    yield TransferStarted(at + 10, identity, PC, "STORI15M.002", 4 << 20)
    yield TransferTick(at + 18, identity, PC, "STORI15M.002", 2_000_000, 4 << 20)


STATES: dict[str, tuple[str, tuple[Event, ...]]] = {
    "waiting": ("D0000003", ()),
    "moving": ("D7F3A21C", ()),
    "damaged": ("D7F3A21C", tuple(damaged())),
    "proved": ("D0000001", ()),
}
"""What is chosen in the list, and what has happened besides."""


async def state(name: str, theme: str, size: tuple[int, int]) -> str:
    """The window in one state as SVG."""
    chosen, more = STATES[name]
    app = DeployerApp(Scripted([*EVENTS, *more], name="daemon"), Settings(), clock=lambda: NOW)
    app.theme = theme
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.row is not None)
        app._side_box.choose(chosen)
        for _ in range(5):
            await pilot.pause(0.05)
        return without_fonts(app.export_screenshot(title="deployer tui"))


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
    DRAWN.mkdir(parents=True, exist_ok=True)
    for name, (word, theme), size in itertools.product(STATES, looks.THEMES.items(), SIZES):
        path = DRAWN / f"{name}-{word}-{size[0]}x{size[1]}.svg"
        path.write_text(asyncio.run(state(name, theme, size)), encoding="utf-8")
    print(DRAWN, len(list(DRAWN.iterdir())))
